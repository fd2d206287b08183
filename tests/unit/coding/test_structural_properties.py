"""What holds of the structural rules for any claim: lines are a set to them, and more of what is
right never hides what is wrong."""

import re
from collections import Counter
from datetime import date, datetime

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from services.coding.domain.checks import check
from services.coding.domain.rule import Case
from services.coding.domain.verdict import REFERENCE
from shared.contract.claim import (
    Claim,
    LineAdjudication,
    OtherCoverage,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
)
from shared.contract.model import Adjustment
from tests.examples import examples

_INDEX = re.compile(r"service_lines\[(\d+)\]")
_DAYS = st.none() | st.dates(date(2025, 3, 1), date(2025, 3, 20))
_PROVIDERS = st.none() | st.sampled_from(
    [Provider(name="A", npi="1234567893"), Provider(name="B", npi="1234567890"), Provider(name="C")]
)
_ADJUDICATIONS = st.builds(
    LineAdjudication,
    payer_identifier=st.sampled_from(["OTHER", "THIRD"]),
    paid=st.integers(0, 20_000),
    adjustments=st.lists(
        st.builds(
            Adjustment,
            group=st.just("CO"),
            reason=st.just("45"),
            amount=st.integers(-100, 10_000),
        ),
        max_size=2,
    ).map(tuple),
)
_LINES = st.builds(
    ServiceLine,
    number=st.just(1),
    charge=st.integers(-100, 20_000),
    units=st.sampled_from([None, -1, 0, 1, 2]),
    procedure=st.none()
    | st.builds(
        Procedure,
        code=st.sampled_from(["99213", "J1885", "1", "D0120"]),
        modifiers=st.lists(st.sampled_from(["25", "5", "LT"]), max_size=5).map(tuple),
    ),
    revenue_code=st.sampled_from([None, "0450", "450", "0540"]),
    place_of_service=st.sampled_from([None, "11", "1"]),
    diagnosis_pointers=st.lists(st.integers(0, 3), max_size=5).map(tuple),
    service_from=_DAYS,
    service_through=_DAYS,
    rendering_provider=_PROVIDERS,
    referring_providers=st.lists(_PROVIDERS.filter(bool), max_size=1).map(tuple),
    adjudications=st.lists(_ADJUDICATIONS, max_size=2).map(tuple),
)
_KINDS = st.sampled_from(["professional", "institutional", "dental"])
_COVERAGES = st.lists(
    st.builds(
        OtherCoverage,
        sequence=st.just("P"),
        payer=st.just(Payer(identifier="OTHER")),
        paid=st.none() | st.integers(0, 40_000),
    ),
    max_size=1,
).map(tuple)

GOOD_LINE = ServiceLine(
    number=998,
    charge=5_000,
    units=1,
    procedure=Procedure(code="99213"),
    revenue_code="0510",
    diagnosis_pointers=(1,),
    service_from=date(2025, 3, 9),
    adjudications=(LineAdjudication(payer_identifier="OTHER", paid=5_000),),
)


def _numbered(lines: list[ServiceLine]) -> tuple[ServiceLine, ...]:
    return tuple(
        line.model_copy(update={"number": number}) for number, line in enumerate(lines, start=1)
    )


def _findings(claim: Claim, received_at: datetime) -> Counter[tuple[str, str]]:
    """Findings with each line named by its number instead of its place."""
    numbers = [line.number for line in claim.service_lines]
    return Counter(
        (
            finding.code,
            _INDEX.sub(lambda found: f"line {numbers[int(found[1])]}", finding.path or ""),
        )
        for finding in check(Case(claim, received_at.date(), REFERENCE))
    )


_relaxed = examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_relaxed
@given(
    lines=st.lists(_LINES, min_size=1, max_size=6),
    kind=_KINDS,
    coverages=_COVERAGES,
    data=st.data(),
)
def test_the_order_of_lines_changes_nothing(
    *,
    professional: Claim,
    received_at: datetime,
    lines: list[ServiceLine],
    kind: str,
    coverages: tuple[OtherCoverage, ...],
    data: st.DataObject,
) -> None:
    numbered = _numbered(lines)
    claim = professional.model_copy(
        update={"kind": kind, "service_lines": numbered, "other_coverages": coverages}
    )
    shuffled = claim.model_copy(
        update={"service_lines": tuple(data.draw(st.permutations(numbered)))}
    )
    assert _findings(shuffled, received_at) == _findings(claim, received_at)


@_relaxed
@given(
    lines=st.lists(_LINES, min_size=1, max_size=6),
    kind=_KINDS,
    coverages=_COVERAGES,
    at=st.integers(0, 6),
)
def test_an_unrelated_good_line_never_removes_a_finding(
    *,
    professional: Claim,
    received_at: datetime,
    lines: list[ServiceLine],
    kind: str,
    coverages: tuple[OtherCoverage, ...],
    at: int,
) -> None:
    numbered = _numbered(lines)
    claim = professional.model_copy(
        update={"kind": kind, "service_lines": numbered, "other_coverages": coverages}
    )
    longer = claim.model_copy(
        update={
            "service_lines": (*numbered[:at], GOOD_LINE, *numbered[at:]),
            "charge": claim.charge + GOOD_LINE.charge,
            "other_coverages": tuple(
                coverage
                if coverage.paid is None
                else coverage.model_copy(update={"paid": coverage.paid + GOOD_LINE.charge})
                for coverage in coverages
            ),
        }
    )
    before, after = _findings(claim, received_at), _findings(longer, received_at)
    assert before - after == Counter()

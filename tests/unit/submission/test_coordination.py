"""Coordination of benefits: what earlier payers decided must account for every cent."""

from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.submission.domain.coordination import coordination_findings, with_dates_once
from shared.contract.claim import Claim, LineAdjudication, OtherCoverage, Payer
from shared.contract.model import Adjustment
from shared.x12.claims.reading import ReadClaim, read_claims

MakeClaim = Callable[..., Claim]
OF_OTHERS = {
    "cosyte_x12__claim__837p-comprehensive.edi": {"earlier-decision-unbalanced-claim"},
    "imsweb_x12-parser__837_5010__x12_complex.txt": {
        "payer-sequence-twice",
        "line-decision-of-unknown-payer",
    },
}
"""Files made to exercise parsers, whose sums and payers mean nothing."""


def _adjusted(*amounts: int) -> tuple[Adjustment, ...]:
    return tuple(
        Adjustment(group="CO" if at else "PR", reason="45", amount=amount)
        for at, amount in enumerate(amounts)
    )


def _decided(claim: Claim, line_paid: list[int], paid: int, **coverage: Any) -> Claim:
    """Secondary, after a payer that paid so much on each line and adjusted the rest."""
    lines = tuple(
        line.model_copy(
            update={
                "adjudications": (
                    LineAdjudication(
                        payer_identifier="P1",
                        paid=amount,
                        adjustments=_adjusted(line.charge - amount),
                        adjudicated_on=date(2025, 3, 20),
                    ),
                )
            }
        )
        for line, amount in zip(claim.service_lines, line_paid, strict=True)
    )
    fields = {"sequence": "P", "payer": Payer(identifier="P1"), "paid": paid} | coverage
    return claim.model_copy(
        update={
            "payer_sequence": "S",
            "service_lines": lines,
            "other_coverages": (OtherCoverage(**fields),),
        }
    )


def _codes(claim: Claim) -> list[str]:
    return [finding.code for finding in coordination_findings(claim)]


def test_a_claim_for_its_only_payer_has_nothing_to_balance(make_claim: MakeClaim) -> None:
    assert _codes(make_claim()) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 15_000), st.integers(0, 10_000), st.integers(-2_000, 2_000))
def test_what_adds_up_passes_and_a_cent_too_much_or_little_does_not(
    make_claim: MakeClaim, first: int, second: int, off: int
) -> None:
    claim = _decided(make_claim(), [first, second], first + second + off)
    assert _codes(claim) == ([] if off == 0 else ["earlier-decision-unbalanced-claim"])


def test_a_line_that_does_not_add_up_is_named_with_what_is_missing(make_claim: MakeClaim) -> None:
    claim = _decided(make_claim(), [10_000, 5_000], 15_000)
    line = claim.service_lines[1]
    short = line.adjudications[0].model_copy(update={"adjustments": _adjusted(4_000)})
    lines = (claim.service_lines[0], line.model_copy(update={"adjudications": (short,)}))
    findings = coordination_findings(claim.model_copy(update={"service_lines": lines}))
    assert [finding.code for finding in findings] == [
        "earlier-decision-unbalanced-line",
        "earlier-decision-unbalanced-claim",
    ]
    assert findings[0].path == "service_lines[1].adjudications"
    assert "10.00 unaccounted" in findings[0].message


def test_a_decision_on_the_claim_alone_balances_alone(make_claim: MakeClaim) -> None:
    claim = make_claim(
        payer_sequence="S",
        other_coverages=(
            OtherCoverage(
                sequence="P",
                payer=Payer(identifier="P1"),
                paid=20_000,
                adjustments=_adjusted(3_000, 2_000),
                adjudicated_on=date(2025, 3, 20),
            ),
        ),
    )
    assert _codes(claim) == []


def test_a_line_that_was_paid_in_two_parts_adds_both(make_claim: MakeClaim) -> None:
    claim = _decided(make_claim(), [15_000, 10_000], 25_000)
    line = claim.service_lines[0]
    halves = tuple(
        LineAdjudication(payer_identifier="P1", paid=7_500, adjustments=()) for _ in range(2)
    )
    lines = (line.model_copy(update={"adjudications": halves}), claim.service_lines[1])
    assert _codes(claim.model_copy(update={"service_lines": lines})) == []


def test_a_later_payer_is_not_billed_before_the_one_before_it_decided(
    make_claim: MakeClaim,
) -> None:
    waiting = OtherCoverage(sequence="P", payer=Payer(identifier="P1"))
    assert _codes(make_claim(payer_sequence="S")) == ["earlier-payer-missing"]
    assert _codes(make_claim(payer_sequence="S", other_coverages=(waiting,))) == [
        "earlier-decision-missing"
    ]


def test_a_payer_that_comes_after_need_not_have_decided(make_claim: MakeClaim) -> None:
    later = OtherCoverage(sequence="S", payer=Payer(identifier="P2"))
    assert _codes(make_claim(other_coverages=(later,))) == []


def test_two_payers_in_one_place_and_decisions_of_nobody_are_found(make_claim: MakeClaim) -> None:
    same = OtherCoverage(sequence="P", payer=Payer(identifier="P2"))
    assert _codes(make_claim(other_coverages=(same,))) == ["payer-sequence-twice"]
    claim = _decided(make_claim(), [15_000, 10_000], 25_000)
    stranger = claim.other_coverages[0].model_copy(update={"payer": Payer(identifier="P9")})
    assert "line-decision-of-unknown-payer" in _codes(
        claim.model_copy(update={"other_coverages": (stranger,)})
    )


def test_the_day_of_a_decision_is_said_at_the_lines_or_for_the_claim(
    make_claim: MakeClaim,
) -> None:
    day = date(2025, 3, 20)
    both = _decided(make_claim(), [15_000, 10_000], 25_000, adjudicated_on=day)
    once = with_dates_once(both)
    assert once.other_coverages[0].adjudicated_on is None
    assert once.service_lines == both.service_lines
    alone = OtherCoverage(sequence="P", payer=Payer(identifier="P1"), paid=1, adjudicated_on=day)
    claim = make_claim(payer_sequence="S", other_coverages=(alone,))
    assert with_dates_once(claim) is claim


@pytest.mark.parametrize("folder", ["837P", "837I", "837D"])
def test_other_peoples_coordinated_claims_balance(samples: Path, folder: str) -> None:
    checked = 0
    for path in sorted((samples / folder).iterdir()):
        for part in read_claims(BytesIO(path.read_bytes()), source="test"):
            if isinstance(part, ReadClaim) and part.claim is not None:
                found = set(_codes(part.claim))
                assert found <= OF_OTHERS.get(path.name, set()), path.name
                checked += bool(part.claim.other_coverages)
    assert checked >= {"837P": 8, "837I": 3, "837D": 0}[folder]

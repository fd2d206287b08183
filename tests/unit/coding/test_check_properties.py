"""What holds of a verdict whatever the claim: order, company and batch do not change it."""

import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.coding.domain import checks
from services.coding.domain.rule import Case
from services.coding.domain.verdict import Ruleset
from services.coding.filter import code
from services.coding.reference.library import Library
from shared.contract.claim import Claim
from shared.contract.envelope import Event
from shared.contract.events import ClaimReceived, MessageOrigin
from tests.examples import examples
from tests.unit.coding.claims import TODAY, diagnoses, insured, line, lines_of, professional

PACKED = Library().current()
_CODES = ("99213", "93000", "G0438", "G0439", "G0380", "G0402", "J1885", "J0760", "A0425", "80053")
_MODIFIERS = st.lists(st.sampled_from(("25", "59", "XS", "LT", "RT", "26", "TC", "76")), max_size=2)
_LINES = lines_of(_CODES, _MODIFIERS, 300)
_DIAGNOSES = st.lists(
    st.sampled_from(("I10", "E119", "E109", "M545", "S72001", "F0280", "G309", "W010XXA")),
    min_size=1,
    max_size=4,
    unique=True,
)
_CLAIMS = st.builds(
    lambda lines, codes, filing: professional(
        *lines, diagnoses=diagnoses(*codes), filing_indicator=filing
    ),
    st.lists(_LINES, min_size=1, max_size=6),
    _DIAGNOSES,
    st.sampled_from(("MB", "MC", "CI")),
)
# Of its own day and of no family's interest beside another line.
UNRELATED = line("71046", charge=1)


def findings(claim: Claim) -> Counter[Any]:
    """Each line named by its number, since its place changes."""
    numbers = {f"service_lines[{at}]": each.number for at, each in enumerate(claim.service_lines)}
    return Counter(
        (each.code, each.severity, _named(each.path or "", numbers), each.codes)
        for each in checks.check(Case(claim, TODAY, PACKED))
    )


def _named(path: str, numbers: dict[str, int]) -> str:
    head, dot, rest = path.partition(".")
    return f"line {numbers[head]}{dot}{rest}" if head in numbers else path


@examples(200)
@given(claim=_CLAIMS, seed=st.integers(0, 1_000))
def test_the_order_of_lines_does_not_change_the_verdict(claim: Claim, seed: int) -> None:
    lines = list(claim.service_lines)
    random.Random(seed).shuffle(lines)
    shuffled = claim.model_copy(update={"service_lines": tuple(lines)})
    assert findings(shuffled) == findings(claim)


@examples(200)
@given(claim=_CLAIMS)
def test_an_unrelated_line_never_removes_a_finding(claim: Claim) -> None:
    more = UNRELATED.model_copy(update={"number": len(claim.service_lines) + 1})
    larger = claim.model_copy(
        update={"service_lines": (*claim.service_lines, more), "charge": claim.charge + 1}
    )
    assert findings(claim) <= findings(larger)


@examples(50)
@given(claims=st.lists(_CLAIMS, min_size=1, max_size=5))
def test_a_verdict_is_the_same_in_one_batch_or_one_by_one(claims: list[Claim]) -> None:
    """Of patients who are not each other: those of one patient are meant to see each other."""
    now = datetime(2026, 3, 10, tzinfo=UTC)
    origin = MessageOrigin(message_id=UUID(int=1), source="test")
    events = []
    for number, claim in enumerate(claims, start=1):
        own = claim.model_copy(
            update={"id": UUID(int=number), "subscriber": insured(identifier=f"W{number}")}
        )
        data = ClaimReceived(claim=own, origin=origin, received_at=now)
        events.append(Event(UUID(int=number), "test", str(own.id), now, data))
    ruleset = Ruleset(PACKED)
    together = [each.data for each in code(events, now=now, ruleset=ruleset)]
    apart = [each.data for event in events for each in code([event], now=now, ruleset=ruleset)]
    assert together == apart

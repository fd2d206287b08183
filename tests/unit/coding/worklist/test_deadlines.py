"""By when a denial must be answered: what the operator loaded, before law, before custom."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from services.coding.domain.decide import decide
from services.coding.domain.reference import (
    BEGINNING,
    END,
    Editions,
    PayerLimit,
    Reference,
    no_editions,
)
from services.coding.domain.verdict import Ruleset
from services.coding.domain.worklist.deadlines import dispute_deadline
from services.coding.reference.table import Row
from shared.contract.envelope import Event
from shared.contract.events import Adjudication, ClaimDenied
from shared.contract.model import Finding
from tests.unit.coding.tables import editions, table

DAY = date(2026, 3, 1)


def loaded(*rows: tuple[str, int]) -> Editions[PayerLimit]:
    records = [Row(payer, BEGINNING, END, days) for payer, days in rows]
    return editions(table("dispute-limit", records))


@pytest.mark.parametrize(
    ("payer", "indicator", "days"),
    [
        pytest.param("PAY01", "CI", 60, id="the payer's own"),
        pytest.param("MEDICARE-ADVANTAGE", "MB", 65, id="the payer's own before the law's"),
        pytest.param("PAY02", "MA", 120, id="42 CFR 405.942"),
        pytest.param("PAY02", "MB", 120, id="42 CFR 405.942, part B"),
        pytest.param("PAY02", "CI", 90, id="any other payer"),
        pytest.param("PAY02", None, 90, id="a claim that says no kind of payer"),
    ],
)
def test_a_payers_own_limit_comes_first(payer: str, indicator: str | None, days: int) -> None:
    limits = loaded(("PAY01", 60), ("MEDICARE-ADVANTAGE", 65), ("*", 90))
    assert dispute_deadline(payer, indicator, DAY, limits) == DAY + timedelta(days=days)


@pytest.mark.parametrize("limits", [no_editions(), loaded(("PAY01", 60))])
def test_without_a_limit_there_are_180_days(limits: Editions[PayerLimit]) -> None:
    assert dispute_deadline("PAY02", "CI", DAY, limits) == DAY + timedelta(days=180)


def test_the_entry_of_a_denial_is_due_by_the_limit_in_force() -> None:
    amounts = dict.fromkeys(("paid", "contractual", "patient", "other"), 0)
    adjudication = Adjudication(
        revision=1,
        remittance_id=UUID(int=9),
        payer_identifier="PAY01",
        status="4",
        charge=100,
        denied=100,
        **amounts,
    )
    reason = Finding(code="denial-bundling", message="part of another")
    data = ClaimDenied(adjudication=adjudication, findings=(reason,))
    now = datetime(2026, 3, 1, 9, tzinfo=UTC)
    event = Event(UUID(int=5), "test", str(UUID(int=1)), now, data)
    ruleset = Ruleset(Reference("test", dispute_limits=loaded(("PAY01", 60))))
    entry = decide(None, event, now, ruleset).entry
    assert entry is not None
    assert entry.due_on == date(2026, 4, 30)

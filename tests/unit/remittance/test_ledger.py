"""Entries: balanced or not at all, and found again by their business key."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.remittance.domain.ledger import (
    AccountKind,
    EntryKind,
    Leg,
    ProviderAdjusted,
    UnbalancedError,
    account,
    charge_entry,
    charge_reversal,
    entry,
    entry_id,
    remittance_entry,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLAIM = UUID(int=7)
RECEIVABLE = account(AccountKind.PAYER_RECEIVABLE, "PAY01")
REVENUE = account(AccountKind.REVENUE, "PAY01")


def _by_kind(legs: tuple[Leg, ...]) -> dict[AccountKind, int]:
    return {leg.account.kind: leg.amount_cents for leg in legs}


def test_an_entry_whose_legs_do_not_sum_to_zero_is_refused() -> None:
    with pytest.raises(UnbalancedError):
        entry(EntryKind.CHARGE, "key", (Leg(RECEIVABLE, 100), Leg(REVENUE, -99)), NOW)


def test_an_entry_of_nothing_is_refused() -> None:
    with pytest.raises(UnbalancedError):
        entry(EntryKind.CHARGE, "key", (Leg(RECEIVABLE, 0), Leg(REVENUE, 0)), NOW)


def test_legs_of_nothing_are_left_out() -> None:
    patient = account(AccountKind.PATIENT_RECEIVABLE)
    legs = (Leg(RECEIVABLE, 100), Leg(patient, 0), Leg(REVENUE, -100))
    assert entry(EntryKind.CHARGE, "key", legs, NOW).legs == (legs[0], legs[2])


def test_a_charge_debits_the_payer_and_credits_revenue() -> None:
    posted = charge_entry(CLAIM, 1, "PAY01", 12_345, NOW)
    assert _by_kind(posted.legs) == {
        AccountKind.PAYER_RECEIVABLE: 12_345,
        AccountKind.REVENUE: -12_345,
    }


def test_the_reversal_of_a_charge_negates_it_and_names_it() -> None:
    posted = charge_entry(CLAIM, 1, "PAY01", 12_345, NOW)
    taken_back = charge_reversal(CLAIM, 1, "PAY01", 12_345, NOW, reverses=posted.id)
    assert taken_back.reverses == posted.id
    assert _by_kind(taken_back.legs) == {
        kind: -cents for kind, cents in _by_kind(posted.legs).items()
    }


def test_cash_is_the_payment_and_unapplied_what_the_claims_are_owed() -> None:
    posted = remittance_entry(
        CLAIM,
        "PAY01",
        "T1",
        amount_cents=9_000,
        provider_adjustments=(ProviderAdjusted("WO", 1_000, "R1"),),
        at=NOW,
    )
    assert posted is not None
    assert _by_kind(posted.legs) == {
        AccountKind.CASH_CLEARING: 9_000,
        AccountKind.RECOUPMENT: 1_000,
        AccountKind.UNAPPLIED_CASH: -10_000,
    }


def test_interest_that_raises_a_payment_is_no_claims_money() -> None:
    posted = remittance_entry(
        CLAIM,
        "PAY01",
        "T1",
        amount_cents=10_050,
        provider_adjustments=(ProviderAdjusted("L6", -50),),
        at=NOW,
    )
    assert posted is not None
    assert _by_kind(posted.legs)[AccountKind.UNAPPLIED_CASH] == -10_000


def test_a_remittance_without_money_has_no_cash_entry() -> None:
    posted = remittance_entry(CLAIM, "PAY01", "T1", amount_cents=0, provider_adjustments=(), at=NOW)
    assert posted is None


def test_accounts_are_told_apart_by_payer_trace_and_reason() -> None:
    ids = {
        account(AccountKind.UNAPPLIED_CASH, payer, trace).id
        for payer in ("PAY01", "PAY02")
        for trace in ("T1", "T2")
    }
    assert len(ids) == 4
    assert account(AccountKind.REVENUE, "PAY01").id == REVENUE.id


@given(st.text(), st.text(), st.integers(0, 10**9))
def test_entry_ids_are_version_7_in_time_order_and_made_of_the_key(
    key: str, other: str, milliseconds: int
) -> None:
    later = NOW + timedelta(milliseconds=milliseconds + 1)
    first = entry_id(NOW, key)
    assert first.version == 7
    assert first == entry_id(NOW, key)
    assert first.int >> 80 == int(NOW.timestamp() * 1000)
    assert first < entry_id(later, other)
    assert (first == entry_id(NOW, other)) == (key == other)

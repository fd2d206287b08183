"""What a person decides: accepted, matched, rejected, returned, given up; and what patients pay."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from services.remittance.domain.commands import (
    DecideRemittance,
    Deposited,
    PatientPaid,
    RefundPatient,
    RefundPayer,
    RefusedError,
    ResolveClaim,
    WriteOff,
)
from services.remittance.domain.ledger import AccountKind
from services.remittance.domain.state import money_key
from shared.contract.events import AdjustmentPosted, DepositReconciled, RemittancePosted

BY = "a biller"


def _denied(books: Any, make: Any, cents: int = 10_000) -> tuple[Any, Any]:
    claim = make.claim()
    books.submit(claim)
    answer = make.answer(claim, (("CO", "197", cents),), status="4")
    books.remit(make.opening([answer]), [answer])
    return claim, answer


def _of(books: Any, kind: AccountKind) -> int:
    return int(books.balance(kind))


# Transaction sets


def test_a_total_that_is_wrong_posts_no_cash_until_a_person_accepts_it(
    books: Any, make: Any
) -> None:
    claim = make.claim()
    books.submit(claim)
    answer = make.answer(claim, (("CO", "45", 2_000),))
    opening = make.opening([answer], amount=8_100)
    books.remit(opening, [answer])
    assert _of(books, AccountKind.CASH_CLEARING) == 0
    assert books.read_states() == {"held": 1}
    books.command(DecideRemittance(opening.remittance_id, True, BY))
    books.release(opening.remittance_id)
    books.states[str(opening.remittance_id)].status  # noqa: B018 - it is there
    assert _of(books, AccountKind.CASH_CLEARING) == 8_100
    assert books.claims[claim.id].paid == 8_000
    # The cent by which it is off stands in sight, on no claim.
    assert _of(books, AccountKind.UNAPPLIED_CASH) == -100
    assert books.said(RemittancePosted) == []


def test_a_held_set_is_decided_on_once(books: Any, make: Any) -> None:
    answer = make.answer(make.claim())
    opening = make.opening([answer], amount=1)
    books.remit(opening, [answer])
    books.command(DecideRemittance(opening.remittance_id, False, BY))
    with pytest.raises(RefusedError) as refused:
        books.command(DecideRemittance(opening.remittance_id, True, BY))
    assert refused.value.code == "remittance-not-held"
    assert not books.entries


def test_money_that_a_payer_takes_is_negative_cash(books: Any, make: Any) -> None:
    opening = make.opening([], amount=500, is_debit=True)
    books.remit(opening, [])
    assert not books.entries
    books.command(DecideRemittance(opening.remittance_id, True, BY))
    assert _of(books, AccountKind.CASH_CLEARING) == -500


# Claims that wait


def test_an_unmatched_claim_is_posted_to_the_claim_that_a_person_names(
    books: Any, make: Any
) -> None:
    claim = make.claim()
    books.submit(claim)
    answer = make.answer(claim, (("CO", "45", 2_000),), patient_control_number="MANGLED")
    opening = make.opening([answer])
    books.remit(opening, [answer])
    assert books.read_states() == {"unmatched": 1}
    books.command(ResolveClaim((opening.remittance_id, 0), "match", BY, claim.id))
    books.check()
    assert books.claims[claim.id].paid == 8_000
    assert books.reads[opening.remittance_id, 0].decided_by == BY


def test_an_unbalanced_claim_that_is_accepted_leaves_its_difference_open(
    books: Any, make: Any
) -> None:
    claim = make.claim()
    books.submit(claim)
    answer = make.answer(claim, (("CO", "45", 1_900),), paid=8_000)
    opening = make.opening([answer])
    books.remit(opening, [answer])
    assert books.read_states() == {"quarantined": 1}
    books.command(ResolveClaim((opening.remittance_id, 0), "accept", BY))
    books.check()
    ours = books.claims[claim.id]
    assert (ours.paid, ours.contractual, ours.receivable) == (8_000, 1_900, 100)


def test_what_cannot_be_read_cannot_be_accepted(books: Any, make: Any) -> None:
    claim = make.claim()
    books.submit(claim)
    answer = make.answer(claim, (("XX", "45", 1_000),))
    opening = make.opening([answer])
    books.remit(opening, [answer])
    with pytest.raises(RefusedError) as refused:
        books.command(ResolveClaim((opening.remittance_id, 0), "accept", BY))
    assert refused.value.code == "cannot-be-accepted"


def test_what_was_paid_for_nobody_of_ours_goes_back(books: Any, make: Any) -> None:
    answer = make.answer(make.claim("NOT OURS"))
    opening = make.opening([answer])
    books.remit(opening, [answer])
    books.command(ResolveClaim((opening.remittance_id, 0), "return", BY))
    books.check()
    assert _of(books, AccountKind.REFUNDS_DUE) == -10_000
    books.command(RefundPayer("PAY01", "CHECK-1", 10_000, BY))
    books.command(RefundPayer("PAY01", "CHECK-1", 10_000, BY))
    books.check()
    assert _of(books, AccountKind.REFUNDS_DUE) == 0
    assert _of(books, AccountKind.BANK) == -10_000


def test_a_rejected_claims_money_stays_in_sight(books: Any, make: Any) -> None:
    answer = make.answer(make.claim("NOT OURS"))
    opening = make.opening([answer])
    books.remit(opening, [answer])
    books.command(ResolveClaim((opening.remittance_id, 0), "reject", BY))
    books.check()
    assert _of(books, AccountKind.UNAPPLIED_CASH) == -10_000


# What is given up


def test_a_denial_is_written_off_by_a_person_and_comes_back_with_a_reversal(
    books: Any, make: Any
) -> None:
    claim, answer = _denied(books, make)
    ((place, number),) = books.denials
    books.command(WriteOff(claim.id, BY, "too small", (place, number)))
    books.check()
    assert (books.claims[claim.id].denied, books.claims[claim.id].written_off) == (0, 10_000)
    with pytest.raises(RefusedError):
        books.command(WriteOff(claim.id, BY, "again", (place, number)))
    reversal = make.reversal(answer)
    books.remit(make.opening([reversal], trace="T-2"), [reversal])
    books.check()
    ours = books.claims[claim.id]
    assert (ours.denied, ours.written_off, ours.receivable) == (0, 0, 10_000)
    assert _of(books, AccountKind.WRITE_OFF) == 0


def test_a_patients_share_is_given_up_in_part_and_in_whole(books: Any, make: Any) -> None:
    claim = make.claim()
    books.submit(claim)
    answer = make.answer(claim, (("PR", "1", 3_000), ("PR", "2", 500)))
    books.remit(make.opening([answer]), [answer])
    books.command(WriteOff(claim.id, BY, "charity", amount=3_200))
    books.check()
    assert books.claims[claim.id].patient == 300
    with pytest.raises(RefusedError):
        books.command(WriteOff(claim.id, BY, "charity", amount=301))
    books.command(WriteOff(claim.id, BY, "charity"))
    books.check()
    assert (books.claims[claim.id].patient, books.claims[claim.id].written_off) == (0, 3_500)


# Patients


def test_a_patients_payment_is_posted_once_and_a_credit_goes_back(books: Any, make: Any) -> None:
    claim = make.claim()
    books.submit(claim)
    paid = PatientPaid(claim.id, "TILL-1", 5_000, "card", date(2026, 3, 1), BY)
    books.command(paid)
    books.command(paid)
    books.check()
    assert _of(books, AccountKind.PATIENT_PAYMENT) == -5_000
    with pytest.raises(RefusedError):
        books.command(RefundPatient(claim.id, "R-1", 5_001, BY))
    books.command(RefundPatient(claim.id, "R-1", 2_000, BY))
    assert _of(books, AccountKind.REFUNDS_DUE) == -2_000
    books.command(RefundPatient(claim.id, "R-1", 2_000, BY, is_paid=True))
    books.check()
    assert _of(books, AccountKind.PATIENT_CASH) == 3_000
    money = books.states[money_key(books.claims[claim.id].account_id)]
    assert (money.paid, money.refunds_due) == (3_000, 0)


def test_more_than_was_paid_is_not_taken_back(books: Any, make: Any) -> None:
    claim = make.claim()
    books.submit(claim)
    with pytest.raises(RefusedError) as refused:
        books.command(PatientPaid(claim.id, "T", -1, "card", date(2026, 3, 1), BY))
    assert refused.value.code == "no-such-payment"


# The bank


def _deposit(cents: int) -> Deposited:
    return Deposited(uuid4(), "TRACE-1", cents, date(2026, 3, 2), "A PAYER")


@pytest.mark.parametrize("bank_first", [True, False])
def test_a_deposit_and_its_remittance_meet_in_either_order(
    books: Any, make: Any, bank_first: bool
) -> None:
    claim = make.claim()
    books.submit(claim)
    answer = make.answer(claim)
    deposit = _deposit(10_000)
    if bank_first:
        books.command(deposit)
        assert _of(books, AccountKind.UNIDENTIFIED_DEPOSIT) == -10_000
    books.remit(make.opening([answer]), [answer])
    if not bank_first:
        books.command(deposit)
    books.command(deposit)
    books.check()
    assert _of(books, AccountKind.BANK) == 10_000
    assert _of(books, AccountKind.CASH_CLEARING) == 0
    assert _of(books, AccountKind.UNIDENTIFIED_DEPOSIT) == 0
    (said,) = books.said(DepositReconciled)
    assert said.data.difference == 0


def test_a_deposit_that_differs_leaves_the_difference_on_its_trace(books: Any, make: Any) -> None:
    claim = make.claim()
    books.submit(claim)
    answer = make.answer(claim)
    books.remit(make.opening([answer]), [answer])
    books.command(_deposit(9_900))
    books.check()
    assert _of(books, AccountKind.CASH_CLEARING) == 100
    assert books.said(DepositReconciled)[0].data.difference == -100
    assert {one.data.kind for one in books.said(AdjustmentPosted)} == {
        "charge",
        "remittance",
        "deposit",
    }

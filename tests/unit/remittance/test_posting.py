"""Where a payer's adjustments put the money, and what is said of it."""

from typing import Any
from uuid import uuid4

import pytest

from services.remittance.domain.denial import classify
from services.remittance.domain.denial_table import CONTRACTUAL, DENIALS
from services.remittance.domain.ledger import AccountKind
from shared.contract.envelope import to_headers, to_structured
from shared.contract.events import (
    ClaimDenied,
    ClaimPaid,
    ClaimReversed,
    PaymentPosted,
    PaymentReversed,
)


@pytest.mark.parametrize(
    ("group", "reason", "is_denied", "category"),
    [
        ("CO", "45", False, "contractual"),
        ("CO", "253", False, "contractual"),
        ("CO", "50", False, "denied"),
        ("CO", "no such reason", False, "denied"),
        ("CO", "45", True, "denied"),
        ("PR", "1", False, "patient"),
        ("PR", "96", True, "patient"),
        ("OA", "23", False, "other"),
        ("OA", "18", False, "denied"),
        ("OA", "23", True, "denied"),
        ("PI", "1", False, "other"),
    ],
)
def test_the_category_of_an_adjustment(
    group: str, reason: str, is_denied: bool, category: str
) -> None:
    assert classify(group, reason, is_denied=is_denied) == category


def test_no_reason_is_both_written_off_and_a_denial() -> None:
    assert CONTRACTUAL.isdisjoint(DENIALS)


def test_every_denial_says_what_it_means_and_what_to_do() -> None:
    assert all(denial.meaning and denial.next_step for denial in DENIALS.values())


def test_a_payment_with_discount_and_coinsurance(books: Any, make: Any) -> None:
    claim = make.claim(charges=(10_000,))
    answer = make.answer(claim, (("CO", "45", 2_000), ("PR", "2", 1_600)))
    books.submit(claim)
    books.remit(make.opening([answer]), [answer])
    assert books.balance(AccountKind.CONTRACTUAL_ALLOWANCE) == 2_000
    assert books.balance(AccountKind.PATIENT_RECEIVABLE) == 1_600
    assert books.balance(AccountKind.CASH_CLEARING) == 6_400
    assert books.balance(AccountKind.PAYER_RECEIVABLE) == 0
    books.check()
    (paid,) = books.said(ClaimPaid)
    assert paid.subject == str(claim.id)
    assert paid.data.outcome == "paid"
    assert (paid.data.adjudication.paid, paid.data.adjudication.patient) == (6_400, 1_600)


def test_a_denial_stays_open_and_is_not_written_off(books: Any, make: Any) -> None:
    claim = make.claim(charges=(10_000,))
    answer = make.answer(claim, (("CO", "45", 2_000), ("CO", "197", 8_000)), status="4")
    books.submit(claim)
    books.remit(make.opening([answer]), [answer])
    assert books.balance(AccountKind.DENIED_PENDING) == 10_000
    assert books.balance(AccountKind.CONTRACTUAL_ALLOWANCE) == 0
    assert books.balance(AccountKind.PATIENT_RECEIVABLE) == 0
    books.check()
    (denied,) = books.said(ClaimDenied)
    authorization = next(f for f in denied.data.findings if f.source == "CARC CO-197")
    assert authorization.code == "denial-authorization"
    assert "never bill" in (authorization.hint or "")


def test_a_denied_line_leaves_the_rest_paid(books: Any, make: Any) -> None:
    claim = make.claim(charges=(10_000, 5_000))
    answer = make.answer(
        claim,
        paid=8_000,
        lines=(
            make.line(10_000, (("CO", "45", 2_000),)),
            make.line(5_000, (("CO", "97", 5_000),)),
        ),
    )
    books.submit(claim)
    books.remit(make.opening([answer]), [answer])
    (paid,) = books.said(ClaimPaid)
    assert paid.data.outcome == "partly_paid"
    assert books.claims[claim.id].denied == 5_000
    books.check()


def test_adjustments_of_lines_are_posted_to_their_lines(books: Any, make: Any) -> None:
    claim = make.claim(charges=(10_000, 5_000))
    numbers = [line.line_control_number for line in claim.service_lines]
    answer = make.answer(
        claim,
        paid=12_000,
        lines=(
            make.line(5_000, (("CO", "45", 1_000),), line_control_number=numbers[1]),
            make.line(10_000, (("CO", "45", 2_000),), line_control_number=numbers[0]),
        ),
    )
    books.submit(claim)
    books.remit(make.opening([answer]), [answer])
    legs = {
        leg.line: leg.amount_cents
        for entry in books.entries.values()
        for leg in entry.legs
        if leg.account.kind == AccountKind.CONTRACTUAL_ALLOWANCE
    }
    assert legs == {1: 2_000, 2: 1_000}
    (paid,) = books.said(ClaimPaid)
    assert [line.line_control_number for line in paid.data.adjudication.lines] == [
        numbers[1],
        numbers[0],
    ]


def test_a_reversal_returns_each_cent_to_where_it_came_from(books: Any, make: Any) -> None:
    claim = make.claim(charges=(10_000,))
    answer = make.answer(claim, (("CO", "45", 3_000), ("PR", "1", 7_000)), status="4")
    reversal = make.reversal(answer)
    books.submit(claim)
    books.remit(make.opening([answer], trace="T1"), [answer])
    books.remit(make.opening([reversal], trace="T2"), [reversal])
    assert books.claims[claim.id].receivable == 10_000
    assert books.balance(AccountKind.DENIED_PENDING) == 0
    assert books.balance(AccountKind.CONTRACTUAL_ALLOWANCE) == 0
    assert books.balance(AccountKind.PATIENT_RECEIVABLE) == 0
    books.check()
    (reversed_event,) = books.said(ClaimReversed)
    assert reversed_event.data.adjudication.denied == -3_000
    (payment,) = books.said(PaymentPosted)
    (taken_back,) = books.said(PaymentReversed)
    assert taken_back.data.reverses == payment.id
    reversals = [entry for entry in books.entries.values() if entry.reverses]
    ids = {entry.id for entry in books.entries.values()}
    assert len(reversals) == 2
    assert all(entry.reverses in ids for entry in reversals)


def test_a_payment_event_carries_nothing_that_names_a_patient(books: Any, make: Any) -> None:
    claim = make.claim(number="CANARY-ACCOUNT", charges=(10_000,))
    answer = make.answer(
        claim, (("CO", "45", 2_000),), payer_claim_control_number="CANARY-PAYER-NUMBER"
    )
    books.submit(claim)
    books.remit(make.opening([answer]), [answer])
    (payment,) = books.said(PaymentPosted)
    written = to_structured(payment) + repr(to_headers(payment)).encode()
    for secret in (b"CANARY", b"99213", b"2026-01-01"):
        assert secret not in written
    assert payment.data.claim_id == claim.id
    assert payment.data.paid == 8_000
    assert set(payment.data.ledger_entry_ids) == {
        entry.id for entry in books.entries.values() if entry.remittance_id and entry.claim_id
    }


def test_equal_accounts_have_equal_hashes_and_others_have_not(books: Any, make: Any) -> None:
    for number in ("A", "B"):
        claim = make.claim(number=number)
        answer = make.answer(claim)
        books.submit(claim)
        books.remit(make.opening([answer], trace=str(uuid4())), [answer])
    hashes = {event.data.account_hash for event in books.said(PaymentPosted)}
    assert len(hashes) == 2
    assert all(len(one) == 64 for one in hashes)

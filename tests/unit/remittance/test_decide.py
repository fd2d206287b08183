"""What remittance makes of each thing it is told, in whatever order it is told."""

from typing import Any
from uuid import uuid4

import pytest

from services.remittance.domain.incoming import Closing, claim_read, claim_to_json
from services.remittance.domain.ledger import AccountKind
from shared.contract.events import (
    ClaimPaid,
    PaymentPosted,
    RemittancePosted,
    RemittanceQuarantined,
    RemittanceRead,
)


def _codes(event: Any) -> set[str]:
    return {finding.code for finding in event.data.findings}


def test_an_835_that_overtakes_its_claim_is_posted_when_the_claim_comes(
    books: Any, make: Any
) -> None:
    claim = make.claim()
    answer = make.answer(claim)
    books.remit(make.opening([answer]), [answer])
    assert books.read_states() == {"unmatched": 1}
    assert books.balance(AccountKind.UNAPPLIED_CASH) == -10_000
    books.check()
    books.submit(claim)
    assert books.read_states() == {"posted": 1}
    assert books.balance(AccountKind.UNAPPLIED_CASH) == 0
    assert len(books.said(ClaimPaid)) == len(books.said(PaymentPosted)) == 1
    books.check()


def test_the_same_file_twice_posts_once_and_says_so(books: Any, make: Any) -> None:
    claim = make.claim()
    answer = make.answer(claim)
    opening = make.opening([answer])
    books.submit(claim)
    books.remit(opening, [answer])
    entries = dict(books.entries)
    told = books.remit(opening, [answer])
    assert books.entries == entries
    (again,) = told
    assert isinstance(again.data, RemittanceRead)
    assert "remittance-already-read" in _codes(again)


def test_a_claim_told_again_under_the_same_record_is_posted_once(books: Any, make: Any) -> None:
    claim = make.claim()
    answer = make.answer(claim)
    opening = make.opening([answer])
    books.submit(claim)
    record = uuid4()
    read = claim_read(opening, answer, claim_to_json(answer))
    assert books.tell(opening, record)
    assert books.tell(read, record)
    assert books.tell(read, record) == []
    assert books.tell(opening, record) == []
    books.check()


def test_other_content_under_the_same_trace_number_is_held(books: Any, make: Any) -> None:
    claim = make.claim()
    first, second = make.answer(claim), make.answer(claim, (("CO", "45", 1_000),))
    books.submit(claim)
    books.remit(make.opening([first]), [first])
    told = books.remit(make.opening([second]), [second])
    held = next(event for event in told if isinstance(event.data, RemittanceQuarantined))
    assert held.data.level == "transaction"
    assert _codes(held) == {"trace-number-reused"}
    assert books.read_states() == {"posted": 1, "held": 1}
    assert not any(isinstance(event.data, RemittancePosted) for event in told)
    books.check()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"amount": 9_999}, "transaction-out-of-balance"),
        ({"trace": None}, "trace-number-missing"),
        ({"is_debit": True}, "payment-is-a-debit"),
    ],
)
def test_a_remittance_that_may_not_be_posted_moves_no_cash(
    books: Any, make: Any, fields: dict[str, Any], code: str
) -> None:
    claim = make.claim()
    answer = make.answer(claim)
    books.submit(claim)
    told = books.remit(make.opening([answer], **fields), [answer])
    held = next(event for event in told if isinstance(event.data, RemittanceQuarantined))
    assert _codes(held) == {code}
    assert books.balance(AccountKind.CASH_CLEARING) == 0
    assert books.claims[claim.id].receivable == 10_000
    assert books.read_states() == {"held": 1}
    books.check()


def test_the_difference_of_a_transaction_is_said_to_the_cent(books: Any, make: Any) -> None:
    answer = make.answer(make.claim())
    books.remit(make.opening([answer], amount=9_999), [answer])
    (held,) = books.said(RemittanceQuarantined)
    assert held.data.difference == -1


def test_one_claim_that_does_not_balance_waits_and_the_others_post(books: Any, make: Any) -> None:
    good, bad = make.claim("GOOD"), make.claim("BAD")
    answers = [
        make.answer(good, (("CO", "45", 1_000),)),
        make.answer(bad, (("CO", "45", 1_000),), paid=8_500, position=1),
    ]
    books.submit(good)
    books.submit(bad)
    books.remit(make.opening(answers), answers)
    (quarantined,) = books.said(RemittanceQuarantined)
    assert quarantined.subject == str(bad.id)
    assert (quarantined.data.level, quarantined.data.difference) == ("claim", 500)
    assert _codes(quarantined) == {"claim-out-of-balance"}
    assert books.claims[bad.id].receivable == 10_000
    assert books.claims[good.id].receivable == 0
    (posted,) = books.said(RemittancePosted)
    counts = posted.data.posted_claims, posted.data.quarantined_claims, posted.data.unmatched_claims
    assert counts == (1, 1, 0)
    books.check()


def test_a_line_that_does_not_balance_holds_back_its_claim(books: Any, make: Any) -> None:
    claim = make.claim(charges=(10_000, 5_000))
    answer = make.answer(
        claim,
        paid=15_000,
        lines=(make.line(10_000, paid=10_001), make.line(5_000, paid=4_999)),
    )
    books.submit(claim)
    books.remit(make.opening([answer]), [answer])
    (quarantined,) = books.said(RemittanceQuarantined)
    assert quarantined.data.difference == -1
    assert {finding.path for finding in quarantined.data.findings} == {
        "2110[1]/SVC03",
        "2110[2]/SVC03",
    }
    books.check()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": "99"}, "unknown-claim-status"),
        ({"status": "22"}, "amount-contradicts-status"),
        ({"status": "23"}, "amount-contradicts-status"),
        ({"charge": -10_000}, "amount-contradicts-status"),
        ({"adjustments": (("CR", "45", 100),)}, "unknown-adjustment-group"),
    ],
)
def test_what_contradicts_itself_is_quarantined(
    books: Any, make: Any, fields: dict[str, Any], code: str
) -> None:
    claim = make.claim()
    answer = make.answer(claim, **fields)
    books.submit(claim)
    books.remit(make.opening([answer]), [answer])
    (quarantined,) = books.said(RemittanceQuarantined)
    assert code in _codes(quarantined)
    books.check()


def test_a_status_that_moves_no_money_is_noted(books: Any, make: Any) -> None:
    claim = make.claim()
    answer = make.answer(claim, (("OA", "23", 10_000),), status="23")
    books.submit(claim)
    books.remit(make.opening([answer]), [answer])
    assert books.read_states() == {"noted": 1}
    assert books.claims[claim.id].receivable == 10_000


def test_a_second_payment_without_a_reversal_waits_and_bills_nobody(books: Any, make: Any) -> None:
    claim = make.claim()
    answer = make.answer(claim, (("PR", "2", 2_000),))
    books.submit(claim)
    books.remit(make.opening([answer], trace="T1"), [answer])
    books.remit(make.opening([answer], trace="T2"), [answer])
    assert books.balance(AccountKind.PATIENT_RECEIVABLE) == 2_000
    (quarantined,) = books.said(RemittanceQuarantined)
    assert _codes(quarantined) == {"charge-exceeded"}
    assert quarantined.data.difference == 10_000
    assert books.balance(AccountKind.UNAPPLIED_CASH) == -8_000
    books.check()


def test_a_correction_that_comes_before_its_reversal_posts_after_it(books: Any, make: Any) -> None:
    claim = make.claim()
    original = make.answer(claim, (("CO", "45", 2_000),))
    correction = make.answer(claim, (("CO", "45", 1_000), ("PR", "3", 500)))
    reversal = make.reversal(original)
    books.submit(claim)
    books.remit(make.opening([original], trace="T1"), [original])
    books.remit(make.opening([correction], trace="T2"), [correction])
    assert books.claims[claim.id].paid == 8_000
    books.remit(make.opening([reversal], trace="T3", amount=-8_000), [reversal])
    assert books.read_states() == {"posted": 3}
    assert (books.claims[claim.id].paid, books.claims[claim.id].patient) == (8_500, 500)
    books.check()


def test_reversal_and_correction_in_one_remittance(books: Any, make: Any) -> None:
    claim = make.claim()
    original = make.answer(claim, (("CO", "197", 10_000),), status="4")
    takes = [make.reversal(original), make.answer(claim, (("CO", "45", 2_000),), position=1)]
    books.submit(claim)
    books.remit(make.opening([original], trace="T1"), [original])
    books.remit(make.opening(takes, trace="T2"), takes)
    assert books.claims[claim.id].status == "paid"
    assert books.balance(AccountKind.DENIED_PENDING) == 0
    posted = books.said(RemittancePosted)[-1]
    assert posted.data.posted_claims == 2
    books.check()


def test_a_reversal_that_negates_nothing_waits(books: Any, make: Any) -> None:
    claim = make.claim()
    original = make.answer(claim, (("CO", "45", 2_000),))
    other = make.reversal(make.answer(claim, (("CO", "45", 2_001),)))
    books.submit(claim)
    books.remit(make.opening([original], trace="T1"), [original])
    books.remit(make.opening([other], trace="T2"), [other])
    (quarantined,) = books.said(RemittanceQuarantined)
    assert _codes(quarantined) == {"reversal-without-original"}
    assert books.claims[claim.id].paid == 8_000
    books.check()


def test_a_claim_that_the_payer_split_is_posted_in_parts(books: Any, make: Any) -> None:
    claim = make.claim(charges=(6_000, 4_000))
    parts = [make.answer(claim, charge=6_000), make.answer(claim, charge=4_000, position=1)]
    books.submit(claim)
    books.remit(make.opening(parts), parts)
    assert books.read_states() == {"posted": 2}
    assert books.claims[claim.id].receivable == 0
    books.check()


def test_a_replacement_does_not_double_the_receivable(books: Any, make: Any) -> None:
    claim = make.claim(charges=(10_000,))
    books.submit(claim)
    books.submit(make.claim(charges=(12_500,), revision=2, frequency="7"))
    assert books.balance(AccountKind.PAYER_RECEIVABLE) == 12_500
    assert -books.balance(AccountKind.REVENUE) == 12_500
    books.check()


def test_the_same_revision_again_posts_nothing(books: Any, make: Any) -> None:
    books.submit(make.claim())
    entries = dict(books.entries)
    assert books.submit(make.claim()) == []
    assert books.entries == entries


def test_a_revision_with_the_same_charge_keeps_the_entry(books: Any, make: Any) -> None:
    books.submit(make.claim())
    books.submit(make.claim(revision=2, frequency="7"))
    assert len(books.entries) == 1
    assert books.claims[make.claim().id].revision == 2


def test_a_void_takes_the_charge_back(books: Any, make: Any) -> None:
    books.submit(make.claim())
    books.submit(make.claim(revision=2, frequency="8"))
    assert books.balance(AccountKind.PAYER_RECEIVABLE) == 0
    assert books.balance(AccountKind.REVENUE) == 0
    books.check()


def test_an_answer_to_a_replacement_waits_for_the_replacement(books: Any, make: Any) -> None:
    replacement = make.claim(charges=(12_500,), revision=2, frequency="7")
    answer = make.answer(replacement)
    books.submit(make.claim(charges=(10_000,)))
    books.remit(make.opening([answer]), [answer])
    assert books.read_states() == {"waiting": 1}
    books.submit(replacement)
    assert books.read_states() == {"posted": 1}
    books.check()


def test_two_hospitals_with_one_account_number_are_told_apart_by_line_numbers(
    books: Any, make: Any
) -> None:
    ours, theirs = make.claim(source="a"), make.claim(source="b")
    books.submit(ours)
    books.submit(theirs)
    number = theirs.service_lines[0].line_control_number
    answer = make.answer(theirs, lines=(make.line(10_000, line_control_number=number),))
    books.remit(make.opening([answer]), [answer])
    assert (books.claims[ours.id].paid, books.claims[theirs.id].paid) == (0, 10_000)
    books.check()


def test_two_claims_that_cannot_be_told_apart_get_nothing(books: Any, make: Any) -> None:
    claims = make.claim(source="a"), make.claim(source="b")
    for claim in claims:
        books.submit(claim)
    answer = make.answer(claims[0])
    books.remit(make.opening([answer]), [answer])
    assert books.read_states() == {"unmatched": 1}
    assert books.balance(AccountKind.UNAPPLIED_CASH) == -10_000
    books.check()


def test_a_mangled_account_number_is_found_by_the_payers_claim_number(
    books: Any, make: Any
) -> None:
    claim = make.claim("ACCT-1")
    books.submit(claim)
    books.number(claim.id, "PAYER-77")
    answer = make.answer(
        claim, patient_control_number="ACCT", payer_claim_control_number="PAYER-77"
    )
    books.remit(make.opening([answer]), [answer])
    assert books.claims[claim.id].paid == 10_000
    books.check()


def test_a_mangled_account_number_is_found_by_our_line_numbers(books: Any, make: Any) -> None:
    claim = make.claim("ACCT-1")
    books.submit(claim)
    number = claim.service_lines[0].line_control_number
    line = make.line(10_000, line_control_number=number)
    answer = make.answer(claim, patient_control_number="0", lines=(line,))
    books.remit(make.opening([answer]), [answer])
    assert books.claims[claim.id].paid == 10_000
    books.check()


def test_case_and_blanks_do_not_make_another_account(books: Any, make: Any) -> None:
    claim = make.claim("Acct-1")
    books.submit(claim)
    answer = make.answer(claim, patient_control_number="ACCT-1 ")
    books.remit(make.opening([answer]), [answer])
    assert books.claims[claim.id].paid == 10_000


def test_a_remittance_whose_opening_is_parked_is_opened_by_its_first_claim(
    books: Any, make: Any
) -> None:
    claim = make.claim()
    answer = make.answer(claim)
    opening = make.opening([answer])
    books.submit(claim)
    record = uuid4()
    told = books.tell(claim_read(opening, answer, claim_to_json(answer)), record)
    assert isinstance(told[0].data, RemittanceRead)
    books.tell(Closing(opening), record)
    assert books.tell(opening, record) == []
    books.check()


def test_withheld_money_is_no_claims_loss(books: Any, make: Any) -> None:
    claim = make.claim()
    answer = make.answer(claim)
    books.submit(claim)
    books.remit(make.opening([answer], provider_adjustments=(("WO", 1_500),)), [answer])
    assert books.claims[claim.id].paid == 10_000
    assert books.balance(AccountKind.CASH_CLEARING) == 8_500
    assert books.balance(AccountKind.RECOUPMENT) == 1_500
    books.check()


def test_a_retry_gives_the_same_events(new_books: Any, make: Any) -> None:
    claim = make.claim()
    answer = make.answer(claim, (("CO", "45", 2_000),))
    tried = []
    for _ in range(2):
        books = new_books()
        books.submit(claim)
        tried.append([event.id for event in books.remit(make.opening([answer]), [answer])])
    assert tried[0] == tried[1]


def test_the_answers_decision_links_to_the_claims_trace_and_is_found_by_the_claim(
    books: Any, make: Any
) -> None:
    claim = make.claim()
    trace = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    books.submit(claim, trace)
    assert books.links == []
    answer = make.answer(claim)
    books.remit(make.opening([answer]), [answer])
    assert books.links == [trace]
    assert books.found_by == [str(claim.id)]

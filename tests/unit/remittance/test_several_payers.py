"""One claim, two payers: what moves from one to the next, and back."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.remittance.domain.accounts import number_key
from services.remittance.domain.incoming import Registration
from services.remittance.domain.ledger import AccountKind, EntryKind
from services.remittance.domain.registration import Submitted, SubmittedCoverage, SubmittedPayer
from shared.contract.claim import Claim, Insured, OtherCoverage, Payer, Provider, ServiceLine
from shared.contract.claim import Procedure as Billed
from shared.contract.events import ClaimSecondaryDue, ClaimSubmitted, InterchangeReference
from shared.contract.model import to_wire

SECOND = SubmittedCoverage(sequence="S", payer=SubmittedPayer(identifier="PAY02"))
FIRST_ANSWER = (("CO", "45", 2_000), ("PR", "1", 1_000), ("PR", "2", 500))
SECOND_ANSWER = (("OA", "23", 8_500), ("PR", "3", 300))


def _with_second(make: Any) -> Any:
    return make.claim(other_coverages=(SECOND,))


def _first(books: Any, make: Any, claim: Any, status: str = "1") -> Any:
    answer = make.answer(claim, FIRST_ANSWER, status=status)
    books.remit(make.opening([answer]), [answer])
    books.check()
    return answer


def _second(books: Any, make: Any, claim: Any) -> Any:
    answer = make.answer(claim, SECOND_ANSWER, status="2")
    opening = make.opening([answer], trace="TRACE-2", payer_identifier="PAY02")
    books.remit(opening, [answer])
    books.check()
    return answer


def test_what_the_first_payer_leaves_is_the_next_ones_to_settle(books: Any, make: Any) -> None:
    claim = _with_second(make)
    books.submit(claim)
    _first(books, make, claim)
    ours = books.claims[claim.id]
    assert (ours.patient, ours.receivable, ours.payer) == (0, 1_500, "PAY02")
    assert ours.next_payers == ()


def test_what_a_later_payer_repeats_is_not_posted_again(books: Any, make: Any) -> None:
    claim = _with_second(make)
    books.submit(claim)
    _first(books, make, claim)
    _second(books, make, claim)
    ours = books.claims[claim.id]
    assert (ours.paid, ours.contractual, ours.patient, ours.receivable) == (7_700, 2_000, 300, 0)
    assert books.balance(AccountKind.OTHER_ADJUSTMENT) == 0


def test_a_later_payer_that_comes_first_waits_for_the_earlier_one(books: Any, make: Any) -> None:
    claim = _with_second(make)
    books.submit(claim)
    _second(books, make, claim)
    assert books.read_states() == {"waiting": 1}
    _first(books, make, claim)
    ours = books.claims[claim.id]
    assert (ours.paid, ours.patient, ours.receivable) == (7_700, 300, 0)


def test_a_payer_that_nobody_told_us_of_takes_over_the_patients_share(
    books: Any, make: Any
) -> None:
    claim = make.claim()
    books.submit(claim)
    _first(books, make, claim, status="19")
    assert books.claims[claim.id].patient == 1_500
    _second(books, make, claim)
    ours = books.claims[claim.id]
    assert (ours.patient, ours.receivable, ours.paid) == (300, 0, 7_700)


def test_a_reversal_brings_back_what_had_moved_on(books: Any, make: Any) -> None:
    claim = _with_second(make)
    books.submit(claim)
    answer = _first(books, make, claim)
    reversal = make.reversal(answer)
    books.remit(make.opening([reversal], trace="TRACE-3"), [reversal])
    books.check()
    ours = books.claims[claim.id]
    assert (ours.patient, ours.receivable, ours.payer) == (0, 10_000, "PAY01")
    assert ours.next_payers == ("PAY02",)
    crossed = [one for one in books.entries.values() if one.kind == EntryKind.CROSSOVER]
    assert {one.reverses for one in crossed if one.reverses} == {
        one.id for one in crossed if not one.reverses
    }


def _document() -> Claim:
    second = OtherCoverage(
        sequence="S",
        relationship="18",
        filing_indicator="CI",
        payer=Payer(name="SECOND", identifier="PAY02", identifier_qualifier="PI"),
        subscriber=Insured(is_person=True, name="DOE", identifier="W2"),
    )
    return Claim(
        id=UUID(int=1),
        kind="professional",
        source="hospital",
        patient_control_number="ACCT-9",
        charge=10_000,
        billing_provider=Provider(name="A CLINIC", npi="1234567893"),
        subscriber=Insured(is_person=True, name="DOE", identifier="W1"),
        payer=Payer(name="FIRST", identifier="PAY01", identifier_qualifier="PI"),
        other_coverages=(second,),
        service_lines=(
            ServiceLine(
                number=1,
                procedure=Billed(code="99213"),
                charge=10_000,
                line_control_number="L1",
            ),
        ),
    )


def _submitted(claim: Claim) -> Registration:
    content = _wire(claim)
    known = Submitted.model_validate_json(content).claim
    return Registration(known, number_key(claim.patient_control_number), None, content)


def _wire(claim: Claim) -> bytes:
    reference = InterchangeReference(
        interchange_id=claim.id,
        payer="p",
        interchange_control_number="1",
        group_control_number="1",
        transaction_control_number="1",
    )
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return to_wire(ClaimSubmitted(claim=claim, interchange=reference, submitted_at=at))


@pytest.mark.parametrize(("status", "is_due"), [("1", True), ("19", False)])
def test_the_next_payers_claim_balances_and_is_not_sent_where_the_payer_did(
    books: Any, make: Any, status: str, is_due: bool
) -> None:
    claim = _document()
    books.tell(_submitted(claim))
    line = make.line(10_000, (("CO", "45", 2_000), ("PR", "2", 1_000)), line_control_number="L1")
    answer = make.answer(
        claim, (), status=status, paid=7_000, lines=(line,), payer_claim_control_number="ICN1"
    )
    books.remit(make.opening([answer]), [answer])
    books.check()
    due = books.said(ClaimSecondaryDue)
    assert bool(due) is is_due
    if not is_due:
        return
    onward = due[0].data.claim
    assert (onward.id, onward.payer.identifier, onward.payer_sequence) == (claim.id, "PAY02", "S")
    assert onward.subscriber.identifier == "W2"
    (first,) = onward.other_coverages
    assert (first.sequence, first.payer.identifier, first.paid) == ("P", "PAY01", 7_000)
    assert (first.payer_claim_control_number, first.remaining_liability) == ("ICN1", 1_000)
    (adjudicated,) = onward.service_lines[0].adjudications
    assert adjudicated.paid + sum(part.amount for part in adjudicated.adjustments) == 10_000

"""A month with a payer that does what payers do, and its book beside ours, to the cent."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from deploy.twins.hospital import render_x12
from deploy.twins.payer.core import Payer
from deploy.twins.payer.scenario_file import load_scenario
from services.remittance.domain.accounts import number_key
from services.remittance.domain.commands import DecideRemittance
from services.remittance.domain.incoming import Registration
from services.remittance.domain.ledger import AccountKind
from services.remittance.domain.registration import Submitted
from services.remittance.reading import read_transactions
from shared.contract.claim import Claim
from shared.contract.events import ClaimSubmitted, InterchangeReference
from shared.contract.model import to_wire
from shared.contract.remittance import RemittanceProblem
from tests.bench.inputs import TODAY, professional_claims

AT = datetime(2026, 11, 3, 12, tzinfo=UTC)
MONTHS = timedelta(days=120)
CLAIMS = 40
BALANCED = (
    *("paid", "denied", "partly-denied", "bundling", "claim-level", "forward-balance"),
    *("interest", "overpayment", "provider-adjustments", "reversals", "divided"),
)
PLB = (
    AccountKind.RECOUPMENT,
    AccountKind.FORWARDING_BALANCE,
    AccountKind.INTEREST,
    AccountKind.PROVIDER_ADJUSTMENT,
)


def _registration(claim: Claim) -> Registration:
    reference = InterchangeReference(
        interchange_id=claim.id,
        payer="p",
        interchange_control_number="1",
        group_control_number="1",
        transaction_control_number="1",
    )
    content = to_wire(ClaimSubmitted(claim=claim, interchange=reference, submitted_at=AT))
    known = Submitted.model_validate_json(content).claim
    return Registration(known, number_key(claim.patient_control_number), None, content)


def _month(books: Any, scenario: str, seed: int) -> Payer:
    """The twin's 835s of some months, in their order, told to the books; each message twice."""
    claims = professional_claims(CLAIMS)
    payer = Payer(load_scenario(scenario), seed=seed)
    payer.take(render_x12(claims, TODAY, number=1), "one.837", AT)
    for claim in claims:
        books.tell(_registration(claim))
    for file in payer.advance(AT + MONTHS):
        if file.kind == "835":
            for _ in range(2):
                event_id = uuid4()
                for body in _bodies(file.content):
                    books.tell(body, event_id)
    books.check()
    return payer


def _bodies(content: bytes) -> Iterator[Any]:
    for body in read_transactions(lambda: io.BytesIO(content)):
        if not isinstance(body, RemittanceProblem):
            yield body


@pytest.mark.parametrize("scenario", BALANCED)
def test_the_books_end_as_the_payers(new_books: Any, scenario: str) -> None:
    books = new_books()
    totals = _month(books, scenario, seed=7).book.totals()
    assert books.read_states().keys() <= {"posted", "noted"}
    assert totals["charged"] > 0
    assert books.balance(AccountKind.CASH_CLEARING) == totals["transferred"]
    assert sum(claim.paid for claim in books.claims.values()) == totals["paid"]
    assert sum(claim.patient for claim in books.claims.values()) == totals["patient"]
    assert sum(map(books.balance, PLB)) == totals["provider_adjustments"]
    assert books.balance(AccountKind.UNAPPLIED_CASH) == 0


def test_totals_that_are_wrong_wait_and_are_off_by_what_the_payer_made_wrong(
    new_books: Any,
) -> None:
    books = new_books()
    payer = _month(books, "wrong-totals", seed=7)
    accepted = {one.trace_number for one in books.remittances if one.status == "accepted"}
    for told in payer.book.remittances:
        assert (told.trace_number in accepted) is ("transaction" not in told.wrong)
    held = [one for one in books.remittances if one.status == "held"]
    for one in held:
        books.command(DecideRemittance(one.id, True, "a biller"))
        books.release(one.id)
    books.check()
    assert "held" not in books.read_states()


@pytest.mark.parametrize(
    ("scenario", "seed"),
    [("hard-month", 1), ("hard-month", 2), ("crossover", 7), ("mangled", 7), ("fee-schedule", 7)],
)
def test_a_hard_month_loses_and_invents_nothing(new_books: Any, scenario: str, seed: int) -> None:
    books = new_books()
    payer = _month(books, scenario, seed)
    assert payer.book.totals()["remittances"] > 0
    assert books.read_states()["posted"] > 0

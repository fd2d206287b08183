"""Whose account a claim stands in: a control number is no patient."""

import hmac
from datetime import date
from typing import Any

import pytest

from services.remittance.domain.accounts import BillingProvider, number_key, patient_account_id
from services.remittance.domain.commands import PatientPaid, RefundPatient, RefusedError
from services.remittance.domain.ledger import AccountKind
from services.remittance.domain.payments import account_hash
from services.remittance.domain.registration import SubmittedProvider, account_for
from services.remittance.domain.state import LedgerClaim
from shared.contract.events import AdjustmentPosted, PaymentPosted

CLINIC_A, CLINIC_B = "1234567893", "1245319599"
KEY = b"a key for tests"
NUMBER = "1001"
DAY = date(2026, 3, 1)


def _claim(make: Any, npi: str | None, claim: str = "", **fields: Any) -> Any:
    provider = SubmittedProvider(npi=npi, **fields)
    return make.claim(NUMBER, source=f"{npi} {claim}", billing_provider=provider)


def _accounts(books: Any) -> list[str]:
    return [claim.account_id for claim in books.claims.values()]


def _known(books: Any, make: Any, *npis: str, account_id: str) -> list[LedgerClaim]:
    """Registered claims of these providers, all in one account."""
    for place, npi in enumerate(npis):
        books.submit(_claim(make, npi, str(place)))
    return [claim._replace(account_id=account_id) for claim in books.claims.values()]


def test_a_number_that_two_clinics_use_has_two_accounts(books: Any, make: Any) -> None:
    for npi in (CLINIC_A, CLINIC_B):
        books.submit(_claim(make, npi))
    first, second = _accounts(books)
    assert first != second
    hashes = {event.data.account_hash for event in books.said(AdjustmentPosted)}
    assert hashes == {hmac.digest(KEY, one.encode(), "sha256").hex() for one in (first, second)}
    books.check()


def test_all_claims_of_a_clinic_with_a_number_are_one_account(books: Any, make: Any) -> None:
    for place, number in enumerate((" abc-1", "ABC-1 ")):
        provider = SubmittedProvider(npi=CLINIC_A, tax_id=f"12-{place}")
        books.submit(make.claim(number, source=f"{place}", billing_provider=provider))
    assert len(set(_accounts(books))) == 1


def test_a_clinic_without_npi_is_told_by_its_tax_id_else_by_who_sends_its_claims(
    books: Any, make: Any
) -> None:
    taxes = (
        {"tax_id": "12-3456789"},
        {"identifier": "123456789", "identifier_qualifier": "24"},
        {"tax_id": "987654321"},
    )
    for place, fields in enumerate(taxes):
        books.submit(_claim(make, None, str(place), **fields))
    for source in ("lakeside", "hillside"):
        claim = make.claim(NUMBER, source=f"claims of {source}")
        books.submit(claim.model_copy(update={"source": source}))
    first, second, third, fourth, fifth = _accounts(books)
    assert first == second
    assert len({first, third, fourth, fifth}) == 4


def test_a_claim_joins_an_account_of_before_where_all_in_it_is_its_clinics(
    books: Any, make: Any
) -> None:
    legacy = number_key(NUMBER)
    own = _known(books, make, CLINIC_A, CLINIC_A, account_id=legacy)
    assert account_for(own, _claim(make, CLINIC_A, "new")) == legacy
    other = account_for(own, _claim(make, CLINIC_B, "new"))
    assert other == patient_account_id(NUMBER, BillingProvider(npi=CLINIC_B))


def test_a_claim_joins_no_account_in_which_another_clinics_claim_stands(
    books: Any, make: Any
) -> None:
    mixed = _known(books, make, CLINIC_A, CLINIC_B, account_id=number_key(NUMBER))
    made = account_for(mixed, _claim(make, CLINIC_A, "new"))
    assert made == patient_account_id(NUMBER, BillingProvider(npi=CLINIC_A))
    corrected = [one._replace(account_id=made) for one in mixed if one.billing.npi == CLINIC_B]
    assert account_for(corrected, _claim(make, CLINIC_A, "new")) not in {made, number_key(NUMBER)}


def test_an_account_of_before_keeps_its_hash(books: Any, make: Any) -> None:
    (before,) = _known(books, make, CLINIC_A, account_id=number_key(NUMBER))
    assert account_hash(KEY, before) == hmac.digest(KEY, NUMBER.encode(), "sha256").hex()


def test_a_revision_keeps_the_account_whatever_it_says_of_the_provider(
    books: Any, make: Any
) -> None:
    claim = _claim(make, CLINIC_A)
    books.submit(claim)
    (account,) = _accounts(books)
    changed = {"revision": 2, "billing_provider": SubmittedProvider(npi=CLINIC_B)}
    books.submit(claim.model_copy(update=changed))
    assert _accounts(books) == [account]
    assert [one.billing.npi for one in books.claims.values()] == [CLINIC_B]


def test_each_clinics_835_and_each_patients_payment_reach_their_own_account(
    books: Any, make: Any
) -> None:
    claims = {npi: _claim(make, npi) for npi in (CLINIC_A, CLINIC_B)}
    for claim in claims.values():
        books.submit(claim)
    for npi, share in ((CLINIC_B, 3_000), (CLINIC_A, 1_000)):
        answer = make.answer(claims[npi], (("PR", "1", share),))
        books.remit(make.opening([answer], trace=npi, payee_identifier=npi), [answer])
    books.command(PatientPaid(claims[CLINIC_A].id, "TILL-1", 1_500, "card", DAY, "ada"))
    first, second = (books.claims[claims[npi].id] for npi in (CLINIC_A, CLINIC_B))
    assert (first.patient, second.patient) == (1_000, 3_000)
    for kind, cents in (
        (AccountKind.PATIENT_RECEIVABLE, (1_000, 3_000)),
        (AccountKind.PATIENT_PAYMENT, (-1_500, 0)),
    ):
        assert tuple(books.held_by(kind, one.account_id) for one in (first, second)) == cents
    with pytest.raises(RefusedError, match="not there to be refunded"):
        books.command(RefundPatient(second.id, "R-1", 500, "ada"))
    assert len({event.data.account_hash for event in books.said(PaymentPosted)}) == 2
    books.check()


def test_an_answer_that_neither_clinic_is_paid_for_waits_until_a_number_tells(
    books: Any, make: Any
) -> None:
    claims = [_claim(make, npi) for npi in (CLINIC_A, CLINIC_B)]
    for claim in claims:
        books.submit(claim)
    answer = make.answer(claims[0])
    books.remit(make.opening([answer], payee_identifier="1003000126"), [answer])
    assert books.read_states() == {"unmatched": 1}
    assert [one.paid for one in books.claims.values()] == [0, 0]
    numbered = make.answer(claims[1], payer_claim_control_number="P2")
    books.number(claims[1].id, "P2")
    opening = make.opening([numbered], trace="T2", payee_identifier="1003000126")
    books.remit(opening, [numbered])
    assert books.claims[claims[1].id].paid == 10_000
    books.check()


def test_an_answer_that_overtakes_its_claim_is_not_posted_to_the_other_clinics(
    books: Any, make: Any
) -> None:
    provider = SubmittedProvider(npi=CLINIC_B)
    books.submit(make.claim("another", source="b", billing_provider=provider))
    first, second = _claim(make, CLINIC_A), _claim(make, CLINIC_B)
    books.submit(first)
    answer = make.answer(second)
    books.remit(make.opening([answer], payee_identifier=CLINIC_B), [answer])
    assert books.read_states() == {"unmatched": 1}
    books.submit(second)
    assert [books.claims[one.id].paid for one in (first, second)] == [0, 10_000]
    books.check()

"""Two clinics, one control number: nothing of one patient reaches the other's account."""

import hmac
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.remittance import acting, journal, questions
from services.remittance.app import service
from services.remittance.audit import CHECKS
from services.remittance.balances import patient_balances
from services.remittance.domain.accounts import number_key
from services.remittance.domain.balances import PatientBalance
from services.remittance.domain.commands import PatientPaid, RefundPatient, RefusedError
from services.remittance.domain.ledger import charge_entry
from services.remittance.domain.policy import DEFAULT
from services.remittance.looking_again import EVER, look_again
from services.remittance.statements.office import StatementOffice
from shared.money import parse_cents
from shared.settings import Settings
from tests.integration.remittance.patients import (
    NOW,
    account_of,
    answered,
    claim_id_of,
    submitted,
)

A, B, GROUP = "1234567893", "1245319599", "1003000126"
NUMBER = "1001"
VISIT = (("99213", 10_000),)
LABS = (("80053", 20_000),)
PATIENTS = {A: ("RIVERA", "JORDAN"), B: ("OKAFOR", "CHIDI")}
MEMBERS = {A: "W1", B: "Z9"}
TODAY = date(2026, 3, 1)


def _claim(npi: str, lines: Any = VISIT, claim: str = "", number: str = NUMBER) -> Any:
    return submitted(
        number, lines, claim=claim, npi=npi, patient=PATIENTS[npi], member=MEMBERS[npi]
    )


def _answer(
    charge: int, share: int, payee: str, *, trace: str, follow: tuple[str, ...] = ()
) -> Any:
    paid = charge - share
    rest = f"1*{charge}*{paid}*{share}*12*P{trace}*11*1"
    return answered(
        [(NUMBER, rest, (f"CAS*PR*2*{share}", *follow))],
        paid=str(paid),
        trace=trace,
        payee=(payee,),
    )


def _payee(npi: str) -> str:
    return f"N1*PE*A CLINIC*XX*{npi}"


async def _shares(desk: Any) -> list[int]:
    return [(await _balance(desk, account_of(NUMBER, npi))).share for npi in (A, B)]


async def _balance(desk: Any, account_id: UUID) -> PatientBalance:
    async with desk.pool.acquire() as connection:
        return (await patient_balances(connection, [account_id]))[account_id]


async def _act(desk: Any, *commands: Any) -> None:
    async with desk.pool.acquire() as connection:
        await acting.act(connection, desk.core.handler, commands, NOW)


async def _waiting(desk: Any) -> list[dict[str, Any]]:
    async with desk.pool.acquire() as connection:
        return await questions.waiting(connection, DEFAULT.match)


async def _check(desk: Any) -> None:
    async with desk.pool.acquire() as connection:
        for name, check in CHECKS.items():
            assert await check(connection) == [], name
        rows = await questions.trial_balance(connection, date(2026, 12, 31))
    assert sum(parse_cents(row["balance"]) for row in rows) == 0
    assert desk.parked == []


@pytest.fixture
async def clinics(desk: Any) -> Any:
    """Both have a claim under the number, and an answer that its own payee names."""
    await desk.take(_claim(A), _claim(B, LABS))
    await desk.take(
        _answer(200, 30, _payee(B), trace="TB"), _answer(100, 20, _payee(A), trace="TA")
    )
    return desk


# Matching


async def test_each_835_is_posted_to_the_clinic_that_it_pays(clinics: Any) -> None:
    assert await _shares(clinics) == [2_000, 3_000]
    rows = await clinics.fetch("SELECT value FROM event WHERE type = 'payment.posted.v1'")
    hashes = {json.loads(row[0])["account_hash"] for row in rows}
    key = Settings().account_hash_key.get_secret_value().encode()
    accounts = [str(account_of(NUMBER, npi)) for npi in (A, B)]
    assert hashes == {hmac.digest(key, one.encode(), "sha256").hex() for one in accounts}
    told = await clinics.fetch("SELECT value FROM event WHERE type = 'patient.balance-changed.v1'")
    assert {json.loads(row[0])["account_id"] for row in told} == set(accounts)
    await _check(clinics)


@pytest.mark.parametrize("batch", [1, 500])
async def test_a_tax_id_tells_where_the_clinics_have_two(desk: Any, batch: int) -> None:
    tax_ids = {A: "111111111", B: "22-2222222"}
    for npi, tax_id in tax_ids.items():
        await desk.take(submitted(NUMBER, VISIT, npi=npi, tax_id=tax_id))
    by_name = _answer(100, 20, "N1*PE*A CLINIC*FI*222222222", trace="T1")
    by_reference = _answer(100, 10, f"{_payee(GROUP)}~REF*TJ*111111111", trace="T2")
    await desk.take(by_name, by_reference, batch=batch)
    assert await _shares(desk) == [1_000, 2_000]
    await _check(desk)


async def test_where_the_payee_is_neither_a_score_beyond_doubt_tells(desk: Any) -> None:
    await desk.take(_claim(A), _claim(B))
    service_line = ("SVC*HC:99213*100*90**1", "DTM*472*20260112", "CAS*PR*2*10")
    follow = ("NM1*QC*1*OKAFOR*CHIDI****MI*Z9", *service_line)
    rest = "1*100*90*10*12*P1*11*1"
    await desk.take(answered([(NUMBER, rest, follow)], paid="90", payee=(_payee(GROUP),)))
    assert await _shares(desk) == [0, 1_000]
    await _check(desk)


async def test_what_fits_both_waits_with_both_as_candidates_until_a_person_tells(
    clinics: Any,
) -> None:
    await clinics.take(_answer(50, 5, _payee(GROUP), trace="T3"))
    assert await _shares(clinics) == [2_000, 3_000]
    (row,) = await _waiting(clinics)
    assert row["state"] == "unmatched"
    ours = {str(claim_id_of(NUMBER, npi=npi)) for npi in (A, B)}
    assert {one["claim_id"] for one in row["candidates"]} == ours
    await _check(clinics)


async def test_what_both_clinics_claims_fit_is_found_by_the_number_that_the_payer_tells_later(
    desk: Any,
) -> None:
    await desk.take(_claim(A), _claim(B))
    await desk.take(_answer(100, 10, _payee(GROUP), trace="T1"))
    assert await desk.value("SELECT state FROM remittance_claim") == "unmatched"
    told = "UPDATE claim SET payer_claim_control_number = 'PT1' WHERE id = $1"
    await desk.fetch(told, claim_id_of(NUMBER, npi=B))
    async with desk.pool.acquire() as connection:
        assert await look_again(connection, desk.core.handler, EVER, NOW) == 1
    assert await _shares(desk) == [0, 1_000]
    assert await desk.value("SELECT count(*) FROM remittance_claim WHERE state = 'posted'") == 1
    await _check(desk)


@pytest.mark.parametrize("batch", [1, 500])
@pytest.mark.parametrize(
    "earlier", [[], [_claim(B, claim="x", number="another")]], ids=["unknown", "known"]
)
async def test_an_835_that_overtakes_its_claim_waits_though_another_clinic_has_the_number(
    desk: Any, batch: int, earlier: list[Any]
) -> None:
    await desk.take(_claim(A), *earlier)
    await desk.take(_answer(200, 30, _payee(B), trace="T1"), batch=batch)
    assert await desk.value("SELECT state FROM remittance_claim") == "unmatched"
    await desk.take(_claim(B, LABS), batch=batch)
    assert await _shares(desk) == [0, 3_000]
    await _check(desk)


async def test_one_claim_with_the_number_is_matched_whoever_collects_for_it(desk: Any) -> None:
    await desk.take(_claim(A))
    await desk.take(_answer(100, 20, _payee(GROUP), trace="T1"))
    assert (await _balance(desk, account_of(NUMBER, A))).share == 2_000
    await _check(desk)


# Money and bills


async def test_a_patients_payment_and_credit_stay_with_the_clinic(clinics: Any) -> None:
    paid, other = (claim_id_of(NUMBER, npi=npi) for npi in (A, B))
    await _act(clinics, PatientPaid(paid, "TILL-1", 2_500, "card", TODAY, "ada"))
    await _act(clinics, PatientPaid(other, "TILL-1", 1_000, "card", TODAY, "ada"))
    balances = [await _balance(clinics, account_of(NUMBER, npi)) for npi in (A, B)]
    assert [(one.paid, one.credit, one.billable) for one in balances] == [
        (2_500, 500, 0),
        (1_000, 0, 2_000),
    ]
    with pytest.raises(RefusedError, match="not there"):
        await _act(clinics, RefundPatient(other, "R-1", 1_500, "ada"))
    await _act(clinics, RefundPatient(paid, "R-1", 500, "ada"))
    await _check(clinics)


async def test_each_bill_shows_its_own_patient_and_services(
    clinics: Any, office: StatementOffice
) -> None:
    bills = [(await office.make(account_of(NUMBER, npi), "ada", NOW)).bill for npi in (A, B)]
    assert [bill.total.share for bill in bills] == [2_000, 3_000]
    texts = [bill.model_dump_json() for bill in bills]
    for own, other in ((0, 1), (1, 0)):
        last, first = list(PATIENTS.values())[other]
        code = (VISIT, LABS)[other][0][0]
        assert not any(word in texts[own] for word in (last, first, code))


async def test_an_estimate_for_a_number_of_two_clinics_names_the_one_that_is_meant(
    clinics: Any, client: httpx.AsyncClient
) -> None:
    body = {
        "patient_control_number": NUMBER,
        "reference": "GFE 1",
        "amount": "20.00",
        "given_on": "2026-01-02",
    }
    unclear = await client.put("/estimates", json=body)
    assert (unclear.status_code, unclear.json()["code"]) == (409, "account-ambiguous")
    named = await client.put("/estimates", json={**body, "billing_provider": B})
    assert named.json() == {"account_id": str(account_of(NUMBER, B))}
    unknown = await client.put("/estimates", json={**body, "billing_provider": "999999999"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "provider-unknown")
    wrong = await client.put("/estimates", json={**body, "billing_provider": "a clinic"})
    assert wrong.status_code == 422
    early = {**body, "patient_control_number": "later", "billing_provider": A}
    assert (await client.put("/estimates", json=early)).json() == {
        "account_id": str(account_of("later", A))
    }


async def test_an_estimate_from_before_the_claims_counts_while_one_clinic_has_the_number(
    desk: Any, client: httpx.AsyncClient, office: StatementOffice
) -> None:
    body = {"reference": "GFE", "amount": "20.00", "given_on": "2026-01-02"}
    await client.put("/estimates", json={**body, "patient_control_number": NUMBER})
    await desk.take(_claim(A), _answer(100, 20, _payee(A), trace="TA"))
    first = await office.make(account_of(NUMBER, A), "ada", NOW)
    assert first.bill.estimate is not None
    await desk.take(_claim(B, LABS), _answer(200, 30, _payee(B), trace="TB"))
    second = await office.make(account_of(NUMBER, B), "ada", NOW)
    assert second.bill.estimate is None


# A database of the time when a control number had one account

_OLD_CLAIM = """
INSERT INTO claim (id, account_id, revision, patient_control_number, payer_identifier, status,
                   charge_cents, paid_cents, contractual_cents, patient_cents, other_cents,
                   denied_cents, charge_entry, charge_revision, lines, line_control_numbers,
                   standing)
VALUES ($1, $2, 1, $3, 'PAY01', 'registered', $4, 0, 0, 0, 0, 0, $5, 1, '[]', '{}', '[]')
"""
_OLD_DOCUMENT = """
INSERT INTO claim_document (claim_id, revision, payer_identifier, charge_cents, content)
VALUES ($1, 1, 'PAY01', $2, $3)
"""


async def _write_old(desk: Any, npi: str, lines: Any, number: str) -> None:
    """A registered claim as the release before wrote it."""
    claim_id, account_id = claim_id_of(number, npi=npi), UUID(number_key(number))
    cents = sum(charge for _, charge in lines)
    charge = charge_entry(claim_id, 1, "PAY01", cents, NOW)
    document = _claim(npi, lines, number=number).value.decode()
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO patient_account VALUES ($1) ON CONFLICT DO NOTHING", account_id
        )
        await journal.write(connection, [charge])
        await connection.execute(_OLD_CLAIM, claim_id, account_id, number, cents, charge.id)
        await connection.execute(_OLD_DOCUMENT, claim_id, cents, document)


@pytest.fixture
async def old_desk(bare_desk: Any, tmp_path: Path) -> Any:
    """One clinic's claim under NUMBER, and two clinics' under "both", from before."""
    schema_dir = service(Settings()).schema_dir
    assert schema_dir is not None
    for file in schema_dir.glob("00[01]*.sql"):
        if file.name < "0011":
            shutil.copy(file, tmp_path)
    await bare_desk.migrate(tmp_path)
    await _write_old(bare_desk, A, VISIT, NUMBER)
    for npi in (A, B):
        await _write_old(bare_desk, npi, LABS, "both")
    await bare_desk.migrate()
    return bare_desk


async def test_claims_of_before_keep_their_account_and_their_hash(old_desk: Any) -> None:
    await old_desk.take(_answer(100, 20, _payee(A), trace="TA"))
    account_id = UUID(number_key(NUMBER))
    assert (await _balance(old_desk, account_id)).share == 2_000
    await _act(old_desk, PatientPaid(claim_id_of(NUMBER, npi=A), "T", 500, "cash", TODAY, "ada"))
    assert (await _balance(old_desk, account_id)).billable == 1_500
    row = await old_desk.value("SELECT value FROM event WHERE type = 'payment.posted.v1'")
    key = Settings().account_hash_key.get_secret_value().encode()
    assert json.loads(row)["account_hash"] == hmac.digest(key, b"1001", "sha256").hex()
    await _check(old_desk)


async def test_claims_that_come_join_an_account_of_before_only_where_it_is_their_clinics(
    old_desk: Any,
) -> None:
    await old_desk.take(
        _claim(A, claim="2"),
        _claim(B, LABS),
        _claim(A, claim="2", number="both"),
        _answer(200, 30, _payee(B), trace="TB"),
    )
    rows = await old_desk.fetch(
        "SELECT patient_control_number, billing_npi, account_id FROM claim ORDER BY 1, 2, 3"
    )
    old, both = UUID(number_key(NUMBER)), UUID(number_key("both"))
    assert {tuple(row) for row in rows} == {
        (NUMBER, A, old),
        (NUMBER, B, account_of(NUMBER, B)),
        ("both", A, both),
        ("both", A, account_of("both", A)),
        ("both", B, both),
    }
    assert (await _balance(old_desk, account_of(NUMBER, B))).share == 3_000
    assert (await _balance(old_desk, old)).share == 0
    await _check(old_desk)

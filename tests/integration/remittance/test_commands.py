"""What people decide, on a real database, and what the outside can rebuild of the ledger."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from services.remittance import acting, appeals, balances, extracting, questions
from services.remittance.audit import CHECKS, summary
from services.remittance.domain.balances import PatientBalance
from services.remittance.domain.bank import deposits_of
from services.remittance.domain.commands import (
    DecideRemittance,
    PatientPaid,
    RefundPatient,
    ResolveClaim,
    WriteOff,
)
from services.remittance.domain.extract import COLUMNS
from services.remittance.domain.incoming import Numbered
from services.remittance.domain.policy import DEFAULT, Policy
from services.remittance.domain.variance import Fee
from services.remittance.looking_again import EVER, look_again
from shared.contract.envelope import business_id
from shared.money import parse_cents
from tests.integration.remittance.patients import account_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = date(2026, 12, 31)
SHARED = ("1*300*200**12*P3*11*1", ["CAS*CO*45*60", "CAS*PR*2*40"])
DENIED = ("4*300*0**12*P2*11*1", ["CAS*CO*29*300", "MOA***N30"])
OFF = ("1*300*240**12*P4*11*1", ["CAS*CO*45*59"])
LINES = (
    "1*300*240**12*P1*11*1",
    [
        segment
        for number in (1, 2, 3)
        for segment in ("SVC*HC:99213*100*80**1", f"DTM*472*2026010{number}", "CAS*CO*45*20")
    ],
)


def _claim_id(number: str) -> Any:
    return business_id("claim", "hospital", number)


async def _act(desk: Any, *commands: Any) -> Any:
    async with desk.pool.acquire() as connection:
        return await acting.act(connection, desk.core.handler, commands, NOW)


async def _ask(desk: Any, question: Any, *arguments: Any) -> Any:
    async with desk.pool.acquire() as connection:
        return await question(connection, *arguments)


async def _audit(desk: Any) -> None:
    async with desk.pool.acquire() as connection:
        for name, check in CHECKS.items():
            assert await check(connection) == [], name


async def _patient(desk: Any, number: str) -> PatientBalance:
    key = account_of(number)
    (found,) = (await _ask(desk, balances.patient_balances, [key])).values()
    assert isinstance(found, PatientBalance)
    return found


async def test_a_set_that_does_not_add_up_is_released_when_it_is_accepted(
    desk: Any, paper: Any
) -> None:
    await desk.take(paper.claim("A"), paper.claim("B"))
    await desk.take(paper.remittance([("A", *SHARED), ("B", *LINES)], paid="441"))
    (held,) = await _ask(desk, questions.held)
    assert (held["amount"], held["difference"], held["claims"]) == ("441.00", "1.00", 2)
    assert held["findings"][0]["code"] == "transaction-out-of-balance"
    remittance_id = await desk.value("SELECT id FROM remittance")
    await _act(desk, DecideRemittance(remittance_id, True, "a biller", "the payer confirmed"))
    async with desk.pool.acquire() as connection:
        assert await acting.release(connection, desk.core.handler, remittance_id, NOW) == 2
        assert await acting.release(connection, desk.core.handler, remittance_id, NOW) == 0
    assert await desk.value("SELECT sum(paid_cents)::int FROM claim") == 44_000
    assert await desk.value("SELECT posted FROM remittance") == 2
    assert await desk.value("SELECT decided_by FROM remittance") == "a biller"
    rows = await _ask(desk, questions.trial_balance, LATER)
    left = {row["kind"]: row["balance"] for row in rows}
    assert (left["cash_clearing"], left["unapplied_cash"]) == ("441.00", "-1.00")
    assert sum(parse_cents(row["balance"]) for row in rows) == 0


async def test_a_mangled_number_is_scored_and_two_alike_wait_for_a_person(
    desk: Any, paper: Any
) -> None:
    rest, follow = LINES
    follow = ["NM1*QC*1*DOE*****MI*W1", *follow]
    await desk.take(paper.claim("A"))
    await desk.take(paper.remittance([("0000", rest, follow)], paid="240"))
    assert await desk.value("SELECT paid_cents FROM claim") == 24_000
    await desk.take(paper.claim("B"), paper.claim("C"))
    other = rest.replace("P1", "P7")
    await desk.take(paper.remittance([("0001", other, follow)], trace="T2", paid="240"))
    (row,) = await _ask(desk, questions.waiting, DEFAULT.match)
    assert row["state"] == "unmatched"
    ours = {str(_claim_id(number)) for number in "ABC"}
    assert {one["claim_id"] for one in row["candidates"]} == ours
    assert {one["score"] for one in row["candidates"]} == {100}
    place = UUID(row["remittance_id"]), row["position"]
    await _act(desk, ResolveClaim(place, "match", "a biller", _claim_id("C")))
    assert await desk.value("SELECT paid_cents FROM claim WHERE id = $1", _claim_id("C")) == 24_000
    assert await _ask(desk, questions.waiting, DEFAULT.match) == []
    await _audit(desk)


async def _look_again(desk: Any) -> int:
    async with desk.pool.acquire() as connection:
        return await look_again(connection, desk.core.handler, EVER, NOW)


async def test_an_unmatched_claim_is_scored_again_when_its_claim_comes(
    desk: Any, paper: Any
) -> None:
    rest, follow = LINES
    answer = ("0000", rest, ["NM1*QC*1*DOE*****MI*W1", *follow])
    await desk.take(paper.remittance([answer], paid="240"))
    assert await _look_again(desk) == 0
    await desk.take(paper.claim("A"))
    assert await desk.value("SELECT state FROM remittance_claim") == "unmatched"
    assert await _look_again(desk) == 1
    assert await desk.value("SELECT paid_cents FROM claim") == 24_000
    counts = await desk.fetch("SELECT posted, unmatched FROM remittance")
    assert tuple(counts[0]) == (1, 0)
    assert await _look_again(desk) == 0
    assert (await _patient(desk, "A")).claims[0].paid == 24_000
    await _audit(desk)


async def test_two_that_came_later_and_look_alike_wait_for_a_person(desk: Any, paper: Any) -> None:
    rest, follow = LINES
    answer = ("0000", rest, ["NM1*QC*1*DOE*****MI*W1", *follow])
    await desk.take(paper.remittance([answer], paid="240"), paper.claim("A"), paper.claim("B"))
    before = await desk.value("SELECT count(*) FROM event")
    assert await _look_again(desk) == 1
    assert await desk.value("SELECT state FROM remittance_claim") == "unmatched"
    assert await desk.value("SELECT count(*) FROM event") == before
    await _audit(desk)


async def test_an_unmatched_claim_is_found_by_the_number_that_the_payer_tells_later(
    desk: Any, paper: Any
) -> None:
    answer = ("0000", "1*100*60**12*P9*11*1", ["CAS*CO*45*40"])  # another charge: no score
    await desk.take(paper.remittance([answer], paid="60"), paper.claim("A"))
    assert await _look_again(desk) == 0
    await _act(desk, Numbered(_claim_id("A"), "P9"))
    assert await _look_again(desk) == 1
    assert await desk.value("SELECT paid_cents FROM claim") == 6_000
    await _audit(desk)


async def test_an_unmatched_claim_is_found_by_our_line_numbers(desk: Any, paper: Any) -> None:
    line = ["SVC*HC:99213*100*60**1", "DTM*472*20260101", "CAS*CO*45*40", "REF*6R*A-1"]
    await desk.take(paper.remittance([("0000", "1*100*60**12*P9*11*1", line)], paid="60"))
    await desk.take(paper.claim("A"))
    assert await _look_again(desk) == 1
    assert await desk.value("SELECT paid_cents FROM claim") == 6_000
    await _audit(desk)


async def test_an_unbalanced_claim_is_accepted_by_a_person(desk: Any, paper: Any) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *OFF)], paid="240"))
    (row,) = await _ask(desk, questions.waiting, DEFAULT.match, "quarantined")
    assert (row["difference"], row["claim_id"]) == ("1.00", str(_claim_id("A")))
    assert (await _patient(desk, "A")).claims[0].waiting == 1
    remittance_id = await desk.value("SELECT id FROM remittance")
    await _act(desk, ResolveClaim((remittance_id, 0), "accept", "a biller"))
    assert await desk.value("SELECT receivable_cents FROM claim") == 100
    await _audit(desk)


async def test_denials_are_work_with_a_deadline_and_an_appeal(desk: Any, paper: Any) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *DENIED)], paid="0"))
    (denial,) = await _ask(desk, questions.denials)
    assert (denial["reason"], denial["amount"], denial["state"]) == ("CO-29", "300.00", "open")
    assert (denial["kind"], denial["due_on"]) == ("eligibility", "2026-08-28")
    (step,) = await _ask(desk, questions.denials_by_step)
    assert (step["denials"], step["amount"]) == (1, "300.00")
    await desk.fetch(
        "UPDATE claim SET accepted_at = '2026-01-05', acceptance_evidence = '277CA 0001 A2:20:PR'"
    )
    packet = await _ask(desk, appeals.packet, _claim_id("A"), DEFAULT, NOW.date())
    text = appeals.to_text(packet)
    for said in (
        "Member number: W1",
        "Amount appealed: 300.00",
        "CO-29",
        "2026-01-05 (277CA 0001 A2:20:PR)",
        "99213",
    ):
        assert said in text
    assert appeals.to_pdf(packet).startswith(b"%PDF")
    assert [one.kind for one in (await _patient(desk, "A")).claims[0].open] == ["denial"]
    remittance_id = await desk.value("SELECT id FROM remittance")
    await _act(desk, WriteOff(_claim_id("A"), "a biller", "late", ((remittance_id, 0), 0)))
    assert await desk.value("SELECT state FROM denial") == "written_off"
    assert await desk.value("SELECT written_off_cents FROM claim") == 30_000
    await _audit(desk)
    assert (await _ask(desk, summary)).is_reconciled


async def test_a_deposit_is_reconciled_by_its_trace_number(desk: Any, paper: Any) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *SHARED)], paid="200"))
    statement = "date,amount,trace\n2026-03-02,200.00,T1\n2026-03-02,5.00,T9\n"
    for _ in range(2):
        for deposit in deposits_of(statement):
            await _act(desk, deposit)
    listed = await _ask(desk, questions.deposits)
    assert [row["trace_number"] for row in listed["deposits_without_remittance"]] == ["T9"]
    assert listed["remittances_without_deposit"] == []
    await desk.take(paper.claim("B"), paper.remittance([("B", *SHARED)], trace="T9", paid="200"))
    assert await desk.value("SELECT count(*) FROM deposit WHERE state = 'unmatched'") == 0
    rows = {row["kind"]: row for row in await _ask(desk, questions.trial_balance, LATER)}
    assert rows["bank"]["balance"] == "205.00"
    assert rows["cash_clearing"]["balance"] == "195.00"
    await _audit(desk)


async def test_a_patient_pays_and_is_paid_back(desk: Any, paper: Any) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *SHARED)], paid="200"))
    before = await _patient(desk, "A")
    assert (before.share, before.billable) == (4_000, 4_000)
    assert before.claims[0].buckets == {"coinsurance": 4_000}
    paid = PatientPaid(_claim_id("A"), "TILL-1", 5_000, "card", date(2026, 3, 5), "a till")
    await _act(desk, paid)
    await _act(desk, paid)
    after = await _patient(desk, "A")
    assert (after.balance, after.billable, after.credit) == (-1_000, 0, 1_000)
    await _act(desk, RefundPatient(_claim_id("A"), "R1", 1_000, "a biller"))
    due = await _patient(desk, "A")
    assert (due.balance, due.refunds_due) == (0, 1_000)
    await _act(desk, RefundPatient(_claim_id("A"), "R1", 1_000, "a biller", is_paid=True))
    assert (await _patient(desk, "A")).refunds_due == 0
    await _audit(desk)


async def test_less_than_the_schedule_allows_is_said(desk: Any, paper: Any) -> None:
    async with desk.pool.acquire() as connection:
        fee = Fee("PAY01", "99213", "", date(2026, 1, 1), None, 9_500)
        await acting.load_fees(connection, [fee])
    await desk.take(paper.claim("A"), paper.remittance([("A", *LINES)], paid="240"))
    said = await desk.value(
        "SELECT convert_from(value, 'UTF8')::json FROM event WHERE type = 'claim.underpaid.v1'"
    )
    assert '"variance":"45.00"' in said


async def test_late_payers_owe_the_interest_of_their_states_rule(desk: Any, paper: Any) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *SHARED)], paid="200"))
    await desk.fetch("UPDATE claim SET accepted_at = '2026-01-01'")
    policy = Policy(payer_states={"PAY01": "NY"})
    (late,) = await _ask(desk, questions.prompt_pay, policy, LATER)
    # 59 days, 29 of them late: 200.00 at 12 % a year.
    assert (late["days"], late["interest"]) == (59, "1.90")
    assert await _ask(desk, questions.prompt_pay, DEFAULT, LATER) == []


async def test_the_extract_has_a_row_a_line_and_the_payments_sum(desk: Any, paper: Any) -> None:
    reversal = ("22*-300*-200**12*P3*11*1", ["CAS*CO*45*-60", "CAS*PR*2*-40"])
    await desk.take(paper.claim("A"), paper.remittance([("A", *SHARED)], paid="200"))
    await desk.take(
        paper.remittance([("A", *reversal), ("A", *LINES)], trace="T2", paid="40"), paper.claim("B")
    )
    async with desk.pool.acquire() as connection:
        rows = [row async for row in extracting.rows(connection, NOW)]
    assert len(rows) == 6
    assert all(tuple(row) == COLUMNS for row in rows)
    ours = [row for row in rows if row["claim_id"] == str(_claim_id("A"))]
    assert sum(parse_cents(row["paid_amount"] or "") for row in ours) == 24_000
    assert {row["hcpcs_code"] for row in ours} == {"99213"}
    assert {row["coinsurance_amount"] for row in ours} == {"0.00"}


async def test_the_ledger_is_listed_by_account_and_by_day(desk: Any, paper: Any) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *SHARED)], paid="200"))
    async with desk.pool.acquire() as connection:
        legs = [row async for row in questions.account(connection, "payer_receivable", LATER)]
        journal = [row async for row in questions.journal(connection, date(2026, 1, 1), LATER)]
        early = [row async for row in questions.journal(connection, date(2020, 1, 1), NOW.date())]
    assert legs[-1]["balance"] == "0.00"
    # Of one instant, in no order.
    assert {row["amount"] for row in legs} == {"300.00", "-200.00", "-60.00", "-40.00"}
    assert len(journal) == len(early) == 10
    assert sum(parse_cents(row["amount"]) for row in journal) == 0


@pytest.mark.parametrize("code", ["payer", "payer%", "nothing"])
async def test_no_account_is_found_by_half_a_name(desk: Any, paper: Any, code: str) -> None:
    await desk.take(paper.claim("A"))
    async with desk.pool.acquire() as connection:
        assert [row async for row in questions.account(connection, code, LATER)] == []

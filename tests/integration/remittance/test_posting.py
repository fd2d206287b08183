"""Records through the batch core into a real database, and the audit over what they left."""

import asyncio
from typing import Any

import asyncpg
import pytest

from services.remittance.audit import CHECKS, Money, claims_by_status, remitted_by_state, summary
from shared.messaging.decoding import unfold

PAID = (
    "1*300*240**12*P1*11*1",
    [
        segment
        for number in (1, 2, 3)
        for segment in ("SVC*HC:99213*100*80**1", f"DTM*472*2026010{number}", "CAS*CO*45*20")
    ],
)
DENIED = ("4*300*0**12*P2*11*1", ["CAS*CO*197*300"])
STRANGER = ("1*300*240**12*P9*11*1", ["CAS*CO*45*60"])
SHARED = ("1*300*200**12*P3*11*1", ["CAS*CO*45*60", "CAS*PR*2*40"])
OFF = ("1*300*240**12*P4*11*1", ["CAS*CO*45*59"])


async def _audit(desk: Any) -> None:
    async with desk.pool.acquire() as connection:
        for name, check in CHECKS.items():
            assert await check(connection) == [], name


async def _money(desk: Any) -> Money:
    async with desk.pool.acquire() as connection:
        return await summary(connection)


async def _said(desk: Any) -> dict[str, int]:
    rows = await desk.fetch("SELECT type, count(*) FROM event GROUP BY type")
    return {row[0]: row[1] for row in rows}


async def _settle_despite_deadlocks(desk: Any, pending: list[Any]) -> None:
    """As the consumer does: a batch that met a deadlock is tried again."""
    for _ in range(5):
        try:
            await desk.core.settle(pending)
        except asyncpg.DeadlockDetectedError:
            continue
        return


@pytest.mark.parametrize("batch", [1, 3, 500])
async def test_a_day_of_answers_is_posted_to_the_cent(desk: Any, paper: Any, batch: int) -> None:
    claims = [paper.claim(number) for number in ("A", "B", "C", "D", "E")]
    answers = [("A", *PAID), ("B", *DENIED), ("C", *SHARED), ("D", *OFF), ("X", *STRANGER)]
    await desk.take(*claims, paper.remittance(answers, paid="920"), batch=batch)
    assert desk.parked == []
    money = await _money(desk)
    assert money == Money(charged=150_000, paid=44_000, adjusted=12_000, patient=4_000, open=90_000)
    assert money.is_reconciled
    assert money.to_wire()["paid"] == "440.00"
    assert await _said(desk) == {
        "remittance.read.v1": 1,
        "remittance.posted.v1": 1,
        "remittance.quarantined.v1": 1,
        "claim.paid.v1": 2,
        "claim.denied.v1": 1,
        "patient.balance-changed.v1": 1,
        "payment.posted.v1": 3,
        "adjustment.posted.v1": 6,
    }
    (remittance,) = await desk.fetch("SELECT posted, quarantined, unmatched FROM remittance")
    assert tuple(remittance) == (3, 1, 1)
    async with desk.pool.acquire() as connection:
        assert await claims_by_status(connection) == {"paid": 2, "denied": 1, "registered": 2}
        assert await remitted_by_state(connection) == {
            "posted": 3,
            "quarantined": 1,
            "unmatched": 1,
        }
    await _audit(desk)


async def test_an_835_before_its_claims_is_posted_when_they_come(desk: Any, paper: Any) -> None:
    await desk.take(paper.remittance([("A", *PAID), ("B", *DENIED)], paid="240"))
    assert (await _money(desk)).charged == 0
    await _audit(desk)
    await desk.take(paper.claim("B"), paper.claim("A"))
    assert await _money(desk) == Money(
        charged=60_000, paid=24_000, adjusted=6_000, patient=0, open=30_000
    )
    await _audit(desk)


async def test_the_same_remittance_in_two_messages_is_posted_once(desk: Any, paper: Any) -> None:
    first, again = (paper.remittance([("A", *PAID)], paid="240") for _ in range(2))
    await desk.take(paper.claim("A"), first)
    before = await desk.value("SELECT count(*) FROM entry")
    await desk.take(again)
    assert await desk.value("SELECT count(*) FROM entry") == before
    said = await _said(desk)
    assert (said["remittance.read.v1"], said["payment.posted.v1"]) == (2, 1)
    await _audit(desk)


async def test_a_message_whose_inbox_row_is_long_gone_is_posted_once(desk: Any, paper: Any) -> None:
    record = paper.remittance([("A", *PAID)], paid="240")
    await desk.take(paper.claim("A"), record)
    before = await desk.value("SELECT count(*) FROM entry")
    await desk.fetch("DELETE FROM inbox")
    await desk.take(paper.claim("A"), record)
    assert desk.parked == []
    assert await desk.value("SELECT count(*) FROM entry") == before
    await _audit(desk)


async def test_other_content_under_a_known_trace_number_is_held(desk: Any, paper: Any) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *PAID)], paid="240"))
    await desk.take(paper.remittance([("A", *SHARED)], paid="200"))
    rows = await desk.fetch("SELECT status FROM remittance ORDER BY status")
    assert [row[0] for row in rows] == ["accepted", "held"]
    assert (await _money(desk)).paid == 24_000
    await _audit(desk)


async def test_reversal_correction_and_replacement(desk: Any, paper: Any) -> None:
    reversal = ("22*-300*-240**12*P1*11*1", ["CAS*CO*45*-60"])
    correction = ("1*450*400**12*P1*11*7", ["CAS*CO*45*50"])
    whole = ("1*300*240**12*P1*11*1", ["CAS*CO*45*60"])
    await desk.take(paper.claim("A"), paper.remittance([("A", *whole)], paid="240"))
    await desk.take(
        paper.remittance([("A", *correction), ("A", *reversal)], trace="T2", paid="160")
    )
    await _audit(desk)
    assert await desk.value("SELECT status FROM claim") == "reversed"
    await desk.take(paper.claim("A", charge=45_000, revision=2))
    assert await _money(desk) == Money(
        charged=45_000, paid=40_000, adjusted=5_000, patient=0, open=0
    )
    reversed_ids = await desk.fetch(
        "SELECT 1 FROM entry AS taken JOIN entry AS original ON original.id = taken.reverses"
    )
    assert len(reversed_ids) == 3
    await _audit(desk)


async def test_a_mangled_account_number_is_found_by_our_line_numbers(desk: Any, paper: Any) -> None:
    lines = [
        segment
        for number in (1, 2, 3)
        for segment in ("SVC*HC:99213*100*100**1", f"REF*6R*A-{number}")
    ]
    await desk.take(paper.claim("A"))
    await desk.take(paper.remittance([("0000A", "1*300*300**12*P1*11*1", lines)], paid="300"))
    assert await desk.value("SELECT paid_cents FROM claim") == 30_000
    await _audit(desk)


async def test_claims_and_answers_in_two_processes_at_once_miss_nothing(
    desk: Any, paper: Any
) -> None:
    numbers = [f"N{number}" for number in range(60)]
    claims = [paper.claim(number) for number in numbers]
    remittance = paper.remittance([(number, *PAID) for number in numbers], paid=str(60 * 240))
    one = [p for claim in reversed(claims) for p in unfold(desk.core.handler, claim)]
    two = list(unfold(desk.core.handler, remittance))

    async def in_batches(pending: list[Any], size: int) -> None:
        for start in range(0, len(pending), size):
            await _settle_despite_deadlocks(desk, pending[start : start + size])

    await asyncio.gather(in_batches(one, 7), in_batches(two, 11))
    assert await desk.value("SELECT count(*) FROM claim WHERE paid_cents = 24000") == 60
    assert await desk.value("SELECT count(*) FROM remittance_claim WHERE state = 'posted'") == 60
    await _audit(desk)


async def test_the_audit_names_what_is_wrong(desk: Any, paper: Any) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *PAID)], paid="240"))
    claim_id = str(await desk.value("SELECT id FROM claim"))
    await desk.fetch("UPDATE claim SET paid_cents = paid_cents + 1")
    async with desk.pool.acquire() as connection:
        found = {name: ids for name, check in CHECKS.items() if (ids := await check(connection))}
    assert found == {"a claim's receivable is its charge less all that was posted": [claim_id]}

"""A process that dies in the middle of a remittance, two at once, and the same again: every claim
is posted exactly once.

A kill is a connection that is cut while a batch's transaction is open, as PostgreSQL sees a process
that got SIGKILL; what comes after takes the whole record again, as Kafka gives it.
"""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from services.remittance.app import service
from services.remittance.audit import CHECKS
from shared import database
from shared.messaging.batch import Core
from shared.messaging.decoding import unfold
from shared.messaging.store import postgres_transactions
from shared.settings import Settings
from shared.telemetry.tracing import Tracing

PAID = ("1*300*200**12*P*11*1", ["CAS*CO*45*60", "CAS*PR*2*40"])
BATCH = 50
FEW, MANY = 300, 10_000


async def _audit(desk: Any) -> None:
    async with desk.pool.acquire() as connection:
        for name, check in CHECKS.items():
            assert await check(connection) == [], name


async def _posted_once(desk: Any, claims: int) -> None:
    assert await desk.value("SELECT count(*) FROM claim WHERE paid_cents = 20000") == claims
    assert await desk.value("SELECT count(*) FROM entry WHERE kind = 'payment'") == claims
    said = await desk.value("SELECT count(*) FROM event WHERE type = 'payment.posted.v1'")
    assert said == claims
    assert await desk.value("SELECT posted FROM remittance") == claims
    await _audit(desk)


async def _instance(desk: Any) -> tuple[Core, database.Pool]:
    """Another process of the service: a handler and connections of its own."""
    made = service(Settings())
    pool = await database.create_pool(
        database.service_dsn(desk.admin_dsn, made.name, desk.password), made.name, max_size=2
    )
    tracing = Tracing(made.name, 0.0)
    return Core(made.handler, postgres_transactions(pool), tracing, desk.core.clock), pool


async def _until_it_is_killed(desk: Any, pending: list[Any], batches: int) -> None:
    """Takes batches, and cuts the connection of the last one within its transaction."""
    core, pool = await _instance(desk)
    for number in range(batches):
        await core.settle(pending[number * BATCH : (number + 1) * BATCH])
    rest = pending[batches * BATCH : (batches + 1) * BATCH]
    dying = asyncio.create_task(core.settle(rest))
    await asyncio.sleep(0.02)
    await desk.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE state = 'active' AND pid <> pg_backend_pid() AND usename = current_user"
    )
    with suppress(asyncpg.PostgresError, OSError, asyncpg.InterfaceError):
        await dying  # killed, or quicker than the kill
    pool.terminate()


@pytest.mark.parametrize("claims", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
async def test_a_remittance_survives_the_death_of_its_reader(
    desk: Any, paper: Any, claims: int, request: pytest.FixtureRequest
) -> None:
    if claims == MANY and "slow" not in (request.config.getoption("-m") or ""):
        pytest.skip("the full size: run it with `-m slow`")
    numbers = [f"N{number}" for number in range(claims)]
    await desk.take(*(paper.claim(number) for number in numbers))
    record = paper.remittance([(number, *PAID) for number in numbers], paid=str(200 * claims))
    pending = list(unfold(desk.core.handler, record))
    await _until_it_is_killed(desk, pending, claims // BATCH // 2)

    async def again(core: Core) -> None:
        """The whole record, as Kafka gives it to whoever has the partition next."""
        for start in range(0, len(pending), BATCH):
            for _ in range(5):
                try:
                    await core.settle(pending[start : start + BATCH])
                except asyncpg.DeadlockDetectedError:
                    continue
                break

    first, one_pool = await _instance(desk)
    second, two_pool = await _instance(desk)
    await asyncio.gather(again(first), again(second))
    await one_pool.close()
    await two_pool.close()
    await _posted_once(desk, claims)


async def test_the_same_file_in_ten_messages_is_posted_once(desk: Any, paper: Any) -> None:
    numbers = [f"N{number}" for number in range(20)]
    await desk.take(*(paper.claim(number) for number in numbers))
    answers = [(number, *PAID) for number in numbers]
    records = [paper.remittance(answers, paid="4000") for _ in range(10)]
    await desk.take(*records)
    await _posted_once(desk, 20)
    read = await desk.fetch(
        "SELECT convert_from(value, 'UTF8') FROM event WHERE type = 'remittance.read.v1'"
    )
    assert sum("remittance-already-read" in row[0] for row in read) == 9

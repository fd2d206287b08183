"""Processes of the service, killed in the middle of a remittance, two of them, and the same file in
three messages: every claim is posted exactly once, and the books pass their audit.

It is apart from `test_kills.py`, which cuts connections within a transaction: here nothing is left
of the process, and its partitions, its relay's lease and its locks have to be taken over.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.remittance.app import NAME, service
from services.remittance.audit import CHECKS
from shared import database
from shared.contract import topics
from shared.messaging import broker as broker_clients
from shared.messaging.ends import next_offsets, reading
from shared.messaging.handler import Record
from shared.messaging.topics import create_topics
from shared.settings import PREFIX, Settings
from tests.integration.messaging.desk import PASSWORD, environment_of, until

pytestmark = pytest.mark.kafka

PAID = ("1*300*200**12*P*11*1", ["CAS*CO*45*60", "CAS*PR*2*40"])
COPIES = 3
FEW, MANY = 300, 10_000
_PLACES = [
    TopicPartition(name, number)
    for name in (topics.CLAIMS_SUBMISSION, topics.PAYERS_INBOUND, topics.PAYMENTS_POSTED)
    for number in range(topics.PARTITIONS)
]
_SLOWED = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END $$;
CREATE TRIGGER slow AFTER INSERT ON remittance_claim EXECUTE FUNCTION slow();
"""
"""A batch takes so long, at least, that a kill finds the remittance in the middle."""
_POSTED = "SELECT count(*) FROM remittance_claim WHERE state = 'posted'"


class House:
    """A database, and the service's processes on it."""

    def __init__(
        self, environment: dict[str, str], connection: "asyncpg.Connection[asyncpg.Record]"
    ) -> None:
        given: dict[str, Any] = {
            name.removeprefix(PREFIX).lower(): text for name, text in environment.items()
        }
        self.environment = environment
        self.settings = Settings(**given)
        self.connection = connection
        self.processes: list[asyncio.subprocess.Process] = []
        self.starts: dict[TopicPartition, int] = {}

    async def open(self) -> None:
        """Topics keep what earlier tests sent: the group begins at their ends."""
        await create_topics(self.settings)
        self.starts = await next_offsets(self.settings, _PLACES)
        reader = AIOKafkaConsumer(
            **broker_clients.connection_options(self.settings),
            group_id=broker_clients.group_of(self.settings, NAME),
            enable_auto_commit=False,
        )
        await reader.start()
        reader.assign(_PLACES)
        await reader.commit(self.starts)
        await reader.stop()

    async def start(self, count: int) -> None:
        """Starts so many processes."""
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.remittance",
                env={"PATH": os.environ.get("PATH", "")} | self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            self.processes.append(process)

    async def kill(self, *victims: asyncio.subprocess.Process) -> None:
        """SIGKILL, to all of them before any is waited for."""
        for process in victims:
            process.kill()
        for process in victims:
            await process.wait()
            self.processes.remove(process)

    async def send(self, records: list[Record]) -> None:
        producer = broker_clients.producer(self.settings, "the test")
        await producer.start()
        try:
            sent = [
                await producer.send(
                    one.topic, value=one.value, key=one.key, headers=list(one.headers)
                )
                for one in records
            ]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    async def value(self, query: str) -> Any:
        return await self.connection.fetchval(query)

    async def reaches(self, query: str, wanted: int, timeout_s: float = 60) -> None:
        """Waits until the query gives this or more."""

        async def has() -> bool:
            return bool(await self.value(query) >= wanted)

        await until(has, f"{wanted} of: {query}", timeout_s)


@pytest.fixture(
    params=[FEW, pytest.param(MANY, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def claims(request: pytest.FixtureRequest) -> int:
    """How many claims the remittance has."""
    if request.param == MANY and "slow" not in (request.config.getoption("-m") or ""):
        pytest.skip("the full size: run it with `-m slow`")
    return int(request.param)


@pytest.fixture
async def house(claims: int, broker: Any, postgres: Any, tmp_path: Path) -> AsyncIterator[House]:
    admin_dsn = postgres.fresh_database()
    environment = environment_of(broker, NAME, admin_dsn, tmp_path, f"killed-{uuid4()}")
    # Some twenty transactions: a kill finds one open, and others before and after it.
    environment[f"{PREFIX}BATCH_MAX_UNITS"] = str(claims // 20)
    await database.bootstrap(admin_dsn, [NAME], {NAME: PASSWORD})
    dsn = database.service_dsn(admin_dsn, NAME, PASSWORD)
    pool = await database.create_pool(dsn, NAME, max_size=1)
    await database.migrate(pool, NAME, service(Settings()).schema_dir)
    await pool.close()
    connection = await database.connect(dsn, NAME)
    await connection.execute(_SLOWED)
    house = House(environment, connection)
    await house.open()
    yield house
    await house.kill(*house.processes)
    await connection.close()


async def test_killed_processes_post_a_remittance_once(
    house: House, claims: int, paper: Any
) -> None:
    numbers = [f"N{number}" for number in range(claims)]
    await house.start(2)
    await house.send([paper.claim(number) for number in numbers])
    await house.reaches("SELECT count(*) FROM claim", claims, 180)
    answers = [(number, *PAID) for number in numbers]
    paid = str(200 * claims)
    copies = [paper.remittance(answers, paid=paid) for _ in range(COPIES)]
    await house.send([_keyed(one, number) for number, one in enumerate(copies)])

    await house.reaches(_POSTED, claims // 5)
    await house.kill(*house.processes)
    first = await house.value(_POSTED)
    assert first < claims, "it was killed too late to tell anything"
    await house.start(2)
    await house.reaches(_POSTED, first + claims // 5)
    await house.kill(house.processes[0])
    await house.start(1)

    read = "SELECT count(*) FROM event WHERE type = 'remittance.read.v1'"
    await house.reaches(read, COPIES, 180)
    await house.reaches("SELECT count(*) FROM event WHERE type = 'remittance.posted.v1'", 1, 180)
    await house.reaches("SELECT -count(*) FROM outbox", 0)
    await _posted_once(house, claims)


def _keyed(record: Record, number: int) -> Record:
    """On a partition of its own, most likely, so that both processes have a copy."""
    return Record(
        record.topic, 0, 0, b"copy %d" % number, record.value, record.headers, record.timestamp_ms
    )


async def _posted_once(house: House, claims: int) -> None:
    assert await house.value("SELECT count(*) FROM claim WHERE paid_cents = 20000") == claims
    assert await house.value("SELECT count(*) FROM entry WHERE kind = 'payment'") == claims
    assert await house.value("SELECT posted FROM remittance") == claims
    assert await house.value("SELECT count(*) FROM parked") == 0
    for name, check in CHECKS.items():
        assert await check(house.connection) == [], name
    said = await house.connection.fetch(
        "SELECT event_id FROM event WHERE type = 'payment.posted.v1'"
    )
    assert len(said) == claims
    ids = {row[0] for row in said}
    assert await _published(house, ids) == ids


async def _published(house: House, wanted: set[UUID]) -> set[UUID]:
    """Which of these ids are on `payments.posted`; a kill between sending and forgetting may have
    sent one twice, under the same id."""
    places = [place for place in _PLACES if place.topic == topics.PAYMENTS_POSTED]
    ends = await next_offsets(house.settings, places)
    left = {place for place in places if ends[place] > house.starts[place]}
    found: set[UUID] = set()
    async with reading(house.settings, places) as reader:
        for place in places:
            reader.seek(place, house.starts[place])
        while left:
            for place, records in (await reader.getmany(*left, timeout_ms=1000)).items():
                found |= {UUID(dict(one.headers)["ce_id"].decode()) for one in records}
                if records[-1].offset >= ends[place] - 1:
                    left.discard(place)
    return found & wanted

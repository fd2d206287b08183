"""How claims are put through a stack and timed, whichever services run in it."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

import asyncpg
import confluent_kafka

from deploy.local.roster import ROSTER, Program
from deploy.local.stack import Stack
from deploy.twins import hospital
from deploy.twins.daybook import Daybook
from services.commands.demo_events import HEARD_TOPICS, listening, publish_all
from shared.contract import topics
from shared.messaging import broker
from shared.messaging.publishing import Inbound
from shared.settings import Settings
from tests.bench.inputs import PAYER_SEED, SEED, Message

if TYPE_CHECKING:
    from collections.abc import Iterator

HOPS = (topics.CLAIMS_INBOUND, *HEARD_TOPICS)
"""The topics that a chain of four services goes through."""
ENVIRONMENT = {
    "CLAIMWIRE_INTERCHANGE_WINDOW_S": "0.5",
    "CLAIMWIRE_MAILBOX_POLL_S": "0.2",
    "CLAIMWIRE_TRACE_SAMPLE_RATIO": "0.1",
}
TIMEOUT_S = 120.0
LOOK_S = 0.05
DAY_LOOK_S = 0.5
_ADJUDICATED = "SELECT count(*) FROM claim WHERE status <> 'registered'"
_REFUSED = "SELECT count(*) FROM claim WHERE status = 'refused'"
SILENCE_MS = 500
SILENCES = 2
_TAKEN_IN = """
SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM outbox),
       extract(epoch FROM clock_timestamp() - (SELECT min(received_at) FROM inbox))
"""
_HEADERS = frozenset(("ce_id", "ce_type", "ce_subject"))


def line_roster() -> tuple[Program, ...]:
    """The real line; its payer pays at once: the wait is not ours."""
    return tuple(
        replace(program, arguments=(*program.arguments, "--delay", "0"))
        if program.name == "payer-twin"
        else program
        for program in ROSTER
    )


def chain_roster(module: str) -> tuple[Program, ...]:
    """Four services of a kind, each reading what the one before it writes."""
    return tuple(
        Program(f"hop{at}", module, (f"hop{at}", source, target))
        for at, (source, target) in enumerate(pairwise(HOPS), start=1)
    )


def stack_in(folder: Path, kafka: str, roster: Sequence[Program]) -> Stack:
    """A stack that is not started yet, its folder its own."""
    return Stack(folder, kafka=kafka, environment=ENVIRONMENT, roster=roster, say=lambda _: None)


@dataclass(frozen=True, slots=True)
class Day:
    """A day that went through the line."""

    claims: int
    seconds: float
    unsettled: int


def day_of(claims: int, run: str) -> list[hospital.Message]:
    """A day of the hospital twin: services only from the last weeks, whenever this is run."""
    return list(
        hospital.day(SEED + sum(run.encode()), claims, today=datetime.now(UTC).date(), run=run)
    )


def run_day(stack: Stack, messages: Sequence[hospital.Message]) -> Day:
    """Publishes a day and waits until every claim of it is settled, as the twin's book says.

    The time is from before the first publish to the timestamp of the event that settled the last.
    The book listens when the services' tables say that it is over: listening takes processor time
    from the cores that are measured.
    """
    book = Daybook(PAYER_SEED)
    for message in messages:
        book.published(message)
    inbound = [
        Inbound(one.message_id, hospital.SOURCE, one.value, one.content_type) for one in messages
    ]
    started = time.time()
    asyncio.run(_publish_and_wait(stack, inbound, Counter(book.expected.values())))
    with listener(stack.settings, HEARD_TOPICS) as consumer:
        last_ms = _settle(consumer, book, started + TIMEOUT_S)
    return Day(len(book.expected), last_ms / 1000 - started, len(book.unsettled()))


async def _publish_and_wait(
    stack: Stack, messages: Sequence[Inbound], ends: Mapping[str, int]
) -> None:
    """Returns when as many claims as must be are decided by the payer, or it takes too long."""
    wanted = {
        "submission": (_REFUSED, ends["refused_by_payer"]),
        "remittance": (_ADJUDICATED, ends["paid"] + ends["denied"]),
    }
    deadline = time.monotonic() + TIMEOUT_S
    connections = {name: await asyncpg.connect(stack.dsn_of(name)) for name in wanted}
    try:
        before = {name: await connections[name].fetchval(wanted[name][0]) for name in wanted}
        await publish_all(stack.settings, messages)
        for name, (counted, count) in wanted.items():
            connection = connections[name]
            while await connection.fetchval(counted) < before[name] + count:
                if time.monotonic() > deadline:
                    return
                await asyncio.sleep(DAY_LOOK_S)
    finally:
        for connection in connections.values():
            await connection.close()


def _settle(consumer: confluent_kafka.Consumer, book: Daybook, deadline: float) -> int:
    """Listens until the book is settled; the timestamp of the last event of its own claims."""
    last_ms = 0
    while not book.is_settled and time.time() < deadline:
        for record in consumer.consume(5000, timeout=0.3):
            if record.error() is not None:
                continue
            headers = {name: value.decode() for name, value in _headers(record) if name in _HEADERS}
            if headers.get("ce_subject") in book.expected:
                last_ms = max(last_ms, record.timestamp()[1])
            book.heard(headers)
    return last_ms


@contextmanager
def listener(settings: Settings, names: Sequence[str]) -> "Iterator[confluent_kafka.Consumer]":
    """A consumer of these topics from their start, outside of every group: a client of compiled
    code, which takes less of the cores that are measured than ours does."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": settings.kafka_bootstrap_servers,
            "group.id": "benchmark",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 300,
            "fetch.min.bytes": 100_000,
        }
    )
    try:
        partitions = {topic.name: topic.partitions for topic in topics.TOPICS}
        consumer.assign(
            [
                confluent_kafka.TopicPartition(name, number, confluent_kafka.OFFSET_BEGINNING)
                for name in names
                for number in range(partitions[name])
            ]
        )
        yield consumer
    finally:
        consumer.close()


async def everything_on(settings: Settings, names: Sequence[str]) -> dict[str, list[Message]]:
    """All records of these topics, in the order of each partition, once nobody writes any more.

    The embedded broker's end offsets leave out what its last batch holds, so it is read until
    nothing more comes.
    """
    found: dict[str, list[Message]] = {name: [] for name in names}
    async with listening(settings, names) as consumer:
        silences = 0
        while silences < SILENCES:
            polled = await consumer.getmany(timeout_ms=SILENCE_MS)
            silences = 0 if polled else silences + 1
            for place, records in polled.items():
                found[place.topic] += (
                    Message(record.key, record.value, tuple(record.headers)) for record in records
                )
    return found


async def preload(settings: Settings, topic: str, records: Sequence[Message]) -> None:
    """Publishes records as they were, keys, headers and all."""
    producer = broker.producer(settings, "benchmark")
    await producer.start()
    try:
        waiting = [
            await producer.send(
                topic, value=record.value, key=record.key, headers=list(record.headers)
            )
            for record in records
        ]
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


def _headers(record: confluent_kafka.Message) -> list[tuple[str, bytes]]:
    return cast("list[tuple[str, bytes]]", record.headers() or [])


async def taken_in(connection: asyncpg.Connection, count: int, deadline: float) -> float:
    """Waits until a service has taken in so many units and told all it had to tell; returns the
    seconds since its first transaction began, by the database's clock.

    Raises TimeoutError.
    """
    while time.monotonic() < deadline:
        row = await connection.fetchrow(_TAKEN_IN)
        assert row is not None
        units, waiting, seconds = row
        if units >= count and not waiting:
            return float(seconds)
        await asyncio.sleep(LOOK_S)
    raise TimeoutError("the service has not taken everything in")


async def run_chain(stack: Stack, records: Sequence[Message], before: int = 0) -> float:
    """Publishes events to the first topic of a chain; seconds until the last service is through.

    `before` is how many it has had already.
    """
    last = await asyncpg.connect(stack.dsn_of(f"hop{len(HOPS) - 1}"))
    try:
        started = time.monotonic()
        await preload(stack.settings, HOPS[0], records)
        await taken_in(last, before + len(records), started + TIMEOUT_S)
        return time.monotonic() - started
    finally:
        await last.close()

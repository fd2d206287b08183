"""The demo's wire: the hospital's messages are published as an integration engine does, and the
line's events are heard, outside of every group, until the day's book is settled."""

import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from rich.console import Console

from deploy.twins import hospital
from deploy.twins.daybook import Daybook
from deploy.twins.hospital import Message
from shared.contract import topics
from shared.contract.envelope import text_headers
from shared.messaging import broker
from shared.messaging.publishing import Inbound, publish
from shared.settings import Settings

HEARD_TOPICS = (
    topics.CLAIMS_INTAKE,
    topics.CLAIMS_CODING,
    topics.CLAIMS_SUBMISSION,
    topics.CLAIMS_REMITTANCE,
)
SETTLE_TIMEOUT_S = 75.0


async def send(settings: Settings, day: list[Message]) -> None:
    """Publishes the hospital's messages as an integration engine does."""
    await publish_all(settings, _inbound(day))


async def publish_all(settings: Settings, messages: Iterable[Inbound]) -> None:
    """Publishes messages with a producer of their own."""
    producer = broker.producer(settings, "hospital-twin")
    await producer.start()
    try:
        await publish(producer, messages, claim_check_bytes=settings.claim_check_bytes)
    finally:
        await producer.stop()


def _inbound(day: list[Message]) -> Iterator[Inbound]:
    for message in day:
        yield Inbound(
            message.message_id,
            hospital.SOURCE,
            message.value,
            message.content_type,
            key=message.key,
        )


@asynccontextmanager
async def listening(
    settings: Settings, names: Iterable[str] = HEARD_TOPICS
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of these topics from their start, outside of every group."""
    consumer = AIOKafkaConsumer(
        *names, **broker.connection_options(settings), auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def settle(
    consumer: AIOKafkaConsumer,
    book: Daybook,
    console: Console,
    timeout_s: float = SETTLE_TIMEOUT_S,
) -> None:
    """Listens until the book is settled, or for `timeout_s`; shows progress meanwhile."""
    deadline = time.monotonic() + timeout_s
    shown = 0.0
    while not book.is_settled and time.monotonic() < deadline:
        await hear(consumer, book)
        if time.monotonic() - shown > 1.0:
            shown = time.monotonic()
            console.print(_progress(book.counts()))


async def hear(consumer: AIOKafkaConsumer, book: Daybook) -> None:
    """Tells the book what came within a moment."""
    for records in (await consumer.getmany(timeout_ms=200, max_records=2000)).values():
        for record in records:
            book.heard(text_headers(record.headers))


def _progress(counts: Mapping[str, int]) -> str:
    names = ("accepted", "held", "submitted", "acknowledged", "paid", "denied")
    return "  " + "  ".join(f"{name} {counts[name]}" for name in names)

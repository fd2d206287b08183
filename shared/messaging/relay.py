"""The relay: sends what the outbox holds, in order, and forgets it once the broker has it.

One is active per service, by a lease on the connection it works on. In each round a partition gets
one batch of records, and a round ends when every batch of it is acknowledged or has failed: so
nothing of a claim overtakes what was said before, whatever fails. A crash between sending and
forgetting sends again, with the same ids, and the consumers' inboxes skip what they have.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from struct import unpack_from
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from shared.database import Connection, Pool, leased
from shared.messaging import broker, outbox
from shared.messaging.faults import wait_before_retry
from shared.messaging.outbox import Outgoing, Said
from shared.settings import Settings
from shared.telemetry.metrics import ServiceMetrics

LEASE = "relay"
ROUND = 500
"""Messages read from the outbox at once."""
IDLE_POLL_S = 1.0
"""How often to look without being woken: another process may have written."""
STANDBY_POLL_S = 2.0

logger = logging.getLogger("claimwire.relay")


class Sent:
    """What a round achieved: sequence numbers acknowledged, and the first error, where any."""

    __slots__ = ("acknowledged", "by_topic", "error")

    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.by_topic: dict[str, int] = {}
        self.error: BaseException | None = None

    def add(self, topic: str, sequences: Sequence[int]) -> None:
        self.acknowledged += sequences
        self.by_topic[topic] = self.by_topic.get(topic, 0) + len(sequences)


class Sender(Protocol):
    """Sends messages, in order per key, and says which of them the broker has."""

    async def send(self, messages: Sequence[Outgoing]) -> Sent: ...

    async def close(self) -> None: ...


class Box(Protocol):
    """The outbox as the relay sees it."""

    async def unsent(self, limit: int) -> list[Outgoing]: ...

    async def forget(self, sent: Sequence[int]) -> None: ...


async def forward(box: Box, sender: Sender) -> Sent | None:
    """One round: reads the oldest, sends, forgets what was acknowledged. None: nothing to send."""
    messages = await box.unsent(ROUND)
    if not messages:
        return None
    sent = await sender.send(messages)
    if sent.acknowledged:
        await box.forget(sent.acknowledged)
    return sent


class PostgresBox:
    """The outbox on the connection that holds the relay's lease."""

    def __init__(self, connection: Connection, said: Said) -> None:
        self._connection = connection
        self._said = said

    async def unsent(self, limit: int) -> list[Outgoing]:
        return await outbox.unsent(self._connection, limit, self._said)

    async def forget(self, sent: Sequence[int]) -> None:
        await outbox.forget(self._connection, sent)


class KafkaSender:
    """Builds one record batch per partition and sends them side by side."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send(self, messages: Sequence[Outgoing]) -> Sent:
        if self._has_lost_a_connection():
            raise KafkaConnectionError("a connection was closed: what is known may be outdated")
        sent = Sent()
        partitions = await self._partitions({message.topic for message in messages}, sent)
        batches: dict[tuple[str, int], tuple[Any, list[int]]] = {}
        full: set[tuple[str, int]] = set()
        for message in messages:
            if message.topic not in partitions:
                continue
            place = message.topic, key_hash(message.key) % partitions[message.topic]
            if place in full:
                continue
            if place not in batches:
                batches[place] = self._producer.create_batch(), []
            batch, sequences = batches[place]
            added = batch.append(
                key=message.key.encode(),
                value=message.value,
                timestamp=None,
                headers=list(message.headers),
            )
            if added is None:
                full.add(place)  # the rest of this partition waits for the next round
            else:
                sequences.append(message.seq)
        await self._deliver(batches, sent)
        return sent

    def _has_lost_a_connection(self) -> bool:
        """Whether a broker may have been replaced by one that lacks what its predecessor had.

        The client would connect again by itself and send on what it knew of the topics; an
        embedded broker that came back empty then acknowledges records of topics it does not have.
        """
        connections = getattr(self._producer.client, "_conns", {})
        return any(not connection.connected() for connection in connections.values())

    async def _partitions(self, topics: Iterable[str], sent: Sent) -> dict[str, int]:
        """How many partitions each topic has; one that the broker lacks holds up no other."""
        counts = {}
        for topic in topics:
            try:
                counts[topic] = len(await self._producer.partitions_for(topic))
            except KafkaError as error:
                sent.error = error
        return counts

    async def _deliver(
        self, batches: dict[tuple[str, int], tuple[Any, list[int]]], sent: Sent
    ) -> None:
        async def one(topic: str, partition: int, batch: Any) -> None:
            batch.close()
            await (await self._producer.send_batch(batch, topic, partition=partition))

        results = await asyncio.gather(
            *(one(*place, batch) for place, (batch, _) in batches.items()), return_exceptions=True
        )
        for (place, (_, sequences)), result in zip(batches.items(), results, strict=True):
            if isinstance(result, BaseException):
                sent.error = result
            else:
                sent.add(place[0], sequences)

    async def close(self) -> None:
        # What it still holds is in the outbox: nothing is lost by not waiting for it.
        with suppress(Exception):
            await asyncio.wait_for(self._producer.stop(), 5)


_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_MASK = 0xFFFFFFFF


@lru_cache(maxsize=50_000)
def key_hash(key: str) -> int:
    """Kafka's own hash of a key (murmur2), as every client's default partitioner takes it.

    Written out for speed: it is on the path of every message.
    """
    content = key.encode()
    size = len(content)
    mixed = _SEED ^ size
    for word in unpack_from(f"<{size >> 2}I", content):
        word = word * _MIX & _MASK  # noqa: PLW2901
        mixed = (mixed * _MIX & _MASK) ^ ((word ^ word >> 24) * _MIX & _MASK)
    rest = content[size & ~3 :]
    if rest:
        mixed = (mixed ^ int.from_bytes(rest, "little")) * _MIX & _MASK
    mixed = (mixed ^ mixed >> 13) * _MIX & _MASK
    return (mixed ^ mixed >> 15) & 0x7FFFFFFF


async def kafka_sender(settings: Settings, client_id: str) -> Sender:
    """A sender on a producer of its own. Raises KafkaError where no broker answers."""
    producer = broker.producer(settings, client_id)
    if not settings.kafka_idempotent_producer:
        # Nothing is sent again behind our back: each failure ends a round, and the next one begins
        # with a new connection and fresh knowledge of the topics.
        producer._message_accumulator._batch_ttl = 0
    try:
        await producer.start()
    except BaseException:
        with suppress(Exception):
            await producer.stop()
        raise
    return KafkaSender(producer)


class Relay:
    """Runs for the life of the process; active when it holds the lease."""

    def __init__(
        self,
        pool: Pool,
        open_sender: Callable[[], Awaitable[Sender]],
        metrics: ServiceMetrics,
        stopping: asyncio.Event,
        said: Said,
    ) -> None:
        self._pool = pool
        self._open_sender = open_sender
        self._metrics = metrics
        self._stopping = stopping
        self._said = said
        self._awake = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._sender: Sender | None = None
        self.is_active = False
        self.failures = 0
        """Rounds in a row that did not get everything to the broker."""

    def wake(self) -> None:
        """There is something new in the outbox, or it is time to stop."""
        self._is_empty.clear()
        self._awake.set()

    async def flush(self) -> None:
        """Waits until the outbox was seen empty: bound it with a time-out."""
        self.wake()
        await self._is_empty.wait()

    async def run(self) -> None:
        """Relays until it is time to stop; errors are logged, waited out and tried again."""
        while not self._stopping.is_set():
            try:
                async with self._pool.acquire() as connection:
                    # To lose a deletion in a crash of the database is to send a message twice.
                    await connection.execute("SET synchronous_commit = off")
                    async with leased(connection, LEASE) as is_ours:
                        self.is_active = is_ours
                        if is_ours:
                            await self._serve(PostgresBox(connection, self._said))
            except Exception as error:  # noqa: BLE001 - logged, waited out, tried again
                await self._note_failure("the relay lost its database", error)
            finally:
                self.is_active = False
                await self._drop_sender()
            await self._rest(STANDBY_POLL_S)

    async def _serve(self, box: Box) -> None:
        while not self._stopping.is_set():
            self._awake.clear()
            try:
                sender = self._sender = self._sender or await self._open_sender()
                sent = await forward(box, sender)
            except KafkaError as error:
                await self._note_failure("the broker does not answer", error)
                await self._drop_sender()
                continue
            if sent is None:
                self.failures = 0
                if not self._awake.is_set():
                    self._is_empty.set()
                await self._rest(IDLE_POLL_S)
                continue
            for topic, count in sent.by_topic.items():
                self._metrics.sent(topic, count)
            if sent.error is None:
                self.failures = 0
            else:
                await self._drop_sender()
                await self._note_failure("the broker did not take everything", sent.error)

    async def _note_failure(self, what: str, error: BaseException) -> None:
        logger.warning(what, exc_info=error, extra={"attempt": self.failures})
        await wait_before_retry(self.failures, self._stopping)
        self.failures += 1

    async def _drop_sender(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            await sender.close()

    async def _rest(self, seconds: float) -> None:
        if self._stopping.is_set():
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._awake.wait(), seconds)

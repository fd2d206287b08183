"""The consumer: FastStream's batch subscriber with what it takes to lose and repeat nothing.

Records pass the framework untouched (a parser and a decoder that cannot raise), the handler lets no
exception out, and offsets are committed here alone, after the transaction that settled the units.
"""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from shared.messaging import broker, header_names
from shared.messaging.batch import Core, Pending
from shared.messaging.drain import Place, drain
from shared.messaging.faults import error_class, wait_before_retry
from shared.messaging.fuse import Fuse
from shared.messaging.gate import Gate
from shared.messaging.handler import BlobReader, Record
from shared.settings import Settings
from shared.telemetry.metrics import ServiceMetrics

if TYPE_CHECKING:
    from faststream.kafka import KafkaBroker
    from faststream.message import StreamMessage

logger = logging.getLogger("claimwire.consumer")

GC_THRESHOLDS = (100_000, 50, 1000)
"""Collecting rarely more than doubled decoding: a batch's objects die together, by count."""


class StoppedError(Exception):
    """It is time to stop: what is not settled will be read again by whoever comes next."""


class Consumer:
    """One member of a service's consumer group."""

    def __init__(
        self,
        service: str,
        topics: Sequence[str],
        settings: Settings,
        *,
        core: Core,
        unfold: Callable[[Record], Iterator[Pending]],
        gate: Gate,
        fuse: Fuse,
        metrics: ServiceMetrics,
        wake_relay: Callable[[], None],
        stopping: asyncio.Event,
        blobs: BlobReader | None = None,
    ) -> None:
        self._service = service
        self._topics = tuple(topics)
        self._settings = settings
        self._core = core
        self._unfold = unfold
        self._gate = gate
        self._fuse = fuse
        self._metrics = metrics
        self._wake_relay = wake_relay
        self._stopping = stopping
        self._blobs = blobs
        self._broker: KafkaBroker | None = None
        self._subscriber: Any = None
        self.reached: dict[Place, int] = {}
        """The next offset to settle, of partitions that were read since they were assigned."""
        self.progressed_at = time.monotonic()
        self.has_joined = False
        self.is_busy = False

    # The framework

    async def start(self) -> None:
        """Joins the group. Raises KafkaError where no broker answers."""
        self._broker, self._subscriber = self._build()
        await self._broker.start()
        self.progressed_at = time.monotonic()
        tune_garbage_collection()

    async def stop(self) -> None:
        """Waits for the batch in hand, within the settings' `stop_s`, and leaves the group."""
        broker_, self._broker = self._broker, None
        if broker_ is None:
            return
        deadline = time.monotonic() + self._settings.stop_s
        while self.is_busy and time.monotonic() < deadline:  # noqa: ASYNC110 - or the deadline
            await asyncio.sleep(0.02)
        _let_leave(self.client)
        await broker_.stop()

    async def restart(self) -> None:
        """Leaves the group and joins it again: for a client that does not recover by itself."""
        self.has_joined = False
        with suppress(KafkaError):
            await self.stop()
        await self.start()

    def check(self) -> None:
        """Raises what has ended the reading of records, where something has."""
        for task in self._subscriber.tasks if self._subscriber else ():
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    @property
    def client(self) -> AIOKafkaConsumer | None:
        """The Kafka client, while there is one."""
        return None if self._subscriber is None else self._subscriber.consumer

    def _build(self) -> "tuple[KafkaBroker, Any]":
        from faststream import AckPolicy
        from faststream.kafka import KafkaBroker

        header_names.tolerate()
        # It would begin to read again at once and without end: `check` tells instead.
        os.environ["FASTSTREAM_SUPERVISOR_DISABLED"] = "1"
        settings = self._settings
        options = broker.connection_options(settings)
        kafka = KafkaBroker(
            options["bootstrap_servers"],
            request_timeout_ms=options["request_timeout_ms"],
            retry_backoff_ms=options["retry_backoff_ms"],
            metadata_max_age_ms=options["metadata_max_age_ms"],
            client_id=f"claimwire-{self._service}",
            security=broker.faststream_security(settings),
            consumer_only=True,
            graceful_timeout=settings.stop_s,
            apply_types=False,
            logger=_framework_logger(),
            log_level=logging.DEBUG,
        )
        subscriber = kafka.subscriber(
            *self._topics,
            batch=True,
            max_records=settings.batch_max_units,
            batch_timeout_ms=settings.batch_wait_ms,
            group_id=broker.group_of(settings, self._service),
            ack_policy=AckPolicy.MANUAL,
            parser=_parse,
            decoder=_decode,
            no_reply=True,
            listener=_Listener(self),
            **broker.consumer_options(settings),
        )
        subscriber(self._on_batch)
        return kafka, subscriber

    # A batch

    async def _on_batch(self, polled: tuple[ConsumerRecord, ...]) -> None:
        """Settles a poll's records. Never raises, and returns early only to stop."""
        self.is_busy = True
        try:
            await self._work(polled)
        except StoppedError:
            pass
        except Exception as error:
            # Not to be reached: the partitions are read again from what was committed.
            logger.critical("a batch was given up", exc_info=error)
        finally:
            self.is_busy = False

    async def _work(self, polled: tuple[ConsumerRecord, ...]) -> None:
        records = [self._record(raw) for raw in polled]
        for record in records:
            self.reached.setdefault((record.topic, record.partition), record.offset)
        attempt = 0
        while True:
            try:
                await self._gate.wait_open(self._stopping)
                await drain(
                    records,
                    self._unfold,
                    self._settle,
                    self._commit,
                    self._settings.batch_max_units,
                )
                return
            except StoppedError:
                raise
            except Exception as error:  # noqa: BLE001 - decoding met the blob store's outage
                attempt = await self._wait(error, attempt)

    def _record(self, raw: ConsumerRecord) -> Record:
        return Record(
            raw.topic,
            raw.partition,
            raw.offset,
            raw.key,
            raw.value,
            # A header's value may be null.
            tuple([(name, value or b"") for name, value in raw.headers]),
            raw.timestamp,
            self._blobs,
        )

    async def _settle(self, pending: Sequence[Pending]) -> None:
        """Settles one chunk, for as long as it takes."""
        attempt = 0
        while True:
            if self._fuse.is_open:
                await self._stopping.wait()
            if self._stopping.is_set():
                raise StoppedError
            started = time.perf_counter()
            try:
                outcome = await self._core.settle(pending)
                break
            except Exception as error:  # noqa: BLE001 - whatever it is, the chunk is tried again
                attempt = await self._wait(error, attempt)
        self.progressed_at = time.monotonic()
        if outcome.messages:
            self._wake_relay()
        self._metrics.batch_units.observe(len(pending))
        self._metrics.batch_seconds.observe(time.perf_counter() - started)
        self._metrics.duplicates.inc(outcome.duplicates)
        self._metrics.decided(outcome.said)
        for error_name in outcome.parked:
            self._metrics.parked(error_name)
        if outcome.parked:
            logger.warning("%d units were parked", len(outcome.parked))
        if self._fuse.record(outcome.trail):
            self._metrics.fuse_open.set(1)
            logger.critical("too many units were parked: this service stops consuming")

    async def _wait(self, error: Exception, attempt: int) -> int:
        self._metrics.retried(error_class(error))
        logger.warning("a batch is tried again", exc_info=error, extra={"attempt": attempt})
        if not await wait_before_retry(attempt, self._stopping):
            raise StoppedError
        return attempt + 1

    async def _commit(self, reached: dict[Place, int]) -> None:
        """Commits offsets of partitions that are still ours. They are only a cursor: what a failed
        commit makes us read again is in the inbox."""
        self.reached.update(reached)
        client = self.client
        if client is None:
            return
        ours = client.assignment()
        offsets = {
            place: offset
            for place, offset in ((TopicPartition(*key), value) for key, value in reached.items())
            if place in ours
        }
        if not offsets:
            return
        try:
            await client.commit(offsets)
        except KafkaError as error:
            logger.warning("offsets were not committed", exc_info=error)

    # What readiness asks

    async def lag(self) -> dict[Place, int]:
        """Records not yet settled, by partition. Raises KafkaError where the broker is away."""
        client = self.client
        if client is None or not client.assignment():
            return {}
        ends = await client.end_offsets(list(client.assignment()))
        lags = {}
        for place, end in ends.items():
            next_offset = self.reached.get((place.topic, place.partition))
            if next_offset is None:
                next_offset = await asyncio.wait_for(client.position(place), 5)
            # The embedded broker understates where its last batch ends; a fetch does not.
            last = max(end, client.highwater(place) or 0)
            lags[place.topic, place.partition] = max(0, last - next_offset)
        return lags


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, _: set[TopicPartition]) -> None:
        self._consumer.reached.clear()

    async def on_partitions_assigned(self, _: set[TopicPartition]) -> None:
        self._consumer.reached.clear()
        self._consumer.has_joined = True
        self._consumer.progressed_at = time.monotonic()


def _let_leave(client: AIOKafkaConsumer | None) -> None:
    """aiokafka says goodbye to its group from generation 1 on, and the embedded broker counts from
    0: the next member would wait for this one's session to end. No request to follow says the
    generation."""
    coordinator: Any = getattr(client, "_coordinator", None)
    if coordinator is not None and coordinator.generation == 0:
        coordinator.generation = 1


def _framework_logger() -> logging.Logger:
    """FastStream's own lines: its warnings are about topics it is not to create."""
    framework = logging.getLogger("claimwire.faststream")
    framework.setLevel(logging.ERROR)
    return framework


async def _parse(message: tuple[ConsumerRecord, ...]) -> "StreamMessage[Any]":
    """The framework's message around the records, which stay as they are."""
    from faststream.kafka import KafkaMessage
    from faststream.kafka.message import FAKE_CONSUMER

    return KafkaMessage(raw_message=message, body=b"", consumer=FAKE_CONSUMER)


async def _decode(message: "StreamMessage[Any]") -> Any:
    return message.raw_message


def tune_garbage_collection() -> None:
    """Takes what start-up made out of the collector's sight, and lets it run rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)

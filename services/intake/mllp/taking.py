"""Messages of all connections on their way to the decider: one transaction for those that come at
the same time, and an outcome for each once it is committed.

The same units reach the same batch core as from Kafka, and what became of each is kept, so that a
message that is sent again is answered as it was the first time.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from pydantic import TypeAdapter

from services.intake import submissions
from services.intake.domain.submission import RecordOutcome
from services.intake.handlers import (
    CONTENT_TYPE_HEADER,
    SOURCE_HEADER,
    SUBMISSION_HEADER,
    IntakeHandler,
)
from shared.contract.envelope import business_id
from shared.contract.model import Finding
from shared.contract.topics import CLAIMS_INBOUND
from shared.messaging.batch import Core
from shared.messaging.decoding import unfold
from shared.messaging.faults import backoff_s, is_data_fault
from shared.messaging.handler import Record
from shared.messaging.store import postgres_transactions
from shared.service import Context, clock

ATTEMPTS = 5
MAX_WAITING = 1_000
"""Messages that wait for a transaction; connections beyond that wait to be read."""
NO_PARTITION = -1
_CONTENT_TYPE = b"x-application/hl7-v2+er7"
_findings = TypeAdapter(tuple[Finding, ...])


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one message: stored, or refused for these findings."""

    is_refused: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Waiting:
    record: Record
    message_id: UUID
    answer: asyncio.Future[Taken]


class Taking:
    """The MLLP door of one process. `run` settles; `take` waits for it."""

    def __init__(self, context: Context, handler: IntakeHandler) -> None:
        self._context = context
        self._handler = handler
        self._core = Core(handler, postgres_transactions(context.pool), context.tracing, clock)
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(MAX_WAITING)

    async def take(self, message: bytes, source: str) -> Taken:
        """What became of a message, once that is committed. Raises what keeps it from being stored:
        then nothing of it is."""
        headers = (
            (SOURCE_HEADER, source.encode()),
            (CONTENT_TYPE_HEADER, _CONTENT_TYPE),
            (SUBMISSION_HEADER, b"1"),
        )
        now_ms = int(clock().timestamp() * 1000)
        record = Record(CLAIMS_INBOUND, NO_PARTITION, 0, None, message, headers, now_ms)
        message_id = business_id("message", source, sha256(message).hexdigest())
        answer: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        await self._queue.put(_Waiting(record, message_id, answer))
        return await answer

    async def run(self) -> None:
        """Settles what waits, in batches, until it is cancelled."""
        size = self._context.settings.batch_max_units
        while True:
            batch = [await self._queue.get()]
            while len(batch) < size and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                taken = await self._settle(batch)
            except Exception as error:
                self._context.logger.warning("messages were not stored", exc_info=error)
                for one in batch:
                    if not one.answer.done():
                        one.answer.set_exception(NotStoredError())
                continue
            self._context.wake_relay()
            for one in batch:
                if not one.answer.done():
                    one.answer.set_result(taken.get(one.message_id, _PARKED))

    async def _settle(self, batch: Sequence[_Waiting]) -> Mapping[UUID, Taken]:
        pending = [unit for one in batch for unit in unfold(self._handler, one.record)]
        for attempt in range(ATTEMPTS):
            try:
                outcome = await self._core.settle(pending)
                break
            except Exception as error:
                if is_data_fault(error) or attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(backoff_s(attempt))
        metrics = self._context.metrics
        metrics.duplicates.inc(outcome.duplicates)
        metrics.decided(outcome.said)
        for error_class in outcome.parked:
            metrics.parked(error_class)
        async with self._context.pool.acquire() as connection:
            rows = await submissions.outcomes(connection, [one.message_id for one in batch])
        return _by_message(rows)


class NotStoredError(RuntimeError):
    """A message could not be stored now. It may be sent again."""


_PARKED = Taken(is_refused=False, findings=())
"""Of a message that was set aside: it is stored, and is decided once an operator lets it."""


def _by_message(rows: Sequence[RecordOutcome]) -> dict[UUID, Taken]:
    """One answer for each message, which may hold several records: refused where one is."""
    taken: dict[UUID, Taken] = {}
    for row in rows:
        before = taken.get(row.submission_id, _PARKED)
        is_refused = row.outcome == "rejected"
        findings = _findings.validate_json(row.findings) if is_refused else ()
        taken[row.submission_id] = Taken(
            before.is_refused or is_refused, (*before.findings, *findings)
        )
    return taken

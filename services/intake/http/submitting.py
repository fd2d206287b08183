"""A body on its way to the decider: its submission is written down, small ones are decided at once,
large ones are handed over to the service's own consumer as a claim check on `claims.inbound`.

Either way the same units reach the same batch core, and the inbox knows them: a request that is
sent again, or a process that died in the middle of one, changes nothing and loses nothing.
"""

import asyncio
import itertools
from collections.abc import Sequence
from uuid import UUID

from services.intake import store, submissions
from services.intake.handlers import (
    CONTENT_TYPE_HEADER,
    MESSAGE_ID_HEADER,
    SOURCE_HEADER,
    SUBMISSION_HEADER,
    IntakeHandler,
)
from services.intake.http.bodies import Body
from shared.contract.envelope import Headers, business_id
from shared.contract.topics import CLAIMS_INBOUND
from shared.database import Connection
from shared.http import idempotency
from shared.messaging import outbox
from shared.messaging.batch import Core, Outcome, Pending
from shared.messaging.decoding import unfold
from shared.messaging.faults import backoff_s, is_data_fault
from shared.messaging.handler import RawMessage, Record
from shared.messaging.store import postgres_transactions
from shared.messaging.wire import claim_check
from shared.service import Context, clock

ATTEMPTS = 5
NO_PARTITION = -1
"""Where the inbox says that a unit was read: in no partition."""


class Submitting:
    """The HTTP door of one process."""

    def __init__(self, context: Context, handler: IntakeHandler) -> None:
        self._context = context
        self._handler = handler
        self._core = Core(handler, postgres_transactions(context.pool), context.tracing, clock)
        # Half of the connections stay for the consumer, the relay and questions.
        self._turns = asyncio.Semaphore(max(1, context.settings.postgres_pool_max // 2))

    async def submit(
        self,
        body: Body,
        *,
        source: str,
        message: str | None,
        content_type: str | None,
        traceparent: str | None,
    ) -> UUID:
        """Takes the body in and returns its submission id. Raises the problem of a reused key."""
        submission_id = submission_id_of(source, message, body.sha256)
        texts = (
            (SOURCE_HEADER, source),
            (MESSAGE_ID_HEADER, message),
            (CONTENT_TYPE_HEADER, content_type),
            (SUBMISSION_HEADER, "1"),
            ("traceparent", traceparent),
        )
        headers: Headers = tuple((name, text.encode()) for name, text in texts if text)
        async with self._turns:
            async with self._context.pool.acquire() as connection, connection.transaction():
                is_open = await self._open(connection, submission_id, source, body, headers)
            if is_open and body.content is not None:
                await self._decide(body.content, headers)
        self._context.wake_relay()
        return submission_id

    async def _open(
        self,
        connection: Connection,
        submission_id: UUID,
        source: str,
        body: Body,
        headers: Headers,
    ) -> bool:
        """Writes the submission down, and whether anything of it may still be undecided: the inbox
        knows its records for months only, but the submission is known for ever."""
        is_new = await submissions.open_submission(
            connection,
            submission_id,
            source,
            body.sha256,
            body.size,
            is_handed_over=body.content is None,
        )
        if not is_new:
            known = await submissions.find(connection, submission_id)
            if known is not None and known.content_hash != body.sha256:
                raise idempotency.reused()
            tally = await store.message(connection, submission_id)
            return tally is None or not store.is_complete(tally)
        if body.kept is not None:
            handed_over = RawMessage(
                business_id("submission", submission_id),
                CLAIMS_INBOUND,
                str(submission_id),
                b"",
                (*headers, *claim_check(body.kept)),
            )
            await outbox.append(connection, [handed_over])
        return True

    async def _decide(self, content: bytes, headers: Headers) -> None:
        """Decides all records, a transaction for each batch; those decided before are skipped."""
        now_ms = int(clock().timestamp() * 1000)
        record = Record(CLAIMS_INBOUND, NO_PARTITION, 0, None, content, headers, now_ms)
        units = unfold(self._handler, record)
        size = self._context.settings.batch_max_units
        metrics = self._context.metrics
        while batch := list(itertools.islice(units, size)):
            outcome = await self._settle(batch)
            metrics.duplicates.inc(outcome.duplicates)
            metrics.decided(outcome.said)
            for error in outcome.parked:
                metrics.parked(error)

    async def _settle(self, batch: Sequence[Pending]) -> Outcome:
        """Settles a batch, again after a fault of the moment: two doors may have met in a claim."""
        attempt = 0
        while True:
            try:
                return await self._core.settle(batch)
            except Exception as error:
                if is_data_fault(error) or attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(backoff_s(attempt))
                attempt += 1


def submission_id_of(source: str, message: str | None, content_hash: bytes) -> UUID:
    """The id of a message, as every door makes it."""
    return business_id("message", source, message or content_hash.hex())

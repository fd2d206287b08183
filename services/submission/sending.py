"""Interchanges to the payer, exactly once: staged, recorded as staged, made visible, recorded as
sent. Every step can be the last one before a crash, and the next run knows from the database and
the transport which it was.

    formed   nothing is certain but the bytes: stage them (again)
    sending  they were staged: still there means not released; gone or visible means sent
    sent     the claims are submitted, and said to be

Must run under the payer's lease.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.submission.domain.control_numbers import format_control_number
from services.submission.saying import Sent, submitted_messages
from services.submission.transport import Presence, Transport
from shared.contract.events import InterchangeReference
from shared.database import Connection
from shared.messaging import outbox
from shared.telemetry import names
from shared.telemetry.tracing import Tracing

CLAIMS_AT_ONCE = 500
"""Claims whose events are written in one statement."""

_UNSENT = """
SELECT interchange_id, payer, control_number, file_name, state FROM interchange
WHERE payer = $1 AND state IN ('formed', 'sending') ORDER BY control_number
"""
_CONTENT = "SELECT content FROM interchange WHERE interchange_id = $1"
_STAGED = """
UPDATE interchange SET state = 'sending' WHERE interchange_id = $1 AND state = 'formed'
"""
_HOLD = "UPDATE interchange SET state = 'held' WHERE interchange_id = $1 AND state = 'sending'"
_SENT = """
UPDATE interchange SET state = 'sent', sent_at = $2
WHERE interchange_id = $1 AND state = 'sending' RETURNING true
"""
_SUBMIT = """
UPDATE claim SET status = 'sent', changed_at = $2 WHERE interchange_id = $1 AND status = 'formed'
"""
_CLAIMS = """
SELECT claim_id, revision, transaction_control_number, coded_event_id, traceparent, content
FROM claim JOIN claim_content USING (claim_id, revision) WHERE interchange_id = $1
ORDER BY claim_id
"""


@dataclass(frozen=True, slots=True)
class Unsent:
    """An interchange that is not recorded as sent."""

    interchange_id: UUID
    payer: str
    control_number: int
    file_name: str
    state: str


async def unsent(connection: Connection, payer: str) -> Sequence[Unsent]:
    """A payer's interchanges that are to be sent, in the order of their control numbers."""
    return [Unsent(*row) for row in await connection.fetch(_UNSENT, payer)]


async def send(
    connection: Connection,
    transport: Transport,
    interchange: Unsent,
    tracing: Tracing,
    now: datetime,
) -> int:
    """Sends one interchange, or finishes the sending of it; returns how many claims that submitted.

    0 where nobody can tell whether it was sent: it is held for a person. Raises OSError where the
    payer cannot be reached; everything is as it was then.
    """
    if interchange.state == "formed":
        content = await connection.fetchval(_CONTENT, interchange.interchange_id)
        await transport.stage(interchange.file_name, content)
        await connection.execute(_STAGED, interchange.interchange_id)
        await transport.release(interchange.file_name)
        return await record(connection, interchange, tracing, now)
    presence = await transport.find(interchange.file_name)
    if presence is Presence.UNKNOWN:
        await connection.execute(_HOLD, interchange.interchange_id)
        return 0
    if presence is Presence.STAGED:
        await transport.release(interchange.file_name)
    return await record(connection, interchange, tracing, now)


async def record(
    connection: Connection, interchange: Unsent, tracing: Tracing, now: datetime
) -> int:
    """Records that an interchange was sent, and says so for each claim: one transaction."""
    number = interchange.control_number
    reference = InterchangeReference(
        interchange_id=interchange.interchange_id,
        payer=interchange.payer,
        interchange_control_number=format_control_number(number),
        group_control_number=str(number),
        transaction_control_number="",
    )
    with tracing.batch(names.SPAN_INTERCHANGE) as trace:
        async with connection.transaction():
            if not await connection.fetchval(_SENT, interchange.interchange_id, now):
                return 0
            await connection.execute(_SUBMIT, interchange.interchange_id, now)
            claims = [
                Sent(*row) for row in await connection.fetch(_CLAIMS, interchange.interchange_id)
            ]
            for start in range(0, len(claims), CLAIMS_AT_ONCE):
                some = claims[start : start + CLAIMS_AT_ONCE]
                await outbox.append(
                    connection, list(submitted_messages(some, reference, now, trace))
                )
    return len(claims)

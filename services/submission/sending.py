"""Interchanges to the payer, exactly once: staged, recorded as staged, made visible, recorded as
sent. Every step can be the last one before a crash, and the next run knows from the database and
the transport which it was.

    formed   nothing is certain but the bytes: stage them (again)
    sending  they were staged: still there means not released; gone or visible means sent
    sent     the claims are submitted, and said to be
    held     nobody knows, or the payer will not have it: a person decides

Must run under the payer's lease. No connection is held while the payer is talked to.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from services.submission.domain.control_numbers import format_control_number
from services.submission.domain.profile import Profile
from services.submission.keeping import content_of
from services.submission.saying import Sent, submitted_messages
from services.submission.transport import Presence, RefusedError, Transport
from services.submission.vault import Vault
from shared.contract.events import InterchangeReference
from shared.contract.model import Finding, to_wire
from shared.database import Connection
from shared.messaging import outbox
from shared.telemetry import names
from shared.telemetry.tracing import Tracing

Connect: TypeAlias = Callable[[], AbstractAsyncContextManager[Connection]]
"""Lends a connection for the time of a block."""

CLAIMS_AT_ONCE = 500
"""Claims whose events are written in one statement."""

_UNSENT = """
SELECT interchange_id, payer, control_number, file_name, state, is_confirmed,
       submitted_at IS NOT NULL
FROM interchange WHERE payer = $1 AND state IN ('formed', 'sending') ORDER BY control_number
"""
_STAGED = """
UPDATE interchange SET state = 'sending', sendings = sendings + 1
WHERE interchange_id = $1 AND state = 'formed' RETURNING true
"""
_HOLD = """
UPDATE interchange SET state = 'held', held_from = $2, hold = $3::jsonb
WHERE interchange_id = $1 AND state = 'sending'
"""
_SENT = """
UPDATE interchange SET state = 'sent', sent_at = $2, submitted_at = coalesce(submitted_at, $2),
    is_confirmed = false
WHERE interchange_id = $1 AND state = 'sending' RETURNING true
"""
_SUBMIT = """
UPDATE claim SET status = 'sent', changed_at = $2 WHERE interchange_id = $1 AND status = 'formed'
"""
_ASK_LATER = "UPDATE claim SET inquire_at = $2 WHERE interchange_id = $1"
_CLAIMS = """
SELECT claim_id, revision, payer_sequence, transaction_control_number, coded_event_id, traceparent,
       content
FROM claim JOIN claim_content USING (claim_id, revision, payer_sequence) WHERE interchange_id = $1
ORDER BY claim_id
"""


class Fate(StrEnum):
    """What became of a sending."""

    SENT = "sent"
    HELD = "held"
    LEFT = "left"
    """A person took it out of our hands meanwhile."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """An interchange that is not recorded as sent. `is_confirmed`: a person says that the payer has
    it. `is_said`: its claims were said to be submitted before."""

    interchange_id: UUID
    payer: str
    control_number: int
    file_name: str
    state: str
    is_confirmed: bool = False
    is_said: bool = False


@dataclass(frozen=True, slots=True)
class Outbound:
    """What sending works with: a payer's profile and transport, connections, the vault."""

    profile: Profile
    transport: Transport
    connect: Connect
    vault: Vault
    tracing: Tracing


async def unsent(connection: Connection, payer: str) -> Sequence[Unsent]:
    """A payer's interchanges that are to be sent, in the order of their control numbers."""
    return [Unsent(*row) for row in await connection.fetch(_UNSENT, payer)]


async def send(out: Outbound, interchange: Unsent, now: datetime) -> tuple[Fate, int]:
    """Sends one interchange, or finishes the sending of it; returns what became of it and how many
    claims that submitted.

    Raises OSError where the payer cannot be reached; everything is as it was then.
    """
    if interchange.is_confirmed:
        return await record(out, interchange, now)
    name = interchange.file_name
    async with out.connect() as connection:
        content = await content_of(connection, interchange.interchange_id, out.vault)
    if interchange.state == "formed":
        await out.transport.stage(name, content)
        async with out.connect() as connection:
            if not await connection.fetchval(_STAGED, interchange.interchange_id):
                return Fate.LEFT, 0
        presence = Presence.STAGED
    else:
        presence = await out.transport.find(name)
    if presence is Presence.UNKNOWN:
        return await _hold(out, interchange, "sending", _NOBODY_KNOWS)
    if presence is Presence.STAGED:
        try:
            await out.transport.release(name, content)
        except RefusedError as error:
            return await _hold(out, interchange, "formed", error.finding)
    return await record(out, interchange, now)


_NOBODY_KNOWS = Finding(
    code="sending-in-doubt",
    message="The sending was interrupted, and the payer cannot say whether it has the file.",
    hint="Ask the payer for the interchange by its control number. If it has it: `claimwire "
    "interchange confirm`; if not: `claimwire interchange resend`.",
    source="ISA13",
)


async def _hold(
    out: Outbound, interchange: Unsent, held_from: str, finding: Finding
) -> tuple[Fate, int]:
    async with out.connect() as connection:
        await connection.execute(
            _HOLD, interchange.interchange_id, held_from, to_wire(finding).decode()
        )
    return Fate.HELD, 0


async def record(out: Outbound, interchange: Unsent, now: datetime) -> tuple[Fate, int]:
    """Records that an interchange was sent, and says so for each claim: one transaction.

    Of one that was sent again, the claims are not said to be submitted again.
    """
    number = interchange.control_number
    reference = InterchangeReference(
        interchange_id=interchange.interchange_id,
        payer=interchange.payer,
        interchange_control_number=format_control_number(number),
        group_control_number=str(number),
        transaction_control_number="",
    )
    inquiry = out.profile.status_inquiry
    about = {
        names.INTERCHANGE_ID: str(interchange.interchange_id),
        names.PAYER_PROFILE: interchange.payer,
    }
    with out.tracing.batch(names.SPAN_INTERCHANGE, about) as trace:
        async with out.connect() as connection, connection.transaction():
            if not await connection.fetchval(_SENT, interchange.interchange_id, now):
                return Fate.LEFT, 0
            await connection.execute(_SUBMIT, interchange.interchange_id, now)
            if interchange.is_said:
                return Fate.SENT, 0
            if inquiry is not None:
                asked_at = inquiry.due(now, 0)
                await connection.execute(_ASK_LATER, interchange.interchange_id, asked_at)
            claims = [
                Sent(*row) for row in await connection.fetch(_CLAIMS, interchange.interchange_id)
            ]
            for start in range(0, len(claims), CLAIMS_AT_ONCE):
                some = claims[start : start + CLAIMS_AT_ONCE]
                await outbox.append(
                    connection, list(submitted_messages(some, reference, now, trace))
                )
    return Fate.SENT, len(claims)

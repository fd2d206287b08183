"""Pending claims to interchanges: takes the oldest of a payer, gives them a control number, writes
the 837 and keeps it, in one transaction. Nothing is sent here.

Because the number is taken in the transaction that keeps the bytes, a crash at any point gives it
back with them: none is skipped, none used twice. Must run under the payer's lease.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from uuid import UUID

from services.submission.domain.batching import Limits, Waiting, closing_count
from services.submission.domain.interchange import Pending, Unwritable, Written, write
from services.submission.domain.profile import Profile
from services.submission.saying import unwritable_event
from shared.contract.envelope import business_id
from shared.database import Connection
from shared.messaging import outbox

KINDS = ("professional", "institutional", "dental")
MAX_BYTES = 16_000_000
"""Of the claims of one interchange, as JSON."""

_WAITING = """
SELECT kinds.kind, oldest.pending_at, oldest.content_bytes
FROM unnest($2::text[]) AS kinds (kind) CROSS JOIN LATERAL (
    SELECT seq, pending_at, content_bytes FROM pending_claim
    WHERE payer = $1 AND pending_claim.kind = kinds.kind ORDER BY seq LIMIT $3
) AS oldest ORDER BY kinds.kind, oldest.seq
"""
_OPEN_NUMBERS = """
INSERT INTO control_number (sender, receiver, next_number) VALUES ($1, $2, 1) ON CONFLICT DO NOTHING
"""
_NEXT_NUMBER = """
SELECT next_number FROM control_number WHERE sender = $1 AND receiver = $2 FOR UPDATE
"""
_TAKE_NUMBER = """
UPDATE control_number SET next_number = next_number + 1 WHERE sender = $1 AND receiver = $2
"""
_LOCK = """
SELECT oldest.seq, claim.claim_id, claim.revision, claim.traceparent, claim_content.content
FROM (
    SELECT seq, claim_id, revision FROM pending_claim
    WHERE payer = $1 AND kind = $2 ORDER BY seq LIMIT $3
) AS oldest
JOIN claim USING (claim_id, revision) JOIN claim_content USING (claim_id, revision)
WHERE claim.status = 'pending'
ORDER BY claim.claim_id, claim.revision FOR UPDATE OF claim
"""
_KEEP = """
INSERT INTO interchange (interchange_id, payer, kind, sender, receiver, control_number, file_name,
                         content, claim_count, charge_cents, state, formed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'formed', $11)
"""
_PLACE = """
UPDATE claim SET status = 'formed', interchange_id = $3, changed_at = $5,
    transaction_control_number = placed.of_set
FROM unnest($1::uuid[], $2::int[], $4::text[]) AS placed (claim_id, revision, of_set)
WHERE claim.claim_id = placed.claim_id AND claim.revision = placed.revision
"""
_SET_ASIDE = """
UPDATE claim SET status = 'unwritable', changed_at = $3
FROM unnest($1::uuid[], $2::int[]) AS unwritable (claim_id, revision)
WHERE claim.claim_id = unwritable.claim_id AND claim.revision = unwritable.revision
"""
_LEAVE_QUEUE = """
DELETE FROM pending_claim WHERE payer = $1 AND kind = $2 AND seq = ANY($3::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Formed:
    """What one run made: of how many claims, and how many could not be written."""

    interchange_id: UUID | None
    claims: int
    unwritable: int


async def gather(
    connection: Connection, profile: Profile, limits: Limits, now: datetime
) -> list[Formed]:
    """Forms an interchange for each kind of claim that has enough pending for this payer."""
    waiting: dict[str, list[Waiting]] = {}
    for kind, pending_at, size in await connection.fetch(
        _WAITING, profile.name, list(KINDS), limits.max_claims
    ):
        waiting.setdefault(kind, []).append(Waiting(pending_at, size))
    formed = []
    for kind, claims in waiting.items():
        count = closing_count(claims, limits, now)
        if count:
            formed.append(await form(connection, profile, kind, count, now))
    return formed


async def form(
    connection: Connection, profile: Profile, kind: str, count: int, now: datetime
) -> Formed:
    """One interchange of the `count` oldest pending claims of a kind, all or nothing."""
    ends = (profile.sender.identifier, profile.receiver.identifier)
    async with connection.transaction():
        await connection.execute(_OPEN_NUMBERS, *ends)
        number: int = await connection.fetchval(_NEXT_NUMBER, *ends)
        rows = await connection.fetch(_LOCK, profile.name, kind, count)
        rows.sort(key=itemgetter(0))
        if not rows:
            return Formed(None, 0, 0)
        pending = [Pending(row[1], row[2], row[4]) for row in rows]
        written = await asyncio.to_thread(write, pending, profile, number, now)
        interchange_id = None
        if written.placed:
            await connection.execute(_TAKE_NUMBER, *ends)
            interchange_id = await _keep(connection, profile, kind, number, written, now=now)
        if written.unwritable:
            traces = {(row[1], row[2]): row[3] for row in rows}
            await _set_aside(connection, written.unwritable, traces, now)
        await connection.execute(_LEAVE_QUEUE, profile.name, kind, [row[0] for row in rows])
    return Formed(interchange_id, len(written.placed), len(written.unwritable))


async def _keep(
    connection: Connection,
    profile: Profile,
    kind: str,
    number: int,
    written: Written,
    *,
    now: datetime,
) -> UUID:
    ends = (profile.sender.identifier, profile.receiver.identifier)
    interchange_id = business_id("interchange", *ends, number)
    await connection.execute(
        _KEEP,
        interchange_id,
        profile.name,
        kind,
        *ends,
        number,
        f"{interchange_id}.837",
        written.content,
        len(written.placed),
        written.charge_cents,
        now,
    )
    await connection.execute(
        _PLACE,
        [placed.claim_id for placed in written.placed],
        [placed.revision for placed in written.placed],
        interchange_id,
        [placed.transaction_control_number for placed in written.placed],
        now,
    )
    return interchange_id


async def _set_aside(
    connection: Connection,
    unwritable: Sequence[Unwritable],
    traces: Mapping[tuple[UUID, int], str | None],
    now: datetime,
) -> None:
    ids = [claim.claim_id for claim in unwritable]
    revisions = [claim.revision for claim in unwritable]
    await connection.execute(_SET_ASIDE, ids, revisions, now)
    await outbox.append(
        connection,
        [
            unwritable_event(claim, traces[claim.claim_id, claim.revision], now)
            for claim in unwritable
        ],
    )

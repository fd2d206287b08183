"""Pending claims to interchanges: takes the oldest of a payer, gives them a control number, writes
the 837 and keeps it, in one transaction. Nothing is sent here.

Because the number is taken in the transaction that keeps the bytes, a crash at any point gives it
back with them: none is skipped, none used twice. Must run under the payer's lease.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import itemgetter
from uuid import UUID

from services.submission.answers import findings_json
from services.submission.domain.batching import Limits, Waiting, closing_count
from services.submission.domain.changes import Leg
from services.submission.domain.interchange import Pending, Placed, Unwritable, write
from services.submission.domain.profile import Profile
from services.submission.domain.terms import COUNTDOWN_PERCENT, countdown_at
from services.submission.keeping import Draft, keep, next_number
from services.submission.saying import unwritable_event
from services.submission.vault import Vault
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
_LOCK = """
SELECT oldest.seq, claim.claim_id, claim.revision, claim.payer_sequence, claim.traceparent,
       claim_content.content,
       (SELECT earlier.payer_claim_control_number FROM claim AS earlier
        WHERE earlier.claim_id = claim.claim_id AND earlier.payer_sequence = claim.payer_sequence
            AND earlier.payer_claim_control_number IS NOT NULL
        ORDER BY earlier.revision DESC LIMIT 1)
FROM (
    SELECT seq, claim_id, revision, payer_sequence FROM pending_claim
    WHERE payer = $1 AND kind = $2 ORDER BY seq LIMIT $3
) AS oldest
JOIN claim USING (claim_id, revision, payer_sequence)
JOIN claim_content USING (claim_id, revision, payer_sequence)
WHERE claim.status = 'pending'
ORDER BY claim.claim_id, claim.revision, claim.payer_sequence FOR UPDATE OF claim
"""
_PLACE = """
UPDATE claim SET status = 'formed', interchange_id = $4, changed_at = $8,
    transaction_control_number = placed.of_set, filing_from = placed.filing_from,
    filing_next_at = placed.filing_next_at, filing_percent_left = NULL,
    inquiries = 0, inquire_at = NULL
FROM unnest($1::uuid[], $2::int[], $3::text[], $5::text[], $6::date[], $7::timestamptz[])
    AS placed (claim_id, revision, turn, of_set, filing_from, filing_next_at)
WHERE claim.claim_id = placed.claim_id AND claim.revision = placed.revision
    AND claim.payer_sequence = placed.turn
"""
_SET_ASIDE = """
UPDATE claim SET status = 'unwritable', changed_at = $7, findings = aside.findings::jsonb,
    filing_from = aside.filing_from, filing_next_at = aside.filing_next_at,
    filing_percent_left = NULL
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::date[], $6::timestamptz[])
    AS aside (claim_id, revision, turn, findings, filing_from, filing_next_at)
WHERE claim.claim_id = aside.claim_id AND claim.revision = aside.revision
    AND claim.payer_sequence = aside.turn
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
    connection: Connection, profile: Profile, limits: Limits, vault: Vault, now: datetime
) -> list[Formed]:
    """Forms an interchange for each kind of claim that has enough pending for this payer."""
    waiting: dict[str, list[Waiting]] = {}
    for kind, pending_at, size in await connection.fetch(
        _WAITING, profile.name, list(KINDS), limits.max_claims
    ):
        waiting.setdefault(kind, []).append(Waiting(pending_at, size))
    if profile.cutoff is not None:
        limits = replace(limits, window_s=profile.cutoff.window_s(limits.window_s, now))
    formed = []
    for kind, claims in waiting.items():
        count = closing_count(claims, limits, now)
        if count:
            formed.append(await form(connection, profile, kind, count, vault, now))
    return formed


async def form(
    connection: Connection, profile: Profile, kind: str, count: int, vault: Vault, now: datetime
) -> Formed:
    """One interchange of the `count` oldest pending claims of a kind, all or nothing."""
    async with connection.transaction():
        number = await next_number(connection, profile)
        rows = await connection.fetch(_LOCK, profile.name, kind, count)
        rows.sort(key=itemgetter(0))
        if not rows:
            return Formed(None, 0, 0)
        pending = [Pending(Leg(*row[1:4]), row[5], row[6]) for row in rows]
        written = await asyncio.to_thread(write, pending, profile, number, now)
        interchange_id = None
        if written.placed:
            interchange_id = await keep(
                connection,
                profile,
                number,
                Draft(kind, written.content, len(written.placed), written.charge_cents),
                vault,
                now,
            )
            await _place(connection, profile, interchange_id, written.placed, now)
        if written.unwritable:
            traces = {Leg(*row[1:4]): row[4] for row in rows}
            await _set_aside(connection, profile, written.unwritable, traces, now)
        await connection.execute(_LEAVE_QUEUE, profile.name, kind, [row[0] for row in rows])
    return Formed(interchange_id, len(written.placed), len(written.unwritable))


async def _place(
    connection: Connection,
    profile: Profile,
    interchange_id: UUID,
    placed: Sequence[Placed],
    now: datetime,
) -> None:
    claim_ids, revisions, turns = zip(*(one.leg for one in placed), strict=True)
    await connection.execute(
        _PLACE,
        claim_ids,
        revisions,
        turns,
        interchange_id,
        [one.transaction_control_number for one in placed],
        [one.filing_from for one in placed],
        [_countdown(profile, one.leg, one.filing_from) for one in placed],
        now,
    )


async def _set_aside(
    connection: Connection,
    profile: Profile,
    unwritable: Sequence[Unwritable],
    traces: Mapping[Leg, str | None],
    now: datetime,
) -> None:
    claim_ids, revisions, turns = zip(*(one.leg for one in unwritable), strict=True)
    await connection.execute(
        _SET_ASIDE,
        claim_ids,
        revisions,
        turns,
        [findings_json(one.findings) for one in unwritable],
        [one.filing_from for one in unwritable],
        [_countdown(profile, one.leg, one.filing_from) for one in unwritable],
        now,
    )
    await outbox.append(
        connection, [unwritable_event(claim, traces[claim.leg], now) for claim in unwritable]
    )


def _countdown(profile: Profile, leg: Leg, filing_from: date | None) -> datetime | None:
    """When the first step of the countdown for timely filing comes, or came."""
    if filing_from is None:
        return None
    days = profile.filing.days_for(leg.payer_sequence)
    return countdown_at(filing_from, days, COUNTDOWN_PERCENT[0])

"""The watchdog: when an interchange's time for an answer is over, its claims without one are said.

All claims of an interchange were sent at the same time, so each interchange is looked at once for
its 999, once for its 277CAs and once for its 835s, and never again. Must run under a lease.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.submission.domain.changes import Leg
from services.submission.domain.status import Status
from services.submission.domain.watchdog import AWAITED, Allowance, Expected, find_overdue
from services.submission.saying import Late, overdue_event
from shared.database import Connection
from shared.messaging import outbox
from shared.telemetry import names
from shared.telemetry.tracing import Batch, Tracing

INTERCHANGES_AT_ONCE = 20

_COLUMNS: dict[Expected, str] = {
    "999": "syntax_watched_at",
    "277CA": "acceptance_watched_at",
    "835": "payment_watched_at",
}
_DUE = """
SELECT interchange_id, sent_at FROM interchange
WHERE payer = $1 AND state = 'sent' AND {column} IS NULL AND sent_at <= $2
ORDER BY sent_at LIMIT $3 FOR UPDATE
"""
_WATCHED = "UPDATE interchange SET {column} = $2 WHERE interchange_id = ANY($1::uuid[])"
_UNANSWERED = """
SELECT claim_id, revision, payer_sequence, interchange_id, status, traceparent FROM claim
WHERE interchange_id = ANY($1::uuid[]) AND status = ANY($2::text[])
"""
_LIST = """
INSERT INTO overdue (claim_id, revision, payer_sequence, expected, due_at, found_at)
SELECT claim_id, revision, turn, $4, due_at, $6
FROM unnest($1::uuid[], $2::int[], $3::text[], $5::timestamptz[])
    AS late (claim_id, revision, turn, due_at)
ON CONFLICT DO NOTHING
"""


async def watch(
    connection: Connection, payer: str, allowance: Allowance, tracing: Tracing, now: datetime
) -> dict[Expected, int]:
    """Says what is overdue at a payer, and lists it; returns how many claims, by answer."""
    return {
        expected: await _watch(connection, payer, expected, allowance, tracing=tracing, now=now)
        for expected in AWAITED
    }


async def _watch(
    connection: Connection,
    payer: str,
    expected: Expected,
    allowance: Allowance,
    *,
    tracing: Tracing,
    now: datetime,
) -> int:
    found, column = 0, _COLUMNS[expected]
    while True:
        with tracing.batch(names.SPAN_WATCH) as trace:
            async with connection.transaction():
                sent_before = now - allowance.until(expected)
                rows = await connection.fetch(
                    _DUE.format(column=column), payer, sent_before, INTERCHANGES_AT_ONCE
                )
                if not rows:
                    return found
                sent_at = dict(map(tuple, rows))
                late = await _late(connection, sent_at, expected, allowance, now)
                await _say(connection, expected, late, trace, now)
                await connection.execute(_WATCHED.format(column=column), list(sent_at), now)
                found += len(late)


async def _late(
    connection: Connection,
    sent_at: dict[UUID, datetime],
    expected: Expected,
    allowance: Allowance,
    now: datetime,
) -> list[Late]:
    waiting = [str(status) for status in AWAITED[expected]]
    late = []
    for row in await connection.fetch(_UNANSWERED, list(sent_at), waiting):
        *leg, interchange_id, status, traceparent = row
        at = sent_at[interchange_id]
        overdue = find_overdue(Status(status), at, expected, allowance, now)
        if overdue is not None:
            late.append(Late(Leg(*leg), interchange_id, overdue, at, traceparent))
    return late


async def _say(
    connection: Connection,
    expected: Expected,
    late: Sequence[Late],
    trace: Batch,
    now: datetime,
) -> None:
    if not late:
        return
    claim_ids, revisions, turns = zip(*(row.leg for row in late), strict=True)
    await connection.execute(
        _LIST,
        claim_ids,
        revisions,
        turns,
        expected,
        [row.overdue.due_at for row in late],
        now,
    )
    await outbox.append(connection, [overdue_event(row, trace, now) for row in late])

"""The countdown for timely filing: a claim that is not in adjudication while its payer's time for
it runs out is said at 50, 25 and 10 percent left, and when it is over. Must run under a lease."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from services.submission.domain.changes import Leg
from services.submission.domain.profile import Profile
from services.submission.domain.status import Status
from services.submission.domain.terms import countdown, last_filing_day, next_countdown
from services.submission.domain.watchdog import Allowance
from services.submission.saying import Counting, filing_event
from shared.database import Connection
from shared.messaging import outbox
from shared.telemetry import names
from shared.telemetry.tracing import Batch, Tracing

CLAIMS_AT_ONCE = 500
_OURS = frozenset({Status.PENDING, Status.UNWRITABLE, Status.FORMED, Status.REFUSED})
"""The payer does not have the claim: it is for us to act."""
_ON_THE_WAY = frozenset({Status.SENT, Status.ACCEPTED, Status.FORWARDED})

_DUE = """
SELECT claim_id, revision, payer_sequence, status, filing_from, filing_percent_left, traceparent,
       (SELECT sent_at FROM interchange WHERE interchange.interchange_id = claim.interchange_id),
       EXISTS (SELECT FROM claim AS newer WHERE newer.claim_id = claim.claim_id
               AND newer.revision > claim.revision)
FROM claim WHERE payer = $1 AND filing_next_at <= $2
ORDER BY filing_next_at LIMIT $3 FOR UPDATE OF claim
"""
_LOOKED = """
UPDATE claim SET filing_next_at = looked.next_at, filing_percent_left = looked.percent_left
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[], $5::int[])
    AS looked (claim_id, revision, turn, next_at, percent_left)
WHERE claim.claim_id = looked.claim_id AND claim.revision = looked.revision
    AND claim.payer_sequence = looked.turn
"""

Looked = tuple[datetime | None, int | None]
"""When to look again, and the step that was said last."""


async def count_down(
    connection: Connection, profile: Profile, allowance: Allowance, tracing: Tracing, now: datetime
) -> int:
    """Says whose time runs out at a payer; returns how many claims."""
    said = 0
    while True:
        with tracing.batch(names.SPAN_WATCH) as trace:
            async with connection.transaction():
                rows = await connection.fetch(_DUE, profile.name, now, CLAIMS_AT_ONCE)
                if not rows:
                    return said
                said += await _say(connection, rows, profile, allowance, trace=trace, now=now)


async def _say(
    connection: Connection,
    rows: Sequence[Any],
    profile: Profile,
    allowance: Allowance,
    *,
    trace: Batch,
    now: datetime,
) -> int:
    events, looked = [], []
    for *key, status, start, said, traceparent, sent_at, is_replaced in rows:
        leg = Leg(*key)
        days = profile.filing.days_for(leg.payer_sequence)
        again_at, step = _next_look(Status(status), sent_at, start, days, allowance, now)
        if is_replaced:
            again_at, step = None, None
        if step is not None and step != said:
            last_day = last_filing_day(start, days)
            events.append(filing_event(Counting(leg, step, last_day, traceparent), trace, now))
        looked.append((*leg, again_at, said if step is None else step))
    await connection.execute(_LOOKED, *map(list, zip(*looked, strict=True)))
    await outbox.append(connection, events)
    return len(events)


def _next_look(
    status: Status,
    sent_at: datetime | None,
    start: date,
    days: int,
    allowance: Allowance,
    now: datetime,
) -> Looked:
    """When to look again, and the step that is to be said now. A claim on its way counts only once
    its answer is late; one in adjudication was filed in time."""
    if status in _ON_THE_WAY and sent_at is not None:
        answered_by = sent_at + allowance.until("277CA")
        if now < answered_by:
            return answered_by, None
    elif status not in _OURS:
        return None, None
    return next_countdown(start, days, now), countdown(start, days, now)

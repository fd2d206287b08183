"""Claims of remittances that fitted no claim of ours, looked at again when claims come that may be
the ones: registered later under another account number, or numbered by the payer later. So is what
has the number of several claims and fitted none of them for certain.

It is apart from the handler because registering a claim must not wait for a search, and because a
search within a batch would miss what another batch commits at the same time. Here nothing is
missed: each round looks back beyond the longest of transactions, and the first one at everything.
What has the claim's own account number, and no other claim's, is posted when the claim is
registered, without any of this.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import asyncpg

from services.remittance.acting import act
from services.remittance.domain.commands import LookedAgain
from services.remittance.domain.incoming import claim_from_json
from services.remittance.handlers import RemittanceHandler
from shared.database import Connection, leased
from shared.service import Context, Worker, clock

AT_ONCE = 200
LOOK_S = 30.0
SEARCH_S = 600.0
"""The first search goes over all claims."""
LOOK_BACK = timedelta(minutes=2)
"""Longer than a batch's transaction is open: its claims are as old as its beginning."""
EVER = datetime.min.replace(tzinfo=UTC)

_UNMATCHED = """
WITH fresh AS MATERIALIZED (
    SELECT claim.id, payer_claim_control_number, line_control_numbers, charge_cents
    FROM claim WHERE updated_at >= $1
        AND EXISTS (SELECT FROM remittance_claim WHERE state = 'unmatched')
), told AS MATERIALIZED (
    SELECT seq, remittance_id, position, abs(charge_cents) AS charge,
           content->>'payer_claim_control_number' AS payer_number,
           ARRAY(SELECT trim(line->>'line_control_number')
                 FROM json_array_elements(coalesce(content->'lines', '[]')) AS line) AS lines
    FROM remittance_claim WHERE state = 'unmatched'
)
SELECT remittance_id, position FROM told
WHERE seq IN (
    SELECT seq FROM told JOIN fresh ON charge_cents = charge
    UNION ALL
    SELECT seq FROM told JOIN fresh ON payer_claim_control_number = payer_number
    UNION ALL
    SELECT seq FROM (SELECT seq, unnest(lines) AS number FROM told) AS theirs
    JOIN (SELECT unnest(line_control_numbers) AS number FROM fresh) AS ours USING (number)
)
ORDER BY seq
"""
_CONTENTS = """
SELECT remittance_id, position, number_id, content
FROM unnest($1::uuid[], $2::int[]) WITH ORDINALITY AS wanted (id, place, number)
JOIN remittance_claim ON remittance_id = wanted.id AND position = wanted.place
ORDER BY number
"""


async def look_again(
    connection: Connection, handler: RemittanceHandler, since: datetime, now: datetime
) -> int:
    """Judges the unmatched claims of remittances that a claim registered or changed since then may
    be, some hundreds at a time; returns how many. Most still fit none: then nothing changes."""
    found = await connection.fetch(_UNMATCHED, since, timeout=SEARCH_S)
    for start in range(0, len(found), AT_ONCE):
        places = found[start : start + AT_ONCE]
        ids, positions = [row[0] for row in places], [row[1] for row in places]
        rows = await connection.fetch(_CONTENTS, ids, positions)
        await act(connection, handler, _commands(rows), now)
    return len(found)


def _commands(rows: Sequence[asyncpg.Record]) -> list[LookedAgain]:
    return [
        LookedAgain(
            (row["remittance_id"], row["position"]),
            claim_from_json(row["content"]),
            str(row["number_id"]),
            row["content"].encode(),
        )
        for row in rows
    ]


def matcher(handler: RemittanceHandler) -> Worker:
    """A worker that looks again every half minute, in one process at a time."""

    async def run(context: Context) -> None:
        since = EVER
        while not context.stopping.is_set():
            async with (
                context.pool.acquire() as connection,
                leased(connection, "remittance matcher") as is_ours,
            ):
                if is_ours:
                    begun = clock()
                    if await look_again(connection, handler, since, begun):
                        context.wake_relay()
                    since = begun - LOOK_BACK
            with suppress(TimeoutError):
                await asyncio.wait_for(context.stopping.wait(), LOOK_S)

    return run

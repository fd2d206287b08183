"""Past claims for a pack to be tried on: coding's own, as they stand, a page at a time."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import cast
from uuid import UUID

from services.coding.domain.payer_rules.pack import Pack
from services.coding.domain.payer_rules.shadow import Fate, PastClaim, Shadow, ShadowReport
from shared.contract.events import ClaimReceived
from shared.database import Connection

PAGE = 500

# What a payer said of a claim stays on the worklist after the claim was corrected.
_PAGE = """
SELECT c.claim_id, c.received,
       coalesce((SELECT w.reason FROM worklist w
                 WHERE w.claim_id = c.claim_id AND w.reason <> 'held'
                 ORDER BY w.opened_at DESC LIMIT 1),
                CASE WHEN c.status = 'held' THEN 'held' ELSE 'coded' END) AS fate
FROM claim c
WHERE c.received IS NOT NULL AND c.claim_id > $1
  AND ($2::timestamptz IS NULL OR c.received_at >= $2)
ORDER BY c.claim_id LIMIT $3
"""


async def past_claims(
    connection: Connection, since: datetime | None = None
) -> AsyncIterator[list[PastClaim]]:
    """Pages of all claims received since a time, as the hospital sent them last."""
    after = UUID(int=0)
    while rows := await connection.fetch(_PAGE, after, since, PAGE):
        yield [_past(row["received"], cast("Fate", row["fate"])) for row in rows]
        after = rows[-1]["claim_id"]


def _past(received: bytes, fate: Fate) -> PastClaim:
    data = ClaimReceived.model_validate_json(received)
    return PastClaim(data.claim, data.received_at.date(), fate)


async def shadow_run(
    connection: Connection, pack: Pack, since: datetime | None = None
) -> ShadowReport:
    """What the pack would have done with coding's past claims."""
    run = Shadow(pack)
    async for page in past_claims(connection, since):
        run.add(page)
    return run.report

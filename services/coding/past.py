"""Past claims to try a pack on and to learn from: coding's own, as the hospital sent them."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import cast
from uuid import UUID

from services.coding.domain.payer_rules.learning import DeniedLine, denied_lines
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
_DENIED = """
SELECT c.received, w.line_reasons FROM worklist w JOIN claim c USING (claim_id)
WHERE w.reason = 'denied' AND w.line_reasons IS NOT NULL AND c.received IS NOT NULL
  AND ($1::timestamptz IS NULL OR w.opened_at >= $1)
ORDER BY w.opened_at
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


async def denied(connection: Connection, since: datetime | None = None) -> list[DeniedLine]:
    """Lines that payers have denied, with their reasons, as they were billed."""
    lines: list[DeniedLine] = []
    for received, reasons in await connection.fetch(_DENIED, since):
        claim = ClaimReceived.model_validate_json(received).claim
        lines += denied_lines(claim, json.loads(reasons))
    return lines


async def shadow_run(
    connection: Connection, pack: Pack, since: datetime | None = None
) -> ShadowReport:
    """What the pack would have done with coding's past claims."""
    run = Shadow(pack)
    async for page in past_claims(connection, since):
        run.add(page)
    return run.report

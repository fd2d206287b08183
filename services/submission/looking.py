"""What people ask of submission, as queries: where a claim stands and why, what waits for someone.

Nothing here selects what identifies a patient.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.database import Connection

_CLAIM = """
SELECT revision, claim.payer, status, claim.interchange_id, control_number, file_name,
       transaction_control_number, interchange.state AS interchange_state, sent_at,
       payer_claim_control_number IS NOT NULL AS has_payer_claim_number, pending_at, changed_at
FROM claim LEFT JOIN interchange USING (interchange_id)
WHERE claim_id = $1 ORDER BY revision
"""
_EVIDENCE = """
SELECT event_id AS message_id, transaction, outcome, relates_to, has_moved_claim, control_number,
       status_codes, received_at
FROM acknowledgement
WHERE claim_id = $1 OR (claim_id IS NULL AND interchange_id IN (
    SELECT interchange_id FROM claim WHERE claim_id = $1 AND interchange_id IS NOT NULL))
ORDER BY received_at, event_id, part, position
"""

LISTS: Mapping[str, str] = {
    "interchanges": """
        SELECT interchange_id, payer, kind, sender, receiver, control_number, file_name,
               claim_count, state, envelope_outcome, syntax_outcome, formed_at, sent_at
        FROM interchange ORDER BY formed_at DESC LIMIT $1""",
    "acknowledgements/unrelated": """
        SELECT event_id AS message_id, part, position, payer, transaction, outcome, relates_to,
               control_number, status_codes, received_at
        FROM acknowledgement WHERE relates_to IN ('nothing', 'several')
        ORDER BY received_at DESC LIMIT $1""",
    "overdue": """
        SELECT overdue.claim_id, overdue.revision, expected, due_at, found_at, status
        FROM overdue JOIN claim USING (claim_id, revision) ORDER BY due_at LIMIT $1""",
    "statuses": """
        SELECT payer, status, count(*) AS claims FROM claim GROUP BY payer, status
        ORDER BY payer, status LIMIT $1""",
}


async def claim(connection: Connection, claim_id: UUID) -> dict[str, Any] | None:
    """Every revision of a claim with its status and place, and every answer about it; None where
    submission has never had it."""
    revisions = await connection.fetch(_CLAIM, claim_id)
    if not revisions:
        return None
    answers = await connection.fetch(_EVIDENCE, claim_id)
    return {
        "claim_id": str(claim_id),
        "revisions": [_plain(row) for row in revisions],
        "answers": [_plain(row) for row in answers],
    }


async def listed(connection: Connection, query: str, limit: int) -> list[dict[str, Any]]:
    """The rows of one of `LISTS`, at most `limit`."""
    return [_plain(row) for row in await connection.fetch(query, limit)]


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    return {name: _text(value) for name, value in row.items()}


def _text(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value

"""What people ask of submission, as queries: where a claim stands and why, what waits for someone.

Nothing here selects what identifies a patient.
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg

from shared.database import Connection

Row = dict[str, Any]

_LEGS = """
SELECT revision, payer_sequence, claim.payer, claim.kind, claim.status, claim.interchange_id,
       control_number, file_name, transaction_control_number,
       interchange.state AS interchange_state, sent_at,
       payer_claim_control_number IS NOT NULL AS has_payer_claim_number, findings, filing_from,
       filing_percent_left, inquire_at, pending_at, changed_at
FROM claim LEFT JOIN interchange USING (interchange_id)
WHERE claim_id = $1 ORDER BY revision, array_position(
    ARRAY['P', 'S', 'T', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'], payer_sequence)
"""
_EVIDENCE = """
SELECT event_id AS message_id, file_name, transaction, outcome, relates_to, revision,
       payer_sequence, has_moved_claim, control_number, status_codes, findings, path, received_at
FROM acknowledgement LEFT JOIN mailbox_message ON message_id = event_id
WHERE claim_id = $1 OR (claim_id IS NULL AND interchange_id IN (
    SELECT interchange_id FROM claim WHERE claim_id = $1 AND interchange_id IS NOT NULL))
ORDER BY received_at, event_id, part, position
"""
_OVERDUE_OF = """
SELECT revision, payer_sequence, expected, due_at, found_at FROM overdue
WHERE claim_id = $1 ORDER BY due_at
"""
_INQUIRIES_OF = """
SELECT revision, payer_sequence, interchange_id, asked_at, answered_at FROM inquiry
WHERE claim_id = $1 ORDER BY asked_at
"""
_INTERCHANGE_COLUMNS = """
SELECT interchange_id, payer, kind, sender, receiver, control_number, file_name, claim_count,
       state, hold, sendings, envelope_outcome, syntax_outcome, formed_at, sent_at
FROM interchange
"""
_INTERCHANGE = f"{_INTERCHANGE_COLUMNS} WHERE interchange_id = $1"
_INTERCHANGES = f"""{_INTERCHANGE_COLUMNS}
WHERE ($1::text IS NULL OR payer = $1) AND ($2::text IS NULL OR state = $2)
    AND ($3::timestamptz IS NULL OR (formed_at, interchange_id) < ($3, $4::uuid))
ORDER BY formed_at DESC, interchange_id DESC LIMIT $5
"""
_CLAIMS_BY_STATUS = """
SELECT status, count(*) FROM claim WHERE interchange_id = $1 GROUP BY status ORDER BY status
"""
_DECISIONS = """
SELECT action, decided_by, decided_at FROM interchange_decision
WHERE interchange_id = $1 ORDER BY seq
"""
_UNRELATED = """
SELECT event_id AS message_id, part, position, file_name, acknowledgement.payer, transaction,
       outcome, relates_to, control_number, status_codes, path, received_at
FROM acknowledgement LEFT JOIN mailbox_message ON message_id = event_id
WHERE relates_to IN ('nothing', 'several') AND ($1::timestamptz IS NULL
    OR (received_at, event_id, part, position) < ($1, $2::uuid, $3::int, $4::int))
ORDER BY received_at DESC, event_id DESC, part DESC, position DESC LIMIT $5
"""
_OVERDUE = """
SELECT claim_id, revision, payer_sequence, expected, payer, status, due_at, found_at
FROM overdue JOIN claim USING (claim_id, revision, payer_sequence)
WHERE status = ANY(CASE expected
        WHEN '999' THEN ARRAY['sent']
        WHEN '277CA' THEN ARRAY['accepted', 'forwarded']
        ELSE ARRAY['accepted', 'forwarded', 'acknowledged'] END)
    AND ($1::timestamptz IS NULL OR (due_at, claim_id, revision, payer_sequence, expected)
        > ($1, $2::uuid, $3::int, $4::text, $5::text))
ORDER BY due_at, claim_id, revision, payer_sequence, expected LIMIT $6
"""
_STATUSES = """
SELECT payer, status, count(*) AS claims FROM claim GROUP BY payer, status ORDER BY payer, status
"""
_CHANNELS = """
SELECT payer, failures, error, failed_at, retry_at, contact_at, last_sent_at,
       (SELECT count(*) FROM interchange WHERE interchange.payer = payer_channel.payer
        AND state IN ('formed', 'sending')) AS unsent,
       (SELECT count(*) FROM interchange WHERE interchange.payer = payer_channel.payer
        AND state = 'held') AS held
FROM payer_channel ORDER BY payer
"""


async def claim(connection: Connection, claim_id: UUID) -> Row | None:
    """Every leg of a claim with its status and place, every answer about it, what is overdue and
    what was asked; None where submission has never had it."""
    legs = await connection.fetch(_LEGS, claim_id)
    if not legs:
        return None
    return {
        "claim_id": claim_id,
        "legs": [row_of(row) for row in legs],
        "answers": [row_of(row) for row in await connection.fetch(_EVIDENCE, claim_id)],
        "overdue": [row_of(row) for row in await connection.fetch(_OVERDUE_OF, claim_id)],
        "inquiries": [row_of(row) for row in await connection.fetch(_INQUIRIES_OF, claim_id)],
    }


async def interchange(connection: Connection, interchange_id: UUID) -> Row | None:
    """An interchange, how many of its claims stand where, and what people decided about it."""
    found = await connection.fetchrow(_INTERCHANGE, interchange_id)
    if found is None:
        return None
    claims = await connection.fetch(_CLAIMS_BY_STATUS, interchange_id)
    decisions = await connection.fetch(_DECISIONS, interchange_id)
    return {
        **row_of(found),
        "claims": dict(map(tuple, claims)),
        "decisions": [row_of(row) for row in decisions],
    }


async def interchanges(
    connection: Connection,
    limit: int,
    *,
    payer: str | None = None,
    state: str | None = None,
    before: tuple[Any, ...] | None = None,
) -> list[Row]:
    """Interchanges, newest first; `before` is (formed_at, interchange_id)."""
    key = before or (None, None)
    return [row_of(row) for row in await connection.fetch(_INTERCHANGES, payer, state, *key, limit)]


async def unrelated(
    connection: Connection, limit: int, before: tuple[Any, ...] | None = None
) -> list[Row]:
    """Answers that are about nothing of ours, or could be about several claims; newest first.
    `before` is (received_at, message_id, part, position)."""
    key = before or (None, None, None, None)
    return [row_of(row) for row in await connection.fetch(_UNRELATED, *key, limit)]


async def overdue(
    connection: Connection, limit: int, after: tuple[Any, ...] | None = None
) -> list[Row]:
    """Claims whose answer has not come to this day; longest overdue first. `after` is (due_at,
    claim_id, revision, payer_sequence, expected)."""
    key = after or (None, None, None, None, None)
    return [row_of(row) for row in await connection.fetch(_OVERDUE, *key, limit)]


async def statuses(connection: Connection) -> list[Row]:
    """How many claims stand where, by payer."""
    return [row_of(row) for row in await connection.fetch(_STATUSES)]


async def channels(connection: Connection) -> list[Row]:
    """What is known of the way to each payer."""
    return [row_of(row) for row in await connection.fetch(_CHANNELS)]


def row_of(row: asyncpg.Record | Mapping[str, Any]) -> Row:
    """A row as plain values; findings come out of their JSON."""
    return {name: _plain(name, value) for name, value in row.items()}


def _plain(name: str, value: Any) -> Any:
    if name in ("findings", "hold") and isinstance(value, str):
        return json.loads(value)
    return value

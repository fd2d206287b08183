"""coding's SQL: the newest revision of each claim, and the worklist."""

import json
from collections.abc import Collection, Sequence
from uuid import UUID

from services.coding.domain.decide import ClaimState, WorklistEntry
from shared.contract.model import Finding
from shared.database import Connection

_LOAD = """
SELECT claim_id, revision, status, ruleset, updated_at
FROM claim WHERE claim_id = ANY($1::uuid[]) ORDER BY claim_id FOR UPDATE
"""

# A claim's events come in order on one partition; its payers' answers come on others. Should the
# two ever meet on a claim that is new to us, the newer revision stays.
_SAVE = """
INSERT INTO claim (claim_id, revision, status, ruleset, received, received_at, updated_at)
SELECT claim_id, revision, status, ruleset, received, at, at
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[])
  AS new (claim_id, revision, status, ruleset, received, at)
ON CONFLICT (claim_id) DO UPDATE SET
    revision = excluded.revision, status = excluded.status, ruleset = excluded.ruleset,
    received = coalesce(excluded.received, claim.received), updated_at = excluded.updated_at
WHERE claim.revision <= excluded.revision
"""

_OPEN = """
INSERT INTO worklist (event_id, claim_id, revision, reason, findings, opened_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[]::jsonb[],
                     $6::timestamptz[])
ON CONFLICT (event_id) DO NOTHING
"""

_CLOSE = """
UPDATE worklist SET closed_at = new.at
FROM unnest($1::uuid[], $2::int[], $3::timestamptz[]) AS new (claim_id, revision, at)
WHERE worklist.claim_id = new.claim_id AND worklist.revision < new.revision
  AND worklist.closed_at IS NULL
"""


async def load(connection: Connection, keys: Collection[str]) -> dict[str, ClaimState]:
    """States by key, without the claims themselves; rows are locked in key order."""
    rows = await connection.fetch(_LOAD, sorted(map(UUID, keys)))
    return {str(row["claim_id"]): ClaimState(**dict(row.items())) for row in rows}


async def save_claims(connection: Connection, states: Collection[ClaimState]) -> None:
    """Writes changed states."""
    if not states:
        return
    ordered = sorted(states, key=lambda state: state.claim_id)
    columns = ("claim_id", "revision", "status", "ruleset", "received", "updated_at")
    await connection.execute(
        _SAVE, *([getattr(state, name) for state in ordered] for name in columns)
    )


async def open_entries(connection: Connection, entries: Sequence[WorklistEntry]) -> None:
    """Puts entries on the worklist."""
    if not entries:
        return
    await connection.execute(
        _OPEN,
        [entry.event_id for entry in entries],
        [entry.claim_id for entry in entries],
        [entry.revision for entry in entries],
        [entry.reason for entry in entries],
        [_findings_json(entry.findings) for entry in entries],
        [entry.opened_at for entry in entries],
    )


async def close_outdated(connection: Connection, states: Collection[ClaimState]) -> None:
    """Takes off the worklist what was about a revision that a newer one has replaced."""
    newer = sorted(
        (state for state in states if state.revision > 1), key=lambda state: state.claim_id
    )
    if newer:
        await connection.execute(
            _CLOSE,
            [state.claim_id for state in newer],
            [state.revision for state in newer],
            [state.updated_at for state in newer],
        )


def _findings_json(findings: Sequence[Finding]) -> str:
    return json.dumps(
        [finding.model_dump(mode="json", exclude_defaults=True) for finding in findings]
    )

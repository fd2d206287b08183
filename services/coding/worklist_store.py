"""The worklist's SQL: the list a person works through, one entry with its claim, and what a person
did. Claims are locked before entries, as every batch does."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.coding.domain.worklist.deadlines import WEIGHTS
from services.coding.domain.worklist.opening import Reason
from services.coding.store import findings_json
from shared.contract.model import Finding
from shared.database import Connection

_WEIGHT = " ".join(f"WHEN due_on - $1::date < {below} THEN {times}" for below, times in WEIGHTS)

# Money times urgency, in cents; NULL dates weigh once. Filters that are not asked for are NULL.
_LIST = f"""
SELECT * FROM (
    SELECT event_id, claim_id, revision, reason, findings, opened_at, payer_identifier,
           at_stake_cents, due_on, assigned_to, version,
           at_stake_cents * (CASE {_WEIGHT} ELSE 1 END) AS score
    FROM worklist
    WHERE closed_at IS NULL
      AND ($2::text IS NULL OR payer_identifier = $2)
      AND ($3::jsonb IS NULL OR findings @> $3)
      AND ($4::timestamptz IS NULL OR opened_at <= $4)
      AND ($5::bigint IS NULL OR at_stake_cents >= $5)
      AND ($6::date IS NULL OR due_on <= $6)
      AND ($7::text IS NULL OR reason = $7)
      AND ($8::text IS NULL OR assigned_to = $8)
) AS open
WHERE $9::bigint IS NULL OR (score, event_id) < ($9, $10::uuid)
ORDER BY score DESC, event_id DESC LIMIT $11
"""  # noqa: S608 - the weights are our own numbers

_ENTRY = """
SELECT event_id, claim_id, revision, reason, findings, opened_at, payer_identifier, at_stake_cents,
       due_on, assigned_to, version, traceparent, closed_at, resolution
FROM worklist WHERE event_id = $1
"""
_CLAIM = """
SELECT claim_id, revision, status, received, received_revision, edited, payer_claim_control_number
FROM claim WHERE claim_id = $1
"""
_ACTIONS = """
SELECT at, actor, action, revision, text, patch FROM worklist_action
WHERE event_id = ANY($1::uuid[]) ORDER BY id
"""
_OF_CLAIM = "SELECT event_id FROM worklist WHERE claim_id = $1"
_REVISIONS = """
SELECT revision, author, at FROM claim_revision WHERE claim_id = $1 ORDER BY revision
"""
_SAVE_CLAIM = """
UPDATE claim SET revision = $2, status = $3, ruleset = coalesce($4, ruleset), edited = $5,
                 received_revision = $6, updated_at = $7
WHERE claim_id = $1
"""
_SAVE_ENTRY = """
UPDATE worklist SET version = version + 1, revision = $2, findings = coalesce($3, findings),
                    assigned_to = $4, closed_at = $5, resolution = $6
WHERE event_id = $1 RETURNING version
"""
# Whatever else is open of a claim is about a version that went out again, or came to an end.
_CLOSE_OTHERS = """
UPDATE worklist SET version = version + 1, closed_at = $3, resolution = 'superseded'
WHERE claim_id = $1 AND event_id <> $2 AND closed_at IS NULL
"""
_RECORD = """
INSERT INTO worklist_action (event_id, at, actor, action, revision, text, patch)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_KEEP_REVISION = """
INSERT INTO claim_revision (claim_id, revision, author, at, claim) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (claim_id, revision) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; None: not by this. Amounts in cents."""

    payer: str | None = None
    rule: str | None = None
    opened_before: datetime | None = None
    at_least_cents: int | None = None
    due_before: date | None = None
    reason: str | None = None
    assigned_to: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands. Nothing of the claim but ids, codes and money."""

    event_id: UUID
    claim_id: UUID
    revision: int
    reason: Reason
    findings: tuple[Finding, ...]
    opened_at: datetime
    payer_identifier: str | None
    at_stake_cents: int
    due_on: date | None
    assigned_to: str | None
    version: int
    traceparent: str | None = None
    closed_at: datetime | None = None
    resolution: str | None = None
    score: int = 0


@dataclass(frozen=True, slots=True)
class StoredClaim:
    """A claim as it is kept. `received` is a `claim.received`, `edited` a claim."""

    claim_id: UUID
    revision: int
    status: str
    received: bytes | None = field(repr=False)
    received_revision: int | None
    edited: bytes | None = field(repr=False)
    payer_claim_control_number: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Action:
    """What a person did."""

    at: datetime
    actor: str
    action: str
    revision: int
    text: str | None = None
    patch: Sequence[Mapping[str, Any]] | None = None


async def listed(
    connection: Connection,
    filters: Filters,
    today: date,
    after: tuple[int, UUID] | None,
    limit: int,
) -> list[Entry]:
    """Open entries, the most money times urgency first, behind the row `after`."""
    score, event_id = after or (None, None)
    rows = await connection.fetch(
        _LIST,
        today,
        filters.payer,
        json.dumps([{"code": filters.rule}]) if filters.rule else None,
        filters.opened_before,
        filters.at_least_cents,
        filters.due_before,
        filters.reason,
        filters.assigned_to,
        score,
        event_id,
        limit,
    )
    return [_entry(row) for row in rows]


async def entry(connection: Connection, event_id: UUID, *, lock: bool = False) -> Entry | None:
    """An entry, open or closed; None where there is none."""
    row = await connection.fetchrow(_ENTRY + (" FOR UPDATE" if lock else ""), event_id)
    return None if row is None else _entry(row)


async def claim(
    connection: Connection, claim_id: UUID, *, lock: bool = False
) -> StoredClaim | None:
    """A claim as it is kept, locked if it is to be changed."""
    row = await connection.fetchrow(_CLAIM + (" FOR UPDATE" if lock else ""), claim_id)
    return None if row is None else StoredClaim(**dict(row.items()))


async def actions(connection: Connection, claim_id: UUID) -> list[Action]:
    """All that was ever done to a claim on the worklist, oldest first."""
    ids = [row[0] for row in await connection.fetch(_OF_CLAIM, claim_id)]
    return [
        Action(at, actor, action, number, text, patch and json.loads(patch))
        for at, actor, action, number, text, patch in await connection.fetch(_ACTIONS, ids)
    ]


async def revisions(connection: Connection, claim_id: UUID) -> list[tuple[int, str, datetime]]:
    """The kept versions of a claim: number, author, time."""
    return [tuple(row) for row in await connection.fetch(_REVISIONS, claim_id)]


async def revision(connection: Connection, claim_id: UUID, number: int) -> bytes | None:
    """The JSON of a kept version."""
    found: bytes | None = await connection.fetchval(
        "SELECT claim FROM claim_revision WHERE claim_id = $1 AND revision = $2", claim_id, number
    )
    return found


async def save_claim(
    connection: Connection, kept: StoredClaim, ruleset: str | None, at: datetime
) -> None:
    """Writes what a person made of a claim."""
    await connection.execute(
        _SAVE_CLAIM,
        kept.claim_id,
        kept.revision,
        kept.status,
        ruleset,
        kept.edited,
        kept.received_revision,
        at,
    )


async def keep_revision(
    connection: Connection, claim_id: UUID, number: int, author: str, at: datetime, content: bytes
) -> None:
    """Keeps a version of a claim; one that is kept stays as it is."""
    await connection.execute(_KEEP_REVISION, claim_id, number, author, at, content)


async def save_entry(
    connection: Connection,
    changed: Entry,
    findings: Sequence[Finding] | None = None,
) -> int:
    """Writes an entry's new state and returns its version; `findings` None leaves them."""
    version = await connection.fetchval(
        _SAVE_ENTRY,
        changed.event_id,
        changed.revision,
        None if findings is None else findings_json(findings),
        changed.assigned_to,
        changed.closed_at,
        changed.resolution,
    )
    return int(version)


async def close_others(
    connection: Connection, claim_id: UUID, event_id: UUID, at: datetime
) -> None:
    """Closes what else is open of a claim."""
    await connection.execute(_CLOSE_OTHERS, claim_id, event_id, at)


async def record(connection: Connection, event_id: UUID, action: Action) -> None:
    """Writes down what a person did."""
    patch = None if action.patch is None else json.dumps(action.patch)
    await connection.execute(
        _RECORD,
        event_id,
        action.at,
        action.actor,
        action.action,
        action.revision,
        action.text,
        patch,
    )


def _entry(row: "asyncpg.Record") -> Entry:
    values = dict(row.items())
    values["findings"] = tuple(map(Finding.model_validate, json.loads(values["findings"])))
    return Entry(**values)

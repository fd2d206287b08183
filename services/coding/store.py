"""coding's SQL: the newest revision of each claim, patients' days, and the worklist."""

import json
from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from services.coding.domain.decide import ClaimState, day_key
from services.coding.domain.history import ClaimDay, EarlierLine, History, PatientDay
from services.coding.domain.proof import StoredVerdict, history_json
from services.coding.domain.verdict import Ruleset
from services.coding.domain.worklist.closing import OpenEntries, OpenEntry, Resolved
from services.coding.domain.worklist.opening import WorklistEntry
from shared.contract.model import Finding
from shared.database import Connection

# The claim itself is read where a payer's answer is about it, or a person's correction stands.
_LOAD = """
SELECT claim_id, revision, status, ruleset, updated_at, received_revision, edited,
       payer_claim_control_number,
       CASE WHEN edited IS NOT NULL OR claim_id = ANY($2::uuid[]) THEN received END AS received
FROM claim WHERE claim_id = ANY($1::uuid[]) ORDER BY claim_id FOR UPDATE
"""

# A claim's events come in order on one partition; its payers' answers come on others. Should the
# two ever meet on a claim that is new to us, the newer revision stays.
_SAVE = """
INSERT INTO claim (claim_id, revision, status, ruleset, received, received_revision, edited,
                   payer_claim_control_number, received_at, updated_at)
SELECT claim_id, revision, status, ruleset, received, received_revision, edited, number, at, at
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bytea[], $6::int[], $7::bytea[],
            $8::text[], $9::timestamptz[])
  AS new (claim_id, revision, status, ruleset, received, received_revision, edited, number, at)
ON CONFLICT (claim_id) DO UPDATE SET
    revision = excluded.revision, status = excluded.status, ruleset = excluded.ruleset,
    received = coalesce(excluded.received, claim.received),
    received_revision = excluded.received_revision, edited = excluded.edited,
    payer_claim_control_number = excluded.payer_claim_control_number,
    updated_at = excluded.updated_at
WHERE claim.revision <= excluded.revision
"""

# Locks a patient's days whether they are new or not: two claims of one patient that come at once to
# two processes see each other. Claims are locked before days, both in the order of their keys.
_LOAD_DAYS = """
INSERT INTO patient_day (name) SELECT name FROM unnest($1::bytea[]) AS new (name) ORDER BY name
ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING name, claims
"""

_LOOK_AT = """
SELECT claim_id, revision, status, ruleset, updated_at
FROM claim WHERE claim_id = ANY($1::uuid[])
"""

_SAVE_DAYS = """
UPDATE patient_day SET claims = new.claims
FROM unnest($1::bytea[], $2::text[]::jsonb[]) AS new (name, claims)
WHERE patient_day.name = new.name
"""

_RECORD_RULESET = """
INSERT INTO ruleset (version, editions) VALUES ($1, $2::text[]) ON CONFLICT (version) DO NOTHING
"""

_OPEN = """
INSERT INTO worklist (event_id, claim_id, revision, reason, findings, opened_at, payer_identifier,
                      at_stake_cents, due_on, traceparent, line_reasons, payer_sequence)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[]::jsonb[],
                     $6::timestamptz[], $7::text[], $8::bigint[], $9::date[], $10::text[],
                     $11::text[]::jsonb[], $12::text[])
ON CONFLICT (event_id) DO NOTHING
"""

# What opened before of the same claim: the newest says how it stands.
_CLOSE_EARLIER = """
WITH closed AS (
    UPDATE worklist SET closed_at = new.at, resolution = 'superseded', version = version + 1
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int[], $5::text[], $6::text[])
      AS new (claim_id, event_id, at, revision, actor, text)
    WHERE worklist.claim_id = new.claim_id AND worklist.event_id <> new.event_id
      AND worklist.closed_at IS NULL
    RETURNING worklist.event_id, new.at, new.actor, new.revision, new.text
)
INSERT INTO worklist_action (event_id, at, actor, action, revision, text)
SELECT event_id, at, actor, 'supersede', revision, text FROM closed
"""

_CLOSE = """
WITH closed AS (
    UPDATE worklist SET closed_at = new.at, resolution = 'superseded', version = version + 1
    FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[], $5::text[])
      AS new (claim_id, revision, at, actor, text)
    WHERE worklist.claim_id = new.claim_id AND worklist.revision < new.revision
      AND worklist.closed_at IS NULL
    RETURNING worklist.event_id, new.at, new.actor, new.revision, new.text
)
INSERT INTO worklist_action (event_id, at, actor, action, revision, text)
SELECT event_id, at, actor, 'supersede', revision, text FROM closed
"""

# An answer finds nothing open of most claims. Not locked: the claim's row is, before it is closed.
_LOAD_OPEN = """
SELECT claim_id, event_id, reason, revision, payer_identifier, payer_sequence
FROM worklist WHERE claim_id = ANY($1::uuid[]) AND closed_at IS NULL ORDER BY opened_at, event_id
"""
_RESOLVE = """
WITH closed AS (
    UPDATE worklist SET closed_at = new.at, resolution = 'resolved', version = version + 1
    FROM unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::text[])
      AS new (event_id, at, revision, text)
    WHERE worklist.event_id = new.event_id AND worklist.closed_at IS NULL
      AND worklist.revision <= new.revision
    RETURNING worklist.event_id, new.at, new.revision, new.text
)
INSERT INTO worklist_action (event_id, at, actor, action, revision, text)
SELECT event_id, at, 'payer', 'resolve', revision, text FROM closed
"""


_PROVE = """
INSERT INTO verdict (event_id, claim_id, revision, judged_on, ruleset, history, proof, at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::date[], $5::text[], $6::text[]::jsonb[],
                     $7::bytea[], $8::timestamptz[])
ON CONFLICT (event_id) DO NOTHING
"""


async def load(
    connection: Connection, keys: Collection[str], answered: Collection[str] = ()
) -> dict[str, ClaimState]:
    """States by key, the claims themselves only of those that were `answered`, or that a person
    corrected; rows are locked in key order."""
    rows = await connection.fetch(_LOAD, sorted(map(UUID, keys)), list(map(UUID, answered)))
    return {str(row["claim_id"]): ClaimState(**dict(row.items())) for row in rows}


async def look_at(connection: Connection, keys: Collection[str]) -> dict[str, ClaimState]:
    """States of other claims, as they are now and not locked: they are only asked for."""
    if not keys:
        return {}
    rows = await connection.fetch(_LOOK_AT, list(map(UUID, keys)))
    return {str(row["claim_id"]): ClaimState(**dict(row.items())) for row in rows}


async def load_days(connection: Connection, names: Collection[bytes]) -> dict[str, PatientDay]:
    """Patients' days by state key, made where they are new, and locked."""
    if not names:
        return {}
    rows = await connection.fetch(_LOAD_DAYS, sorted(names))
    return {day_key(row["name"]): _read_day(row["name"], row["claims"]) for row in rows}


async def save_days(connection: Connection, days: Collection[PatientDay]) -> None:
    """Writes days that `load_days` has made."""
    if not days:
        return
    ordered = sorted(days, key=lambda day: day.key)
    await connection.execute(
        _SAVE_DAYS, [day.key for day in ordered], [_day_json(day) for day in ordered]
    )


async def record_ruleset(connection: Connection, ruleset: Ruleset) -> bool:
    """Keeps which table editions a ruleset was made of, so that its verdicts can be had again;
    returns whether it was kept before."""
    status = await connection.execute(
        _RECORD_RULESET, ruleset.version, list(ruleset.reference.editions)
    )
    return status == "INSERT 0 0"


async def save_claims(connection: Connection, states: Collection[ClaimState]) -> None:
    """Writes changed states."""
    if not states:
        return
    ordered = sorted(states, key=lambda state: state.claim_id)
    columns = (
        "claim_id",
        "revision",
        "status",
        "ruleset",
        "received",
        "received_revision",
        "edited",
        "payer_claim_control_number",
        "updated_at",
    )
    await connection.execute(
        _SAVE, *([getattr(state, name) for state in ordered] for name in columns)
    )


async def open_entries(connection: Connection, entries: Sequence[WorklistEntry]) -> None:
    """Puts entries on the worklist; of one claim, the last stays open."""
    if not entries:
        return
    await connection.execute(
        _OPEN,
        [entry.event_id for entry in entries],
        [entry.claim_id for entry in entries],
        [entry.revision for entry in entries],
        [entry.reason for entry in entries],
        [findings_json(entry.findings) for entry in entries],
        [entry.opened_at for entry in entries],
        [entry.payer_identifier for entry in entries],
        [entry.at_stake_cents for entry in entries],
        [entry.due_on for entry in entries],
        [entry.traceparent for entry in entries],
        [json.dumps(entry.line_reasons) if entry.line_reasons else None for entry in entries],
        [entry.payer_sequence for entry in entries],
    )
    newest = {entry.claim_id: entry for entry in entries}
    claims = sorted(newest)
    await connection.execute(
        _CLOSE_EARLIER,
        claims,
        [newest[claim_id].event_id for claim_id in claims],
        [newest[claim_id].opened_at for claim_id in claims],
        [newest[claim_id].revision for claim_id in claims],
        [_closer(newest[claim_id].reason) for claim_id in claims],
        [newest[claim_id].reason for claim_id in claims],
    )


def _closer(status: str) -> str:
    """Who brought a claim into that status: only a payer refuses and denies."""
    return "payer" if status in ("refused", "denied") else "hospital"


async def load_open(connection: Connection, claims: Collection[str]) -> dict[UUID, OpenEntries]:
    """What is open of these claims, by claim; nothing of those that have nothing open."""
    if not claims:
        return {}
    found: dict[UUID, tuple[OpenEntry, ...]] = {}
    for claim_id, *entry in await connection.fetch(_LOAD_OPEN, list(map(UUID, claims))):
        found[claim_id] = (*found.get(claim_id, ()), OpenEntry(*entry))
    return {claim_id: OpenEntries(entries) for claim_id, entries in found.items()}


async def resolve(connection: Connection, resolved: Sequence[Resolved]) -> None:
    """Closes entries that payers' answers have settled."""
    if not resolved:
        return
    await connection.execute(
        _RESOLVE,
        [one.event_id for one in resolved],
        [one.at for one in resolved],
        [one.revision for one in resolved],
        [one.text for one in resolved],
    )


async def keep_verdicts(connection: Connection, verdicts: Sequence[StoredVerdict]) -> None:
    """Writes what each verdict rests on, with its proof."""
    if not verdicts:
        return
    await connection.execute(
        _PROVE,
        [verdict.event_id for verdict in verdicts],
        [verdict.claim_id for verdict in verdicts],
        [verdict.revision for verdict in verdicts],
        [verdict.judged_on for verdict in verdicts],
        [verdict.ruleset for verdict in verdicts],
        [_history_json(verdict.history) for verdict in verdicts],
        [verdict.proof for verdict in verdicts],
        [verdict.at for verdict in verdicts],
    )


def _history_json(history: History) -> str | None:
    return to_json(history_json(history)).decode() if history else None


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
            [_closer(state.status) for state in newer],
            [state.status for state in newer],
        )


def findings_json(findings: Sequence[Finding]) -> str:
    """Findings as the worklist keeps them."""
    return json.dumps(
        [finding.model_dump(mode="json", exclude_defaults=True) for finding in findings]
    )


def _day_json(day: PatientDay) -> str:
    return json.dumps(
        {
            str(claim_id): [told.revision, [_line_json(line) for line in told.lines]]
            for claim_id, told in day.claims.items()
        },
        separators=(",", ":"),
    )


def _line_json(line: EarlierLine) -> list[Any]:
    return [
        line.kind,
        line.day.isoformat(),
        line.provider,
        line.code,
        line.modifiers,
        str(line.units),
        line.charge,
        line.days,
        line.stay,
    ]


def _read_day(name: bytes, claims: str) -> PatientDay:
    return PatientDay(
        name,
        {
            UUID(claim_id): ClaimDay(
                revision, tuple(_read_line(UUID(claim_id), line) for line in lines)
            )
            for claim_id, (revision, lines) in json.loads(claims).items()
        },
    )


def _read_line(claim_id: UUID, line: list[Any]) -> EarlierLine:
    kind, day, provider, code, modifiers, units, charge, days, stay = line
    return EarlierLine(
        claim_id,
        kind,
        date.fromisoformat(day),
        provider,
        code,
        tuple(modifiers),
        Decimal(units),
        charge,
        days,
        stay,
    )

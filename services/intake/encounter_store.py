"""intake's SQL for encounters: what an arrival touches, and those whose time has come."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from services.intake.domain.arrival import Arrival
from services.intake.domain.encounter import (
    Encounter,
    EncounterNews,
    encounter_id,
    patient_id,
)
from services.intake.domain.known import PatientMerge, State, encounter_key, merge_key
from shared.contract.model import to_wire
from shared.database import Connection

# An account may have been merged into another: what comes for it touches that one. Ten hops are
# `MAX_MERGES`.
_TOUCHED = """
WITH RECURSIVE touched (encounter_id, merged_into, hops) AS (
    SELECT encounter_id, merged_into, 0 FROM encounter
    WHERE encounter_id = ANY($1::uuid[])
       OR (status IN ('open', 'complete')
           AND (source, medical_record_number) IN (SELECT * FROM unnest($2::text[], $3::text[])))
    UNION
    SELECT next.encounter_id, next.merged_into, hops + 1
    FROM touched JOIN encounter next ON next.encounter_id = touched.merged_into
    WHERE hops < 10
)
SELECT DISTINCT encounter_id FROM touched
"""
_LOAD = """
SELECT encounter FROM encounter WHERE encounter_id = ANY($1::uuid[])
ORDER BY encounter_id FOR UPDATE
"""
_DUE = """
SELECT encounter FROM encounter WHERE due_at <= $1 ORDER BY encounter_id LIMIT $2 FOR UPDATE
"""
_MERGES = """
WITH RECURSIVE followed (patient_id, source, prior, number, hops) AS (
    SELECT patient_id, source, prior, number, 0 FROM patient_merge
    WHERE patient_id = ANY($1::uuid[])
    UNION
    SELECT next.patient_id, next.source, next.prior, next.number, hops + 1
    FROM followed JOIN patient_merge next
      ON next.source = followed.source AND next.prior = followed.number
    WHERE hops < 10
)
SELECT DISTINCT source, prior, number FROM followed
"""
_SAVE = """
INSERT INTO encounter (encounter_id, source, status, medical_record_number, merged_into, due_at,
                       encounter)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[],
                     $6::timestamptz[], $7::json[])
ON CONFLICT (encounter_id) DO UPDATE SET
    status = excluded.status, medical_record_number = excluded.medical_record_number,
    merged_into = excluded.merged_into, due_at = excluded.due_at, encounter = excluded.encounter,
    updated_at = now()
"""
_SAVE_MERGES = """
INSERT INTO patient_merge (patient_id, source, prior, number)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (patient_id) DO UPDATE SET number = excluded.number, merged_at = now()
"""
_OLD = """
DELETE FROM encounter WHERE encounter_id = ANY(ARRAY(
    SELECT encounter_id FROM encounter WHERE status = 'billed' AND updated_at < $1
    ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED
))
RETURNING encounter_id
"""
_CLAIMS_OF_OLD = """
SELECT 1 FROM claim WHERE claim_id = ANY($1::uuid[]) ORDER BY claim_id FOR UPDATE
"""
_REMEMBER = "UPDATE claim SET encounter_purged_at = $2 WHERE claim_id = ANY($1::uuid[])"
_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '/encounter/' || id, 0))
FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place) ORDER BY place
"""


def accounts_of(arrivals: Iterable[Arrival]) -> set[UUID]:
    """The encounters of the accounts that news name."""
    return {
        encounter_id(arrival.origin.source, account)
        for arrival in arrivals
        if isinstance(arrival.outcome, EncounterNews)
        for account in (arrival.outcome.account, arrival.outcome.prior_account)
        if account
    }


async def load(connection: Connection, arrivals: Sequence[Arrival]) -> dict[str, State]:
    """Every encounter and patient merge that these arrivals touch; rows are locked in key order."""
    wanted = accounts_of(arrivals)
    merged: set[tuple[str, str]] = set()
    patients: set[UUID] = set()
    for arrival in arrivals:
        news, source = arrival.outcome, arrival.origin.source
        assert isinstance(news, EncounterNews), "only news touches encounters"
        if news.medical_record_number:
            patients.add(patient_id(source, news.medical_record_number))
        if news.prior_medical_record_number:
            merged.add((source, news.prior_medical_record_number))
    await _lock(connection, wanted)
    sources, numbers = [one for one, _ in merged], [one for _, one in merged]
    touched = await connection.fetch(_TOUCHED, list(wanted), sources, numbers)
    await _lock(connection, {row[0] for row in touched} - wanted)
    rows = await connection.fetch(_LOAD, [row[0] for row in touched])
    encounters = [Encounter.model_validate_json(row[0]) for row in rows]
    return await _with_merges(connection, encounters, patients)


async def _lock(connection: Connection, wanted: Collection[UUID]) -> None:
    """Encounters that are new have no row to lock: two processes that hear of one at the same
    moment would each write what it alone knows."""
    if wanted:
        await connection.execute(_LOCK, sorted(map(str, wanted)))


async def load_due(connection: Connection, now: datetime, limit: int) -> dict[str, State]:
    """Encounters whose time has come, locked, with what else a decision on them needs."""
    rows = await connection.fetch(_DUE, now, limit)
    encounters = [Encounter.model_validate_json(row[0]) for row in rows]
    return await _with_merges(connection, encounters, set())


async def _with_merges(
    connection: Connection, encounters: Sequence[Encounter], patients: set[UUID]
) -> dict[str, State]:
    states: dict[str, State] = {encounter_key(one.id): one for one in encounters}
    patients |= {
        patient_id(one.source, one.medical_record_number)
        for one in encounters
        if one.medical_record_number
    }
    if patients:
        for row in await connection.fetch(_MERGES, list(patients)):
            merge = PatientMerge(*row)
            states[merge_key(merge.id)] = merge
    return states


async def save(
    connection: Connection, encounters: Sequence[Encounter], merges: Sequence[PatientMerge]
) -> None:
    """Writes what changed."""
    if encounters:
        ordered = sorted(encounters, key=lambda one: one.id.int)
        await connection.execute(
            _SAVE,
            [one.id for one in ordered],
            [one.source for one in ordered],
            [one.status for one in ordered],
            [one.medical_record_number for one in ordered],
            [one.merged_into for one in ordered],
            [one.due_at for one in ordered],
            [to_wire(one).decode() for one in ordered],
        )
    if merges:
        await connection.execute(
            _SAVE_MERGES,
            [one.id for one in merges],
            [one.source for one in merges],
            [one.prior for one in merges],
            [one.number for one in merges],
        )


async def purge(connection: Connection, before: datetime, now: datetime, limit: int) -> int:
    """Deletes encounters that were billed and have not changed since `before`, some at once; their
    claims remember that. Returns how many."""
    async with connection.transaction():
        rows = await connection.fetch(_OLD, before, limit)
        ids = [row[0] for row in rows]
        if ids:
            await connection.execute(_CLAIMS_OF_OLD, ids)
            await connection.execute(_REMEMBER, ids, now)
    return len(ids)

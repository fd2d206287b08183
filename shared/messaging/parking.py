"""The parking table: units set aside, and what operators and the replay do with them.

Everything here works on one connection of the service's own schema, inside or outside a
transaction, so that the command line needs no running service.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.database import Connection
from shared.messaging.batch import Due, Failure, Parking, record_id
from shared.messaging.handler import DATAREF, Record
from shared.messaging.inbox import Identity
from shared.messaging.wire import pack_headers, plain_text, unpack_headers

State = Literal["parked", "waiting", "released", "discarded", "done"]
OPEN: tuple[State, ...] = ("parked", "waiting", "released")
_PARKED: tuple[State, ...] = ("parked",)

_PARK_RECORDS = """
INSERT INTO parked_record (id, topic, partition, "offset", timestamp_ms, key, headers, value)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[],
                     $6::bytea[], $7::bytea[], $8::bytea[])
ON CONFLICT (id) DO NOTHING
"""
_PARK_UNITS = """
INSERT INTO parked (record_id, event_id, part, is_whole_record, key, error, detail, state)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::boolean[], $5::text[],
                     $6::text[], $7::text[], $8::text[])
"""
_BLOCKED = """
SELECT DISTINCT key FROM parked
WHERE state IN ('parked', 'waiting', 'released') AND key = ANY($1::text[])
"""
_SUMMARY = """
SELECT p.id, p.state, p.key, p.event_id, p.part, p.error, p.detail, p.attempts, p.parked_at,
       p.changed_at, p.record_id, r.topic, r.partition, r."offset",
       coalesce(length(r.value), 0) AS size,
       CASE WHEN p.state <> 'parked' OR p.key IS NULL THEN 0 ELSE (
           SELECT count(*) FROM parked w
           WHERE w.key = p.key AND w.state = 'waiting' AND w.id > p.id
       ) END AS waiting_behind
FROM parked p JOIN parked_record r ON r.id = p.record_id
"""
# Headers are packed as JSON text.
_WITH_BLOBS = """
SELECT DISTINCT r.headers FROM parked_record r JOIN parked p ON p.record_id = r.id
WHERE p.state IN ('parked', 'waiting', 'released')
  AND position(convert_to($1, 'UTF8') IN r.headers) > 0
"""
# Rows that may be replayed: those before the first parked row of their key, in order.
_DUE = """
SELECT d.id, d.event_id, d.part, d.is_whole_record, d.key, d.record_id
FROM (
    SELECT *, min(id) FILTER (WHERE state = 'parked') OVER (PARTITION BY key) AS barrier
    FROM parked WHERE state IN ('parked', 'waiting', 'released')
) d
WHERE d.state = 'released' AND d.key IS NULL
   OR d.state IN ('released', 'waiting') AND d.key IS NOT NULL
      AND (d.barrier IS NULL OR d.id < d.barrier)
ORDER BY d.id LIMIT $1
"""
_RECORD = """
SELECT topic, partition, "offset", timestamp_ms, key, headers, value FROM parked_record
WHERE id = $1
"""
# What comes before a row is replayed with it or is closed: one that failed and was released again
# meanwhile has its turn first.
_REOPEN = """
SELECT id FROM parked p
WHERE id = ANY($1::bigint[]) AND state IN ('released', 'waiting') AND NOT EXISTS (
    SELECT 1 FROM parked b WHERE b.key = p.key AND b.id < p.id AND (
        b.state = 'parked' OR b.state IN ('released', 'waiting') AND b.id <> ALL($1::bigint[])
    )
)
ORDER BY id FOR UPDATE
"""
_FAIL = """
UPDATE parked SET state = 'parked', error = f.error, detail = f.detail,
       attempts = attempts + 1, changed_at = now()
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS f (id, error, detail)
WHERE parked.id = f.id
"""


@dataclass(frozen=True, slots=True)
class Parked:
    """A row of the parking table, without the record's own bytes."""

    id: int
    state: State
    key: str | None
    event_id: UUID
    part: int
    error: str
    detail: str
    attempts: int
    parked_at: datetime
    changed_at: datetime
    topic: str
    partition: int
    offset: int
    size: int
    waiting_behind: int
    """How many later units of its key wait for this one."""


# For the batch core


async def park(connection: Connection, parkings: Sequence[Parking]) -> None:
    """Sets units aside, in order; their records are kept once."""
    records: dict[UUID, Record] = {}
    ids: list[UUID] = []
    known: dict[int, UUID] = {}
    for parking in parkings:
        # One record may have many parked units: its content is hashed once.
        identity = known.get(id(parking.record)) or record_id(parking.record)
        known[id(parking.record)] = identity
        records[identity] = parking.record
        ids.append(identity)
    kept = records.values()
    await connection.execute(
        _PARK_RECORDS,
        list(records),
        [record.topic for record in kept],
        [record.partition for record in kept],
        [record.offset for record in kept],
        [record.timestamp_ms for record in kept],
        [record.key for record in kept],
        [pack_headers(record.headers) for record in kept],
        [record.value for record in kept],
    )
    await connection.execute(
        _PARK_UNITS,
        ids,
        [parking.event_id for parking in parkings],
        [parking.part for parking in parkings],
        [parking.is_whole_record for parking in parkings],
        [None if parking.key is None else plain_text(parking.key) for parking in parkings],
        [plain_text(parking.error) for parking in parkings],
        [plain_text(parking.detail) for parking in parkings],
        ["waiting" if parking.is_waiting else "parked" for parking in parkings],
    )


async def blocked(connection: Connection, keys: Collection[str]) -> set[str]:
    """Those of the keys that have something open in the parking table."""
    return {row[0] for row in await connection.fetch(_BLOCKED, list(keys))}


async def reopen(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Locks rows for their replay. Not returned: those that were discarded meanwhile, and those
    behind one of the same key that is open and not among them, or was parked again."""
    return {row[0] for row in await connection.fetch(_REOPEN, list(ids))}


async def close_parked(
    connection: Connection, done: Sequence[int], failed: Sequence[Failure]
) -> None:
    """Writes what became of replayed rows."""
    await connection.execute(
        "UPDATE parked SET state = 'done', changed_at = now() WHERE id = ANY($1::bigint[])",
        list(done),
    )
    if failed:
        await connection.execute(
            _FAIL,
            [failure.parked_id for failure in failed],
            [plain_text(failure.error) for failure in failed],
            [plain_text(failure.detail) for failure in failed],
        )


async def due(connection: Connection, limit: int) -> list[Due]:
    """Rows that may be replayed now, in order."""
    return [Due(*row) for row in await connection.fetch(_DUE, limit)]


async def record(connection: Connection, record_id: UUID) -> Record | None:
    """A parked record as it came; it holds PHI."""
    row = await connection.fetchrow(_RECORD, record_id)
    if row is None:
        return None
    return Record(
        row["topic"],
        row["partition"],
        row["offset"],
        row["key"],
        row["value"],
        unpack_headers(row["headers"]),
        row["timestamp_ms"],
    )


async def waiting(connection: Connection, identities: Sequence[Identity]) -> dict[Identity, int]:
    """The rows in which these units wait or are released, where they do."""
    rows = await connection.fetch(
        "SELECT event_id, part, id FROM parked WHERE state IN ('waiting', 'released') "
        "AND (event_id, part) IN (SELECT * FROM unnest($1::uuid[], $2::integer[]))",
        [event_id for event_id, _ in identities],
        [part for _, part in identities],
    )
    return {(row["event_id"], row["part"]): row["id"] for row in rows}


# For operators


async def listed(
    connection: Connection,
    states: Collection[State] = OPEN,
    *,
    key: str | None = None,
    limit: int = 1000,
) -> list[Parked]:
    """Parked units in their order, those in these states and of this key."""
    rows = await connection.fetch(
        _SUMMARY + "WHERE p.state = ANY($1::text[]) AND ($2::text IS NULL OR p.key = $2) "
        "ORDER BY p.id LIMIT $3",
        list(states),
        key,
        limit,
    )
    return [Parked(**{k: v for k, v in row.items() if k != "record_id"}) for row in rows]


async def shown(connection: Connection, parked_id: int) -> tuple[Parked, Record] | None:
    """One parked unit with its record as it came, which holds PHI; None where there is none."""
    row = await connection.fetchrow(_SUMMARY + "WHERE p.id = $1", parked_id)
    if row is None:
        return None
    found = dict(row)
    parked_record = await record(connection, found.pop("record_id"))
    return None if parked_record is None else (Parked(**found), parked_record)


async def release(
    connection: Connection, ids: Sequence[int] = (), *, key: str | None = None, every: bool = False
) -> int:
    """Lets parked units be tried again, by id, by key, or every one; returns how many.

    The running service replays them in order, and what waits behind them after them.
    """
    return await _move(connection, "released", _PARKED, ids, key=key, every=every)


async def discard(
    connection: Connection, ids: Sequence[int] = (), *, key: str | None = None
) -> int:
    """Drops open units for good; what waits behind them goes on. Returns how many."""
    return await _move(connection, "discarded", OPEN, ids, key=key, every=False)


async def counts(connection: Connection) -> dict[State, int]:
    """How many units are in each open state."""
    rows = await connection.fetch(
        "SELECT state, count(*) AS n FROM parked "
        "WHERE state IN ('parked', 'waiting', 'released') GROUP BY state"
    )
    found = {row["state"]: row["n"] for row in rows}
    return {state: found.get(state, 0) for state in OPEN}


async def blob_references(connection: Connection) -> set[str]:
    """The blobs that records with open units refer to."""
    rows = await connection.fetch(_WITH_BLOBS, DATAREF)
    found = (dict(unpack_headers(row["headers"])).get(DATAREF) for row in rows)
    return {ref.decode("utf-8", "replace") for ref in found if ref is not None}


async def _move(
    connection: Connection,
    state: State,
    from_states: Collection[State],
    ids: Sequence[int],
    *,
    key: str | None,
    every: bool,
) -> int:
    status = await connection.execute(
        "UPDATE parked SET state = $1, changed_at = now() WHERE state = ANY($2::text[]) "
        "AND ($5 OR id = ANY($3::bigint[]) OR key = $4)",
        state,
        list(from_states),
        list(ids),
        key,
        every,
    )
    return int(status.rpartition(" ")[2])

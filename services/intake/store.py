"""intake's SQL for claims: the newest revision of each, and the tally of each message."""

from collections.abc import Collection, Iterable, Sequence
from typing import TypedDict, cast
from uuid import UUID

import asyncpg

from services.intake.domain.decide import ClaimState, MessageCount
from services.intake.domain.known import Siblings, State, siblings_key
from services.intake.domain.likeness import Likeness
from shared.contract.model import to_wire
from shared.database import Connection

_LOAD = """
SELECT claim_id, revision, fingerprint, frequency, source, message_id, position, received_at,
       number_id, likeness, encounter_purged_at IS NOT NULL AS is_encounter_purged
FROM claim
WHERE claim_id = ANY($1::uuid[])
   OR (number_id <> claim_id AND number_id = ANY($1::uuid[]))
ORDER BY claim_id FOR UPDATE
"""

_INSERT = """
INSERT INTO claim (claim_id, revision, fingerprint, frequency, source, message_id, position,
                   received_at, updated_at, number_id, likeness)
SELECT claim_id, revision, fingerprint, frequency, source, message_id, position, at, at,
       number_id, likeness
FROM unnest($1::uuid[], $2::int[], $3::bytea[], $4::text[], $5::text[], $6::uuid[], $7::int[],
            $8::timestamptz[], $9::uuid[], $10::json[])
  AS new (claim_id, revision, fingerprint, frequency, source, message_id, position, at,
          number_id, likeness)
ON CONFLICT (claim_id) DO NOTHING
"""

_UPDATE = """
UPDATE claim SET revision = new.revision, fingerprint = new.fingerprint,
       frequency = new.frequency, message_id = new.message_id, position = new.position,
       updated_at = new.at, likeness = new.likeness
FROM unnest($1::uuid[], $2::int[], $3::bytea[], $4::text[], $5::text[], $6::uuid[], $7::int[],
            $8::timestamptz[], $9::uuid[], $10::json[])
  AS new (claim_id, revision, fingerprint, frequency, source, message_id, position, at,
          number_id, likeness)
WHERE claim.claim_id = new.claim_id
"""

_COUNT = """
INSERT INTO message (message_id, source, format, accepted, duplicated, rejected, records)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::int[], $6::int[], $7::int[])
ON CONFLICT (message_id) DO UPDATE SET
    accepted = message.accepted + excluded.accepted,
    duplicated = message.duplicated + excluded.duplicated,
    rejected = message.rejected + excluded.rejected,
    records = message.records + excluded.records
"""

_MESSAGE = """
SELECT source, format, accepted, duplicated, rejected, records FROM message WHERE message_id = $1
"""


class Tally(TypedDict):
    """What became of a message's records. `records` is 0 until the message's end was read."""

    source: str
    format: str | None
    accepted: int
    duplicated: int
    rejected: int
    records: int


class ConcurrentClaimError(asyncpg.SerializationError):
    """Another process let the same new claim in at the same moment: the batch is to be done again,
    and will find it."""


async def load(connection: Connection, keys: Collection[str]) -> dict[str, State]:
    """States of claims by key, with those that came under the number of another; rows are locked in
    key order. Keys of messages find nothing."""
    rows = await connection.fetch(_LOAD, sorted(keys))
    states: dict[str, State] = {}
    others: dict[UUID, list[ClaimState]] = {}
    for row in rows:
        state = _state(row)
        if state.number_id is None or state.number_id == state.claim_id:
            states[str(state.claim_id)] = state
        else:
            others.setdefault(state.number_id, []).append(state)
    for number_id, claims in others.items():
        states[siblings_key(number_id)] = Siblings(tuple(claims))
    return states


def _state(row: asyncpg.Record) -> ClaimState:
    columns = dict(row.items())
    likeness = columns.pop("likeness")
    read = None if likeness is None else Likeness.model_validate_json(likeness)
    return ClaimState(**columns, likeness=read, is_stored=True)


async def save_claims(connection: Connection, claims: Iterable[ClaimState]) -> None:
    """Writes changed states. Raises ConcurrentClaimError where a new claim turns out to be known.

    There is no row to lock for a claim that is new, so that the primary key decides who was first.
    """
    ordered = sorted(claims, key=lambda state: state.claim_id.int)
    new = [state for state in ordered if not state.is_stored]
    changed = [state for state in ordered if state.is_stored]
    if new:
        status = await connection.execute(_INSERT, *_columns(new))
        if status != f"INSERT 0 {len(new)}":
            raise ConcurrentClaimError("a claim was received by two processes at once")
    if changed:
        await connection.execute(_UPDATE, *_columns(changed))


async def save_counts(connection: Connection, counts: Sequence[MessageCount]) -> None:
    """Adds the counts to their messages' tallies."""
    tallies: dict[UUID, list[int]] = {}
    messages: dict[UUID, MessageCount] = {}
    for count in counts:
        messages.setdefault(count.message_id, count)
        tally = tallies.setdefault(count.message_id, [0, 0, 0, 0])
        added = (count.accepted, count.duplicated, count.rejected, count.records)
        tallies[count.message_id] = [a + b for a, b in zip(tally, added, strict=True)]
    if not tallies:
        return
    ids = sorted(tallies, key=lambda message_id: message_id.int)
    sums = zip(*(tallies[message_id] for message_id in ids), strict=True)
    await connection.execute(
        _COUNT,
        ids,
        [messages[message_id].source for message_id in ids],
        [messages[message_id].format for message_id in ids],
        *(list(column) for column in sums),
    )


def is_complete(tally: Tally) -> bool:
    """Whether the message was read to its end and each of its records is decided."""
    decided = tally["accepted"] + tally["duplicated"] + tally["rejected"]
    return 0 < tally["records"] <= decided


async def message(connection: Connection, message_id: UUID) -> Tally | None:
    """A message's tally, or None where it has not come."""
    row = await connection.fetchrow(_MESSAGE, message_id)
    return cast("Tally", dict(row.items())) if row else None


_COLUMNS = (
    "claim_id",
    "revision",
    "fingerprint",
    "frequency",
    "source",
    "message_id",
    "position",
    "received_at",
)


def _columns(states: Sequence[ClaimState]) -> list[list[object]]:
    columns: list[list[object]] = [[getattr(state, name) for state in states] for name in _COLUMNS]
    columns.append([state.number_id or state.claim_id for state in states])
    columns.append(
        [to_wire(state.likeness).decode() if state.likeness else None for state in states]
    )
    return columns

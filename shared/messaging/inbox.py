"""What a service has taken in. Inserting a unit's key is the decision that it is new.

The insert waits for another process's uncommitted insert of the same key and then skips it: a
zombie after a rebalance needs no other fence.
"""

from collections.abc import Sequence
from uuid import UUID

from shared.database import Connection
from shared.light import dataclass

Identity = tuple[UUID, int]
"""A unit's inbox key: the event id and the part."""

WHOLE = -1
"""The part that says: this raw record was taken in to its end."""

_INSERT = """
INSERT INTO inbox (event_id, part, partition, "offset")
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::bigint[])
ON CONFLICT DO NOTHING
RETURNING event_id, part
"""
_MISSING = """
SELECT id FROM unnest($1::uuid[]) AS id
WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE event_id = id AND part <= $2)
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A unit's key, and where it was read."""

    event_id: UUID
    part: int
    partition: int
    offset: int


async def receive(connection: Connection, arrivals: Sequence[Arrival]) -> set[Identity]:
    """Takes units in and returns the keys of those that are new."""
    # In the order of the keys, so that two processes with the same units in different orders
    # wait for each other instead of locking each other out.
    ordered = sorted(arrivals, key=_key)
    rows = await connection.fetch(
        _INSERT,
        [arrival.event_id for arrival in ordered],
        [arrival.part for arrival in ordered],
        [arrival.partition for arrival in ordered],
        [arrival.offset for arrival in ordered],
    )
    return {(row[0], row[1]) for row in rows}


def _key(arrival: Arrival) -> tuple[bytes, int]:
    return arrival.event_id.bytes, arrival.part


async def missing(connection: Connection, ids: Sequence[UUID], *, is_raw: bool) -> set[UUID]:
    """Those of these event ids that were not taken in. Raw records count once they are complete."""
    # A single event's key is part 0; one that was taken in whole has part -1.
    rows = await connection.fetch(_MISSING, list(ids), -1 if is_raw else 0)
    return {row[0] for row in rows}

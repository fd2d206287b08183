"""The replay of parked units that were released, and of what waited behind them, in order.

They go through the batch core like everything else; only their rows in the parking table, not the
inbox, say that they are to be decided.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Protocol
from uuid import UUID

from shared.database import Pool
from shared.messaging import parking
from shared.messaging.batch import Core, Due, Outcome, Pending, Replayed
from shared.messaging.drain import aside, taken
from shared.messaging.handler import BlobReader, Record
from shared.messaging.inbox import Identity

LIMIT = 500


class Lot(Protocol):
    """The parking table as the replay reads it."""

    async def due(self, limit: int) -> list[Due]:
        """Rows that may be replayed now, in order."""

    async def record(self, record_id: UUID) -> Record | None:
        """A parked record."""

    async def waiting(self, identities: Sequence[Identity]) -> dict[Identity, int]:
        """The rows in which these units wait, where they do."""


class PostgresLot:
    """The parking table of the service's schema. Large values come from the blob store."""

    def __init__(self, pool: Pool, blobs: BlobReader | None = None) -> None:
        self._pool = pool
        self._blobs = blobs

    async def due(self, limit: int) -> list[Due]:
        async with self._pool.acquire() as connection:
            return await parking.due(connection, limit)

    async def record(self, record_id: UUID) -> Record | None:
        async with self._pool.acquire() as connection:
            found = await parking.record(connection, record_id)
        return None if found is None else replace(found, blobs=self._blobs)

    async def waiting(self, identities: Sequence[Identity]) -> dict[Identity, int]:
        async with self._pool.acquire() as connection:
            return await parking.waiting(connection, identities)


async def replay(
    lot: Lot,
    core: Core,
    unfold: Callable[[Record], Iterator[Pending]],
    max_units: int,
) -> Outcome:
    """Replays what is due now, once. Each row ends as done, or parked again with what is behind it
    waiting. Raises what is not a fault of the data."""
    outcome = Outcome()
    for _, rows in groupby(await lot.due(LIMIT), lambda row: (row.record_id, row.is_whole_record)):
        group = list(rows)
        record = await lot.record(group[0].record_id)
        if record is None:
            continue
        if group[0].is_whole_record:
            outcome.add(await _replay_whole(lot, record, group[0], core, unfold, max_units))
        else:
            pending = await aside(record, partial(_pick, record, group, unfold))
            for start in range(0, len(pending), max_units):
                outcome.add(await core.settle(pending[start : start + max_units]))
    return outcome


def _pick(
    record: Record, rows: Sequence[Due], unfold: Callable[[Record], Iterator[Pending]]
) -> list[Pending]:
    """The rows' units, in the order of the rows; for one that its record no longer has, a mark."""
    wanted = {(row.event_id, row.part) for row in rows}
    found: dict[tuple[UUID, int], Pending] = {}
    for pending in unfold(record):
        if pending.identity in wanted:
            found.setdefault(pending.identity, pending)
            if len(found) == len(wanted):
                break
    gone = Pending(record, Replayed())
    return [found.get((row.event_id, row.part), gone).as_replay(row.id) for row in rows]


async def _replay_whole(
    lot: Lot,
    record: Record,
    row: Due,
    core: Core,
    unfold: Callable[[Record], Iterator[Pending]],
    max_units: int,
) -> Outcome:
    """All units of a record of which none could be told apart when it was parked. They go through
    the inbox, like any; the row is closed with the last, or fails with what fails as it did."""
    outcome = Outcome()
    chunk: list[Pending] = []
    is_closed = False
    units = unfold(record)
    while some := await taken(record, units, max_units):
        for pending in some:
            is_row = pending.identity == (row.event_id, row.part)
            is_closed = is_closed or is_row
            # The row blocks its own key, and no other.
            is_own = is_row or (pending.key is not None and pending.key == row.key)
            parked_id = row.id if is_row else None
            chunk.append(pending.as_replay(parked_id, gate=row.id, is_replay=is_own))
            if len(chunk) >= max_units:
                outcome.add(await core.settle(await _with_rows(lot, chunk)))
                chunk = []
    if not is_closed:
        chunk.append(Pending(record, Replayed(), parked_id=row.id, is_replay=True))
    if chunk:
        outcome.add(await core.settle(await _with_rows(lot, chunk)))
    return outcome


async def _with_rows(lot: Lot, chunk: Sequence[Pending]) -> list[Pending]:
    """The units, each as the row where it waits if it came again, and could be read by then: it
    waits there behind what it belongs before, and its turn is now."""
    rows = await lot.waiting([one.identity for one in chunk if one.parked_id is None])
    return [
        one
        if one.parked_id is not None or one.identity not in rows
        else one.as_replay(rows[one.identity], gate=one.gate, is_replay=one.is_replay)
        for one in chunk
    ]

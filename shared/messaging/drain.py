"""From a poll's records to settled units: chunks that fit a transaction, whatever a record holds.

A record may be a file of a hundred thousand claims: its units are pulled as they are needed, and
its offset is committed when the last of them is settled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeAlias

from shared.messaging.batch import Pending
from shared.messaging.handler import DATAREF, Record

MAX_BYTES = 3_000_000
"""Of the records that one transaction begins: large claims come in smaller batches, since what is
decoded takes ten times the memory of its bytes."""

Place: TypeAlias = tuple[str, int]
"""A topic and a partition."""


async def drain(
    records: Iterable[Record],
    unfold: Callable[[Record], Iterator[Pending]],
    settle: Callable[[Sequence[Pending]], Awaitable[None]],
    commit: Callable[[dict[Place, int]], Awaitable[None]],
    max_units: int,
) -> None:
    """Settles all units of the records, in order, and commits the next offset of each partition.

    Whatever `unfold`, `settle` or `commit` raises ends it; what was committed stays committed, and
    the rest can be drained again.
    """
    chunk: list[Pending] = []
    reached: dict[Place, int] = {}
    weight = 0

    async def settle_chunk() -> None:
        nonlocal chunk, reached, weight
        if chunk:
            await settle(chunk)
        if reached:
            await commit(reached)
        chunk, reached, weight = [], {}, 0

    for record in records:
        size = len(record.value or b"")
        if weight + size > MAX_BYTES:
            await settle_chunk()
        weight += size
        units = unfold(record)
        while some := await taken(record, units, max_units - len(chunk) or max_units):
            if len(chunk) >= max_units:
                await settle_chunk()
            chunk += some
        reached[record.topic, record.partition] = record.offset + 1
    await settle_chunk()


async def taken(record: Record, units: Iterator[Pending], most: int) -> list[Pending]:
    """The next of a record's units, up to so many; none at its end."""
    return await aside(record, partial(list, islice(units, most)))


async def aside(record: Record, work: Callable[[], list[Pending]]) -> list[Pending]:
    """Work that decodes a record: in a thread where its value comes from the blob store, which may
    keep us waiting for long while the broker and whoever asks for our health must not wait."""
    if record.header(DATAREF) is None:
        return work()
    return await asyncio.to_thread(work)

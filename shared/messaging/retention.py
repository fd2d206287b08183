"""Deletes what has been kept long enough, a little at a time.

The inbox must outlive what a broker may deliver again: it is kept as long as the longest internal
topic, and at least as long as the event log. So must the blobs that such records refer to. A parked
record may need its blob for longer: its service renews the blob, since the store is shared and no
service knows what another has parked.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from shared.blobs import BlobError, Blobs
from shared.contract.topics import DAY_MS, PAYMENTS_POSTED, TOPICS
from shared.database import Connection, Pool, lease
from shared.messaging import parking

logger = logging.getLogger("claimwire.retention")

CHUNK = 5_000

_INBOX = """
DELETE FROM inbox WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM inbox WHERE received_at < $1 LIMIT $2
))
"""
# What is still to be sent is kept, however old; so is what the public may ask for from the start.
_EVENTS = """
DELETE FROM event WHERE ctid = ANY(ARRAY(
    SELECT e.ctid FROM event e
    WHERE created_at < $1 AND topic <> $3
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.seq = e.seq)
    LIMIT $2
))
"""
_PARKED = """
DELETE FROM parked WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM parked WHERE state IN ('done', 'discarded') AND changed_at < $1 LIMIT $2
))
"""
_PARKED_RECORDS = """
DELETE FROM parked_record WHERE ctid = ANY(ARRAY(
    SELECT r.ctid FROM parked_record r
    WHERE NOT EXISTS (SELECT 1 FROM parked p WHERE p.record_id = r.id) LIMIT $1
))
"""


def inbox_days(event_retention_days: int) -> int:
    """How long inbox keys are kept: longer than anything can come again."""
    longest = max(t.retention_ms for t in TOPICS if t.name != PAYMENTS_POSTED) // DAY_MS
    return max(longest, event_retention_days) + 7


async def prune(
    pool: Pool,
    now: datetime,
    event_retention_days: int,
    others: Sequence[Callable[[Pool, datetime], Awaitable[int]]] = (),
) -> int:
    """Deletes what is too old, unless another process does; returns how many rows. `others` are the
    service's own."""
    deleted = 0
    async with lease(pool, "retention") as is_ours:
        if not is_ours:
            return 0
        events_before = now - timedelta(days=event_retention_days)
        inbox_before = now - timedelta(days=inbox_days(event_retention_days))
        deleted += await _all_of(pool, _INBOX, inbox_before, CHUNK)
        deleted += await _all_of(pool, _EVENTS, events_before, CHUNK, PAYMENTS_POSTED)
        deleted += await _all_of(pool, _PARKED, inbox_before, CHUNK)
        deleted += await _all_of(pool, _PARKED_RECORDS, CHUNK)
        for other in others:
            deleted += await other(pool, now)
    return deleted


def blob_days(blob_retention_days: int, event_retention_days: int) -> int:
    """How long blobs are kept: what is set, but longer than any record can refer to them."""
    return max(blob_retention_days, inbox_days(event_retention_days))


async def expire_blobs(pool: Pool, blobs: Blobs, now: datetime, days: int) -> int:
    """Renews the blobs that parked records need, then deletes those stored more than `days` ago,
    unless another process does; returns how many.

    A blob is renewed at half of that age, so that a service has as long to come back and do it.
    Raises BlobStoreUnavailableError.
    """
    async with lease(pool, "blob-retention") as is_ours:
        if not is_ours:
            return 0
        half = now - timedelta(days=days / 2)
        async with pool.acquire() as connection:
            needed = await parking.blob_references(connection)
        for ref in needed:
            try:
                await asyncio.to_thread(blobs.renew, ref, half)
            except BlobError as error:
                logger.warning("a parked record's blob cannot be renewed", exc_info=error)
        return await asyncio.to_thread(blobs.expire, now - timedelta(days=days))


async def in_chunks(pool: Pool, delete: Callable[[Connection], Awaitable[int]], size: int) -> int:
    """Deletes some at a time, until there are fewer than `size` left; returns how many rows."""
    deleted, count = 0, size
    while count == size:
        async with pool.acquire() as connection:
            count = await delete(connection)
        deleted += count
    return deleted


async def _all_of(pool: Pool, statement: str, *arguments: object) -> int:
    async def delete(connection: Connection) -> int:
        status = await connection.execute(statement, *arguments)
        return int(status.rpartition(" ")[2])

    return await in_chunks(pool, delete, CHUNK)

"""When blobs go: by age, but never while a record that a service has parked needs its own."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from shared.blobs import BlobRef, Blobs
from shared.database import Pool
from shared.messaging import parking, retention
from shared.messaging.batch import Parking
from shared.messaging.handler import Record
from shared.messaging.wire import claim_check
from shared.settings import Settings
from tests.integration.kernel.conftest import Schemas

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 100


class Shelf:
    """A folder of blobs, each of a chosen age."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = Blobs.from_settings(Settings(blob_url=folder.as_uri()))

    def put(self, days_ago: int) -> BlobRef:
        kept = self.blobs.put(b"a large body")
        stored_at = (NOW - timedelta(days=days_ago)).timestamp()
        os.utime(self.folder / kept.ref, (stored_at, stored_at))
        return kept

    def has(self, kept: BlobRef) -> bool:
        return (self.folder / kept.ref).exists()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "blobs")


async def park(pool: Pool, key: str, kept: BlobRef) -> None:
    record = Record("in", 0, hash(key) % 1000, key.encode(), b"", claim_check(kept), 1)
    one = Parking(
        record, uuid4(), 0, is_whole_record=False, key=key, error="e", detail="", is_waiting=False
    )
    async with pool.acquire() as connection:
        await parking.park(connection, [one])


async def test_what_is_older_than_its_days_goes(schemas: Schemas, shelf: Shelf) -> None:
    old, young = shelf.put(DAYS + 1), shelf.put(DAYS - 1)
    assert await retention.expire_blobs(schemas.alpha, shelf.blobs, NOW, DAYS) == 1
    assert (shelf.has(old), shelf.has(young)) == (False, True)


async def test_another_service_does_not_delete_what_one_has_parked(
    schemas: Schemas, shelf: Shelf
) -> None:
    parked, closed = shelf.put(DAYS - 1), shelf.put(DAYS - 1)
    await park(schemas.alpha, "open", parked)
    await park(schemas.alpha, "closed", closed)
    async with schemas.alpha.acquire() as connection:
        await parking.discard(connection, key="closed")
    assert await retention.expire_blobs(schemas.alpha, shelf.blobs, NOW, DAYS) == 0
    later = NOW + timedelta(days=2)
    assert await retention.expire_blobs(schemas.beta, shelf.blobs, later, DAYS) == 1
    assert (shelf.has(parked), shelf.has(closed)) == (True, False)


async def test_a_parked_record_whose_blob_is_lost_keeps_no_other(
    schemas: Schemas, shelf: Shelf
) -> None:
    lost, needed, old = shelf.put(1), shelf.put(DAYS + 1), shelf.put(DAYS + 1)
    (shelf.folder / lost.ref).unlink()
    await park(schemas.alpha, "lost", lost)
    await park(schemas.alpha, "needed", needed)
    assert await retention.expire_blobs(schemas.alpha, shelf.blobs, NOW, DAYS) == 1
    assert (shelf.has(needed), shelf.has(old)) == (True, False)


def test_blobs_outlive_whatever_may_refer_to_them() -> None:
    assert retention.blob_days(120, event_retention_days=90) == 120
    # A payer's files stay on their topic for 90 days; what may come again is kept a week longer.
    assert retention.blob_days(1, event_retention_days=30) == 97
    assert retention.blob_days(1, event_retention_days=365) == 372

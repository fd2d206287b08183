"""intake on a real database, through the kernel's batch core: what is let in is stored once."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.intake import store
from services.intake.app import service
from services.intake.domain.decide import ClaimState
from services.intake.domain.identity import claim_id
from services.intake.store import ConcurrentClaimError
from shared.contract.envelope import business_id
from shared.database import Pool, bootstrap, create_pool, migrate, new_password, service_dsn
from shared.messaging.batch import Core, Outcome, Pending
from shared.messaging.decoding import unfold
from shared.messaging.handler import Record
from shared.messaging.store import postgres_transactions
from shared.settings import Settings
from shared.telemetry.tracing import Tracing
from tests.documents import document

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)


def record(*documents: dict[str, Any], message: str = "m-1") -> Record:
    return Record(
        topic="claims.inbound",
        partition=0,
        offset=0,
        key=None,
        value=json.dumps(list(documents)).encode(),
        headers=(("source", b"general"), ("message-id", message.encode())),
        timestamp_ms=0,
    )


class Door:
    """One process of the service, without the broker."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._handler = service(Settings()).handler
        self._core = Core(
            self._handler, postgres_transactions(pool), Tracing("intake", 0.0), lambda: NOW
        )

    async def take(self, *records: Record) -> Outcome:
        return await self.settle([one for each in records for one in unfold(self._handler, each)])

    async def settle(self, pending: Sequence[Pending]) -> Outcome:
        return await self._core.settle(pending)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.pool.fetch(query)]


@pytest.fixture
async def pool(postgres: Any) -> AsyncIterator[Pool]:
    dsn, password = postgres.fresh_database(), new_password()
    await bootstrap(dsn, ["intake"], {"intake": password})
    pool = await create_pool(service_dsn(dsn, "intake", password), "intake")
    definition = service(Settings())
    await migrate(pool, definition.name, definition.schema_dir)
    yield pool
    await pool.close()


@pytest.fixture
def door(pool: Pool) -> Door:
    return Door(pool)


def test_the_migrations_are_where_the_service_says() -> None:
    schema_dir = service(Settings()).schema_dir
    assert schema_dir is not None
    assert list(Path(schema_dir).glob("0001_*.sql"))


async def test_claims_are_stored_with_their_newest_revision(door: Door) -> None:
    first = await door.take(record(document(1), document(2)))
    second = await door.take(record(document(1, facility_code="11"), message="m-2"))
    assert first.said == ["claim.received.v1"] * 2
    assert second.said == ["claim.received.v1"]
    expected = {(claim_id("general", "PCN-1"), 2), (claim_id("general", "PCN-2"), 1)}
    assert set(await door.rows("SELECT claim_id, revision FROM claim")) == expected


async def test_revisions_within_one_batch_leave_the_last(door: Door) -> None:
    outcome = await door.take(
        record(document(1), document(1, facility_code="11"), document(1, facility_code="12"))
    )
    assert outcome.said == ["claim.received.v1"] * 3
    assert await door.rows("SELECT revision FROM claim") == [(3,)]


async def test_a_redelivered_record_does_nothing(door: Door) -> None:
    await door.take(record(document(1)))
    again = await door.take(record(document(1)))
    assert (again.said, again.duplicates) == ([], 1)
    assert await door.rows("SELECT count(*) FROM event") == [(1,)]


async def test_an_unchanged_claim_under_another_message_is_a_duplicate(door: Door) -> None:
    await door.take(record(document(1)))
    again = await door.take(record(document(1), message="m-2"))
    assert again.said == ["claim.duplicated.v1"]


async def test_a_void_is_seen_on_the_claim(door: Door) -> None:
    await door.take(record(document(1)))
    await door.take(record(document(1, frequency="8"), message="m-2"))
    assert await door.rows("SELECT status, revision FROM claim") == [("voided", 2)]


async def test_a_message_is_tallied_to_its_last_record(door: Door) -> None:
    await door.take(record(document(1), document(1), document(2, kind="surgical"), document(3)))
    async with door.pool.acquire() as connection:
        tally = await store.message(connection, business_id("message", "general", "m-1"))
        missing = await store.message(connection, UUID(int=0))
    assert missing is None
    assert tally == {
        "source": "general",
        "format": "json",
        "accepted": 2,
        "duplicated": 1,
        "rejected": 1,
        "records": 4,
    }


async def test_the_same_new_claim_in_two_processes_becomes_two_revisions(
    pool: Pool, door: Door
) -> None:
    """Both find the claim unknown; the primary key lets one in, the other is told to try again."""
    other = Door(pool)
    attempts = await asyncio.gather(
        *(
            one.take(record(document(1, facility_code=place), message=place))
            for one, place in ((door, "11"), (other, "12")) * 4
        ),
        return_exceptions=True,
    )
    failed = [each for each in attempts if isinstance(each, BaseException)]
    assert all(isinstance(each, ConcurrentClaimError) for each in failed)
    for one, place in ((door, "11"), (other, "12")):
        await one.take(record(document(1, facility_code=place), message=place))
    assert await door.rows("SELECT revision FROM claim") == [(2,)]
    revisions = (
        "SELECT count(*), count(DISTINCT event_id) FROM event WHERE type = 'claim.received.v1'"
    )
    assert await door.rows(revisions) == [(2, 2)]


async def test_a_new_claim_that_was_let_in_meanwhile_is_told_to_try_again(door: Door) -> None:
    await door.take(record(document(1)))
    async with door.pool.acquire() as connection:
        known = await store.load(connection, {str(claim_id("general", "PCN-1"))})
        (state,) = known.values()
        assert isinstance(state, ClaimState)
        new = replace(state, is_stored=False)
        with pytest.raises(ConcurrentClaimError):
            await store.save_claims(connection, [new])

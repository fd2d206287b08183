"""The kernel's tables on PostgreSQL: outbox, inbox, parking and its replay, retention, recovery."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contract.envelope import Event, business_id
from shared.contract.events import ClaimDuplicated, MessageOrigin
from shared.database import Pool
from shared.messaging import inbox, outbox, parking, retention
from shared.messaging.batch import Core, Outcome, Pending
from shared.messaging.decoding import unfold
from shared.messaging.handler import Bad, Decision, RawMessage, Record, Unit
from shared.messaging.inbox import WHOLE, Arrival
from shared.messaging.recover import Participant, recover
from shared.messaging.replay import PostgresLot, replay
from shared.messaging.store import postgres_transactions
from shared.telemetry.tracing import Tracing
from tests.integration.kernel.conftest import Schemas

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def an_event(number: int, subject: str = "a") -> Event:
    data = ClaimDuplicated(origin=MessageOrigin(message_id=UUID(int=1), source="mercy"), revision=2)
    return Event(UUID(int=number), "alpha", subject, NOW, data)


def a_message(number: int, topic: str = "raw", value: bytes = b"ISA*00*") -> RawMessage:
    return RawMessage(UUID(int=number), topic, "k", value, (("kind", b"\xff\x00"),))


async def append(pool: Pool, *messages: Event | RawMessage) -> int:
    async with pool.acquire() as connection, connection.transaction():
        return len(await outbox.append(connection, messages))


async def unsent(pool: Pool) -> list[outbox.Outgoing]:
    async with pool.acquire() as connection:
        return await outbox.unsent(connection, 1000, outbox.Said())


# The outbox


async def test_messages_wait_in_the_order_they_were_said(schemas: Schemas) -> None:
    assert await append(schemas.alpha, an_event(3), a_message(2), an_event(1)) == 3
    waiting = await unsent(schemas.alpha)
    assert [message.topic for message in waiting] == ["claims.intake", "raw", "claims.intake"]
    assert [message.seq for message in waiting] == sorted(message.seq for message in waiting)
    raw = waiting[1]
    assert raw.value == b"ISA*00*"
    assert raw.headers == (("kind", b"\xff\x00"), ("ce_id", str(UUID(int=2)).encode()))


async def test_the_same_id_is_said_once(schemas: Schemas) -> None:
    await append(schemas.alpha, an_event(1))
    assert await append(schemas.alpha, an_event(1), an_event(2), an_event(2)) == 1
    assert len(await unsent(schemas.alpha)) == 2


async def test_what_the_relay_has_at_hand_is_what_the_table_holds(schemas: Schemas) -> None:
    said = outbox.Said()
    async with postgres_transactions(schemas.alpha, said)() as store:
        await store.publish([an_event(1), a_message(2), an_event(1, "of the same id")])
    await append(schemas.alpha, an_event(3))
    in_the_table = await unsent(schemas.alpha)
    assert said.take(in_the_table[0].seq) == in_the_table[0]
    async with schemas.alpha.acquire() as connection:
        # Of the three, one is at hand: the others are read.
        assert await outbox.unsent(connection, 1000, said) == in_the_table
        assert await outbox.unsent(connection, 1000, said) == in_the_table


async def test_what_is_rolled_back_is_not_at_hand(schemas: Schemas) -> None:
    said = outbox.Said()

    async def roll_back() -> None:
        async with postgres_transactions(schemas.alpha, said)() as store:
            await store.publish([an_event(1)])
            raise RuntimeError("after the statement, before the commit")

    with pytest.raises(RuntimeError):
        await roll_back()
    assert not any(said.take(seq) for seq in range(100))


async def test_what_is_at_hand_is_bounded_and_the_rest_is_read(schemas: Schemas) -> None:
    said = outbox.Said(limit_bytes=1_000)
    for number in range(1, 6):
        async with postgres_transactions(schemas.alpha, said)() as store:
            await store.publish([a_message(number, value=bytes(400))])
    async with schemas.alpha.acquire() as connection:
        waiting = await outbox.unsent(connection, 1000, said)
    assert len(waiting) == 5
    assert waiting == await unsent(schemas.alpha)


async def test_what_is_forgotten_stays_in_the_log(schemas: Schemas) -> None:
    await append(schemas.alpha, an_event(1), an_event(2))
    first, second = await unsent(schemas.alpha)
    async with schemas.alpha.acquire() as connection:
        await outbox.forget(connection, [first.seq])
        depth, age_s = await outbox.depth(connection)
    assert [message.seq for message in await unsent(schemas.alpha)] == [second.seq]
    assert (depth, await schemas.alpha.fetchval("SELECT count(*) FROM event")) == (1, 2)
    assert 0 <= age_s < 60


async def test_a_transaction_rolled_back_has_said_nothing(schemas: Schemas) -> None:
    async with schemas.alpha.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await outbox.append(connection, [an_event(1)])
        await transaction.rollback()
    assert await unsent(schemas.alpha) == []


@dataclass
class _Kept:
    ref: str
    size: int
    sha256: str


class _Shelf:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def put(self, body: bytes) -> _Kept:
        self.bodies.append(body)
        return _Kept("ab/cd", len(body), "e" * 64)

    get = open = None


async def test_a_large_value_is_left_in_the_blob_store(
    schemas: Schemas, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = _Shelf()
    monkeypatch.setattr(outbox.claim_checks, "blobs", shelf)
    monkeypatch.setattr(outbox.claim_checks, "limit", 100)
    await append(schemas.alpha, a_message(1, value=b"x" * 100), a_message(2, value=b"y" * 101))
    small, large = await unsent(schemas.alpha)
    assert small.value == b"x" * 100
    assert (large.value, shelf.bodies) == (b"", [b"y" * 101])
    assert dict(large.headers)["ce_dataref"] == b"ab/cd"
    assert dict(large.headers)["ce_datasize"] == b"101"


async def test_a_large_value_without_a_blob_store_is_refused(
    schemas: Schemas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox.claim_checks, "blobs", None)
    with pytest.raises(ValueError, match="no blob store"):
        await append(schemas.alpha, a_message(1, value=b"x" * 1_000_000))


# The inbox


async def test_the_second_to_take_a_unit_in_waits_for_the_first_and_skips_it(
    schemas: Schemas,
) -> None:
    unit, other = Arrival(uuid4(), 0, 1, 2), Arrival(uuid4(), 0, 1, 3)
    async with schemas.alpha.acquire() as one, schemas.alpha.acquire() as two:
        first, second = one.transaction(), two.transaction()
        await first.start()
        await second.start()
        assert await inbox.receive(one, [unit]) == {(unit.event_id, 0)}
        waiting = asyncio.create_task(inbox.receive(two, [other, unit]))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await first.commit()
        assert await waiting == {(other.event_id, 0)}
        await second.commit()


# Parking and replay


class Scribe:
    """Writes its units' keys down, and fails where it is told to."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.seen: list[str] = []

    def decode(self, record: Record) -> Iterator[Unit[str] | Bad]:
        assert record.value is not None
        for part, text in enumerate(record.value.decode().split()):
            yield Unit(business_id(record.value), text.partition(":")[0], text, part)

    async def load(self, _: Any, units: Sequence[Unit[str]]) -> dict[str, int]:
        return dict.fromkeys((unit.key for unit in units), 0)

    def decide(self, _: Mapping[str, int], unit: Unit[str], now: datetime) -> Decision[int, str]:
        assert now == NOW
        if unit.body in self.broken:
            raise ZeroDivisionError
        said = RawMessage(business_id("said", unit.body), "out", unit.key, unit.body.encode(), ())
        return Decision({}, (said,), (unit.body,))

    async def save(self, _: Any, states: Mapping[str, int], rows: Sequence[str]) -> None:
        assert not states
        self.seen += rows


class Office:
    """A core on a schema, and the operators' view of it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.handler = Scribe()
        transactions = postgres_transactions(pool)
        self.core = Core(self.handler, transactions, Tracing("kernel", 0.0), lambda: NOW)
        self.offset = 0

    async def take(self, text: str | None) -> Outcome:
        self.offset += 1
        value = None if text is None else text.encode()
        record = Record("in", 0, self.offset, b"k", value, (("h", b"\xff"),), 1)
        return await self.core.settle(list(unfold(self.handler, record)))

    async def replay(self) -> Outcome:
        unfolding = partial(unfold, self.handler)
        return await replay(PostgresLot(self.pool), self.core, unfolding, 500)

    async def listed(self, **options: Any) -> list[parking.Parked]:
        async with self.pool.acquire() as connection:
            return await parking.listed(connection, **options)

    async def states(self) -> list[tuple[str | None, str]]:
        every = ("parked", "waiting", "released", "discarded", "done")
        return [(row.key, row.state) for row in await self.listed(states=every)]

    async def said(self) -> list[str]:
        return [message.value.decode() for message in await unsent(self.pool)]


@pytest.fixture
def office(schemas: Schemas) -> Office:
    return Office(schemas.alpha)


async def test_released_units_and_what_waited_behind_them_are_decided_in_order(
    office: Office,
) -> None:
    office.handler.broken = {"a:1"}
    await office.take("a:1 b:1")
    await office.take("a:2 a:3")
    assert await office.states() == [("a", "parked"), ("a", "waiting"), ("a", "waiting")]
    assert await office.said() == ["b:1"]
    assert (await office.replay()).trail == []

    office.handler.broken = set()
    async with office.pool.acquire() as connection:
        assert await parking.release(connection, key="a") == 1
    await office.take("a:4")
    assert (await office.replay()).trail == [True] * 4
    assert await office.said() == ["b:1", "a:1", "a:2", "a:3", "a:4"]
    assert {state for _, state in await office.states()} == {"done"}
    await office.take("a:5")
    assert (await office.said())[-1] == "a:5"


async def test_what_fails_again_is_parked_again_and_blocks_again(office: Office) -> None:
    office.handler.broken = {"a:1"}
    await office.take("a:1")
    await office.take("a:2")
    async with office.pool.acquire() as connection:
        await parking.release(connection, every=True)
    await office.replay()
    (first, second) = await office.listed()
    assert (first.state, first.attempts, first.waiting_behind) == ("parked", 2, 1)
    assert second.state == "waiting"
    assert await office.said() == []


async def test_discarding_lets_through_what_waits(office: Office) -> None:
    office.handler.broken = {"a:1"}
    await office.take("a:1")
    await office.take("a:2")
    (first, _) = await office.listed()
    async with office.pool.acquire() as connection:
        assert await parking.discard(connection, [first.id]) == 1
        assert await parking.discard(connection, [first.id]) == 0
    await office.replay()
    assert await office.said() == ["a:2"]
    assert await office.states() == [("a", "discarded"), ("a", "done")]


async def test_a_parked_record_is_shown_as_it_came(office: Office) -> None:
    office.handler.broken = {"a:1"}
    await office.take("a:1")
    (row,) = await office.listed(key="a")
    async with office.pool.acquire() as connection:
        found = await parking.shown(connection, row.id)
        assert await parking.shown(connection, row.id + 1) is None
        counts = await parking.counts(connection)
    assert found is not None
    summary, record = found
    assert summary == row
    assert (summary.error, summary.topic, summary.size) == ("ZeroDivisionError", "in", 3)
    assert (record.value, record.headers, record.key) == (b"a:1", (("h", b"\xff"),), b"k")
    assert counts == {"parked": 1, "waiting": 0, "released": 0}


async def test_a_records_bytes_are_kept_once_however_many_of_its_units_are_parked(
    office: Office,
) -> None:
    office.handler.broken = {f"{key}:1" for key in "abcdef"}
    await office.take("a:1 b:1 c:1 d:1 e:1 f:1")
    assert await office.pool.fetchval("SELECT count(*) FROM parked") == 6
    assert await office.pool.fetchval("SELECT count(*) FROM parked_record") == 1


async def test_a_record_that_no_decoder_can_read_is_replayed_whole(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scribe, "decode", lambda *_: iter([Bad("bad", "unreadable", "k")]))
    await office.take("a:1 b:1")
    await office.take(None)
    assert await office.states() == [("k", "parked"), ("k", "parked")] or (
        await office.states() == [("k", "parked"), ("k", "waiting")]
    )
    monkeypatch.undo()
    async with office.pool.acquire() as connection:
        await parking.release(connection, every=True)
    await office.replay()
    assert await office.said() == ["a:1", "b:1"]
    # The tombstone cannot be read by the repaired decoder either.
    assert await office.states() == [("k", "done"), ("k", "parked")]


async def test_a_unit_that_the_database_refuses_is_parked_with_the_rule_it_broke(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.pool.execute(
        "CREATE TABLE ledger (entry text CONSTRAINT no_jane CHECK (entry <> 'jane:1'))"
    )

    async def save(self: Scribe, connection: Any, _: Any, rows: Sequence[str]) -> None:
        await connection.execute("INSERT INTO ledger SELECT unnest($1::text[])", list(rows))

    monkeypatch.setattr(Scribe, "save", save)
    outcome = await office.take("a:1 b:1 jane:1 c:1")
    assert outcome.parked == ["CheckViolationError"]
    (row,) = await office.listed()
    assert row.detail == "sqlstate=23514, table_name=ledger, constraint_name=no_jane"
    assert await office.pool.fetchval("SELECT count(*) FROM ledger") == 3


# Retention


async def test_only_what_is_old_and_sent_is_deleted(schemas: Schemas) -> None:
    pool = schemas.alpha
    await append(pool, *(an_event(number) for number in range(1, 5)))
    sent = [message.seq for message in await unsent(pool)][:3]
    async with pool.acquire() as connection:
        await outbox.forget(connection, sent)
        await inbox.receive(connection, [Arrival(UUID(int=n), 0, 0, n) for n in range(3)])
    await pool.execute("UPDATE event SET created_at = now() - interval '40 days' WHERE seq <> 3")
    await pool.execute(
        "UPDATE inbox SET received_at = now() - interval '400 days' WHERE event_id <> $1",
        UUID(int=1),
    )
    now = datetime.now(UTC)
    assert await retention.prune(pool, now, event_retention_days=30) == 4
    kept = await pool.fetch("SELECT seq FROM event ORDER BY seq")
    assert [row["seq"] for row in kept] == [3, 4]
    assert await pool.fetchval("SELECT count(*) FROM inbox") == 1
    assert await retention.prune(pool, now + timedelta(days=0), event_retention_days=30) == 0


async def test_closed_parkings_go_with_their_records_and_open_ones_stay(office: Office) -> None:
    office.handler.broken = {"a:1", "b:1"}
    await office.take("a:1")
    await office.take("b:1")
    async with office.pool.acquire() as connection:
        await parking.discard(connection, key="a")
    await office.pool.execute("UPDATE parked SET changed_at = now() - interval '400 days'")
    await retention.prune(office.pool, datetime.now(UTC), event_retention_days=30)
    assert await office.states() == [("b", "parked")]
    assert await office.pool.fetchval("SELECT count(*) FROM parked_record") == 1


# Recovery


async def recovered(schemas: Schemas, **options: Any) -> dict[str, int]:
    async with schemas.alpha.acquire() as alpha, schemas.beta.acquire() as beta:
        participants = [
            Participant("alpha", alpha, ()),
            Participant("beta", beta, ("claims.intake", "raw"), {"claim.duplicated.v1"}),
        ]
        return (await recover(participants, **options)).by_topic


async def everything_sent(pool: Pool) -> None:
    await pool.execute("DELETE FROM outbox")


async def test_what_the_next_service_does_not_have_is_said_again_with_the_same_ids(
    schemas: Schemas,
) -> None:
    await append(schemas.alpha, *(an_event(number) for number in (1, 2, 3)))
    await everything_sent(schemas.alpha)
    async with schemas.beta.acquire() as connection:
        await inbox.receive(connection, [Arrival(UUID(int=2), 0, 0, 0)])
    assert await recovered(schemas) == {"claims.intake": 2}
    ids = [dict(message.headers)["ce_id"] for message in await unsent(schemas.alpha)]
    assert ids == [str(UUID(int=1)).encode(), str(UUID(int=3)).encode()]
    await recovered(schemas)
    assert len(await unsent(schemas.alpha)) == 2


async def test_a_file_taken_in_halfway_is_said_again_and_one_taken_in_whole_is_not(
    schemas: Schemas,
) -> None:
    await append(schemas.alpha, a_message(1), a_message(2))
    await everything_sent(schemas.alpha)
    async with schemas.beta.acquire() as connection:
        units = [Arrival(UUID(int=n), part, 0, 0) for n in (1, 2) for part in (0, 1)]
        await inbox.receive(connection, [*units, Arrival(UUID(int=2), WHOLE, 0, 0)])
    assert await recovered(schemas) == {"raw": 1}
    (again,) = await unsent(schemas.alpha)
    assert dict(again.headers)["ce_id"] == str(UUID(int=1)).encode()


async def test_what_only_others_read_is_said_again_when_asked_for(schemas: Schemas) -> None:
    await append(schemas.alpha, a_message(1, topic="public"))
    await everything_sent(schemas.alpha)
    assert await recovered(schemas) == {}
    assert await recovered(schemas, unread=True) == {"public": 1}


def test_a_pending_of_a_copied_record_has_the_same_identity() -> None:
    record = Record("in", 0, 1, b"k", b"v", (), 1)
    bad = Bad("bad", "")
    assert Pending(record, bad).identity == Pending(replace(record), bad).identity

"""An in-memory broker, database and service around the real batch core, relay round and replay.

The model, in prose. Units are published, each under a key, on one partition per key. A member of
the group polls records, and later settles them; a poll may outlive the member's assignment (a
zombie) or its life (a crash). What is decided is a list per key. The database is serial: a
transaction sees everything before it and is kept whole or not at all. A crash may come just before
or just after the commit of a transaction, and just before or after a send.
"""

import json
from collections.abc import AsyncIterator, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from shared.contract.envelope import business_id
from shared.messaging.batch import (
    Core,
    Due,
    Failure,
    Message,
    Parking,
    Pending,
    Store,
    record_id,
)
from shared.messaging.decoding import unfold
from shared.messaging.drain import Place, drain
from shared.messaging.handler import Bad, Decision, RawMessage, Record, Unit
from shared.messaging.inbox import Arrival, Identity
from shared.messaging.outbox import Outgoing
from shared.messaging.relay import Sent, forward
from shared.messaging.replay import replay
from shared.telemetry.tracing import Tracing

TOPIC = "in"
OUT = "out"
PARTITIONS = 2
MAX_UNITS = 3
"""Small, so that a record often does not fit a transaction."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OPEN = ("parked", "waiting", "released")

Result = TypeVar("Result")


class CrashError(BaseException):
    """The process is gone."""


class RefusedError(ValueError):
    """The database refuses a row for what is in it."""


def drive(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Runs a coroutine that waits for nothing: everything here is in memory."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("the simulation has nothing to wait for")


@dataclass(frozen=True)
class Claimlet:
    """The least that can be decided: a key, a number of its own, and what is wrong with it."""

    key: str
    number: int
    flaw: str | None = None
    """What fails on it until it is cured: decode, decide or save; or raise, which the decoder does
    where the record holds nothing else."""


@dataclass
class Row:
    """A row of the parking table."""

    id: int
    parking: Parking
    state: str
    attempts: int = 1


@dataclass
class Tables:
    inbox: set[Identity] = field(default_factory=set)
    decided: dict[str, list[int]] = field(default_factory=dict)
    events: dict[UUID, tuple[int, Message]] = field(default_factory=dict)
    outbox: list[int] = field(default_factory=list)
    parked: list[Row] = field(default_factory=list)
    records: dict[UUID, Record] = field(default_factory=dict)

    def copy(self) -> "Tables":
        """A copy that can be written to; lists of decided numbers are replaced, never changed."""
        return Tables(
            set(self.inbox),
            dict(self.decided),
            dict(self.events),
            list(self.outbox),
            [replace(row) for row in self.parked],
            dict(self.records),
        )


class Database:
    """Tables, transactions, and the crash that is to come with the next one."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.crash_at_commit: str | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Store]:
        working = self.tables.copy()
        yield MemoryStore(working)
        crash, self.crash_at_commit = self.crash_at_commit, None
        if crash == "before":
            raise CrashError
        self.tables = working
        if crash == "after":
            raise CrashError

    # The outbox, as the relay sees it; the parking table, as the replay does

    async def unsent(self, limit: int) -> list[Outgoing]:
        by_seq = dict(self.tables.events.values())
        return [_outgoing(seq, by_seq[seq]) for seq in sorted(self.tables.outbox)[:limit]]

    async def forget(self, sent: Sequence[int]) -> None:
        self.tables.outbox = [seq for seq in self.tables.outbox if seq not in sent]

    async def due(self, limit: int) -> list[Due]:
        rows = self.tables.parked
        due = []
        for row in rows:
            key = row.parking.key
            is_free = row.state == "released" if key is None else row.state in OPEN[1:]
            if is_free and not _is_behind_parked(rows, row):
                unit = row.parking
                identity = record_id(unit.record)
                due.append(
                    Due(row.id, unit.event_id, unit.part, unit.is_whole_record, key, identity)
                )
        return due[:limit]

    async def record(self, record_id: UUID) -> Record | None:
        return self.tables.records.get(record_id)

    async def waiting(self, identities: Sequence[Identity]) -> dict[Identity, int]:
        rows = [row for row in self.tables.parked if row.state in OPEN[1:]]
        places = {(row.parking.event_id, row.parking.part): row.id for row in rows}
        return {identity: places[identity] for identity in identities if identity in places}


def _is_behind_parked(rows: Sequence[Row], row: Row) -> bool:
    key = row.parking.key
    return key is not None and any(
        other.parking.key == key and other.state == "parked" and other.id < row.id for other in rows
    )


def _outgoing(seq: int, message: Message) -> Outgoing:
    assert isinstance(message, RawMessage)
    return Outgoing(seq, message.topic, message.key, (), message.value)


class MemoryStore:
    """`batch.Store` over tables."""

    def __init__(self, tables: Tables) -> None:
        self.connection: Any = tables
        self._tables = tables

    async def receive(self, arrivals: Sequence[Arrival]) -> set[Identity]:
        new = {(a.event_id, a.part) for a in arrivals} - self._tables.inbox
        self._tables.inbox |= new
        return new

    async def reopen(self, parked_ids: Sequence[int]) -> set[int]:
        rows = self._tables.parked
        return {
            row.id
            for row in rows
            if row.id in parked_ids
            and row.state in ("released", "waiting")
            and not _is_behind_parked(rows, row)
        }

    async def blocked(self, keys: Collection[str]) -> set[str]:
        return {
            row.parking.key
            for row in self._tables.parked
            if row.state in OPEN and row.parking.key is not None and row.parking.key in keys
        }

    async def publish(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.id not in self._tables.events:
                seq = len(self._tables.events) + 1
                self._tables.events[message.id] = seq, message
                self._tables.outbox.append(seq)

    async def park(self, parkings: Sequence[Parking]) -> None:
        for parking in parkings:
            self._tables.records[record_id(parking.record)] = parking.record
            state = "waiting" if parking.is_waiting else "parked"
            self._tables.parked.append(Row(len(self._tables.parked) + 1, parking, state))

    async def close_parked(self, done: Sequence[int], failed: Sequence[Failure]) -> None:
        failures = {failure.parked_id for failure in failed}
        for row in self._tables.parked:
            if row.id in done:
                row.state = "done"
            elif row.id in failures:
                row.state = "parked"
                row.attempts += 1


class ClaimletHandler:
    """Decides by writing down. Flaws stay until their number is among the cured."""

    def __init__(self) -> None:
        self.cured: set[int] = set()
        self.faults: list[Exception] = []
        """Raised by the next saves: faults of the moment."""

    def decode(self, record: Record) -> Iterator[Unit[Claimlet] | Bad]:
        event_id = UUID(bytes=record.headers[0][1])
        for part, values in enumerate(json.loads(record.value or b"")):
            one = Claimlet(*values)
            flaw = None if one.number in self.cured else one.flaw
            if flaw == "raise":
                raise RefusedError
            if flaw == "decode":
                yield Bad("bad", "", one.key, event_id, part)
            else:
                yield Unit(event_id, one.key, one, part)

    async def load(
        self, connection: Tables, units: Sequence[Unit[Claimlet]]
    ) -> dict[str, list[int]]:
        return {unit.key: connection.decided.get(unit.key, []) for unit in units}

    def decide(
        self,
        states: Mapping[str, list[int]],
        unit: Unit[Claimlet],
        now: datetime,  # noqa: ARG002
    ) -> Decision[list[int], Claimlet]:
        one = unit.body
        if one.flaw == "decide" and one.number not in self.cured:
            raise RefusedError
        said = RawMessage(
            business_id("said", one.number), OUT, one.key, str(one.number).encode(), ()
        )
        return Decision({one.key: [*states.get(one.key, []), one.number]}, (said,), (one,))

    async def save(
        self, connection: Tables, states: Mapping[str, list[int]], rows: Sequence[Claimlet]
    ) -> None:
        if self.faults:
            raise self.faults.pop()
        if any(row.flaw == "save" and row.number not in self.cured for row in rows):
            raise RefusedError
        connection.decided.update(states)


class Broker:
    """Logs that are only appended to, and the group's committed offsets."""

    def __init__(self) -> None:
        self.logs: list[list[Record]] = [[] for _ in range(PARTITIONS)]
        self.committed = [0] * PARTITIONS
        self.out: dict[str, list[int]] = {}
        self.crash_at_send: str | None = None
        self.is_away = False

    def publish(self, partition: int, event_id: UUID, units: Sequence[Claimlet]) -> None:
        value = json.dumps([[one.key, one.number, one.flaw] for one in units]).encode()
        key = units[0].key.encode() if len(units) == 1 else None
        log = self.logs[partition]
        headers = (("id", event_id.bytes),)
        log.append(Record(TOPIC, partition, len(log), key, value, headers, len(log)))

    def publish_again(self, partition: int, offset: int) -> None:
        log = self.logs[partition]
        log.append(replace(log[offset], offset=len(log), timestamp_ms=len(log)))

    async def send(self, messages: Sequence[Outgoing]) -> Sent:
        crash, self.crash_at_send = self.crash_at_send, None
        if crash == "before":
            raise CrashError
        sent = Sent()
        if self.is_away:
            sent.error = OSError()
            return sent
        for message in messages:
            self.out.setdefault(message.key, []).append(int(message.value))
            sent.add(message.topic, [message.seq])
        if crash == "after":
            raise CrashError
        return sent

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class Member:
    """A process of the service: where it reads next, and what it has polled and not settled."""

    positions: dict[int, int] = field(default_factory=dict)
    polled: list[Record] = field(default_factory=list)


class World:
    """Everything together, with the steps that the simulation takes and the audit of each."""

    def __init__(self) -> None:
        self.database = Database()
        self.broker = Broker()
        self.handler = ClaimletHandler()
        self.members: list[Member] = [Member(), Member()]
        self.discarded: set[int] = set()
        self.displaced: set[int] = set()
        self.core = Core(
            self.handler, self.database.transaction, Tracing("simulation", 0.0), lambda: NOW
        )
        self.unfold: Any = partial(unfold, self.handler)

    # Steps

    def assign(self, owners: Sequence[int]) -> None:
        """A rebalance: each partition goes to a member, who reads from what was committed. What a
        member has polled it keeps: it is a zombie for partitions that it lost."""
        for number, member in enumerate(self.members):
            kept = member.positions
            member.positions = {
                partition: kept.get(partition, self.broker.committed[partition])
                for partition, owner in enumerate(owners)
                if owner == number
            }

    def poll(self, member: Member, limit: int) -> None:
        if member.polled:
            return
        for partition, position in member.positions.items():
            records = self.broker.logs[partition][position : position + limit]
            member.polled += records
            member.positions[partition] += len(records)

    def settle(self, member: Member) -> None:
        """Settles what was polled. A crash loses the poll; a fault of the moment keeps it."""
        try:
            drive(self._drain(member))
            member.polled = []
        except CrashError:
            self.restart(member)
        except OSError:
            pass

    async def _drain(self, member: Member) -> None:
        async def settle(pending: Sequence[Pending]) -> None:
            await self.core.settle(pending)

        async def commit(reached: dict[Place, int]) -> None:
            for (_, partition), offset in reached.items():
                if partition in member.positions:  # else it is a zombie, and the broker refuses
                    self.broker.committed[partition] = max(offset, self.broker.committed[partition])

        await drain(member.polled, self.unfold, settle, commit, MAX_UNITS)

    def restart(self, member: Member) -> None:
        member.polled = []
        member.positions = {p: self.broker.committed[p] for p in member.positions}

    def relay(self) -> None:
        with suppress(CrashError):
            drive(forward(self.database, self.broker))

    def replay(self) -> None:
        with suppress(CrashError, OSError):
            drive(replay(self.database, self.core, self.unfold, MAX_UNITS))

    def release(self, row: Row) -> None:
        if row.state == "parked":
            row.state = "released"

    def discard(self, row: Row) -> None:
        """Drops what a row stands for, for good."""
        if row.state not in OPEN:
            return
        row.state = "discarded"
        units = self.units(row.parking.record)
        if row.parking.is_whole_record:
            # What of it has come again meanwhile, and could be told apart by then, stands behind
            # what had waited for the dropped row: it lost its place with that row.
            self.displaced |= {one.number for one in units}
            received = {part for _, part in self.database.tables.inbox & _identities(row)}
            self.discarded |= {one.number for part, one in enumerate(units) if part not in received}
        else:
            self.discarded.add(units[row.parking.part].number)

    def units(self, record: Record) -> list[Claimlet]:
        return [Claimlet(*values) for values in json.loads(record.value or b"")]

    # The audit

    def accepted(self, partition: int, upto: int | None = None) -> list[Claimlet]:
        """Units of a partition's log in the order of their first publication."""
        seen: dict[int, Claimlet] = {}
        for record in self.broker.logs[partition][:upto]:
            for one in self.units(record):
                seen.setdefault(one.number, one)
        return list(seen.values())

    def audit(self) -> None:
        """What holds after every step, whatever has crashed."""
        tables = self.database.tables
        decided = [number for numbers in tables.decided.values() for number in numbers]
        assert len(decided) == len(set(decided)), "a unit was decided twice"
        self._audit_order(tables)
        said = {int(message.value): seq for seq, message in _said(tables)}
        assert set(said) == set(decided), "what was decided was not said, or the other way round"
        arrived = {number for numbers in self.broker.out.values() for number in numbers}
        for number, seq in said.items():
            assert number in arrived or seq in tables.outbox, "an event is neither sent nor unsent"
        for key, numbers in self.broker.out.items():
            first = list(dict.fromkeys(numbers))
            assert first == tables.decided[key][: len(first)], "events overtook each other"
        self._audit_committed(set(decided))

    def _audit_order(self, tables: Tables) -> None:
        for partition in range(PARTITIONS):
            # What was dropped without being known by its id is a new one when it comes again.
            order = {
                one.number: at
                for at, one in enumerate(self.accepted(partition))
                if one.number not in self.discarded | self.displaced
            }
            for numbers in tables.decided.values():
                places = [order[number] for number in numbers if number in order]
                assert places == sorted(places), "units of a key were decided out of order"

    def _audit_committed(self, decided: set[int]) -> None:
        """What is before a committed offset is decided, set aside, or was dropped by a person."""
        aside: set[int] = set()
        for row in self.database.tables.parked:
            if row.state in OPEN:
                units = self.units(row.parking.record)
                if row.parking.is_whole_record:
                    aside |= {one.number for one in units}
                else:
                    aside.add(units[row.parking.part].number)
        for partition, offset in enumerate(self.broker.committed):
            for one in self.accepted(partition, offset):
                assert one.number in decided | aside | self.discarded, "a unit was lost"

    def finish(self) -> None:
        """Lets everything run to its end with nothing wrong any more, and audits the whole."""
        self.database.crash_at_commit = self.broker.crash_at_send = None
        self.broker.is_away = False
        self.handler.faults.clear()
        self.members = [Member()]
        self.assign([0] * PARTITIONS)
        while any(
            self.members[0].positions[p] < len(log) for p, log in enumerate(self.broker.logs)
        ):
            self.poll(self.members[0], 100)
            self.settle(self.members[0])
            self.audit()
        self.handler.cured |= {
            one.number for partition in range(PARTITIONS) for one in self.accepted(partition)
        }
        for row in self.database.tables.parked:
            self.release(row)
        for _ in range(len(self.database.tables.parked) + 1):
            self.replay()
            self.audit()
        self.relay()
        self.audit()
        assert not self.database.tables.outbox
        assert not [row for row in self.database.tables.parked if row.state in OPEN]
        decided = {n for numbers in self.database.tables.decided.values() for n in numbers}
        for partition in range(PARTITIONS):
            wanted = {one.number for one in self.accepted(partition)}
            assert wanted <= decided | self.discarded, "a unit was never decided"


def _said(tables: Tables) -> Iterator[tuple[int, RawMessage]]:
    for seq, message in tables.events.values():
        assert isinstance(message, RawMessage)
        yield seq, message


def _identities(row: Row) -> set[Identity]:
    event_id = UUID(bytes=row.parking.record.headers[0][1])
    return {(event_id, part) for part in range(100)}

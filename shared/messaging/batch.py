"""The batch core: what becomes of a batch of units, in one transaction.

It knows a `Store`, not a database, and a `Handler`, not a domain, so that the service, the replay
of what was parked and the simulation run this very code.
"""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol, TypeAlias
from uuid import UUID

from shared.contract.envelope import Event, business_id
from shared.messaging.faults import error_class, error_detail, is_data_fault
from shared.messaging.handler import Bad, Decision, Handler, RawMessage, Record, Unit
from shared.messaging.inbox import WHOLE, Arrival, Identity
from shared.messaging.wire import plain_text
from shared.telemetry import names
from shared.telemetry.tracing import Batch as TraceBatch
from shared.telemetry.tracing import Tracing

Message: TypeAlias = Event | RawMessage
AnyHandler: TypeAlias = Handler[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Whole:
    """Stands behind the last unit of a raw record: it was taken in to its end."""

    event_id: UUID


@dataclass(frozen=True, slots=True)
class Replayed:
    """Stands behind the last unit of a parked record of which no unit could be told apart, or
    that has no unit any more."""


class Pending:
    """A unit on its way through the core, with the record it came in.

    `identity` is the inbox key; what cannot be told apart in its record goes by the record itself.
    `parked_id` is its row in the parking table, where it comes from there; `gate` is the row of
    its whole record: neither may pass before its turn. `is_replay` lets it pass although its key
    is blocked: by itself.
    """

    __slots__ = ("gate", "identity", "is_replay", "key", "parked_id", "record", "unit")

    def __init__(
        self,
        record: Record,
        unit: Unit[Any] | Bad | Whole | Replayed,
        parked_id: int | None = None,
        gate: int | None = None,
        *,
        is_replay: bool = False,
    ) -> None:
        self.record = record
        self.unit = unit
        self.parked_id = parked_id
        self.gate = gate
        self.is_replay = is_replay
        self.key: str | None = None
        self.identity: Identity
        if isinstance(unit, Unit):
            self.key = unit.key
            self.identity = unit.event_id, unit.part
        elif isinstance(unit, Whole):
            self.identity = unit.event_id, WHOLE
        elif isinstance(unit, Bad) and unit.event_id is not None:
            self.key = unit.key
            self.identity = unit.event_id, unit.part
        else:
            self.key = unit.key if isinstance(unit, Bad) else None
            self.identity = record_id(record), 0

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows of the parking table whose turn it must be."""
        return tuple(row for row in (self.parked_id, self.gate) if row is not None)

    def as_replay(
        self, parked_id: int | None, gate: int | None = None, *, is_replay: bool = True
    ) -> "Pending":
        """The same unit, on its way out of the parking table."""
        return Pending(self.record, self.unit, parked_id, gate, is_replay=is_replay)


def record_id(record: Record) -> UUID:
    """An id of this very record. Offsets start again on a broker that lost its data, so time and
    content are in it."""
    content = sha256((record.key or b"") + b"\x00" + (record.value or b"")).hexdigest()
    place = (record.topic, record.partition, record.offset, record.timestamp_ms)
    return business_id("record", *place, content)


@dataclass(frozen=True, slots=True)
class Parking:
    """A unit to set aside. `is_waiting`: nothing is wrong with it but what came before."""

    record: Record
    event_id: UUID
    part: int
    is_whole_record: bool
    key: str | None
    error: str
    detail: str
    is_waiting: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A parked unit that may be tried again: its row, its identity, and which record it is in."""

    id: int
    event_id: UUID
    part: int
    is_whole_record: bool
    key: str | None
    record_id: UUID


@dataclass(frozen=True, slots=True)
class Failure:
    """A parked unit that was tried again and failed again."""

    parked_id: int
    error: str
    detail: str


class Store(Protocol):
    """The kernel's tables within one transaction."""

    connection: Any

    async def receive(self, arrivals: Sequence[Arrival]) -> set[Identity]:
        """Takes units in; returns the keys of the new ones."""

    async def reopen(self, parked_ids: Sequence[int]) -> set[int]:
        """Locks parked rows for their replay; returns those that may still be replayed."""

    async def blocked(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that have something parked or waiting."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Writes what was decided to the outbox."""

    async def park(self, parkings: Sequence[Parking]) -> None:
        """Sets units aside."""

    async def close_parked(self, done: Sequence[int], failed: Sequence[Failure]) -> None:
        """Writes what became of replayed rows."""


Transactions: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]
"""Opens a transaction: it commits when its block ends and rolls back when the block raises."""


@dataclass(slots=True)
class Outcome:
    """What became of a batch. `trail` says of each unit tried, in order, whether it was decided."""

    trail: list[bool] = field(default_factory=list)
    duplicates: int = 0
    waiting: int = 0
    parked: list[str] = field(default_factory=list)
    """Error classes."""
    said: list[str] = field(default_factory=list)
    """Event types."""
    messages: int = 0

    def add(self, other: "Outcome") -> None:
        self.trail += other.trail
        self.duplicates += other.duplicates
        self.waiting += other.waiting
        self.parked += other.parked
        self.said += other.said
        self.messages += other.messages


@dataclass(frozen=True, slots=True)
class Core:
    """The batch core of one service."""

    handler: AnyHandler
    transactions: Transactions
    tracing: Tracing
    clock: Callable[[], datetime]

    async def settle(self, pending: Sequence[Pending]) -> Outcome:
        """Decides, saves and commits these units, in order; each is decided, parked or skipped.

        When the data of the batch is refused, halves are tried until the unit to blame stands
        alone, and that one is parked. Raises what is not a fault of the data: try again later.
        """
        try:
            return await self._attempt(pending)
        except Exception as error:
            if not is_data_fault(error):
                raise
            if len(pending) == 1:
                return await self._attempt([_refused(pending[0], error)])
        middle = len(pending) // 2
        outcome = await self.settle(pending[:middle])
        outcome.add(await self.settle(pending[middle:]))
        return outcome

    async def _attempt(self, pending: Sequence[Pending]) -> Outcome:
        span = names.SPAN_REPLAY if pending[0].is_replay else names.SPAN_BATCH
        with self.tracing.batch(span) as trace:
            async with self.transactions() as store:
                return await _Attempt(self, store, trace).run(pending)


def _refused(pending: Pending, error: Exception) -> Pending:
    """The unit as one that is bad: the database, or the code that saves, refused its data."""
    event_id, part = pending.identity
    key = None if pending.key is None else plain_text(pending.key)
    is_whole = isinstance(pending.unit, Bad) and pending.unit.event_id is None
    bad = Bad(
        error=error_class(error),
        detail=error_detail(error),
        key=key,
        event_id=None if is_whole else event_id,
        part=part,
    )
    return Pending(
        pending.record, bad, pending.parked_id, pending.gate, is_replay=pending.is_replay
    )


class _Attempt:
    """One transaction's worth of work; its lists are what is written at the end."""

    def __init__(self, core: Core, store: Store, trace: TraceBatch) -> None:
        self._handler = core.handler
        self._store = store
        self._trace = trace
        self._now = core.clock()
        self._outcome = Outcome()
        self._states: dict[str, Any] = {}
        self._changed: dict[str, Any] = {}
        self._rows: list[Any] = []
        self._messages: list[Message] = []
        self._parkings: list[Parking] = []
        self._done: list[int] = []
        self._failed: list[Failure] = []
        self._blocked: set[str] = set()

    async def run(self, pending: Sequence[Pending]) -> Outcome:
        fresh = await self._fresh(pending)
        self._outcome.duplicates = len(pending) - len(fresh)
        if fresh:
            # Asked after the inbox: its insert may have waited for the one who parked the key.
            self._blocked = await self._blocked_of(fresh)
            open_units = [p.unit for p in fresh if isinstance(p.unit, Unit) and self._may_pass(p)]
            if open_units:
                self._states = await self._handler.load(self._store.connection, open_units)
            for one in fresh:
                self._take(one)
            await self._write()
        return self._outcome

    async def _fresh(self, pending: Sequence[Pending]) -> list[Pending]:
        rows = {row for one in pending for row in one.rows}
        if rows:
            may_replay = await self._store.reopen(sorted(rows))
            pending = [one for one in pending if may_replay.issuperset(one.rows)]
        arrivals: dict[Identity, Pending] = {}
        for one in pending:
            # Within a batch the first of the same identity is the one that counts.
            if one.parked_id is None:
                arrivals.setdefault(one.identity, one)
        if not arrivals:
            return list(pending)
        new = await self._store.receive(
            [
                Arrival(event_id, part, one.record.partition, one.record.offset)
                for (event_id, part), one in arrivals.items()
            ]
        )
        first = {id(one) for identity, one in arrivals.items() if identity in new}
        return [one for one in pending if one.parked_id is not None or id(one) in first]

    async def _blocked_of(self, fresh: Sequence[Pending]) -> set[str]:
        asked = {one.key for one in fresh if one.key is not None and not one.is_replay}
        return await self._store.blocked(asked) if asked else set()

    def _may_pass(self, one: Pending) -> bool:
        return one.key is None or one.key not in self._blocked

    def _take(self, one: Pending) -> None:
        unit = one.unit
        if isinstance(unit, Whole):
            return
        if isinstance(unit, Replayed):
            self._close(one)
        elif not self._may_pass(one):
            self._wait(one)
        elif isinstance(unit, Bad):
            self._park(one, unit.error, unit.detail)
        else:
            self._decide(one, unit)

    def _decide(self, one: Pending, unit: Unit[Any]) -> None:
        started_ns = time.time_ns()
        try:
            decision: Decision[Any, Any] = self._handler.decide(self._states, unit, self._now)
        except Exception as error:  # noqa: BLE001 - whatever a decision raises parks its unit
            self._park(one, error_class(error), error_detail(error))
            return
        types = [name for event in decision.events if (name := event.type) is not None]
        traceparent = self._trace.claim(
            unit.traceparent,
            claim_id=decision.claim_id or unit.key,
            outcomes=types,
            links=decision.trace_links,
            started_ns=started_ns,
        )
        for message in decision.events:
            self._messages.append(_stamped(message, traceparent, unit.event_id))
        self._states.update(decision.states)
        self._changed.update(decision.states)
        self._rows.extend(decision.rows)
        self._outcome.said += types
        self._outcome.trail.append(True)
        self._close(one)

    def _close(self, one: Pending) -> None:
        if one.parked_id is not None:
            self._done.append(one.parked_id)

    def _wait(self, one: Pending) -> None:
        self._outcome.waiting += 1
        if one.parked_id is None:
            detail = "an earlier event of this key is parked"
            self._set_aside(one, "blocked", detail, is_waiting=True)

    def _park(self, one: Pending, error: str, detail: str) -> None:
        self._outcome.parked.append(error)
        self._outcome.trail.append(False)
        if one.key is not None:
            self._blocked.add(one.key)
        traceparent = one.unit.traceparent if isinstance(one.unit, Unit) else None
        self._trace.claim(traceparent, claim_id=one.key, outcomes=(names.PARKED,))
        if one.parked_id is not None:
            self._failed.append(Failure(one.parked_id, error, detail))
        else:
            self._set_aside(one, error, detail, is_waiting=False)

    def _set_aside(self, one: Pending, error: str, detail: str, *, is_waiting: bool) -> None:
        event_id, part = one.identity
        is_whole = isinstance(one.unit, Bad) and one.unit.event_id is None
        self._parkings.append(
            Parking(one.record, event_id, part, is_whole, one.key, error, detail, is_waiting)
        )

    async def _write(self) -> None:
        if self._changed or self._rows:
            await self._handler.save(self._store.connection, self._changed, self._rows)
        if self._messages:
            self._outcome.messages = len(self._messages)
            await self._store.publish(self._messages)
        if self._parkings:
            await self._store.park(self._parkings)
        if self._done or self._failed:
            await self._store.close_parked(self._done, self._failed)


def _stamped(message: Message, traceparent: str, cause: UUID) -> Message:
    """The message with the trace and the cause that it does not carry itself."""
    # Not `replace`, which costs three times as much, on the path of every event.
    if isinstance(message, RawMessage):
        return RawMessage(
            message.id,
            message.topic,
            message.key,
            message.value,
            message.headers,
            message.traceparent or traceparent,
            message.type,
        )
    return Event(
        message.id,
        message.source,
        message.subject,
        message.time,
        message.data,
        message.sequence,
        message.traceparent or traceparent,
        message.causation_id or cause,
    )

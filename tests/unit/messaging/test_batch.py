"""The batch core on the simulation's tables: one claim of the kernel's contract per test."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from shared.contract.envelope import Event
from shared.contract.events import ClaimDuplicated, MessageOrigin
from shared.messaging.batch import Core, Outcome, Pending
from shared.messaging.handler import Bad, Decision, RawMessage, Record, Unit
from shared.telemetry import names, tracing
from tests.simulation.world import NOW, Database, Row, drive

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
RECORD = Record("in", 0, 7, b"k", b"{}", (), 0)


class Notary:
    """Says one event per unit; fails where it is told to."""

    def __init__(self) -> None:
        self.loaded: list[list[str]] = []
        self.saved: list[tuple[dict[str, Any], list[Any]]] = []
        self.times: list[datetime] = []
        self.refused: set[str] = set()
        self.undecidable: set[str] = set()
        self.fault: Exception | None = None

    def decode(self, record: Record) -> Iterator[Unit[Any] | Bad]:
        raise NotImplementedError(record)  # units are given to the core as they are

    async def load(self, _: Any, units: Sequence[Unit[Any]]) -> dict[str, int]:
        self.loaded.append([unit.key for unit in units])
        return {unit.key: 0 for unit in units}

    def decide(
        self, states: Mapping[str, int], unit: Unit[Any], now: datetime
    ) -> Decision[int, str]:
        if unit.key in self.undecidable:
            raise ZeroDivisionError("Jane Roe")
        self.times.append(now)
        said = unit.body if unit.body is not None else ()
        return Decision({unit.key: states[unit.key] + 1}, said, (unit.key,))

    async def save(self, _: Any, states: Mapping[str, int], rows: Sequence[str]) -> None:
        if self.fault is not None:
            raise self.fault
        if self.refused & set(rows):
            raise ValueError("Jane Roe")
        self.saved.append((dict(states), list(rows)))


class Kept:
    """A tracing sink."""

    def __init__(self) -> None:
        self.spans: list[tracing.Recorded] = []

    def keep(self, spans: Sequence[tracing.Recorded]) -> None:
        self.spans += spans

    def close(self) -> None:
        """Nothing is queued."""


class Desk:
    """A core with everything around it in reach."""

    def __init__(self) -> None:
        self.handler = Notary()
        self.database = Database()
        self.sink = Kept()
        traces = tracing.Tracing("unit", 0.0, self.sink)
        self.core = Core(self.handler, self.database.transaction, traces, lambda: NOW)

    def settle(self, *units: Unit[Any] | Bad) -> Outcome:
        return drive(self.core.settle([Pending(RECORD, unit) for unit in units]))

    @property
    def parked(self) -> list[tuple[str | None, str]]:
        return [(row.parking.key, row.state) for row in self.database.tables.parked]

    def rows(self) -> list[Row]:
        return self.database.tables.parked


@pytest.fixture
def desk() -> Desk:
    return Desk()


def a_unit(key: str, number: int, *says: Event | RawMessage, trace: str | None = None) -> Unit[Any]:
    return Unit(UUID(int=number), key, says, traceparent=trace)


def an_event(number: int) -> Event:
    data = ClaimDuplicated(origin=MessageOrigin(message_id=UUID(int=1), source="mercy"), revision=2)
    return Event(UUID(int=number), "unit", "a", datetime(2026, 1, 1, tzinfo=UTC), data)


def test_each_unit_sees_what_earlier_ones_of_its_batch_decided(desk: Desk) -> None:
    outcome = desk.settle(a_unit("a", 1), a_unit("b", 2), a_unit("a", 3))
    assert outcome.trail == [True, True, True]
    assert desk.handler.saved == [({"a": 2, "b": 1}, ["a", "b", "a"])]


def test_time_is_the_cores_clock(desk: Desk) -> None:
    desk.settle(a_unit("a", 1))
    assert desk.handler.times == [NOW]


def test_what_was_taken_in_before_is_neither_loaded_nor_decided(desk: Desk) -> None:
    desk.settle(a_unit("a", 1))
    outcome = desk.settle(a_unit("a", 1), a_unit("a", 1))
    assert (outcome.trail, outcome.duplicates) == ([], 2)
    assert len(desk.handler.loaded) == len(desk.handler.saved) == 1


def test_the_same_unit_twice_in_a_batch_is_decided_once(desk: Desk) -> None:
    outcome = desk.settle(a_unit("a", 1), a_unit("a", 1))
    assert (outcome.trail, outcome.duplicates) == ([True], 1)


def test_an_undecidable_unit_parks_its_key_and_nothing_else(desk: Desk) -> None:
    desk.handler.undecidable = {"b"}
    outcome = desk.settle(a_unit("a", 1), a_unit("b", 2), a_unit("b", 3), a_unit("c", 4))
    assert outcome.trail == [True, False, True]
    assert outcome.parked == ["ZeroDivisionError"]
    assert outcome.waiting == 1
    assert desk.parked == [("b", "parked"), ("b", "waiting")]


def test_what_comes_later_for_a_parked_key_waits_and_is_not_loaded(desk: Desk) -> None:
    desk.settle(Bad("bad", "why", "a", UUID(int=1)))
    desk.settle(a_unit("a", 2), a_unit("b", 3))
    assert desk.handler.loaded == [["b"]]
    assert desk.parked == [("a", "parked"), ("a", "waiting")]


def test_what_is_bad_without_a_key_parks_alone(desk: Desk) -> None:
    outcome = desk.settle(Bad("bad", "why"), a_unit("a", 2))
    assert outcome.trail == [False, True]
    assert desk.parked == [(None, "parked")]


def test_refused_data_is_found_and_parked_alone(desk: Desk) -> None:
    desk.handler.refused = {"c"}
    outcome = desk.settle(*(a_unit(key, n) for n, key in enumerate("abcdefg")))
    assert sorted(outcome.trail) == [False] + [True] * 6
    assert desk.parked == [("c", "parked")]
    assert {row for _, rows in desk.handler.saved for row in rows} == set("abdefg")


def test_what_is_written_of_a_fault_holds_no_value(desk: Desk) -> None:
    desk.handler.refused, desk.handler.undecidable = {"a"}, {"b"}
    desk.settle(a_unit("a", 1), a_unit("b", 2))
    texts = [row.parking.error + row.parking.detail for row in desk.rows()]
    assert len(texts) == 2
    assert not any("Roe" in text for text in texts)


def test_a_fault_of_the_moment_changes_nothing_and_is_raised(desk: Desk) -> None:
    desk.handler.fault = ConnectionResetError()
    with pytest.raises(ConnectionResetError):
        desk.settle(a_unit("a", 1))
    assert not desk.database.tables.inbox
    desk.handler.fault = None
    assert desk.settle(a_unit("a", 1)).trail == [True]


def test_a_key_that_no_text_column_takes_is_parked_as_one_that_it_takes(desk: Desk) -> None:
    desk.handler.refused = {"a\x00"}
    desk.settle(a_unit("a\x00", 1))
    assert desk.parked == [("a\N{REPLACEMENT CHARACTER}", "parked")]


def test_events_carry_their_claims_trace_and_their_cause(desk: Desk) -> None:
    desk.settle(a_unit("a", 1, an_event(10), trace=TRACE))
    ((_, said),) = desk.database.tables.events.values()
    assert isinstance(said, Event)
    assert said.traceparent is not None
    assert said.traceparent[:36] == TRACE[:36]
    assert said.traceparent != TRACE
    assert said.causation_id == UUID(int=1)
    assert replace(said, traceparent=None, causation_id=None) == an_event(10)


def test_what_an_event_carries_itself_is_left_alone(desk: Desk) -> None:
    own = replace(an_event(10), traceparent=TRACE, causation_id=UUID(int=99))
    raw = RawMessage(UUID(int=11), "out", "a", b"ISA", (), TRACE)
    desk.settle(a_unit("a", 1, own, raw))
    assert [message for _, message in desk.database.tables.events.values()] == [own, raw]


def test_a_parked_unit_is_always_traced(desk: Desk) -> None:
    desk.settle(Bad("bad", "why", "a", UUID(int=1)))
    (claim,) = (span for span in desk.sink.spans if span.name == names.SPAN_DECIDE)
    assert claim.attributes[names.OUTCOMES] == (names.PARKED,)


def test_a_batch_that_was_rolled_back_leaves_no_span_of_a_claim(desk: Desk) -> None:
    desk.handler.fault = ConnectionResetError()
    with pytest.raises(ConnectionResetError):
        desk.settle(a_unit("a", 1, trace=TRACE))
    assert [span.name for span in desk.sink.spans] == [names.SPAN_BATCH]
    assert desk.sink.spans[0].has_failed

"""The kernel under every sequence of accidents that Hypothesis thinks of, shrunk to the shortest.

`PYTEST_ADDOPTS=--hypothesis-seed=N` repeats a run; the seed of this one is printed in the header.
"""

from typing import Any, TypeAlias
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.examples import examples
from tests.simulation.world import OPEN, PARTITIONS, Claimlet, World

KEYS = ("a", "b", "c", "d")
FLAWS = st.sampled_from([None, None, None, None, "decode", "decide", "save", "raise"])
CRASHES = st.sampled_from([None, None, "before", "after"])
MEMBERS = st.integers(0, 1)
LIMITS = st.integers(1, 5)
FLAW_IN_FILE = {
    None: None,
    "decode": "decode",
    "decide": "decide",
    "save": "save",
    "raise": "decode",
}

Parts: TypeAlias = list[tuple[int, str | None]]
"""The units of a record: which of its partition's two keys, and what is wrong."""
RECORDS = st.one_of(
    st.lists(st.tuples(st.just(0), FLAWS), min_size=1, max_size=1),
    st.lists(st.tuples(st.integers(0, 1), FLAWS), min_size=1, max_size=6),
)


class Kernel(RuleBasedStateMachine):
    """One service with two members, seen through the world's audit after each step."""

    @initialize(records=st.lists(RECORDS, min_size=1, max_size=5))
    def start(self, records: list[Parts]) -> None:
        self.world = World()
        self.numbers = 0
        self.world.assign([0] * PARTITIONS)
        for parts in records:
            self.submit(0, parts)

    @rule(partition=st.integers(0, PARTITIONS - 1), parts=RECORDS)
    def submit(self, partition: int, parts: Parts) -> None:
        units = []
        for choice, flaw in parts:
            self.numbers += 1
            key = KEYS[partition + choice * PARTITIONS]
            # A decoder that raises halfway loses the order of what it did not reach: no service's
            # may. One that raises on a single event parks it under the record's key.
            is_alone = len(parts) == 1
            units.append(Claimlet(key, self.numbers, flaw if is_alone else FLAW_IN_FILE[flaw]))
        self.world.broker.publish(partition, UUID(int=self.numbers), units)

    @rule(partition=st.integers(0, PARTITIONS - 1), data=st.data())
    def submit_again(self, partition: int, data: st.DataObject) -> None:
        log = self.world.broker.logs[partition]
        if log:
            self.world.broker.publish_again(partition, data.draw(st.integers(0, len(log) - 1)))

    @rule(member=MEMBERS, limit=LIMITS)
    def poll(self, member: int, limit: int) -> None:
        self.world.poll(self.world.members[member], limit)

    @rule(member=MEMBERS, crash=CRASHES)
    def settle(self, member: int, crash: str | None) -> None:
        self.world.database.crash_at_commit = crash
        self.world.settle(self.world.members[member])

    @rule(member=MEMBERS, limit=LIMITS, crash=CRASHES)
    def poll_and_settle(self, member: int, limit: int, crash: str | None) -> None:
        self.poll(member, limit)
        self.settle(member, crash)

    @rule(owners=st.lists(MEMBERS, min_size=PARTITIONS, max_size=PARTITIONS))
    def rebalance(self, owners: list[int]) -> None:
        self.world.assign(owners)

    @rule(member=MEMBERS)
    def kill(self, member: int) -> None:
        self.world.restart(self.world.members[member])

    @rule()
    def database_is_away_for_a_moment(self) -> None:
        self.world.handler.faults.append(OSError())

    @rule(is_away=st.booleans())
    def broker_goes_away_or_comes_back(self, is_away: bool) -> None:
        self.world.broker.is_away = is_away

    @rule(crash=CRASHES)
    def relay(self, crash: str | None) -> None:
        self.world.broker.crash_at_send = crash
        self.world.relay()

    @rule(crash=CRASHES)
    def replay(self, crash: str | None) -> None:
        self.world.database.crash_at_commit = crash
        self.world.replay()

    def _open_rows(self) -> list[Any]:
        return [row for row in self.world.database.tables.parked if row.state in OPEN]

    @precondition(lambda self: self._open_rows())
    @rule(data=st.data(), is_cured=st.booleans())
    def release(self, data: st.DataObject, is_cured: bool) -> None:
        row = data.draw(st.sampled_from(self._open_rows()))
        if is_cured:
            units = self.world.units(row.parking.record)
            self.world.handler.cured |= {one.number for one in units}
        self.world.release(row)

    @precondition(lambda self: self._open_rows())
    @rule(is_cured=st.booleans(), crash=CRASHES)
    def release_all_and_replay(self, is_cured: bool, crash: str | None) -> None:
        for row in self._open_rows():
            if is_cured and row.id % 2:
                units = self.world.units(row.parking.record)
                self.world.handler.cured |= {one.number for one in units}
            self.world.release(row)
        self.replay(crash)

    @precondition(lambda self: self._open_rows())
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        self.world.discard(data.draw(st.sampled_from(self._open_rows())))

    @invariant()
    def audit(self) -> None:
        if hasattr(self, "world"):
            self.world.audit()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.finish()


Kernel.TestCase.settings = examples(250, stateful_step_count=40, deadline=None)
TestKernel = Kernel.TestCase

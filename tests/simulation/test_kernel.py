"""The kernel under every sequence of accidents that Hypothesis thinks of, shrunk to the shortest.

`PYTEST_ADDOPTS=--hypothesis-seed=N` repeats a run; the seed of this one is printed in the header.
"""

from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.simulation.world import OPEN, PARTITIONS, Claimlet, World

KEYS = ("a", "b", "c", "d")
FLAWS = st.sampled_from([None, None, None, None, "decode", "decide", "save", "raise"])
FLAW_IN_FILE = {
    None: None,
    "decode": "decode",
    "decide": "decide",
    "save": "save",
    "raise": "decode",
}


class Kernel(RuleBasedStateMachine):
    """One service with two members, seen through the world's audit after each step."""

    @initialize()
    def start(self) -> None:
        self.world = World()
        self.numbers = 0
        self.world.assign([0] * PARTITIONS)

    def _partition(self, key: str) -> int:
        return KEYS.index(key) % PARTITIONS

    @rule(
        partition=st.integers(0, PARTITIONS - 1),
        parts=st.lists(st.tuples(st.integers(0, 1), FLAWS), min_size=1, max_size=7),
    )
    def submit(self, partition: int, parts: list[tuple[int, str | None]]) -> None:
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

    @rule(member=st.integers(0, 1), limit=st.integers(1, 5))
    def poll(self, member: int, limit: int) -> None:
        self.world.poll(self.world.members[member], limit)

    @rule(member=st.integers(0, 1))
    def settle(self, member: int) -> None:
        self.world.settle(self.world.members[member])

    @rule(owners=st.lists(st.integers(0, 1), min_size=PARTITIONS, max_size=PARTITIONS))
    def rebalance(self, owners: list[int]) -> None:
        self.world.assign(owners)

    @rule(member=st.integers(0, 1))
    def kill(self, member: int) -> None:
        self.world.restart(self.world.members[member])

    @rule(when=st.sampled_from(["before", "after"]))
    def crash_at_the_next_commit(self, when: str) -> None:
        self.world.database.crash_at_commit = when

    @rule(when=st.sampled_from(["before", "after"]))
    def crash_at_the_next_send(self, when: str) -> None:
        self.world.broker.crash_at_send = when

    @rule()
    def database_is_away_for_a_moment(self) -> None:
        self.world.handler.faults.append(OSError())

    @rule(is_away=st.booleans())
    def broker_goes_away_or_comes_back(self, is_away: bool) -> None:
        self.world.broker.is_away = is_away

    @rule()
    def relay(self) -> None:
        self.world.relay()

    @rule()
    def replay(self) -> None:
        self.world.replay()

    def _open_rows(self) -> list[Any]:
        return [row for row in self.world.database.tables.parked if row.state in OPEN]

    @precondition(lambda self: self._open_rows())
    @rule(data=st.data(), is_cured=st.booleans())
    def release(self, data: st.DataObject, is_cured: bool) -> None:
        row = data.draw(st.sampled_from(self._open_rows()))
        if is_cured:
            units = self.world._units(row.parking.record)  # noqa: SLF001
            self.world.handler.cured |= {one.number for one in units}
        self.world.release(row)

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


Kernel.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestKernel = Kernel.TestCase

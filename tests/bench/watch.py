"""Processor time and memory of the stack's processes, sampled from outside while claims flow."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import psutil

from deploy.local.stack import Stack

EVERY_S = 1.0
WITH_CHILDREN = frozenset({"postgres"})
"""Looking for a process's children means looking at every process: only where needed."""
FAMILY_LOOKS = 5
"""What a family shares of its memory takes the kernel long to tell: asked once in so many looks."""
NOT_OF_THE_LINE = "benchmark"
"""The name under which this very process is watched."""
_MIB = 1 << 20


@dataclass(slots=True)
class Usage:
    """Of one program with its children. Memory is resident: shared pages count once (PSS)."""

    cpu_s: float = 0.0
    peak_mib: float = 0.0
    processes: int = 0


class Watch:
    """`with Watch(stack) as watch:` samples until the block ends; then `usage` is complete."""

    def __init__(self, stack: Stack) -> None:
        self.usage: dict[str, Usage] = {}
        self._roots = {name: psutil.Process(pid) for name, pid in _pids(stack).items()}
        self._roots[NOT_OF_THE_LINE] = psutil.Process()
        self._before: dict[str, float] = {}
        self._looks = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Watch":
        for name, root in self._roots.items():
            self.usage[name] = Usage()
            self._before[name] = _cpu_s(_family(name, root))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()
        for name, root in self._roots.items():
            self.usage[name].cpu_s = _cpu_s(_family(name, root)) - self._before[name]
        self._looks = 0
        self._look()

    @property
    def cpu_s(self) -> float:
        """Processor time of everything that ran but this process."""
        return sum(usage.cpu_s for name, usage in self.usage.items() if name != NOT_OF_THE_LINE)

    def _sample(self) -> None:
        while not self._is_over.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        looks_at_families = self._looks % FAMILY_LOOKS == 0
        self._looks += 1
        for name, root in self._roots.items():
            if name in WITH_CHILDREN and not looks_at_families:
                continue
            processes = _family(name, root)
            used = sum(_memory_mib(process, shares=len(processes) > 1) for process in processes)
            usage = self.usage[name]
            usage.peak_mib = max(usage.peak_mib, used)
            usage.processes = max(usage.processes, len(processes))


def _pids(stack: Stack) -> Mapping[str, int]:
    found = {name: member.pid for name, member in stack.members.items()}
    found |= {
        f"kafka {number}" if len(stack.broker.pids) > 1 else "kafka": pid
        for number, pid in enumerate(stack.broker.pids, start=1)
    }
    found["postgres"] = stack.postgres.pid
    return {name: pid for name, pid in found.items() if pid is not None}


def _family(name: str, root: psutil.Process) -> list[psutil.Process]:
    if name not in WITH_CHILDREN:
        return [root]
    with suppress(psutil.Error):
        return [root, *root.children(recursive=True)]
    return []


def _memory_mib(process: psutil.Process, *, shares: bool) -> float:
    """Resident memory; of a process that shares its pages with others, its part of them."""
    with suppress(psutil.Error):
        if shares:
            return float(process.memory_full_info().pss) / _MIB
        return float(process.memory_info().rss) / _MIB
    return 0.0


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    """Of the processes, and of those children of the first that have ended."""
    total = 0.0
    for number, process in enumerate(processes):
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
            if number == 0 and len(processes) > 1:
                total += times.children_user + times.children_system
    return total

"""Processor time and memory of the stack's processes, sampled from outside while claims flow."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import psutil

from deploy.local.stack import Stack

EVERY_S = 0.5
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
        self._roots["benchmark"] = psutil.Process()
        self._before: dict[str, float] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Watch":
        for name, root in self._roots.items():
            self.usage[name] = Usage()
            self._before[name] = _cpu_s(root, is_alone=name == "benchmark")
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
        self._look()
        for name, root in self._roots.items():
            after = _cpu_s(root, is_alone=name == "benchmark")
            self.usage[name].cpu_s = after - self._before[name]

    def _sample(self) -> None:
        while not self._is_over.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        for name, root in self._roots.items():
            processes = [root] if name == "benchmark" else _family(root)
            used = 0.0
            for process in processes:
                with suppress(psutil.Error):
                    is_alone = len(processes) == 1
                    info = process.memory_info() if is_alone else process.memory_full_info()
                    used += (info.rss if is_alone else info.pss) / _MIB
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


def _family(root: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return [root, *root.children(recursive=True)]
    return []


def _cpu_s(root: psutil.Process, *, is_alone: bool) -> float:
    """Of a process, of its children that ended, and of those that live."""
    total = 0.0
    for process in [root] if is_alone else _family(root):
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
            if not is_alone:
                total += times.children_user + times.children_system
    return total

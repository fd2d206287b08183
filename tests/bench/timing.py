"""How a benchmark times pure work: by the processor, since the machine may be shared."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def least(run: Callable[[], Answer], repeats: int) -> tuple[float, Answer]:
    """The least processor seconds of a few runs, and what the last of them answered."""
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        answer = run()
        best = min(best, time.process_time() - started)
    return best, answer

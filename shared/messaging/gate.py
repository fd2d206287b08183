"""Back-pressure: consumption pauses while the outbox is deeper than a mark.

A broker that is away, or slow, then costs a pause and not a disk. The gate opens again when half
of the mark is left, so that it does not flutter.
"""

import asyncio

from shared.telemetry.metrics import ServiceMetrics

LOOK_S = 0.2


class Gate:
    """Told the outbox's depth from time to time; asked before each batch."""

    def __init__(self, high_mark: int, metrics: ServiceMetrics) -> None:
        self._high_mark = high_mark
        self._metrics = metrics
        self.is_closed = False

    def observe(self, depth: int) -> None:
        """Takes note of how many messages wait for the relay."""
        if depth > self._high_mark:
            self.is_closed = True
        elif depth <= self._high_mark // 2:
            self.is_closed = False
        self._metrics.paused.set(self.is_closed)

    async def wait_open(self, stopping: asyncio.Event) -> None:
        """Waits until the gate is open, or it is time to stop."""
        while self.is_closed and not stopping.is_set():  # noqa: ASYNC110 - two things to wait for
            await asyncio.sleep(LOOK_S)

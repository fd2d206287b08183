"""Keeps what should run running: a process that ends unasked is started again, ever later.

Apart from the stack because it knows nothing of what it keeps. One thread looks at everything;
who stops something on purpose says so first, under the same lock, so it is left alone.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.local.child import StartError

_LOOK_EVERY_S = 0.1
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0
_SETTLED_S = 30.0
"""A process that lived so long starts again without waiting."""

logger = logging.getLogger("claimwire.stack")


@dataclass(slots=True)
class Kept:
    """Something that should run. `revive` starts it again and may take its time."""

    name: str
    is_running: Callable[[], bool]
    revive: Callable[[], None]
    is_wanted: bool = True
    revivals: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    _pause_s: float = _FIRST_PAUSE_S
    _not_before: float = 0.0
    _revived_at: float = 0.0

    def look(self, now: float) -> bool:
        """Starts it again if it is missing and due; True when it did."""
        with self.lock:
            if not self.is_wanted or self.is_running():
                self._not_before = 0.0
                return False
            if self._not_before == 0.0:
                self._schedule(now)
            if now < self._not_before:
                return False
            self.revivals += 1
            self._revived_at = now
            self._not_before = 0.0
            self._try_to_revive()
            return True

    def _schedule(self, now: float) -> None:
        if now - self._revived_at > _SETTLED_S:
            self._pause_s = _FIRST_PAUSE_S
        logger.warning("%s is missing; bringing it back in %.1f s", self.name, self._pause_s)
        self._not_before = now + self._pause_s
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)

    def _try_to_revive(self) -> None:
        try:
            self.revive()
        except Exception as error:  # noqa: BLE001 - the keeper outlives all it keeps
            reason = str(error) if isinstance(error, StartError) else type(error).__name__
            logger.warning("%s did not come back: %s", self.name, reason)


class Keeper:
    """The thread that looks. `on_change` is called after each revival."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._kept: list[Kept] = []
        self._on_change = on_change
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="keeper", daemon=True)

    def add(self, kept: Kept) -> None:
        self._kept.append(kept)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Nothing is started again after this returns."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            for kept in self._kept:
                if not self._stopping.is_set() and kept.look(time.monotonic()):
                    self._on_change()

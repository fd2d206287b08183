"""The fuse: a bad release must stop a service, not fill its parking lot.

It is apart because it is the one part of the kernel that decides to do nothing more. Once open it
stays open for the life of the process: a person looks, repairs, and starts it again.
"""

from collections import deque
from collections.abc import Iterable


class Fuse:
    """Opens after `in_a_row` parked units, or when `ratio` of the latest `window` units were."""

    def __init__(self, in_a_row: int, window: int, ratio: float) -> None:
        self._in_a_row = in_a_row
        self._parked_limit = ratio * window
        self._latest: deque[bool] = deque(maxlen=window)
        self._parked_in_window = 0
        self._parked_now = 0
        self.is_open = False

    def record(self, trail: Iterable[bool]) -> bool:
        """Takes note of units in their order, True for decided; returns whether the fuse is open.

        Units that only wait behind a parked one do not count, either way.
        """
        for was_decided in trail:
            self._parked_now = 0 if was_decided else self._parked_now + 1
            if len(self._latest) == self._latest.maxlen:
                self._parked_in_window -= not self._latest[0]
            self._latest.append(was_decided)
            self._parked_in_window += not was_decided
            is_window_full = len(self._latest) == self._latest.maxlen
            if self._parked_now >= self._in_a_row or (
                is_window_full and self._parked_in_window >= self._parked_limit
            ):
                self.is_open = True
        return self.is_open

"""Faults that a test asks the doors for: what a client must survive. Submissions to come meet
them."""

import threading
from typing import Literal, get_args

Fault = Literal["drop-before-taking", "drop-after-taking", "unavailable", "unauthorized"]
FAULTS: tuple[Fault, ...] = get_args(Fault)


class Faults:
    """Faults still to come, in the order they were asked for. For several threads."""

    def __init__(self) -> None:
        self._left: list[tuple[Fault, int]] = []
        self._lock = threading.Lock()

    def ask(self, fault: Fault, count: int = 1) -> None:
        """The next `count` submissions meet it, after those asked for before; 0 forgets all of
        its kind."""
        with self._lock:
            if count:
                self._left.append((fault, count))
            else:
                self._left = [row for row in self._left if row[0] != fault]

    def met(self, *kinds: Fault) -> Fault | None:
        """The fault that is next, if it is one of these kinds; it is used up by that."""
        with self._lock:
            if not self._left or self._left[0][0] not in kinds:
                return None
            fault, count = self._left[0]
            self._left[0] = (fault, count - 1)
            if count == 1:
                del self._left[0]
            return fault

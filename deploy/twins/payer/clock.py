"""The twin's time: as it is, faster, or moved on by hand, so that a month passes in seconds.

It lives in a file, so that a test, the command line and the HTTPS door set it in the same way, and
it survives a restart. It never goes back.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER = ".twin"


@dataclass(frozen=True, slots=True)
class _Anchor:
    """At `real_s` (seconds since 1970) the twin's time was `twin_s`; since then it runs `speed`
    times as fast as the real one."""

    twin_s: float
    real_s: float
    speed: float


_REAL = _Anchor(0.0, 0.0, 1.0)


class Clock:
    """The time of all mailboxes under a root."""

    def __init__(self, root: Path, real_time: Callable[[], float] = time.time) -> None:
        self._path = root / FOLDER / "clock.json"
        self._real_time = real_time
        self._anchor = _REAL
        self._version: int | None = None

    def now(self) -> datetime:
        anchor = self._read()
        return datetime.fromtimestamp(self._twin_s(anchor), UTC)

    def advance(self, by: timedelta) -> datetime:
        """Moves the twin's time on at once; returns the new time."""
        anchor = self._read()
        moved = self._twin_s(anchor) + max(0.0, by.total_seconds())
        self._write(_Anchor(moved, self._real_time(), anchor.speed))
        return self.now()

    def run_at(self, speed: float) -> None:
        """From now on so many times as fast as the real time; 0 stands still."""
        anchor = self._read()
        self._write(_Anchor(self._twin_s(anchor), self._real_time(), max(0.0, speed)))

    @property
    def speed(self) -> float:
        return self._read().speed

    def _twin_s(self, anchor: _Anchor) -> float:
        return anchor.twin_s + (self._real_time() - anchor.real_s) * anchor.speed

    def _read(self) -> _Anchor:
        try:
            version = self._path.stat().st_mtime_ns
            if version != self._version:
                self._anchor = _Anchor(**json.loads(self._path.read_text()))
                self._version = version
        except FileNotFoundError:
            self._anchor = _REAL
        return self._anchor

    def _write(self, anchor: _Anchor) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "twin_s": anchor.twin_s,
            "real_s": anchor.real_s,
            "speed": anchor.speed,
        }
        partial = self._path.with_suffix(f".{os.getpid()}.tmp")
        partial.write_text(json.dumps(document))
        partial.rename(self._path)
        self._anchor, self._version = anchor, None

"""When the claims that wait for a payer close into an interchange: by count, by size, by time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Waiting:
    """One pending claim, oldest first in a list of them. `content_bytes` is its size as JSON."""

    pending_since: datetime
    content_bytes: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one interchange. The size is of the claims as JSON: an 837 is always smaller than that."""

    max_claims: int
    max_bytes: int
    window_s: float


def closing_count(waiting: Sequence[Waiting], limits: Limits, now: datetime) -> int:
    """How many of the oldest claims go into an interchange now; 0 where it can still fill.

    It closes full (the count or the size is reached), or because the oldest claim has waited for
    the window. A single claim larger than the size goes alone.
    """
    total = 0
    for number, claim in enumerate(waiting):
        total += claim.content_bytes
        if number == limits.max_claims or (number and total > limits.max_bytes):
            return number
    if not waiting:
        return 0
    is_full = len(waiting) == limits.max_claims or total >= limits.max_bytes
    has_waited = now - waiting[0].pending_since >= timedelta(seconds=limits.window_s)
    return len(waiting) if is_full or has_waited else 0

"""What should have come from a payer and has not: which answer a claim waits for, and how long."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.submission.domain.status import Status

Expected = Literal["999", "277CA", "835"]

AWAITED: Mapping[Expected, frozenset[Status]] = {
    "999": frozenset({Status.SENT}),
    "277CA": frozenset({Status.ACCEPTED, Status.FORWARDED}),
    "835": frozenset({Status.ACCEPTED, Status.FORWARDED, Status.ACKNOWLEDGED}),
}
"""The statuses in which an answer is still to come. What has no 999 is said to lack only that."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Seconds from sending until an answer is overdue."""

    syntax_s: float
    acceptance_s: float
    payment_s: float

    def until(self, expected: Expected) -> timedelta:
        seconds = {"999": self.syntax_s, "277CA": self.acceptance_s, "835": self.payment_s}
        return timedelta(seconds=seconds[expected])


@dataclass(frozen=True, slots=True)
class Overdue:
    """An answer that has not come. `due_at` is when it should have."""

    expected: Expected
    due_at: datetime


def find_overdue(
    status: Status, submitted_at: datetime, expected: Expected, allowance: Allowance, now: datetime
) -> Overdue | None:
    """The answer, if a claim sent at `submitted_at` lacks it at `now`; None where none is late."""
    if status not in AWAITED[expected]:
        return None
    due_at = submitted_at + allowance.until(expected)
    return Overdue(expected, due_at) if now >= due_at else None

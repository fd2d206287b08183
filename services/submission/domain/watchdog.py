"""What should have come from a payer and has not: which answer a claim waits for, and how long."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.submission.domain.status import Status

Expected = Literal["999", "277CA"]

AWAITED: Mapping[Status, Expected] = {
    Status.SENT: "999",
    Status.ACCEPTED: "277CA",
    Status.FORWARDED: "277CA",
}
"""The next answer of a claim in each status. The 835 is remittance's to miss: it reads them."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Seconds from sending until an answer is overdue."""

    syntax_s: float
    acceptance_s: float

    def until(self, expected: Expected) -> timedelta:
        return timedelta(seconds=self.syntax_s if expected == "999" else self.acceptance_s)


@dataclass(frozen=True, slots=True)
class Overdue:
    """An answer that has not come. `due_at` is when it should have."""

    expected: Expected
    due_at: datetime


def find_overdue(
    status: Status, submitted_at: datetime, allowance: Allowance, now: datetime
) -> Overdue | None:
    """The answer a claim sent at `submitted_at` lacks at `now`, or None where nothing is late."""
    expected = AWAITED.get(status)
    if expected is None:
        return None
    due_at = submitted_at + allowance.until(expected)
    return Overdue(expected, due_at) if now >= due_at else None

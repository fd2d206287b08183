"""What is overdue, and when."""

from datetime import UTC, datetime, timedelta

import pytest

from services.submission.domain.status import Status
from services.submission.domain.watchdog import Allowance, find_overdue

SENT = datetime(2025, 3, 10, 12, tzinfo=UTC)
ALLOWANCE = Allowance(syntax_s=3_600, acceptance_s=86_400)


@pytest.mark.parametrize(
    ("status", "after_s", "expected"),
    [
        (Status.SENT, 3_599, None),
        (Status.SENT, 3_600, "999"),
        (Status.ACCEPTED, 3_600, None),
        (Status.ACCEPTED, 86_400, "277CA"),
        (Status.FORWARDED, 86_400, "277CA"),
        (Status.ACKNOWLEDGED, 10_000_000, None),
        (Status.REFUSED, 10_000_000, None),
        (Status.FORMED, 10_000_000, None),
    ],
)
def test_each_status_waits_for_its_answer(
    status: Status, after_s: int, expected: str | None
) -> None:
    overdue = find_overdue(status, SENT, ALLOWANCE, SENT + timedelta(seconds=after_s))
    assert (overdue.expected if overdue else None) == expected


def test_the_due_time_is_when_the_answer_should_have_come() -> None:
    overdue = find_overdue(Status.SENT, SENT, ALLOWANCE, SENT + timedelta(days=9))
    assert overdue is not None
    assert overdue.due_at == SENT + timedelta(hours=1)

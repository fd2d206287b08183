"""What is overdue, and when."""

from datetime import UTC, datetime, timedelta

import pytest

from services.submission.domain.status import Status
from services.submission.domain.watchdog import AWAITED, Allowance, Expected, find_overdue

SENT = datetime(2025, 3, 10, 12, tzinfo=UTC)
ALLOWANCE = Allowance(syntax_s=3_600, acceptance_s=86_400, payment_s=2_592_000)


@pytest.mark.parametrize(
    ("status", "after_s", "lacking"),
    [
        (Status.SENT, 3_599, []),
        (Status.SENT, 3_600, ["999"]),
        (Status.ACCEPTED, 3_600, []),
        (Status.ACCEPTED, 86_400, ["277CA"]),
        (Status.FORWARDED, 86_400, ["277CA"]),
        (Status.FORWARDED, 2_592_000, ["277CA", "835"]),
        (Status.ACKNOWLEDGED, 2_591_999, []),
        (Status.ACKNOWLEDGED, 2_592_000, ["835"]),
        (Status.ADJUDICATED, 10_000_000, []),
        (Status.REFUSED, 10_000_000, []),
        (Status.FORMED, 10_000_000, []),
    ],
)
def test_each_status_waits_for_its_answers(
    status: Status, after_s: int, lacking: list[Expected]
) -> None:
    now = SENT + timedelta(seconds=after_s)
    late = [one for one in AWAITED if find_overdue(status, SENT, one, ALLOWANCE, now)]
    assert late == lacking


def test_the_due_time_is_when_the_answer_should_have_come() -> None:
    overdue = find_overdue(Status.SENT, SENT, "999", ALLOWANCE, SENT + timedelta(days=9))
    assert overdue is not None
    assert overdue.due_at == SENT + timedelta(hours=1)

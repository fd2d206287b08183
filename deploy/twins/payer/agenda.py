"""What the payer has still to do, in the order it is due: the heart of the simulation.

What is due is done at the time it is due, however much later it is asked for; so a month in one
step and a month in a thousand come to the same.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

from deploy.twins.payer.payment import Payable

Happening = Callable[[datetime], None]

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Agenda:
    """Happenings and payables by time. What is payable at one time is paid together, once nothing
    else is left to happen at that time."""

    def __init__(self, run_every: timedelta | None) -> None:
        self._rows: list[tuple[datetime, int, Happening | Payable]] = []
        self._order = 0
        self._run_every = run_every

    def at(self, due: datetime, happening: Happening | Payable) -> None:
        """Has something happen, or something be paid, at a time."""
        self._order += 1
        heappush(self._rows, (due, self._order, happening))

    def payment_time(self, due: datetime) -> datetime:
        """The payment run at or after a time; the time itself where there are no runs."""
        every = self._run_every
        if not every:
            return due
        return _EPOCH + -(-(due - _EPOCH) // every) * every

    def run(self, to: datetime, pay: Callable[[Sequence[Payable], datetime], None]) -> None:
        """Does everything due by then, in order."""
        while self._rows and self._rows[0][0] <= to:
            due = self._rows[0][0]
            payables: list[Payable] = []
            while self._rows and self._rows[0][0] == due:
                row = heappop(self._rows)[2]
                if isinstance(row, Payable):
                    payables.append(row)
                else:
                    row(due)
            if payables:
                pay(payables, due)

    @property
    def next_due(self) -> datetime | None:
        return self._rows[0][0] if self._rows else None

"""When a payer that does not answer is left alone, and for how long: a circuit breaker for each
payer, kept in the database, so that every process knows what one of them found out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.submission.domain.terms import Pacing


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of the way to a payer. `failures` in a row; left alone until `retry_at`."""

    failures: int = 0
    retry_at: datetime | None = None
    error: str | None = None
    last_sent_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether the payer is left alone now. After its rest one try is made."""
        return self.retry_at is not None and now < self.retry_at

    def may_send(self, pacing: Pacing, now: datetime) -> bool:
        """Whether the payer's pace allows another interchange."""
        if self.last_sent_at is None:
            return True
        return now - self.last_sent_at >= timedelta(seconds=pacing.between_sendings_s)


def after_failure(circuit: Circuit, error: str, pacing: Pacing, now: datetime) -> Circuit:
    """The circuit after one more failure: open, once there are enough of them in a row."""
    failures = circuit.failures + 1
    beyond = failures - pacing.failures_to_open
    retry_at = None
    if beyond >= 0:
        rest = pacing.rests_s[min(beyond, len(pacing.rests_s) - 1)]
        retry_at = now + timedelta(seconds=rest)
    return Circuit(failures, retry_at, error, circuit.last_sent_at)

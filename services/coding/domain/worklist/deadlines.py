"""By when something on the worklist must be done, and how much that weighs.

The time to file a claim is `filing_limits`' to say; here is the time to answer a denial, by the
claim's filing indicator (SBR09), from public rules where there are any.
"""

from collections.abc import Mapping
from datetime import date, timedelta

DISPUTE_DAYS: Mapping[str, int] = {
    "MA": 120,  # 42 CFR 405.942: redetermination
    "MB": 120,
}
DEFAULT_DISPUTE_DAYS = 180
"""What commercial contracts commonly give."""

WEIGHTS: tuple[tuple[int, int], ...] = ((0, 1), (4, 20), (8, 10), (15, 5), (31, 3), (91, 2))
"""Days left below which money counts so many times; above the last, and past the deadline, once:
what is late already does not push aside what can still be saved."""


def dispute_deadline(filing_indicator: str | None, decided_on: date) -> date:
    """The last day on which a denial can be answered."""
    days = DISPUTE_DAYS.get(filing_indicator or "", DEFAULT_DISPUTE_DAYS)
    return decided_on + timedelta(days=days)

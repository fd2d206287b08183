"""By when something on the worklist must be done, and how much that weighs.

The time to file a claim is `filing_limits`' to say; here is the time to answer a denial. Medicare's
is law and comes with the code; that of other payers is contract, and is loaded by the operator
(table dispute-limit, by payer identifier).
"""

from collections.abc import Mapping
from datetime import date, timedelta

from services.coding.domain.reference import Editions, PayerLimit

DISPUTE_DAYS_BY_LAW: Mapping[str, int] = {
    "MA": 120,  # 42 CFR 405.942: redetermination
    "MB": 120,
}
"""By filing indicator (SBR09)."""
ANY_PAYER = "*"
"""The table's row for payers that it does not name."""
UNKNOWN_DISPUTE_DAYS = 180
"""What commercial contracts commonly give: where nothing was loaded."""

WEIGHTS: tuple[tuple[int, int], ...] = ((0, 1), (4, 20), (8, 10), (15, 5), (31, 3), (91, 2))
"""Days left below which money counts so many times; above the last, and past the deadline, once:
what is late already does not push aside what can still be saved."""


def dispute_deadline(
    payer: str, filing_indicator: str | None, decided_on: date, limits: Editions[PayerLimit]
) -> date:
    """The last day on which a denial of this payer can be answered."""
    days = (
        _loaded(limits, payer)
        or DISPUTE_DAYS_BY_LAW.get(filing_indicator or "")
        or _loaded(limits, ANY_PAYER)
        or UNKNOWN_DISPUTE_DAYS
    )
    return decided_on + timedelta(days=days)


def _loaded(limits: Editions[PayerLimit], payer: str) -> int | None:
    found = limits.newest.find(payer) if limits.newest else ()
    return found[0].days if found else None

"""HL7's data types as values: dates, amounts, quantities. Each says None where the text is none."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

from shared.money import MAX_CENTS, parse_decimal_cents

_DTM = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d{1,6})?)?)?)?)?)?"
    r"(?:([+-])(\d\d)(\d\d))?",
    re.ASCII,
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""When a message was made that does not say so: before any that does."""

_QUANTITY = re.compile(r"[+-]?\d{0,9}(?:\.\d{0,6})?", re.ASCII)


@lru_cache(maxsize=4096)
def day(text: str) -> date | None:
    """The day of a DT, DTM or TS; None where it has none or it does not exist."""
    found = _DTM.fullmatch(text)
    if found is None or found[3] is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def clock_time(text: str) -> str | None:
    """HHMM of a DTM, where it has hours and minutes that exist."""
    found = _DTM.fullmatch(text)
    if found is None or found[5] is None or int(found[4]) > 23 or int(found[5]) > 59:
        return None
    return f"{found[4]}{found[5]}"


def moment(text: str) -> datetime | None:
    """A DTM as a point in time; without an offset it is taken as UTC."""
    found = _DTM.fullmatch(text)
    if found is None or found[3] is None:
        return None
    try:
        at = datetime(
            int(found[1]),
            int(found[2]),
            int(found[3]),
            int(found[4] or 0),
            int(found[5] or 0),
            min(int(found[6] or 0), 59),
            tzinfo=_zone(found),
        )
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(found: "re.Match[str]") -> timezone:
    if found[7] is None:
        return UTC
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    return timezone(offset if found[7] == "+" else -offset)


def cents(text: str) -> int | None:
    """Integer cents of an NM; None where it is no amount or has a fraction of a cent."""
    try:
        amount = parse_decimal_cents(text)
    except ValueError:
        return None
    return amount if abs(amount) <= MAX_CENTS else None


def quantity(text: str) -> Decimal | None:
    """An NM as a decimal number with at most nine digits before and six after the point."""
    if not text or _QUANTITY.fullmatch(text) is None or not any(map(str.isdigit, text)):
        return None
    return Decimal(text)


def times(unit_cents: int, units: Decimal) -> int | None:
    """The price of so many units; None where that is no whole number of cents."""
    whole = Decimal(unit_cents) * units
    return int(whole) if whole == whole.to_integral_value() and abs(whole) <= MAX_CENTS else None

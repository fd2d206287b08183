"""Element types: how one element's text becomes a canonical value, and back.

It is apart because every table names these types, and because a value must be written exactly as it
will be read again. A reader raises ValueError with words that never repeat the value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from shared.money import format_decimal, parse_decimal_cents

_DECIMAL = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d*)?|\.\d+)")
_CACHE = 16_384


@dataclass(frozen=True, slots=True)
class ElementType:
    """`read` and `write` are None where the text is the value. `name` is the noun in findings and,
    as `invalid-<name>`, their code. `is_free_text`: a separator in it may become a space."""

    name: str
    read: Callable[[str], Any] | None = None
    write: Callable[[Any], str] | None = None
    is_free_text: bool = False

    @property
    def limit(self) -> int:
        """Characters that the contract holds, whatever the standard says of the element."""
        return 264 if self.is_free_text else 80


def refuse_long(text: str) -> str:
    """For a text beyond its type's limit. Raises ValueError."""
    raise ValueError(f"{len(text)} characters, more than can be kept")


@lru_cache(_CACHE)
def read_day(text: str) -> date:
    """CCYYMMDD (D8). Raises ValueError."""
    if len(text) != 8 or not text.isdigit():
        raise ValueError("not a date of the form CCYYMMDD")
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise ValueError("not a day of the calendar") from None


@lru_cache(_CACHE)
def write_day(day: date) -> str:
    """CCYYMMDD."""
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"


@lru_cache(_CACHE)
def read_quantity(text: str) -> Decimal:
    """An X12 number of type R. Raises ValueError; exponents are refused."""
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError("not a decimal number")
    value = Decimal(text)
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or exponent < -6:
        raise ValueError("a number with more than six decimal places")
    if len(digits) > 15:
        raise ValueError("a number with more than fifteen digits")
    return value


@lru_cache(_CACHE)
def write_quantity(value: Decimal) -> str:
    """The shortest plain form: no exponent, no trailing zeros."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text or "0"


@lru_cache(_CACHE)
def read_integer(text: str) -> int:
    """An X12 number of type N0; `2.00`, which some send, is taken as 2. Raises ValueError."""
    whole, point, fraction = text.partition(".")
    if not whole.isdigit() or not whole.isascii() or len(whole) > 15:
        raise ValueError("not a whole number")
    if point and fraction.strip("0"):
        raise ValueError("not a whole number")
    return int(whole)


_read_cents = lru_cache(_CACHE)(parse_decimal_cents)
_write_cents = lru_cache(_CACHE)(format_decimal)

TEXT = ElementType("text", is_free_text=True)
CODE = ElementType("code")
CENTS = ElementType("amount", _read_cents, _write_cents)
QUANTITY = ElementType("quantity", read_quantity, write_quantity)
INTEGER = ElementType("number", read_integer, str)
DAY = ElementType("date", read_day, write_day)


def code_map(name: str, values: Mapping[str, Any]) -> ElementType:
    """A type whose codes stand for values, one to one: `{"Y": True, "N": False}`."""
    codes = {value: code for code, value in values.items()}
    allowed = ", ".join(values)

    def read(text: str) -> Any:
        try:
            return values[text]
        except KeyError:
            raise ValueError(f"none of the codes {allowed}") from None

    return ElementType(name, read, lambda value: codes.get(value, ""))


ADJUSTMENT_GROUP = code_map(
    "adjustment group", {code: code for code in ("CO", "PR", "OA", "PI", "CR")}
)
FLAG = code_map("indicator", {"Y": True, "N": False})
YES = code_map("indicator", {"Y": True})
EXEMPT = code_map("copay status", {"0": True})
PERSON = code_map("entity type", {"1": True, "2": False})

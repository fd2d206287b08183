"""Money: integer cents inside, decimal strings with two places on the wire.

It is apart because every service, every codec and the ledger must agree to the cent; no float ever
touches an amount.
"""

import re
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

_WIRE = re.compile(r"-?\d{1,13}\.\d{2}", re.ASCII)
_X12 = re.compile(r"([+-]?)(?:0*(?=\d))?(\d{0,13})(?:\.(\d*))?", re.ASCII)

MAX_CENTS = 10**15 - 1


def format_cents(amount_cents: int) -> str:
    """The wire form of an amount: `-1250` is `"-12.50"`."""
    if amount_cents >= 100:  # almost all are, and every claim is written several times
        digits = str(amount_cents)
        return f"{digits[:-2]}.{digits[-2:]}"
    sign = "-" if amount_cents < 0 else ""
    units, cents = divmod(abs(amount_cents), 100)
    return f"{sign}{units}.{cents:02d}"


def parse_cents(text: str) -> int:
    """Integer cents from the wire form `"12.50"`; ValueError for any other form, never rounded."""
    if _WIRE.fullmatch(text) is None:
        raise ValueError('an amount is a decimal string with two places, such as "12.50"')
    return int(text.replace(".", "", 1))


def _validate(value: object, info: ValidationInfo) -> int:
    if isinstance(value, str):
        return parse_cents(value)
    if info.mode == "python" and type(value) is int and -MAX_CENTS <= value <= MAX_CENTS:
        return value
    raise ValueError('an amount is a decimal string with two places, such as "12.50"')


Cents = Annotated[
    int,
    PlainValidator(_validate),
    PlainSerializer(format_cents, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d{1,13}\.\d{2}$", "examples": ["12.50"]}),
]


def parse_decimal_cents(text: str) -> int:
    """Integer cents from an X12 decimal element (type R): `12`, `12.5`, `.5`, `-12.50`.

    Raises ValueError where the text is no decimal number or has a fraction of a cent.
    """
    match = _X12.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        raise ValueError("not a decimal amount")
    sign, units, fraction = match[1], match[2] or "0", match[3] or ""
    if fraction[2:].strip("0"):
        raise ValueError("an amount with a fraction of a cent")
    cents = int(units) * 100 + int(fraction[:2].ljust(2, "0"))
    return -cents if sign == "-" else cents


def format_decimal(amount_cents: int) -> str:
    """The shortest X12 decimal form: no trailing zeros, no needless point (`12.5`, `12`, `0`)."""
    text = format_cents(amount_cents)
    return text.rstrip("0").rstrip(".") if text[-1] == "0" else text

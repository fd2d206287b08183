"""Interchange control numbers: gap-free for each pair of sender and receiver, and never reused.

The arithmetic is here; the store keeps the next number and gives it back when its transaction
rolls back, which is what makes the row gap-free.
"""

LARGEST = 999_999_999
"""ISA13 has nine digits."""


class ControlNumbersUsedUpError(Exception):
    """The pair has used all nine digits: it needs a new sender identifier, since none is reused."""


def format_control_number(number: int) -> str:
    """ISA13 and IEA02: nine digits, zeros in front. Raises ControlNumbersUsedUpError above them."""
    if number > LARGEST:
        raise ControlNumbersUsedUpError("use another sender identifier in the payer's profile")
    if number < 1:
        raise ValueError("control numbers count from 1")
    return f"{number:09d}"


def parse_control_number(text: str) -> int | None:
    """The number of an ISA13, GS06 or TA101 as a payer wrote it, padded or not; None if it is
    none. Numbers that a payer writes without the zeros in front are the same numbers."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None

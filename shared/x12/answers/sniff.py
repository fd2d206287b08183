"""Whose is this record? Which transaction sets a payer's message holds, told from its bytes without
reading it.

It is apart because every consumer of `payers.inbound` asks this of every record, most of which are
not its own.
"""

import re
from functools import lru_cache

_LEADING = b"\xef\xbb\xbf \t\r\n\0"
TA1 = "TA1"


@lru_cache(maxsize=32)
def _starts(separator: bytes) -> re.Pattern[bytes]:
    """Finds the head of an ST or TA1 segment: at the start of a segment, never inside one."""
    sep = re.escape(separator)
    before = rb"(?:\A|(?<=[^A-Za-z0-9 " + sep + rb"]))"
    return re.compile(before + rb"(?:ST" + sep + rb"([0-9]{3})\b|(TA1)" + sep + rb")")


def _scan(data: bytes) -> tuple[bytes, re.Pattern[bytes]] | None:
    text = data.lstrip(_LEADING)
    for identifier in (b"ISA", b"GS", b"ST", b"TA1"):
        at = len(identifier)
        if text.startswith(identifier) and len(text) > at and not text[at : at + 1].isalnum():
            return text, _starts(text[at : at + 1])
    return None


def transaction_of(prefix: bytes) -> str | None:
    """The first transaction set's ST01 (`835`, `999`, `277`...), `TA1` where an interchange holds
    nothing but that, or None where the bytes do not begin as X12 does or hold no set.

    A few hundred bytes are enough. An interchange may hold more than one kind: `transactions_of`
    the whole record is sure.
    """
    found = _scan(prefix)
    if found is None:
        return None
    text, pattern = found
    first = None
    for match in pattern.finditer(text):
        if match[1]:
            return match[1].decode()
        first = first or TA1
    return first


def transactions_of(data: bytes) -> frozenset[str]:
    """Every ST01 in the bytes, and `TA1` where there is one. Empty where they are no X12."""
    found = _scan(data)
    if found is None:
        return frozenset()
    text, pattern = found
    return frozenset((match[1] or match[2]).decode() for match in pattern.finditer(text))

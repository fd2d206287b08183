"""The draw: a number that follows from a claim's control number, a seed and a purpose alone.

Whoever knows these can say beforehand what becomes of a claim, in whatever order or interchange it
comes. It is apart because scenario, adjudication and tests all foretell with it.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar


class Weighted(Protocol):
    """A row of a table to draw from."""

    @property
    def weight(self) -> int: ...


Row = TypeVar("Row", bound=Weighted)


def draw(patient_control_number: str, seed: int, purpose: str) -> int:
    """A number from 0 to 2**64 - 1, the same for the same arguments, on every machine."""
    text = f"{seed}\x1f{purpose}\x1f{patient_control_number}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def is_drawn(percent: int, patient_control_number: str, seed: int, purpose: str) -> bool:
    """Whether something that befalls `percent` in a hundred befalls this one."""
    return percent > 0 and draw(patient_control_number, seed, purpose) % 100 < percent


def pick(rows: Sequence[Row], number: int) -> Row:
    """The row that a drawn number falls on, each as likely as its weight."""
    place = number % sum(row.weight for row in rows)
    for row in rows:
        place -= row.weight
        if place < 0:
            return row
    raise ValueError("a table to draw from has at least one row with a weight")

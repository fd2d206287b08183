"""Ways to a payer and back, behind one small interface, so that a new one is one new module.

Sending has two steps, because a crash may fall between any two: `stage` brings the bytes to where
the payer cannot see them yet, `release` makes them visible at once. submission records that a file
is staged before it releases it; what `find` answers after a crash is then never in doubt: a staged
file was not released, and one that is gone was taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Protocol


class Presence(StrEnum):
    """What the other side has of a file, by its name."""

    STAGED = "staged"
    VISIBLE = "visible"
    GONE = "gone"
    """Neither staged nor visible: taken by the payer, if it ever was staged."""
    UNKNOWN = "unknown"
    """The other side cannot tell. A person must."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A complete file that a payer left for us. `arrived_ns` orders deliveries."""

    name: str
    size: int
    arrived_ns: int


class Transport(Protocol):
    """One payer's mailbox. Methods raise OSError where the other side cannot be reached."""

    async def stage(self, name: str, content: bytes) -> None:
        """Brings the bytes over, not yet visible. Again with the same name: replaces them."""

    async def release(self, name: str) -> None:
        """Makes a staged file visible to the payer, in one step."""

    async def find(self, name: str) -> Presence:
        """What the other side has of this file."""

    async def deliveries(self) -> Sequence[Delivery]:
        """What the payer has left for us and is complete, oldest first."""

    async def open(self, name: str) -> BinaryIO:
        """One delivery as a stream that can be read twice (seek to 0). The caller closes it."""

    async def settle(self, name: str) -> None:
        """Puts a delivery away, kept, out of `deliveries`. Again: nothing happens."""

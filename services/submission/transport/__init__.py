"""Ways to a payer and back, behind one small interface, so that a new one is one new module.

Sending has two steps, because a crash may fall between any two: `stage` brings the bytes to where
the payer cannot see them yet, `release` makes them the payer's. submission records that a file is
staged before it releases it; what `find` answers after a crash is then never in doubt: a staged
file was not released, and one that is gone was taken. Where a payer has no such place, as over
HTTPS, `stage` does nothing, `release` sends the bytes, and `find` asks the payer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Protocol

from shared.contract.model import Finding


class Presence(StrEnum):
    """What the other side has of a file, by its name."""

    STAGED = "staged"
    """Not the payer's yet: to be released."""
    VISIBLE = "visible"
    GONE = "gone"
    """Neither staged nor visible: taken by the payer, if it ever was staged."""
    UNKNOWN = "unknown"
    """The other side cannot tell. A person must."""


class TransportError(OSError):
    """The payer cannot be reached, or does not do what it should; later it may. `code` is stable
    and says what kind of trouble it is; nothing of it identifies a patient."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RefusedError(Exception):
    """The payer has the bytes before it and will not take them, now or later: a person must look.
    It is certain that it did not take them."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Delivery:
    """A complete file that a payer left for us. `arrived_ns` orders deliveries."""

    name: str
    size: int
    arrived_ns: int


class Transport(Protocol):
    """One payer's mailbox. Methods raise OSError where the other side cannot be reached."""

    async def stage(self, name: str, content: bytes) -> None:
        """Brings the bytes over, not yet the payer's. Again with the same name: replaces them, or
        goes on where an earlier try broke off."""

    async def release(self, name: str, content: bytes) -> None:
        """Makes a staged file the payer's, in one step. Raises RefusedError."""

    async def find(self, name: str) -> Presence:
        """What the other side has of this file."""

    async def deliveries(self) -> Sequence[Delivery]:
        """What the payer has left for us and is complete, oldest first."""

    async def open(self, name: str) -> BinaryIO:
        """One delivery as a stream that can be read twice (seek to 0). The caller closes it."""

    async def settle(self, name: str) -> None:
        """Puts a delivery away, kept, out of `deliveries`. Again: nothing happens."""

    async def close(self) -> None:
        """Lets go of connections; the next call makes new ones."""

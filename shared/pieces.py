"""Bodies in pieces: cut up, counted and hashed on their way, and read as a file again.

Apart from the blob store because none of it knows of one: a body of any size passes through here a
piece at a time.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_BYTES = 1024 * 1024


class Measured:
    """Counts and hashes what passes through."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts
        self._hash = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self._hash.update(part)
            self.size += len(part)
            yield part

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class Reader(io.RawIOBase):
    """A file over an iterator of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._piece = memoryview(piece)
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._piece))
        target[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size


def parts_of(body: bytes | BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(body, bytes | bytearray | memoryview):
        view = memoryview(body)
        for start in range(0, len(view), READ_BYTES):
            yield bytes(view[start : start + READ_BYTES])
    elif hasattr(body, "read"):
        while part := body.read(READ_BYTES):
            yield part
    else:
        yield from body


def at_least_one(parts: Iterable[bytes]) -> Iterator[bytes]:
    """At least one part, since an upload of none is refused by some stores."""
    is_empty = True
    for part in parts:
        is_empty = False
        yield part
    if is_empty:
        yield b""

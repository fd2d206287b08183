"""One edition of one reference table as a file: written once, mapped into memory, never changed.

A file is a JSON header, a directory of hash buckets (CRC-32 of the key), fixed-width records in the
order of their buckets, and a heap of JSON texts that records share. A lookup reads one directory
entry and on average one record, however large the table; the pages are the operating system's, so
that all processes of a host share them.

The format is ours because nothing small fits: SQLite and LMDB cost several times as much a lookup
and copy what they find, and a pair table of 2.5 million rows does not fit into dictionaries.
"""

import json
import mmap
import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from struct import Struct
from tempfile import NamedTemporaryFile
from typing import Any, Generic, NamedTuple, TypeVar
from zlib import crc32

MAGIC = b"CWREF1\n"
_LENGTH = Struct("<I")
_BOUNDS = Struct("<II")
NO_TEXT = 0
"""Heap offset of records without a text."""

Buffer = bytes | mmap.mmap
Entry = TypeVar("Entry")


class Row(NamedTuple):
    """One record. `first` and `last` are ordinals; what `value` and `text` hold is the table's."""

    key: str
    first: int
    last: int
    value: int = 0
    text: str = ""
    """JSON, or empty."""


Decode = Callable[[str, int, int, int, Any], Entry]
"""From a record (key, first, last, value, its text's JSON or None) to the domain's entry."""


def record_struct(key_width: int) -> Struct:
    return Struct(f"<{key_width}sIIII")


class TableFile(Generic[Entry]):
    """An open edition. `remembered` answers stay in memory, where a table has few hot keys."""

    def __init__(self, buffer: Buffer, decode: Decode[Entry], remembered: int = 0) -> None:
        if buffer[: len(MAGIC)] != MAGIC:
            raise ValueError("this is no reference table of ours")
        (length,) = _LENGTH.unpack_from(buffer, len(MAGIC))
        start = len(MAGIC) + _LENGTH.size
        self.header: dict[str, Any] = json.loads(buffer[start : start + length])
        self._buffer = buffer
        self._decode = decode
        self._record = record_struct(self.header["key_width"])
        self._mask = self.header["buckets"] - 1
        self._directory = start + length
        self._records = self._directory + 4 * (self.header["buckets"] + 1)
        self._heap = self._records + self._record.size * self.header["rows"]
        self.effective = date.fromisoformat(self.header["effective"])
        self.first_day = self.effective.toordinal()
        self.edition = f"{self.header['table']} {self.header['effective']}"
        if remembered:
            self.find = lru_cache(maxsize=remembered)(self.find)  # type: ignore[method-assign]

    def find(self, key: str) -> tuple[Entry, ...]:
        """What the table says of a key, in the order in which it was loaded."""
        try:
            name = key.encode("ascii")
        except UnicodeEncodeError:
            return ()
        at = self._directory + 4 * (crc32(name) & self._mask)
        first, last = _BOUNDS.unpack_from(self._buffer, at)
        if first == last:
            return ()
        size = self._record.size
        block = self._buffer[self._records + first * size : self._records + last * size]
        return self._entries(name, block) if name in block else ()

    def find_pairs(self, codes: Sequence[str]) -> list[Entry]:
        """What the table says of every two of these codes, both joined in the order given. The
        same as `find` of each, without a key made for each: most are absent."""
        names = [code.encode() for code in codes if code.isascii()]
        bounds, buffer, mask = _BOUNDS.unpack_from, self._buffer, self._mask
        directory, records, size = self._directory, self._records, self._record.size
        found: list[Entry] = []
        for at, one in enumerate(names, start=1):
            begun = crc32(one)
            for other in names[at:]:
                first, last = bounds(buffer, directory + 4 * (crc32(other, begun) & mask))
                if first != last:
                    block = buffer[records + first * size : records + last * size]
                    name = one + other
                    if name in block:
                        found += self._entries(name, block)
        return found

    def _entries(self, name: bytes, block: bytes) -> tuple[Entry, ...]:
        """Those of a key, of the records of its bucket."""
        key = name.decode()
        return tuple(
            self._decode(key, begins, ends, value, self._text(text))
            for found, begins, ends, value, text in self._record.iter_unpack(block)
            if found.rstrip(b" ") == name
        )

    def _text(self, offset: int) -> Any:
        if offset == NO_TEXT:
            return None
        at = self._heap + offset
        (length,) = _LENGTH.unpack_from(self._buffer, at)
        return json.loads(self._buffer[at + 4 : at + 4 + length])


class TableWriter:
    """Takes rows one at a time and writes the file at once. Holds about 40 bytes a row."""

    def __init__(self, key_width: int) -> None:
        self._record = record_struct(key_width)
        self._key_width = key_width
        self._packed = bytearray()
        self._hashes = array("I")
        self._heap = bytearray(_LENGTH.pack(0))
        self._texts: dict[str, int] = {"": NO_TEXT}

    def add(self, row: Row) -> None:
        """Raises ValueError where the key does not fit."""
        name = row.key.encode("ascii", "replace")
        if not 0 < len(name) <= self._key_width:
            raise ValueError(f"a key of this table has 1 to {self._key_width} characters")
        self._hashes.append(crc32(name))
        text = self._text(row.text)
        self._packed += self._record.pack(
            name.ljust(self._key_width), row.first, row.last, row.value, text
        )

    def _text(self, text: str) -> int:
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = len(self._heap)
            encoded = text.encode()
            self._heap += _LENGTH.pack(len(encoded)) + encoded
        return known

    def __len__(self) -> int:
        return len(self._hashes)

    def finish(self, header: dict[str, Any]) -> bytes:
        """The file. The same rows in the same order give the same bytes."""
        buckets = 1 << max(len(self) - 1, 1).bit_length()
        counts = array("I", bytes(4 * (buckets + 1)))
        mask = buckets - 1
        for code in self._hashes:
            counts[(code & mask) + 1] += 1
        directory = array("I", accumulate(counts))
        content = self._in_bucket_order(array("I", directory), mask)
        digest = sha256(content)
        digest.update(self._heap)
        full = {
            **header,
            "rows": len(self),
            "key_width": self._key_width,
            "buckets": buckets,
            "sha256": digest.hexdigest(),
        }
        text = json.dumps(full, sort_keys=True).encode()
        return b"".join(
            (MAGIC, _LENGTH.pack(len(text)), text, directory.tobytes(), content, self._heap)
        )

    def _in_bucket_order(self, positions: "array[int]", mask: int) -> bytearray:
        size = self._record.size
        ordered = bytearray(len(self._packed))
        source = memoryview(self._packed)
        for at, code in enumerate(self._hashes):
            bucket = code & mask
            to = positions[bucket] * size
            positions[bucket] += 1
            ordered[to : to + size] = source[at * size : (at + 1) * size]
        return ordered


def save(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".loading-", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def open_file(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def build(key_width: int, rows: Iterable[Row], header: dict[str, Any]) -> bytes:
    """A file of these rows."""
    writer = TableWriter(key_width)
    for row in rows:
        writer.add(row)
    return writer.finish(header)

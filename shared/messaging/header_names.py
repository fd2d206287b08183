"""Header names that are not UTF-8, which aiokafka cannot read.

Its fetcher decodes names strictly, deep inside of an iterator: one such record would stop its
partition for ever. With `tolerate` a batch that holds one is read again, by aiokafka's slower
reader in Python, with U+FFFD where a name cannot be decoded; every other batch is read as before.
It is apart because it reaches into aiokafka's inside: the pin in pyproject.toml and the conformance
suite's "header names in another encoding" hold it to the version it was written for.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy


def tolerate() -> None:
    """Lets every consumer of this process read on where a header's name is not UTF-8."""
    fetcher.MemoryRecords = _Kept
    fetcher.PartitionRecords = _PartitionRecords


class _Kept(MemoryRecords):  # type: ignore[misc]
    """Fetched batches, with the bytes to read them from once more."""

    def __init__(self, fetched: bytes) -> None:
        super().__init__(fetched)
        self.fetched = fetched


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    _records: Any

    def _unpack_records(self) -> Iterator[Any]:
        kept: _Kept = self._records
        try:
            yield from super()._unpack_records()
        except UnicodeDecodeError:
            self._records = _Tolerant(kept.fetched, self.next_fetch_offset)
            yield from super()._unpack_records()


class _Tolerant:
    """The batches from an offset on, as `MemoryRecords` gives them."""

    def __init__(self, fetched: bytes, offset: int) -> None:
        self._records = _MemoryRecordsPy(fetched)
        self._batch: Any = None
        self._advance()
        while self._batch is not None and self._batch.next_offset <= offset:
            self._advance()

    def _advance(self) -> None:
        records, self._batch = self._records, None
        if not records.has_next():
            return
        if records._next_slice[records.MAGIC_OFFSET] < 2:  # no headers before v2
            self._batch = records.next_batch()
        else:
            self._batch = _TolerantBatch(records._next_slice)
            records._cache_next()

    def has_next(self) -> bool:
        return self._batch is not None

    def next_batch(self) -> Any:
        batch = self._batch
        self._advance()
        return batch


class _TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        uncompressed: bytearray = self._buffer
        self._buffer = _Buffer(uncompressed)


class _Buffer(bytearray):
    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _Text(found) if isinstance(key, slice) else found


class _Text(bytearray):
    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)

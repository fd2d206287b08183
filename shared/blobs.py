"""The blob store: bodies too large for the broker are left here, and their event carries a claim
check.

A local folder by default, S3 or what speaks its protocol by a setting. Names are random, so they
say nothing of what is inside; a body's SHA-256 travels in its event and is verified on reading.
With a key set, bodies are sealed (`shared.sealing`). Nothing here holds a whole body but `get`.
"""

import asyncio
import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from shared.blob_store import BlobError, BlobStoreUnavailableError, errors_of_ours, opened
from shared.pieces import READ_BYTES, Measured, Reader, at_least_one, parts_of
from shared.sealing import SealError, seal, unseal
from shared.settings import Settings, decode_key

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["BlobError", "BlobRef", "BlobStoreUnavailableError", "Blobs"]

PART_BYTES = 5 * 1024 * 1024
"""The smallest part of a multipart upload that S3 takes."""
PARTS_AT_ONCE = 2

_REF = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}\.(?:bin|sealed)")
_SEALED = ".sealed"


@dataclass(frozen=True, slots=True)
class BlobRef:
    """A claim check: `ce_dataref`, `ce_datasize` (bytes) and `ce_datahash` (SHA-256, hex)."""

    ref: str
    size: int
    sha256: str


class Blobs:
    """One blob store. Safe to use from several threads."""

    def __init__(
        self, store: "ObjectStore", key: bytes | None = None, folder: Path | None = None
    ) -> None:
        self._store = store
        self._key = key
        self._folder = folder

    @classmethod
    def from_settings(cls, settings: Settings) -> "Blobs":
        """The store that the settings name. SettingsError for an address nobody can serve."""
        key = decode_key(settings.blob_key) if settings.blob_key is not None else None
        store, folder = opened(settings)
        return cls(store, key, folder)

    def put(self, body: bytes | BinaryIO | Iterable[bytes]) -> BlobRef:
        """Stores a body, all of it or nothing, and returns its claim check once it is durable.

        A file or an iterable is read once, in pieces. Raises BlobStoreUnavailableError.
        """
        import obstore

        name = uuid4().hex
        ref = f"{name[:2]}/{name}{_SEALED if self._key is not None else '.bin'}"
        measured = Measured(parts_of(body))
        parts = seal(measured, self._key, ref.encode()) if self._key is not None else measured
        with errors_of_ours("storing"):
            obstore.put(
                self._store,
                ref,
                at_least_one(parts),
                use_multipart=True,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
            if self._folder is not None:
                _make_durable(self._folder / ref)
        return BlobRef(ref, measured.size, measured.sha256)

    def get(self, ref: str, sha256: str | None = None) -> bytes:
        """A whole body. Raises BlobError or BlobStoreUnavailableError."""
        return b"".join(self._plain(ref, sha256))

    def open(self, ref: str, sha256: str | None = None) -> BinaryIO:
        """A body to read from its start. The hash is verified when the end is reached: reading
        past the last byte raises BlobError where it is another. May raise as `get` does."""
        return io.BufferedReader(Reader(self._plain(ref, sha256)), 64 * 1024)

    async def put_async(self, body: bytes | BinaryIO | Iterable[bytes]) -> BlobRef:
        """`put`, in a thread."""
        return await asyncio.to_thread(self.put, body)

    async def get_async(self, ref: str, sha256: str | None = None) -> bytes:
        """`get`, in a thread."""
        return await asyncio.to_thread(self.get, ref, sha256)

    def renew(self, ref: str, before: datetime) -> bool:
        """Lets a blob count as stored now, where it was stored before that time, else does nothing.
        Returns whether it did.

        Raises BlobError or BlobStoreUnavailableError.
        """
        import obstore

        self._source(ref)
        with errors_of_ours("renewing"):
            if obstore.head(self._store, ref)["last_modified"] >= before:
                return False
            if self._folder is not None:
                os.utime(self._folder / ref)
                return True
            # S3 copies nothing onto itself. A copy that a crash leaves behind expires as others do.
            detour = f"{ref[:3]}{uuid4().hex}{ref[35:]}"
            obstore.copy(self._store, ref, detour)
            obstore.copy(self._store, detour, ref)
            obstore.delete(self._store, detour)
            return True

    def expire(self, before: datetime) -> int:
        """Deletes the blobs that were stored before that time; returns how many.

        What else lies in the store is left alone. Raises BlobStoreUnavailableError.
        """
        import obstore

        expired = 0
        with errors_of_ours("deleting"):
            for listed in obstore.list(self._store):
                old = [row["path"] for row in listed if row["last_modified"] < before]
                ours = [path for path in old if _REF.fullmatch(path)]
                if ours:
                    with suppress(FileNotFoundError):  # another process was quicker
                        obstore.delete(self._store, ours)
                        expired += len(ours)
        return expired

    def _plain(self, ref: str, sha256: str | None) -> Iterator[bytes]:
        """The body in pieces, the blob opened at once so that a missing one is known early."""
        source = self._source(ref)
        if ref.endswith(_SEALED) and self._key is None:
            raise BlobError("dataref: the blob is sealed, and no CLAIMWIRE_BLOB_KEY is set")
        return _verified(self._pieces(ref, source), sha256)

    def _pieces(self, ref: str, source: "_Source") -> Iterator[bytes]:
        if not ref.endswith(_SEALED) or self._key is None:
            while piece := source.read(READ_BYTES):
                yield piece
            return
        try:
            yield from unseal(source.read, self._key, ref.encode())
        except SealError as error:
            raise BlobError(f"dataref: {error}") from None

    def _source(self, ref: str) -> "_Source":
        if _REF.fullmatch(ref) is None:
            raise BlobError("dataref: is no reference to a blob of this store")
        return _Source(self._store, ref)


class _Source:
    """A stored blob's bytes, the store's errors made ours."""

    def __init__(self, store: "ObjectStore", ref: str) -> None:
        import obstore

        with errors_of_ours("reading"):
            try:
                self._file = obstore.open_reader(store, ref, buffer_size=READ_BYTES)
            except FileNotFoundError:
                # Where the bucket is not there, every blob is missing: that is the store's fault.
                next(iter(obstore.list(store, chunk_size=1)), None)
                raise BlobError("dataref: there is no such blob") from None

    def read(self, size: int) -> bytes:
        with errors_of_ours("reading"):
            return bytes(self._file.read(size))


def _verified(pieces: Iterator[bytes], sha256: str | None) -> Iterator[bytes]:
    measured = Measured(pieces)
    yield from measured
    if sha256 is not None and measured.sha256 != sha256.lower():
        raise BlobError("datahash: the blob is not the one its event was published with")


def _make_durable(path: Path) -> None:
    """Forces a file and its folders to disk: an event may refer to it from now on."""
    for place in (path, path.parent, path.parent.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

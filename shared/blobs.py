"""The blob store: bodies too large for the broker are left here, and their event carries a claim
check.

A local folder by default, S3 or what speaks its protocol by a setting. Names are random, so they
say nothing of what is inside; a body's SHA-256 travels in its event and is verified on reading.
With a key set, bodies are sealed (`shared.sealing`). Nothing here holds a whole body but `get`.
"""

import asyncio
import hashlib
import io
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from shared.sealing import SealError, seal, unseal
from shared.settings import Settings, decode_key

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from obstore.store import ObjectStore

READ_BYTES = 1024 * 1024
PART_BYTES = 5 * 1024 * 1024
"""The smallest part of a multipart upload that S3 takes."""
PARTS_AT_ONCE = 2

_REF = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}\.(?:bin|sealed)")
_SEALED = ".sealed"


class BlobError(ValueError):
    """A claim check that cannot be honoured, now or later: no such blob, or not what it says."""


class BlobStoreUnavailableError(OSError):
    """The store did not answer. Trying again may help."""


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
        """The store that the settings name. ValueError for an address nobody can serve."""
        from obstore.store import LocalStore, from_url

        key = decode_key(settings.blob_key) if settings.blob_key is not None else None
        address = urlsplit(settings.blob_url or "")
        if address.scheme not in ("", "file"):
            return cls(from_url(settings.blob_url or ""), key)
        folder = Path(unquote(address.path)) if address.path else settings.var_dir / "blobs"
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(LocalStore(folder), key, folder)

    def put(self, body: bytes | BinaryIO | Iterable[bytes]) -> BlobRef:
        """Stores a body, all of it or nothing, and returns its claim check once it is durable.

        A file or an iterable is read once, in pieces. Raises BlobStoreUnavailableError.
        """
        import obstore

        name = uuid4().hex
        ref = f"{name[:2]}/{name}{_SEALED if self._key is not None else '.bin'}"
        measured = _Measured(_parts(body))
        parts = seal(measured, self._key, ref.encode()) if self._key is not None else measured
        try:
            obstore.put(
                self._store,
                ref,
                _whole_parts(parts),
                use_multipart=True,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
            if self._folder is not None:
                _make_durable(self._folder / ref)
        except (obstore.exceptions.BaseError, OSError) as error:
            raise BlobStoreUnavailableError(f"storing failed: {type(error).__name__}") from None
        return BlobRef(ref, measured.size, measured.sha256)

    def get(self, ref: str, sha256: str | None = None) -> bytes:
        """A whole body. Raises BlobError or BlobStoreUnavailableError."""
        return b"".join(self._plain(ref, sha256))

    def open(self, ref: str, sha256: str | None = None) -> BinaryIO:
        """A body to read from its start. The hash is verified when the end is reached: reading
        past the last byte raises BlobError where it is another. May raise as `get` does."""
        return io.BufferedReader(_Reader(self._plain(ref, sha256)), 64 * 1024)

    async def put_async(self, body: bytes | BinaryIO | Iterable[bytes]) -> BlobRef:
        """`put`, in a thread."""
        return await asyncio.to_thread(self.put, body)

    async def get_async(self, ref: str, sha256: str | None = None) -> bytes:
        """`get`, in a thread."""
        return await asyncio.to_thread(self.get, ref, sha256)

    def expire(self, before: datetime) -> int:
        """Deletes what was stored before that time; returns how many bodies."""
        import obstore

        expired = 0
        for listed in obstore.list(self._store):
            old = [row["path"] for row in listed if row["last_modified"] < before]
            if old:
                obstore.delete(self._store, old)
                expired += len(old)
        return expired

    def _plain(self, ref: str, sha256: str | None) -> Iterator[bytes]:
        """The body in pieces, the blob opened at once so that a missing one is known early."""
        if _REF.fullmatch(ref) is None:
            raise BlobError("dataref: is no reference to a blob of this store")
        if ref.endswith(_SEALED) and self._key is None:
            raise BlobError("dataref: the blob is sealed, and no CLAIMWIRE_BLOB_KEY is set")
        return _verified(self._pieces(ref, _Source(self._store, ref)), sha256)

    def _pieces(self, ref: str, source: "_Source") -> Iterator[bytes]:
        if not ref.endswith(_SEALED) or self._key is None:
            while piece := source.read(READ_BYTES):
                yield piece
            return
        try:
            yield from unseal(source.read, self._key, ref.encode())
        except SealError as error:
            raise BlobError(f"dataref: {error}") from None


class _Source:
    """A stored blob's bytes, the store's errors made ours."""

    def __init__(self, store: "ObjectStore", ref: str) -> None:
        import obstore

        self._error = obstore.exceptions.BaseError
        try:
            self._file = obstore.open_reader(store, ref, buffer_size=READ_BYTES)
        except FileNotFoundError:
            raise BlobError("dataref: there is no such blob") from None
        except (self._error, OSError) as error:
            raise BlobStoreUnavailableError(f"reading failed: {type(error).__name__}") from None

    def read(self, size: int) -> bytes:
        try:
            return bytes(self._file.read(size))
        except (self._error, OSError) as error:
            raise BlobStoreUnavailableError(f"reading failed: {type(error).__name__}") from None


class _Measured:
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


class _Reader(io.RawIOBase):
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


def _parts(body: bytes | BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(body, bytes | bytearray | memoryview):
        view = memoryview(body)
        for start in range(0, len(view), READ_BYTES):
            yield bytes(view[start : start + READ_BYTES])
    elif hasattr(body, "read"):
        while part := body.read(READ_BYTES):
            yield part
    else:
        yield from body


def _whole_parts(parts: Iterable[bytes]) -> Iterator[bytes]:
    """At least one part, since an upload of none is refused by some stores."""
    is_empty = True
    for part in parts:
        is_empty = False
        yield part
    if is_empty:
        yield b""


def _verified(pieces: Iterator[bytes], sha256: str | None) -> Iterator[bytes]:
    measured = _Measured(pieces)
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

"""Bodies of any size, taken in with bounded memory: decompressed, counted and hashed on the way,
and kept in memory while they are small, in the blob store beyond that.

It is apart because it is the one place where a sender's bytes are held before they are decided on.
"""

import asyncio
import hashlib
import itertools
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import zstandard

from shared.blobs import BlobRef
from shared.http.bodies import too_large
from shared.http.problems import Problem

PIECE_BYTES = 256 * 1024
"""Of decompressed bytes in one step: what a small bomb can make us hold."""
_ZSTD_BYTES = 256
"""Of compressed bytes in one step: a block of zstd can be 128 KiB made of four bytes."""
MAX_WINDOW_BYTES = 8 * 1024 * 1024
"""Of a zstd frame: what RFC 8878 says that every decoder takes."""
SILENCE_S = 30.0
"""A sender that sends nothing for so long is hung up on."""
LARGE_AT_ONCE = 8
"""Large bodies that one process takes in at the same time."""

Chunks = Iterator[bytes]


class BlobStore(Protocol):
    """The part of `shared.blobs.Blobs` that is needed here."""

    def put(self, body: Iterator[bytes]) -> BlobRef: ...


@dataclass(frozen=True, slots=True)
class Body:
    """A body, whole. Its bytes are in `content`, or in the blob store under `kept`; in neither
    where only its hash was asked for."""

    sha256: bytes
    size: int
    content: bytes | None = None
    kept: BlobRef | None = None


class Reception:
    """Takes bodies in for one process. `in_memory` and `limit` are decompressed bytes."""

    def __init__(self, blobs: BlobStore, in_memory: int, limit: int) -> None:
        self._blobs = blobs
        self._in_memory = in_memory
        self._limit = limit
        self._threads = ThreadPoolExecutor(LARGE_AT_ONCE, "body")
        self._large = 0

    async def take(
        self, chunks: AsyncIterator[bytes], encoding: str, *, is_known: bool = False
    ) -> Body:
        """The body, once all of it is safe. With `is_known` it is hashed and not kept: it was
        taken in before.

        Raises Problem: 400 for what does not decompress, 408, 413, 415, 503.
        """
        decode = decoder(encoding)
        head, is_whole = await _read_up_to(chunks, self._in_memory)
        if is_whole and decode is None:
            content = b"".join(head)
            return Body(hashlib.sha256(content).digest(), len(content), content)
        if self._large >= LARGE_AT_ONCE:
            raise _busy()
        self._large += 1
        try:
            loop = asyncio.get_running_loop()
            rest = iter(()) if is_whole else _pulled(chunks, loop)
            source = itertools.chain(head, rest)
            plain = _limited(decode(source) if decode else source, self._limit)
            return await loop.run_in_executor(self._threads, self._spool, plain, is_known)
        finally:
            self._large -= 1

    def _spool(self, plain: Chunks, is_known: bool) -> Body:
        """In a thread of its own, which waits for the sender where it must."""
        digest = hashlib.sha256()
        size = 0
        failure: Exception | None = None

        def measured() -> Chunks:
            nonlocal size, failure
            try:
                for piece in plain:
                    digest.update(piece)
                    size += len(piece)
                    yield piece
            except Exception as error:
                failure = error
                raise

        pieces = measured()
        held: list[bytes] = []
        for piece in pieces:
            held.append(piece)
            if size > self._in_memory:
                break
        else:
            return Body(digest.digest(), size, b"".join(held))
        if is_known:
            for _ in pieces:
                pass
            return Body(digest.digest(), size)
        try:
            kept = self._blobs.put(itertools.chain(held, pieces))
        except Exception:
            if failure is not None:  # the body's, which the store passes on as its own
                raise failure from None
            raise
        return Body(digest.digest(), size, kept=kept)


async def _read_up_to(chunks: AsyncIterator[bytes], limit: int) -> tuple[list[bytes], bool]:
    """The first chunks, just over the limit at most, and whether that was all."""
    head: list[bytes] = []
    size = 0
    while size <= limit:
        chunk = await _next(chunks)
        if chunk is None:
            return head, True
        head.append(chunk)
        size += len(chunk)
    return head, False


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    try:
        return await asyncio.wait_for(anext(chunks, None), SILENCE_S)
    except TimeoutError:
        raise Problem(
            408,
            "sender-silent",
            f"Nothing came for {SILENCE_S:.0f} seconds; nothing of the body was taken in.",
            hint="Send the whole body again, with the same Idempotency-Key.",
        ) from None


def _pulled(chunks: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> Chunks:
    """The rest of an asynchronous stream, for a thread: asked for one by one, so that a fast sender
    waits for a slow disk."""
    while True:
        chunk = asyncio.run_coroutine_threadsafe(_next(chunks), loop).result()
        if chunk is None:
            return
        yield chunk


def _limited(chunks: Chunks, limit: int) -> Chunks:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        yield chunk


# Decompression


def decoder(encoding: str) -> Callable[[Chunks], Chunks] | None:
    """What undoes this Content-Encoding; None where nothing is to be undone. Raises a 415."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name not in _DECODERS:
        raise Problem(
            415,
            "encoding-unknown",
            "The body is in a Content-Encoding that is not taken.",
            hint="Send gzip, zstd or none.",
            headers={"Accept-Encoding": "gzip, zstd"},
        )
    return _DECODERS[name]


def _gunzip(chunks: Chunks) -> Chunks:
    member = zlib.decompressobj(wbits=31)
    is_begun = False
    try:
        for chunk in chunks:
            left = chunk
            while left:
                if member.eof:
                    member = zlib.decompressobj(wbits=31)
                is_begun = True
                piece = member.decompress(left, PIECE_BYTES)
                left = member.unconsumed_tail or member.unused_data
                if piece:
                    yield piece
        while is_begun and not member.eof and (piece := member.decompress(b"", PIECE_BYTES)):
            yield piece
    except zlib.error:
        raise _broken() from None
    if is_begun and not member.eof:
        raise _broken()


def _unzstd(chunks: Chunks) -> Chunks:
    context = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    frame = context.decompressobj()
    is_begun = False
    try:
        for chunk in chunks:
            left = chunk
            while left:
                if frame.eof:
                    frame = context.decompressobj()
                is_begun = True
                fed, left = left[:_ZSTD_BYTES], left[_ZSTD_BYTES:]
                piece = frame.decompress(fed)
                left = frame.unused_data + left
                if piece:
                    yield piece
    except zstandard.ZstdError:
        raise _broken() from None
    if is_begun and not frame.eof:
        raise _broken()


_DECODERS: dict[str, Callable[[Chunks], Chunks]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "zstd": _unzstd,
}


def _broken() -> Problem:
    return Problem(
        400,
        "body-undecodable",
        "The body is not what its Content-Encoding says, or breaks off.",
        hint="Send it again; with zstd, without a window above 8 MiB (--long).",
    )


def _busy() -> Problem:
    return Problem(
        503,
        "busy",
        "Too many large bodies are being taken in at once.",
        hint="Send it again after Retry-After seconds, with the same Idempotency-Key.",
        headers={"Retry-After": "10"},
    )

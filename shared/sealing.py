"""Encryption of a stream, piece by piece, so that 100 MB need no 100 MB of memory.

The construction is the streaming AEAD known as STREAM with a derived key: each stream has a random
salt, from which HKDF-SHA256 derives its own AES-256 key, bound to the stream's name; each piece of
64 KiB is sealed with AES-GCM under a nonce made of a random prefix, a counter and a flag that marks
the last piece. So pieces cannot be changed, left out, reordered, cut off at the end, or moved from
one stream to another without it being noticed.
"""

import os
from collections.abc import Callable, Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PIECE_BYTES = 64 * 1024
TAG_BYTES = 16
_MAGIC = b"CWS1"
_SALT_BYTES = 32
_PREFIX_BYTES = 7
_HEADER_BYTES = len(_MAGIC) + _SALT_BYTES + _PREFIX_BYTES
_PIECES_MAX = 2**32


class SealError(ValueError):
    """A sealed stream that was cut off, changed, or sealed with another key or name."""


def seal(plain: Iterable[bytes], key: bytes, name: bytes) -> Iterator[bytes]:
    """The sealed form of a stream. `key` is 32 bytes; `name` must be given again to unseal."""
    salt, prefix = os.urandom(_SALT_BYTES), os.urandom(_PREFIX_BYTES)
    cipher = _cipher(key, salt, name)
    yield _MAGIC + salt + prefix
    for number, piece, is_last in _numbered(_pieces(plain)):
        yield cipher.encrypt(_nonce(prefix, number, is_last=is_last), piece, None)


def unseal(read: Callable[[int], bytes], key: bytes, name: bytes) -> Iterator[bytes]:
    """The plain pieces of a sealed stream, each verified before it is given out.

    `read(n)` returns up to n bytes, and none at the end. Raises SealError; what was given out
    before it is genuine, and only then known to be incomplete.
    """
    header = _read_exactly(read, _HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise SealError("the blob has no header of a sealed stream")
    salt = header[len(_MAGIC) : len(_MAGIC) + _SALT_BYTES]
    prefix = header[-_PREFIX_BYTES:]
    cipher = _cipher(key, salt, name)
    for number, piece, is_last in _numbered(_sealed_pieces(read)):
        try:
            yield cipher.decrypt(_nonce(prefix, number, is_last=is_last), piece, None)
        except InvalidTag:
            raise SealError("the blob was changed, cut off, or sealed with another key") from None


def _cipher(key: bytes, salt: bytes, name: bytes) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"claimwire blob " + name)
    return AESGCM(derived.derive(key))


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    if number >= _PIECES_MAX:
        raise SealError("the stream has more pieces than one key may seal")
    return prefix + number.to_bytes(4, "big") + (b"\x01" if is_last else b"\x00")


def _numbered(pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Each piece, its number, and whether it is the last; one empty piece where there is none."""
    number, held = 0, next(pieces, b"")
    for piece in pieces:
        yield number, held, False
        number, held = number + 1, piece
    yield number, held, True


def _pieces(plain: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of PIECE_BYTES, the last one shorter."""
    pending = bytearray()
    for part in plain:
        pending += part
        while len(pending) >= PIECE_BYTES:
            yield bytes(memoryview(pending)[:PIECE_BYTES])
            del pending[:PIECE_BYTES]
    if pending:
        yield bytes(pending)


def _sealed_pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while piece := _read_exactly(read, PIECE_BYTES + TAG_BYTES):
        yield piece


def _read_exactly(read: Callable[[int], bytes], size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size and (part := read(size - len(parts))):
        parts += part
    return bytes(parts)

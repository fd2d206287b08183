"""Sealed streams: what goes in comes out, and nothing that was touched does."""

import io
import os
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sealing import PIECE_BYTES, TAG_BYTES, SealError, seal, unseal
from tests.examples import examples

KEY = bytes(range(32))
HEADER = 43
SEALED_PIECE = PIECE_BYTES + TAG_BYTES


def sealed(plain: bytes) -> bytes:
    return b"".join(seal([plain], KEY, b"name"))


def unsealed(stream: bytes, key: bytes = KEY, name: bytes = b"name") -> bytes:
    return b"".join(unseal(io.BytesIO(stream).read, key, name))


@given(parts=st.lists(st.binary(max_size=400), max_size=30), read_size=st.integers(1, 1000))
@examples(50)
def test_any_stream_in_any_pieces_comes_back(parts: list[bytes], read_size: int) -> None:
    stream = io.BytesIO(b"".join(seal(parts, KEY, b"name")))
    short_reads = unseal(lambda size: stream.read(min(size, read_size)), KEY, b"name")
    assert b"".join(short_reads) == b"".join(parts)


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 200_000])
def test_sizes_around_a_piece_come_back(size: int) -> None:
    plain = os.urandom(size)
    assert unsealed(sealed(plain)) == plain


def test_the_plain_text_is_not_in_the_sealed_stream() -> None:
    assert b"invented" not in sealed(b"invented patient " * 1000)


def test_the_same_text_seals_differently_each_time() -> None:
    assert sealed(b"text") != sealed(b"text")


def _flipped(stream: bytes, position: int) -> bytes:
    changed = bytearray(stream)
    changed[position] ^= 1
    return bytes(changed)


TAMPERINGS: dict[str, Callable[[bytes], bytes]] = {
    "a bit of a piece": lambda s: _flipped(s, HEADER + 5),
    "a bit of the salt": lambda s: _flipped(s, 10),
    "a bit of the nonce": lambda s: _flipped(s, HEADER - 1),
    "the magic": lambda s: _flipped(s, 0),
    "the last byte gone": lambda s: s[:-1],
    "the last piece gone": lambda s: s[: HEADER + 2 * SEALED_PIECE],
    "all pieces gone": lambda s: s[:HEADER],
    "half a header": lambda s: s[:20],
    "nothing left": lambda s: s[:0],
    "a byte added": lambda s: s + b"\0",
    "two pieces swapped": lambda s: (
        s[:HEADER]
        + s[HEADER + SEALED_PIECE : HEADER + 2 * SEALED_PIECE]
        + s[HEADER : HEADER + SEALED_PIECE]
        + s[HEADER + 2 * SEALED_PIECE :]
    ),
    "a piece repeated": lambda s: (
        s[: HEADER + SEALED_PIECE] + s[HEADER : HEADER + SEALED_PIECE] + s[HEADER + SEALED_PIECE :]
    ),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampering_is_noticed(tampering: str) -> None:
    stream = sealed(os.urandom(2 * PIECE_BYTES + 100))
    with pytest.raises(SealError):
        unsealed(TAMPERINGS[tampering](stream))


def test_another_key_or_name_does_not_open_it() -> None:
    stream = sealed(b"text")
    with pytest.raises(SealError):
        unsealed(stream, key=bytes(32))
    with pytest.raises(SealError):
        unsealed(stream, name=b"another")

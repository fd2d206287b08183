"""A file or record into its messages, one at a time: batch envelopes and MLLP frames are taken off.

A message ends where the next begins. What is longer than `MAX_MESSAGE_BYTES` is given cut off, so
that it can be refused, and the rest of it is passed over.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO

MAX_MESSAGE_BYTES = 4 << 20
_CHUNK = 1 << 16
_START = re.compile(rb"(?:^|(?<=[\r\n\x0b\x1c]))MSH(?=[^A-Za-z0-9\s])")
_ENVELOPE = re.compile(rb"(?:^|(?<=[\r\n]))(?:FHS|BHS|BTS|FTS)[^A-Za-z0-9\s][^\r\n]*")
_FRAME = b"\x0b\x1c\r\n \t"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def messages(stream: BinaryIO) -> Iterator[bytes]:
    """Each message's bytes from its MSH on. What stands before the first MSH comes first, as a
    message of its own, unless it is an envelope: it cannot be read, and must not be lost."""
    buffer = stream.read(_CHUNK).removeprefix(b"\xef\xbb\xbf")
    if buffer[:2] in _UTF16:
        yield buffer + stream.read(MAX_MESSAGE_BYTES)
        return
    is_cut = False
    while True:
        starts = [found.start() for found in _START.finditer(buffer)]
        if starts and starts[0] > 0:
            starts.insert(0, 0)
        for start, end in pairwise(starts):
            if not is_cut:
                yield from _message(buffer[start:end])
            is_cut = False
        buffer = buffer[starts[-1] :] if starts else buffer
        if len(buffer) > MAX_MESSAGE_BYTES:
            if not is_cut:
                yield buffer[: MAX_MESSAGE_BYTES + 1]
            is_cut = True
            buffer = buffer[-8:]  # a start may be cut in two
        chunk = stream.read(_CHUNK)
        if not chunk:
            break
        buffer += chunk
    if not is_cut:
        yield from _message(buffer)


def _message(raw: bytes) -> Iterator[bytes]:
    if b"HS" in raw or b"TS" in raw:
        raw = _ENVELOPE.sub(b"", raw)
    raw = raw.strip(_FRAME)
    if raw:
        yield raw

"""Cuts a stream of JSON into the claims it holds, without holding more than one of them.

Takes one object, an array of objects, an object with a `claims` array, or objects one after
another. It finds where values begin and end and leaves what is inside to the model's parser.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

MAX_VALUE_BYTES = 4 * 1024 * 1024
"""The largest claim that is taken: 999 full lines are a quarter of it."""

_CHUNK = 65_536
_STRING = rb'"(?:[^"\\]|\\.)*+"'
_TOKEN = re.compile(rb'[^"{}\[\]]*+(' + _STRING + rb"|[{}\[\]])", re.DOTALL)
_NO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+", re.DOTALL)
_BRACKET = re.compile(_NO_BRACKET.pattern + rb"([{}\[\]])", re.DOTALL)
_OPENING = frozenset((b"{", b"["))
_CLOSING = frozenset((b"}", b"]"))
_GAP = re.compile(rb"[\s,]*+")
_CLAIMS_ARRAY = re.compile(rb"\s*+:\s*+\[")
_LOOKAHEAD = 256
"""Room for the colon, the bracket and the white space between a key and its array."""


class MalformedJsonError(ValueError):
    """The stream is cut off, too large in one place, or no JSON of claims. `args[0]` says it."""


class _Window:
    """The bytes at hand: a moving piece of the stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.held = b""
        self.at = 0

    def grow(self) -> bool:
        """Reads on, and says whether there was more. Drops what lies before `at`."""
        if len(self.held) - self.at > MAX_VALUE_BYTES:
            raise MalformedJsonError("a value is larger than 4 MiB")
        chunk = self._stream.read(max(_CHUNK, len(self.held) - self.at))
        self.held = self.held[self.at :] + chunk
        self.at = 0
        return bool(chunk)

    def peek(self) -> bytes:
        """The next byte that is no space and no comma; empty at the end of the stream."""
        while True:
            gap = _GAP.match(self.held, self.at)
            self.at = gap.end() if gap else self.at
            if self.at < len(self.held):
                return self.held[self.at : self.at + 1]
            if not self.grow():
                return b""


def values(stream: BinaryIO) -> Iterator[bytes]:
    """The JSON text of each claim. Raises MalformedJsonError where the stream goes wrong."""
    window = _Window(stream)
    if window.peek() == b"\xef":
        window.grow()
        window.at += 3
    while first := window.peek():
        if first == b"{":
            yield from _object_or_wrapper(window)
        elif first == b"[":
            window.at += 1
            yield from _elements(window)
        else:
            raise MalformedJsonError("an object or an array was expected")


def _elements(window: _Window) -> Iterator[bytes]:
    while (first := window.peek()) != b"]":
        if first == b"":
            raise MalformedJsonError("the array is cut off")
        if first != b"{":
            raise MalformedJsonError("the array holds something that is no object")
        yield _value(window)
    window.at += 1


def _value(window: _Window) -> bytes:
    end = _scan(window, window.at + 1, depth=1)
    text = window.held[window.at : end]
    window.at = end
    return text


def _object_or_wrapper(window: _Window) -> Iterator[bytes]:
    """One claim; or, where a field `claims` at the top is an array, its elements."""
    end = _scan(window, window.at + 1, depth=1, stop_at_claims=True)
    if window.held[end - 1 : end] == b"[":
        window.at = end
        yield from _elements(window)
        window.at = _scan(window, window.at, depth=1)
        return
    yield window.held[window.at : end]
    window.at = end


def _scan(window: _Window, position: int, *, depth: int, stop_at_claims: bool = False) -> int:
    """Where the open value ends, or where the wrapper's array of claims begins."""
    token_pattern = _TOKEN if stop_at_claims else _BRACKET
    while True:
        token = token_pattern.match(window.held, position)
        if token is None:
            position = _resume_at(window.held, position) - window.at
            if not window.grow():
                raise MalformedJsonError("the value is cut off")
            continue
        position = token.end()
        mark = token[1]
        if mark in _OPENING:
            depth += 1
        elif mark in _CLOSING:
            depth -= 1
            if depth == 0:
                return position
        elif depth == 1 and mark == b'"claims"':
            if len(window.held) - position < _LOOKAHEAD:
                position -= window.at
                window.grow()
            opening = _CLAIMS_ARRAY.match(window.held, position)
            if opening:
                return opening.end()


def _resume_at(held: bytes, position: int) -> int:
    """Behind what was seen to hold no token: at the end, or at a string that is not over yet."""
    seen = _NO_BRACKET.match(held, position)
    return seen.end() if seen else position

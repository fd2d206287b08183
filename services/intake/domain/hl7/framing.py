"""MLLP frames in a stream of bytes: 0x0B, the message, 0x1C, 0x0D (HL7 Transport: MLLP R1).

Bounded, whatever comes. What is outside of a frame is passed over; a frame that begins before the
last one ended was broken off, and its sender, who got no answer, sends it again.
"""

from collections.abc import Iterator

START, END = 0x0B, 0x1C
_ANY_MARK = (START, END)


def framed(message: bytes) -> bytes:
    """A message in its frame."""
    return b"\x0b%b\x1c\r" % message


class Frames:
    """Takes bytes in as they come and gives whole messages out. Never holds more than `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = bytearray()
        self._is_inside = False
        self._is_passing = False
        self.broken = 0
        """Frames that were broken off so far."""

    def feed(self, received: bytes) -> Iterator[bytes]:
        """The messages that end in these bytes. One that is too long is given once, cut off to just
        over the limit, so that it can be refused; the rest of it is passed over."""
        at = 0
        while at < len(received):
            if not self._is_inside:
                start = received.find(START, at)
                if start < 0:
                    return
                at = start + 1
                self._begin()
                continue
            stop = _first_mark(received, at)
            piece = received[at : len(received) if stop is None else stop]
            yield from self._take(piece)
            if stop is None:
                return
            at = stop + 1
            if received[stop] == START:
                self.broken += 1
                self._begin()
            else:
                if not self._is_passing:
                    yield bytes(self._held)
                self._is_inside = False
                self._held.clear()

    def _begin(self) -> None:
        self._is_inside, self._is_passing = True, False
        self._held.clear()

    def _take(self, piece: bytes) -> Iterator[bytes]:
        if self._is_passing:
            return
        self._held += piece[: self._limit + 1 - len(self._held)]
        if len(self._held) > self._limit:
            yield bytes(self._held)
            self._held.clear()
            self._is_passing = True


def _first_mark(received: bytes, at: int) -> int | None:
    found = [place for mark in _ANY_MARK if (place := received.find(mark, at)) >= 0]
    return min(found, default=None)

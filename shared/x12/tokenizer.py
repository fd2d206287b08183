"""Bytes to segments: finds the separators, splits a stream in chunks, holds one chunk at a time.

It is apart because real files break the standard mostly here: byte order marks, text before the
ISA, newlines after or instead of the terminator, wrapped lines, an ISA without its padding, several
interchanges with different separators, and no ISA at all.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from shared.contract.model import Finding
from shared.x12.errors import X12Error

CHUNK_BYTES = 128 * 1024
SEGMENT_LIMIT = 64 * 1024
"""Characters. The longest legal segment of a claim is under 2,000."""
_HEADER_WINDOW = 4096
_NEWLINES = "\r\n"

_INTERCHANGE = re.compile(r"(?<![A-Za-z0-9])ISA([^A-Za-z0-9\s])")
_HEADERLESS = re.compile(r"(?<![A-Za-z0-9])(?:GS|ST)([^A-Za-z0-9\s])")


@dataclass(frozen=True, slots=True)
class Separators:
    """The four characters of an interchange. `segment` is a newline where lines are segments."""

    element: str = "*"
    component: str = ":"
    segment: str = "~"
    repetition: str = "^"


class Tokenizer:
    """Iterates over the segments of a binary stream, each a list of its elements, id first.

    Trailing spaces of elements are dropped, as the standard asks. `separators` are those of the
    interchange that is being read, `notes` what was tolerated (warnings). Raises X12Error
    `not-x12`, `isa-malformed` or `segment-too-long`.
    """

    def __init__(self, stream: BinaryIO, *, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.separators = Separators()
        self.notes: list[Finding] = []
        self._stream = stream
        self._chunk_bytes = chunk_bytes
        self._is_ended = False

    def __iter__(self) -> Iterator[list[str]]:
        buffer = ""
        is_open = False
        for text in self._texts():
            buffer += text
            while buffer:
                own_header = 0
                if not is_open:
                    if len(buffer) < _HEADER_WINDOW and not self._is_ended:
                        break
                    buffer = self._open(buffer)
                    own_header = 3
                end, is_open = self._cut(buffer, own_header)
                yield from self._split(buffer[:end])
                buffer = buffer[end:]
                if is_open:
                    break
            if len(buffer) > max(SEGMENT_LIMIT, _HEADER_WINDOW):
                raise X12Error(
                    "segment-too-long",
                    f"no segment terminator within {SEGMENT_LIMIT} characters",
                    hint="check the terminator after ISA16",
                )

    def _texts(self) -> Iterator[str]:
        """Decoded chunks: UTF-8, from the first byte that is not, Latin-1."""
        decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        is_first = True
        while not self._is_ended:
            chunk = self._stream.read(self._chunk_bytes)
            self._is_ended = not chunk
            if decoder is None:
                text = chunk.decode("latin-1")
            else:
                held = decoder.getstate()[0]
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError:
                    decoder = None
                    text = (held + chunk).decode("latin-1")
            if is_first:
                text = text.removeprefix("\ufeff").removeprefix("\xef\xbb\xbf")
                is_first = False
            yield text

    def _open(self, buffer: str) -> str:
        """Sets the separators from the next header and returns the buffer from there on."""
        match = _INTERCHANGE.search(buffer)
        headerless = None if match else _HEADERLESS.search(buffer)
        found = match or headerless
        if found is None:
            if not buffer.strip():
                return ""
            raise X12Error(
                "not-x12",
                "no ISA, GS or ST segment is in sight",
                hint="send an X12 interchange that begins with ISA",
            )
        if buffer[: found.start()].strip():
            self.notes.append(
                Finding(
                    code="text-before-header", severity="warn", message="text before the header"
                )
            )
        buffer = buffer[found.start() :]
        read = _read_interchange_separators if match else _guess_separators
        self.separators = read(buffer[:_HEADER_WINDOW], found[1])
        return buffer

    def _cut(self, buffer: str, start: int) -> tuple[int, bool]:
        """Where the text that can be split ends, and whether its interchange goes on after it."""
        terminator = self.separators.segment
        at = buffer.find("ISA", start)
        while at != -1:
            before = buffer[max(0, at - 8) : at]
            is_boundary = before.rstrip().endswith(terminator) or (
                not before or (terminator in _NEWLINES and before[-1] in _NEWLINES)
            )
            if is_boundary and _INTERCHANGE.match(buffer, at):
                return at, False
            at = buffer.find("ISA", at + 3)
        if self._is_ended:
            return len(buffer), True
        return buffer.rfind(terminator) + 1, True

    def _split(self, text: str) -> Iterator[list[str]]:
        separators = self.separators
        terminator, element = separators.segment, separators.element
        if terminator not in _NEWLINES and ("\n" in text or "\r" in text):
            text = text.replace("\r", "").replace("\n", "")
        padding = " " + element
        for segment in text.split(terminator):
            stripped = segment.strip()
            if not stripped:
                continue
            if stripped[-1] == element:  # elements with nothing in them at the end are none
                stripped = stripped.rstrip(padding)
            if padding in stripped:
                yield [value.rstrip() for value in stripped.split(element)]
            else:
                yield stripped.split(element)


def _read_interchange_separators(header: str, element: str) -> Separators:
    """From an ISA, padded or not: what stands after its sixteenth element separator."""
    at = -1
    for _ in range(16):
        at = header.find(element, at + 1)
        if at == -1:
            break
    after = header[at + 1 : at + 4]
    if at == -1 or len(after) < 2:
        raise X12Error(
            "isa-malformed",
            "the ISA segment has fewer than 16 elements",
            path="ISA",
            hint="send the ISA with all 16 elements",
        )
    component, terminator = after[0], after[1]
    if terminator.isalnum() or terminator == element:
        component, terminator = ":", after[0]
    if terminator.isalnum() or component.isalnum():
        raise X12Error(
            "isa-malformed", "no usable separators after the ISA's elements", path="ISA16"
        )
    if terminator == "\r" and after[2:] == "\n":
        terminator = "\n"
    repetition = header[:at].split(element)[11]
    is_usable = len(repetition) == 1 and not repetition.isalnum() and not repetition.isspace()
    return Separators(element, component, terminator, repetition if is_usable else "^")


def _guess_separators(header: str, element: str) -> Separators:
    """For a file that begins at GS or ST: the character before its second segment."""
    pattern = rf"([^A-Za-z0-9\s]|[\r\n])\s*(?:ST|BHT|BPR|AK1){re.escape(element)}"
    match = re.search(pattern, header[2:])
    if match is None:
        raise X12Error("not-x12", "no segment terminator is in sight after the first segment")
    terminator = "\n" if match[1] in _NEWLINES else match[1]
    composite = rf"(?:SVC|SV1|STC){re.escape(element)}[A-Z0-9]{{2}}([:><^|\\])"
    found = re.search(composite, header)
    component = found[1] if found and found[1] not in (element, terminator) else ":"
    return Separators(element, component, terminator, "^" if component != "^" else "|")

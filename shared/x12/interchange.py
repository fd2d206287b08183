"""Writes the envelopes: ISA, GS and ST around the segments that tables write, and trailers whose
counts are right because they were counted.

It is apart because every transaction set that we write travels in the same envelopes. It streams:
segments go out in pieces, so that an interchange of a hundred thousand claims needs no more memory
than one of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import BinaryIO

from shared.x12.errors import X12Error
from shared.x12.tokenizer import Separators
from shared.x12.writer import ELEMENT, Put, finish

FLUSH_SEGMENTS = 4_096
MAX_CONTROL_NUMBER = 999_999_999
STANDARD = Separators()


@dataclass(frozen=True, slots=True)
class InterchangeEnvelope:
    """Who sends to whom, and under which control number: the first group's is the same, any
    further one's is counted on."""

    sender: str
    receiver: str
    control_number: int
    created_at: datetime
    sender_qualifier: str = "ZZ"
    receiver_qualifier: str = "ZZ"
    usage: str = "T"
    wants_ta1: bool = False
    group_sender: str | None = None
    """GS02; the sender where None."""
    group_receiver: str | None = None
    separators: Separators = STANDARD
    line_ends: bool = False
    """A newline after each segment, for people who read files."""


class InterchangeWriter:
    """One interchange on its way to a binary stream:

    ```
    with (
        InterchangeWriter(out, envelope) as interchange,
        interchange.group("HP", "005010X221A1") as group,
        group.transaction_set("835") as put,
    ):
        writer.write(node, put)
    ```
    Raises X12Error `envelope-invalid` where the envelope cannot be written. After an error nothing
    more is written: the interchange is left without its IEA, which its reader will notice.
    """

    def __init__(self, out: BinaryIO, envelope: InterchangeEnvelope) -> None:
        self.envelope = envelope
        self._out = out
        self._lines: list[str] = []
        self._groups = 0
        self._header = interchange_header(envelope)

    def __enter__(self) -> "InterchangeWriter":
        self._out.write(self._header)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.put(_segment("IEA", self._groups, f"{self.envelope.control_number:09d}"))
            self._flush()

    def put(self, line: str) -> None:
        """Takes one segment; outside of groups that is a TA1."""
        self._lines.append(line)
        if len(self._lines) >= FLUSH_SEGMENTS:
            self._flush()

    def _flush(self) -> None:
        text = finish(self._lines, self.envelope.separators)
        if self.envelope.line_ends:
            end = self.envelope.separators.segment
            text = text.replace(end, end + "\n")
        self._out.write(text.encode("ascii"))
        self._lines.clear()

    @contextmanager
    def group(self, functional_id: str, version: str) -> "Iterator[GroupWriter]":
        """GS to GE."""
        envelope = self.envelope
        number = (envelope.control_number + self._groups - 1) % MAX_CONTROL_NUMBER + 1
        self._groups += 1
        self.put(
            _segment(
                "GS",
                functional_id,
                envelope.group_sender or envelope.sender,
                envelope.group_receiver or envelope.receiver,
                f"{envelope.created_at:%Y%m%d}",
                f"{envelope.created_at:%H%M}",
                number,
                "X",
                version,
            )
        )
        group = GroupWriter(self.put)
        yield group
        self.put(_segment("GE", group.sets, number))


class GroupWriter:
    """The transaction sets of one group."""

    def __init__(self, put: Put) -> None:
        self.sets = 0
        self._put = put

    @contextmanager
    def transaction_set(
        self, code: str, control_number: str | None = None, guide: str = ""
    ) -> Iterator[Put]:
        """ST to SE around what is put. `guide` is ST03, which an 835 does not have; where there is
        no control number the sets of the group are counted from 0001."""
        self.sets += 1
        number = control_number or f"{self.sets:04d}"
        count = 2

        def put(line: str) -> None:
            nonlocal count
            count += 1
            self._put(line)

        self._put(_segment("ST", code, number, guide))
        yield put
        self._put(_segment("SE", count, number))


def _segment(*elements: str | int) -> str:
    return ELEMENT.join(map(str, elements)).rstrip(ELEMENT)


def interchange_header(envelope: InterchangeEnvelope) -> bytes:
    """The ISA, the one segment of fixed width. Raises X12Error where something does not fit."""
    separators = envelope.separators
    _check(envelope)
    elements = (
        "ISA",
        "00",
        " " * 10,
        "00",
        " " * 10,
        envelope.sender_qualifier,
        envelope.sender.ljust(15),
        envelope.receiver_qualifier,
        envelope.receiver.ljust(15),
        f"{envelope.created_at:%y%m%d}",
        f"{envelope.created_at:%H%M}",
        separators.repetition,
        "00501",
        f"{envelope.control_number:09d}",
        "1" if envelope.wants_ta1 else "0",
        envelope.usage,
        separators.component,
    )
    text = separators.element.join(elements) + separators.segment
    return (text + "\n" if envelope.line_ends else text).encode("ascii")


def _check(envelope: InterchangeEnvelope) -> None:
    for path, value, width in (
        ("ISA05", envelope.sender_qualifier, 2),
        ("ISA06", envelope.sender, 15),
        ("ISA07", envelope.receiver_qualifier, 2),
        ("ISA08", envelope.receiver, 15),
        ("ISA15", envelope.usage, 1),
    ):
        if not value or len(value) > width or not value.isascii():
            raise X12Error("envelope-invalid", f"needs 1 to {width} characters", path=path)
    if not 0 < envelope.control_number <= MAX_CONTROL_NUMBER:
        raise X12Error("envelope-invalid", "needs one to nine digits", path="ISA13")
    separators = envelope.separators
    marks = (separators.element, separators.component, separators.segment, separators.repetition)
    is_usable = all(
        len(mark) == 1 and "!" <= mark <= "~" and not mark.isalnum() and mark not in ".-"
        for mark in marks
        if not (mark == "\n" and mark == separators.segment)
    )
    if not is_usable or len(set(marks)) != len(marks):
        raise X12Error("envelope-invalid", "needs four different punctuation marks", path="ISA16")

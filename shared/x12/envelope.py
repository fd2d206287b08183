"""ISA, GS and ST: who sent what to whom, and whether what came is all there.

It is apart because every transaction set travels in the same envelopes. Reading streams: a set's
segments are handed on as they come, so its SE count is known only after them. Decision: what is
wrong with counts and trailers is a warning beside claims that were read whole; a set that ends
without its SE blocks only the loop that was open.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from shared import light
from shared.contract.model import Finding
from shared.x12.errors import ControlNumbers, Severity, X12Error, X12Problem
from shared.x12.tokenizer import Separators, Tokenizer

_CONTROL = frozenset({"ISA", "GS", "ST", "SE", "GE", "IEA", "TA1"})


@light.dataclass(frozen=True, slots=True)
class InterchangeHeader:
    """ISA05 to ISA16, without padding."""

    sender_qualifier: str
    sender: str
    receiver_qualifier: str
    receiver: str
    date: str
    time: str
    version: str
    control_number: str
    wants_ta1: bool
    usage: str
    separators: Separators


@light.dataclass(frozen=True, slots=True)
class GroupHeader:
    """GS01 to GS08."""

    functional_id: str
    sender: str
    receiver: str
    date: str
    time: str
    control_number: str
    version: str


@light.dataclass(frozen=True, slots=True)
class SetHeader:
    """ST01 to ST03."""

    code: str
    control_number: str
    version: str


@light.dataclass(frozen=True, slots=True)
class Envelope:
    """What a set stands in; a file that begins at GS or ST has no interchange, or no group."""

    interchange: InterchangeHeader | None
    group: GroupHeader | None
    transaction: SetHeader | None = None

    @property
    def version(self) -> str:
        """ST03, else GS08: `005010X222A1`."""
        own = self.transaction.version if self.transaction else ""
        return own or (self.group.version if self.group else "")

    @property
    def control(self) -> ControlNumbers:
        return ControlNumbers(
            self.interchange.control_number if self.interchange else None,
            self.group.control_number if self.group else None,
            self.transaction.control_number if self.transaction else None,
        )


@dataclass(slots=True)
class TransactionSet:
    """One ST to SE. Iterate over `segments()` once; afterwards `is_complete` and `findings` say how
    it ended. `raw_ta1`-style segments outside of sets come as `Loose`."""

    envelope: Envelope
    separators: Separators
    _source: "EnvelopeReader"
    is_complete: bool = False
    findings: list[Finding] = field(default_factory=list)

    def segments(self) -> Iterator[list[str]]:
        """The segments between ST and SE."""
        return self._source.body(self)


@light.dataclass(frozen=True, slots=True)
class Loose:
    """A segment that stands between envelopes: TA1."""

    envelope: Envelope
    elements: list[str]


def _at(elements: list[str], position: int) -> str:
    return elements[position].strip() if position < len(elements) else ""


class EnvelopeReader:
    """Reads a stream as transaction sets: `for part in EnvelopeReader(stream).parts()`.
    `on_interchange` is told of each ISA, also of one that holds no set."""

    def __init__(
        self, stream: BinaryIO, on_interchange: Callable[[InterchangeHeader], None] | None = None
    ) -> None:
        self._on_interchange = on_interchange
        self._tokenizer = Tokenizer(stream)
        self._tokens = iter(self._tokenizer)
        self._pushed: list[str] | None = None
        self._interchange: InterchangeHeader | None = None
        self._group: GroupHeader | None = None
        self._groups = 0
        self._sets = 0
        self._failure: X12Error | None = None
        self._is_anything_read = False

    def parts(self) -> Iterator[TransactionSet | Loose | X12Problem]:
        """Sets in order, TA1 segments, and problems of the envelopes around them. Never raises for
        what is in the stream."""
        try:
            yield from self._parts()
        except X12Error as error:
            yield X12Problem((error.finding(),), self._envelope().control)
            return
        if self._failure is not None:
            yield X12Problem((self._failure.finding(),), self._envelope().control)
            return
        if not self._is_anything_read:
            yield self._problem("not-x12", "the file is empty", "block")
        if self._interchange is not None:
            yield self._problem("iea-missing", "the file ends without its IEA", "warn")

    def _parts(self) -> Iterator[TransactionSet | Loose | X12Problem]:
        stray = False
        while (elements := self._next()) is not None:
            self._is_anything_read = True
            if self._tokenizer.notes:
                yield X12Problem(tuple(self._tokenizer.notes), self._envelope().control)
                self._tokenizer.notes.clear()
            name = elements[0]
            if name == "ST":
                stray = False
                yield from self._set(elements)
            elif name in _CONTROL:
                stray = False
                yield from self._control_segment(name, elements)
            elif not stray:
                stray = True
                yield self._problem(
                    "segment-outside-set", "segments outside of a transaction set", "block"
                )

    def _next(self) -> list[str] | None:
        if self._pushed is not None:
            elements, self._pushed = self._pushed, None
            return elements
        return next(self._tokens, None)

    def _set(self, elements: list[str]) -> Iterator[TransactionSet | X12Problem]:
        self._sets += 1
        header = SetHeader(_at(elements, 1), _at(elements, 2), _at(elements, 3))
        envelope = Envelope(self._interchange, self._group, header)
        transaction = TransactionSet(envelope, self._tokenizer.separators, self)
        yield transaction
        for _ in transaction.segments():  # whatever the caller left
            pass
        if transaction.findings:
            yield X12Problem(tuple(transaction.findings), envelope.control)

    def body(self, transaction: TransactionSet) -> Iterator[list[str]]:
        """The rest of the open set's segments; its trailer is judged at its end."""
        if transaction.is_complete or transaction.findings:
            return
        count = 1
        try:
            for elements in self._tokens:
                if elements[0] in _CONTROL:
                    self._end_set(transaction, elements, count + 1)
                    return
                count += 1
                yield elements
        except X12Error as error:
            self._failure = error
        transaction.findings.append(_truncated(count))

    def _end_set(self, transaction: TransactionSet, elements: list[str], count: int) -> None:
        if elements[0] != "SE":
            self._pushed = elements
            transaction.findings.append(_truncated(count))
            return
        transaction.is_complete = True
        header = transaction.envelope.transaction
        if header is not None and _at(elements, 2) != header.control_number:
            transaction.findings.append(
                _trailer("se-control-number", "SE02 is not the set's ST02", "SE02", count)
            )
        if _at(elements, 1) != str(count) and _at(elements, 1).lstrip("0") != str(count):
            transaction.findings.append(
                _trailer("se-count", f"SE01 is not the {count} segments that came", "SE01", count)
            )

    def _control_segment(self, name: str, elements: list[str]) -> Iterator[Loose | X12Problem]:
        if name == "ISA":
            if self._interchange is not None:
                yield self._problem(
                    "iea-missing", "an ISA before the IEA of the one before", "warn"
                )
            self._open_interchange(elements)
        elif name == "GS":
            if self._group is not None:
                yield self._problem("ge-missing", "a GS before the GE of the one before", "warn")
            self._open_group(elements)
        elif name == "GE":
            yield from self._close_group(elements)
        elif name == "IEA":
            yield from self._close_interchange(elements)
        elif name == "TA1":
            yield Loose(self._envelope(), elements)
        else:
            yield self._problem("se-unexpected", "an SE without its ST", "warn")

    def _open_interchange(self, elements: list[str]) -> None:
        self._group = None
        self._groups = 0
        self._interchange = InterchangeHeader(
            sender_qualifier=_at(elements, 5),
            sender=_at(elements, 6),
            receiver_qualifier=_at(elements, 7),
            receiver=_at(elements, 8),
            date=_at(elements, 9),
            time=_at(elements, 10),
            version=_at(elements, 12),
            control_number=_at(elements, 13),
            wants_ta1=_at(elements, 14) == "1",
            usage=_at(elements, 15),
            separators=self._tokenizer.separators,
        )
        if self._on_interchange is not None:
            self._on_interchange(self._interchange)

    def _open_group(self, elements: list[str]) -> None:
        self._groups += 1
        self._sets = 0
        self._group = GroupHeader(
            functional_id=_at(elements, 1),
            sender=_at(elements, 2),
            receiver=_at(elements, 3),
            date=_at(elements, 4),
            time=_at(elements, 5),
            control_number=_at(elements, 6),
            version=_at(elements, 8),
        )

    def _close_group(self, elements: list[str]) -> Iterator[X12Problem]:
        if self._group is None:
            yield self._problem("ge-unexpected", "a GE without its GS", "warn")
            return
        if _at(elements, 2) != self._group.control_number:
            yield self._problem("ge-control-number", "GE02 is not the group's GS06", "warn")
        if _at(elements, 1) != str(self._sets):
            yield self._problem("ge-count", f"GE01 is not the {self._sets} sets that came", "warn")
        self._group = None

    def _close_interchange(self, elements: list[str]) -> Iterator[X12Problem]:
        if self._interchange is None:
            yield self._problem("iea-unexpected", "an IEA without its ISA", "warn")
            return
        if self._group is not None:
            yield self._problem("ge-missing", "an IEA before the group's GE", "warn")
        if _at(elements, 2) != self._interchange.control_number:
            yield self._problem("iea-control-number", "IEA02 is not the ISA's ISA13", "warn")
        if _at(elements, 1) != str(self._groups):
            yield self._problem(
                "iea-count", f"IEA01 is not the {self._groups} groups that came", "warn"
            )
        self._interchange = None
        self._group = None

    def _envelope(self) -> Envelope:
        return Envelope(self._interchange, self._group)

    def _problem(self, code: str, message: str, severity: Severity) -> X12Problem:
        finding = Finding(code=code, severity=severity, message=message)
        return X12Problem((finding,), self._envelope().control)


def _truncated(count: int) -> Finding:
    return Finding(
        code="set-truncated",
        message="the transaction set ends without its SE",
        path="SE",
        position=count,
        hint="send the whole file again",
    )


def _trailer(code: str, message: str, path: str, count: int) -> Finding:
    return Finding(code=code, severity="warn", message=message, path=path, position=count)

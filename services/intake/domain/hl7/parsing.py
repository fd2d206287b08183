"""One HL7 v2 message as segments and fields: delimiters, repetitions, escapes.

Nothing is mapped here and nothing is looked up: a segment splits itself when a field is asked for,
so that what nobody asks for costs nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from services.intake.domain.hl7.charsets import decode
from shared.contract.model import Finding

MAX_SEGMENTS = 20_000
NULL = '""'
"""HL7's "there is no value": said, unlike a field that is empty."""

_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_LINES = re.compile(r"[\r\n]+")


class MessageError(ValueError):
    """A message that cannot be read; `findings` say why."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(findings[0].code)
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


DEFAULT_DELIMITERS = Delimiters()


class Segment:
    """One segment. Fields count from 1, as in HL7; `ordinal` counts segments of one name from 1."""

    __slots__ = ("_fields", "_text", "delimiters", "name", "ordinal")

    def __init__(self, name: str, ordinal: int, text: str, delimiters: Delimiters) -> None:
        self.name = name
        self.ordinal = ordinal
        self.delimiters = delimiters
        self._text = text
        self._fields: list[str] | None = None

    def raw(self, number: int) -> str:
        """A field as it was sent, with all its repetitions; empty where it is absent."""
        fields = self._fields or self._split()
        return fields[number] if number < len(fields) else ""

    def _split(self) -> list[str]:
        fields = self._text.split(self.delimiters.field)
        if self.name == "MSH":  # the separator itself is MSH-1
            fields.insert(1, self.delimiters.field)
        self._fields = fields
        return fields

    def repetitions(self, number: int) -> list[str]:
        """The field's repetitions as they were sent; none where the field is empty."""
        raw = self.raw(number)
        if not raw or raw == NULL:
            return []
        return raw.split(self.delimiters.repetition)

    def get(self, number: int, component: int = 1, subcomponent: int = 1) -> str:
        """The first repetition's value, unescaped; empty where it is absent or HL7's null."""
        fields = self._fields or self._split()
        raw = fields[number] if number < len(fields) else ""
        if not raw:  # most are, and this is asked most
            return ""
        repetition = self.delimiters.repetition
        if repetition in raw:
            raw = raw.partition(repetition)[0]
        return self.part(raw, component, subcomponent)

    def part(self, repetition: str, component: int = 1, subcomponent: int = 1) -> str:
        """A component of a repetition, unescaped."""
        # Written out: this is asked for a hundred times in a message.
        marks = self.delimiters
        text = repetition
        if marks.component in text:
            parts = text.split(marks.component, component)
            text = parts[component - 1] if len(parts) >= component else ""
        elif component > 1:
            return ""
        if marks.subcomponent in text:
            parts = text.split(marks.subcomponent, subcomponent)
            text = parts[subcomponent - 1] if len(parts) >= subcomponent else ""
        elif subcomponent > 1:
            return ""
        if not text or text == NULL:
            return ""
        return (unescape(text, marks) if marks.escape in text else text).strip()


@dataclass(frozen=True, slots=True)
class Message:
    """A message's segments in order; `notes` say what had to be tolerated."""

    segments: tuple[Segment, ...]
    delimiters: Delimiters
    notes: tuple[Finding, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many segments there are of each name."""

    @property
    def header(self) -> Segment:
        return self.segments[0]

    def first(self, name: str) -> Segment | None:
        """The first segment of this name."""
        if name not in self.counts:
            return None
        return next(segment for segment in self.segments if segment.name == name)

    def all(self, name: str) -> list[Segment]:
        if name not in self.counts:
            return []
        return [segment for segment in self.segments if segment.name == name]

    def where(self, segment: Segment, rest: str = "") -> str:
        """The segment as the sender would name it: its ordinal where there is more than one."""
        ordinal = f"[{segment.ordinal}]" if self.counts[segment.name] > 1 else ""
        return f"{segment.name}{ordinal}{'-' + rest if rest else ''}"


def parse(raw: bytes, default_codec: str | None = None) -> Message:
    """The message of these bytes. Raises MessageError where no message can be made of them."""
    text, finding = decode(raw, default_codec)
    delimiters = delimiters_of(text)
    if finding is not None and finding.severity == "block":
        raise MessageError(finding)
    notes = () if finding is None else (finding,)
    counts: dict[str, int] = {}
    segments = []
    for name, line in _segments(text, delimiters):
        counts[name] = ordinal = counts.get(name, 0) + 1
        segments.append(Segment(name, ordinal, line, delimiters))
    if len(segments) > MAX_SEGMENTS:
        raise MessageError(
            Finding(
                code="hl7-too-many-segments",
                path=f"segment {MAX_SEGMENTS + 1}",
                message=f"the message has more than {MAX_SEGMENTS} segments",
                hint="Send an encounter's charges in several messages.",
            )
        )
    if counts["MSH"] > 1:
        raise MessageError(
            Finding(
                code="hl7-header-repeated", path="MSH[2]", message="the message has two headers"
            )
        )
    return Message(tuple(segments), delimiters, notes, counts)


def _segments(text: str, delimiters: Delimiters) -> Iterator[tuple[str, str]]:
    """Name and text of each segment. A line that begins like none goes on with the one before: a
    field held a line break."""
    name, whole = "", ""
    separator = delimiters.field
    for line in _LINES.split(text):
        start = line[:3]
        is_segment = line[3:4] in (separator, "") and _SEGMENT.fullmatch(start) is not None
        if is_segment:
            if name:
                yield name, whole
            name, whole = start, line
        elif line.strip() and name:
            whole = f"{whole} {line}"
    if name:
        yield name, whole


def delimiters_of(text: str) -> Delimiters:
    """MSH-1 and MSH-2. Raises MessageError where they cannot be."""
    if text[:3] != "MSH" or len(text) < 8:
        raise MessageError(
            Finding(
                code="hl7-header-missing",
                path="MSH",
                message="the message does not begin with an MSH segment",
                hint="Send each message with its MSH segment first.",
                source="HL7 2.14.9",
            )
        )
    separator = text[3]
    marks = text[4:].partition(separator)[0]
    found = Delimiters(separator, *marks[:4]) if 1 <= len(marks) <= 5 else None
    used = () if found is None else (separator, *marks[:4])
    if found is None or len(set(used)) < len(used) or any(_is_text(mark) for mark in used):
        raise MessageError(
            Finding(
                code="hl7-encoding-characters",
                path="MSH-2",
                message="the encoding characters are not four or five different marks",
                hint=r"Send ^~\& unless you have agreed on others.",
                source="HL7 2.14.9.2",
            )
        )
    return found


def _is_text(mark: str) -> bool:
    return mark.isalnum() or mark.isspace() or not mark.isprintable()


# Escapes


def unescape(text: str, delimiters: Delimiters) -> str:
    """The text with its escape sequences replaced (HL7 2.7). Formatting commands become a space,
    highlighting and sequences of a site's own vanish, and what is no sequence stays as it is."""
    pattern, meaning = _escapes(delimiters)

    def replaced(found: re.Match[str]) -> str:
        sequence = found[1]
        known = meaning.get(sequence)
        if known is not None:
            return known
        if sequence[0] == "X":
            return _hexadecimal(sequence[1:], found[0])
        if sequence[0] == ".":
            return " "
        return "" if sequence[0] in "CMZ" else found[0]

    return pattern.sub(replaced, text)


def _hexadecimal(digits: str, whole: str) -> str:
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        return whole
    text = raw.decode("utf-8", "replace")
    return " ".join(text.split()) if not text.isprintable() else text


@lru_cache(maxsize=64)
def _escapes(delimiters: Delimiters) -> tuple[re.Pattern[str], Mapping[str, str]]:
    mark = re.escape(delimiters.escape)
    pattern = re.compile(f"{mark}([A-Z.][^{mark}]{{0,200}}){mark}")
    meaning = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": "#",
        "H": "",
        "N": "",
    }
    return pattern, meaning

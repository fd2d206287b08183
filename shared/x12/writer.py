"""The writing half of tables: models or nested dicts to segments.

It is apart from reading because it walks the same tables by field instead of by segment. Segments
are built with the ASCII control characters that the standard forbids in data, so that one look over
the finished text finds every separator or foreign character that data would smuggle in.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from shared.x12.elements import write_day
from shared.x12.errors import X12Error
from shared.x12.table import (
    Composite,
    Const,
    Element,
    HealthCode,
    HealthCodes,
    Identifier,
    Loop,
    Part,
    Period,
    Repeat,
    Segment,
    Several,
)
from shared.x12.tokenizer import Separators

ELEMENT, SEGMENT, COMPONENT = "\x1d", "\x1e", "\x1f"
Put = Callable[[str], Any]
Fields = Mapping[str, Any]
WriteRow = Callable[[Fields, Put, Fields], None]
"""Writes one row of a loop from the loop's fields, and for `outer` rows from its parent's."""
_WriteExtra = Callable[[Fields, list[str]], bool]


def fields_of(node: Any) -> Fields:
    """The fields of a model, or of a node that is a dict already."""
    return node if isinstance(node, dict) else node.__dict__


class LoopWriter:
    """Writes one loop: its opening segment, its rows, its loops that have a field. Loops without a
    field (HL levels) are left to the caller, who numbers them."""

    def __init__(self, loop: Loop, *, opens: bool = True) -> None:
        self.loop = loop
        self.rows: list[tuple[Segment | HealthCodes | Loop, WriteRow]] = []
        rows = [loop.start, *loop.rows] if opens else list(loop.rows)
        for row in rows:
            write = _row(row)
            if write is not None:
                self.rows.append((row, write))
        self._writes = [write for _, write in self.rows]
        self.fields = frozenset(name for row in rows for name in _field_names(row))

    @staticmethod
    def of(loop: Loop) -> "LoopWriter":
        """The writer of a loop of a table, compiled once."""
        known = _WRITERS.get(id(loop))
        if known is None or known.loop is not loop:
            known = _WRITERS[id(loop)] = LoopWriter(loop)
        return known

    def write(self, node: Any, put: Put, outer: Any = None) -> None:
        """Puts the loop's segments, with the internal separators."""
        fields = fields_of(node)
        around = fields if outer is None else fields_of(outer)
        for write in self._writes:
            write(fields, put, around)


_WRITERS: dict[int, LoopWriter] = {}


def _field_names(row: Segment | HealthCodes | Loop) -> Iterator[str]:
    """The fields of a loop's node that a row writes, and the rows of its loops that reach out."""
    if isinstance(row, HealthCodes):
        yield from (code.into for code in row.codes)
    elif isinstance(row, Loop):
        if row.into is not None:
            yield row.into
            for inner in row.rows:
                if isinstance(inner, Segment) and inner.outer:
                    yield from _field_names(inner)
    elif row.into is not None:
        yield row.into
    else:
        for part in row.parts.values():
            yield from _part_fields(part)


def _part_fields(part: Part) -> Iterator[str]:
    match part:
        case Element(field=field) | Several(field=field) | Repeat(into=field):
            yield field.partition(".")[0]
        case Identifier():
            yield from (part.qualifier, part.value, *part.named.values())
        case Period():
            yield from (name for name in (part.on, part.through, part.time) if name)
        case Composite(into=str(into)):
            yield into
        case Composite(parts=parts):
            for inner in parts.values():
                yield from _part_fields(inner)
        case _:
            return


def _row(row: Segment | HealthCodes | Loop) -> WriteRow | None:
    if isinstance(row, HealthCodes):
        return _health_codes(row)
    if isinstance(row, Segment):
        return _segment(row) if row.writes and row.parts else None
    return None if row.into is None else _loop(row, row.into)


def _loop(loop: Loop, into: str) -> WriteRow:
    writer = LoopWriter.of(loop)
    is_many = loop.many

    def write(fields: Fields, put: Put, _outer: Fields) -> None:
        nodes = fields.get(into)
        if not nodes:
            return
        for node in nodes if is_many else (nodes,):
            writer.write(node, put, fields)

    return write


def _segment(segment: Segment) -> WriteRow:
    into = segment.into
    if segment.spread is not None:
        return _spread(segment)
    write_fields = _fields(segment.id, segment.parts, ELEMENT)
    if into is None:
        return _outside(write_fields) if segment.outer else _inside(write_fields)
    is_many = segment.many

    def write(fields: Fields, put: Put, outer: Fields) -> None:
        nodes = (outer if segment.outer else fields).get(into)
        if not nodes:
            return
        for node in nodes if is_many else (nodes,):
            write_fields(fields_of(node), put)

    return write


def _inside(write_fields: Callable[[Fields, Put], bool]) -> WriteRow:
    def write(fields: Fields, put: Put, _outer: Fields) -> None:
        write_fields(fields, put)

    return write


def _outside(write_fields: Callable[[Fields, Put], bool]) -> WriteRow:
    def write(_fields: Fields, put: Put, outer: Fields) -> None:
        write_fields(outer, put)

    return write


def _template(first: str, parts: Mapping[int, Part]) -> list[str]:
    template = [first]
    for position, part in parts.items():
        template.extend([""] * (position + _span(part) - len(template)))
        if isinstance(part, Const) and part.beside is None:
            template[position] = part.value
        elif isinstance(part, Element) and part.default is not None:
            template[position] = part.default
    return template


def _span(part: Part) -> int:
    match part:
        case Identifier() | Period():
            return 2
        case Several(times=times):
            return times
        case _:
            return 1


def _fields(first: str, parts: Mapping[int, Part], join: str) -> Callable[[Fields, Put], bool]:
    """Writes the parts, joined, where at least one has a value; False where none had."""
    template = _template(first, parts)
    plan: list[tuple[int, str, Callable[[Any], str] | None]] = []
    extras: list[_WriteExtra] = []
    for position, part in parts.items():
        if isinstance(part, Element) and "." not in part.field and part.default is None:
            plan.append((position, part.field, part.type.write))
        elif (extra := _extra(position, part)) is not None:
            extras.append(extra)

    def write(fields: Fields, put: Put) -> bool:
        values = template.copy()
        is_there = False
        for position, field, convert in plan:
            value = fields.get(field)
            if value is not None:
                values[position] = value if convert is None else convert(value)
                is_there = True
        for extra in extras:
            if extra(fields, values):
                is_there = True
        if is_there:
            put(join.join(values).rstrip(join))
        return is_there

    return write


def _extra(position: int, part: Part) -> _WriteExtra | None:
    match part:
        case Element():
            return _element(position, part)
        case Const(beside=str(beside)):
            return _const(position, part.value, beside)
        case Several():
            return _several(position, part)
        case Identifier():
            return _identifier(position, part)
        case Period():
            return _period(position, part)
        case Composite():
            return _composite(position, part)
        case Repeat():
            return _repeat(position, part)
        case _:
            return None


def _element(position: int, element: Element) -> _WriteExtra:
    owner, _, field = element.field.rpartition(".")
    convert, is_optional = element.type.write, element.default is not None

    def write(fields: Fields, values: list[str]) -> bool:
        source: Any = fields
        if owner:
            node = fields.get(owner)
            if node is None:
                return False
            source = fields_of(node)
        value = source.get(field)
        if value is None:
            return False
        values[position] = convert(value) if convert else value
        return not is_optional

    return write


def _const(position: int, value: str, beside: str) -> _WriteExtra:
    owner, _, field = beside.rpartition(".")

    def write(fields: Fields, values: list[str]) -> bool:
        source: Any = fields.get(owner) if owner else fields
        if source is not None and fields_of(source).get(field) is not None:
            values[position] = value
        return False

    return write


def _several(position: int, part: Several) -> _WriteExtra:
    field, times, convert = part.field, part.times, part.type.write

    def write(fields: Fields, values: list[str]) -> bool:
        entries = fields.get(field)
        if not entries:
            return False
        if len(entries) > times:
            raise X12Error("too-many", f"{field} has more than the {times} the standard allows")
        texts = [convert(entry) for entry in entries] if convert else list(entries)
        values[position : position + len(texts)] = texts
        return True

    return write


def _identifier(position: int, part: Identifier) -> _WriteExtra:
    named = [(field, qualifier) for qualifier, field in part.named.items()]

    def write(fields: Fields, values: list[str]) -> bool:
        for field, qualifier in named:
            value = fields.get(field)
            if value is not None:
                values[position], values[position + 1] = qualifier, value
                return True
        other, text = fields.get(part.qualifier), fields.get(part.value)
        values[position], values[position + 1] = other or "", text or ""
        return other is not None or text is not None

    return write


def _period(position: int, part: Period) -> _WriteExtra:
    on_field, through_field, time_field = part.on, part.through, part.time

    def write(fields: Fields, values: list[str]) -> bool:
        on = fields.get(on_field)
        through = fields.get(through_field) if through_field else None
        time = fields.get(time_field) if time_field else None
        if on is None and time is None:
            return False
        if on is None:
            values[position], values[position + 1] = "TM", str(time)
        elif time is not None:
            values[position], values[position + 1] = "DT", write_day(on) + str(time)
        elif through is not None:
            values[position], values[position + 1] = "RD8", f"{write_day(on)}-{write_day(through)}"
        else:
            values[position], values[position + 1] = "D8", write_day(on)
        return True

    return write


def _composite(position: int, part: Composite) -> _WriteExtra:
    into = part.into
    write_parts = _fields("", part.parts, COMPONENT)

    def write(fields: Fields, values: list[str]) -> bool:
        node: Any = fields
        if into is not None:
            node = fields.get(into)
            if node is None:
                return False
        written: list[str] = []
        if write_parts(fields_of(node), written.append):
            values[position] = written[0][1:]
        return bool(written)

    return write


def _repeat(position: int, part: Repeat) -> _WriteExtra:
    width = max(part.parts) + 1
    write_group = _group(part.parts)

    def write(fields: Fields, values: list[str]) -> bool:
        groups = fields.get(part.into)
        if not groups:
            return False
        if len(groups) > part.times:
            raise X12Error("too-many", f"{part.into} has more than the {part.times} allowed")
        del values[position:]
        for group in groups:
            values.extend(write_group(fields_of(group), width))
        return True

    return write


def _group(parts: Mapping[int, Element | Composite]) -> Callable[[Fields, int], list[str]]:
    """Elements of one group, padded to its width."""
    write_fields = _fields("", {offset + 1: part for offset, part in parts.items()}, ELEMENT)

    def write(fields: Fields, width: int) -> list[str]:
        written: list[str] = []
        write_fields(fields, written.append)
        texts = written[0].split(ELEMENT)[1:] if written else []
        return texts + [""] * (width - len(texts))

    return write


def _spread(segment: Segment) -> WriteRow:
    spread, into = segment.spread, segment.into
    assert spread is not None
    assert into is not None
    write_head = _fields(segment.id, segment.parts, ELEMENT)
    write_group = _group(spread.parts)
    width, times, start = spread.group_width(), spread.times, spread.start

    def write(fields: Fields, put: Put, outer: Fields) -> None:
        entries = (outer if segment.outer else fields).get(into)
        if not entries:
            return
        head, count = "", 0
        texts: list[str] = []
        for entry in entries:
            entry_fields = fields_of(entry)
            heads: list[str] = []
            write_head(entry_fields, heads.append)
            own_head = heads[0] if heads else segment.id
            if texts and (own_head != head or count == times):
                put(ELEMENT.join(texts).rstrip(ELEMENT))
                texts = []
            if not texts:
                head, count = own_head, 0
                texts = head.split(ELEMENT)
                texts += [""] * (start - len(texts))
            texts += write_group(entry_fields, width)
            count += 1
        put(ELEMENT.join(texts).rstrip(ELEMENT))

    return write


def _health_codes(row: HealthCodes) -> WriteRow:
    by_field: dict[str, list[tuple[HealthCode, Callable[[Any], str]]]] = {}
    for code in row.codes:
        by_field.setdefault(code.into, []).append((code, _health_code(code)))
    times = row.times

    def write(fields: Fields, put: Put, _outer: Fields) -> None:
        texts: list[str] = []
        for field, codes in by_field.items():
            entries = fields.get(field)
            if not entries:
                continue
            if not codes[0][0].many:
                texts.append(codes[0][1](entries))
                continue
            for entry in entries:
                for code, write_code in codes:
                    if _says(code, entry):
                        texts.append(write_code(entry))
                        break
        for at in range(0, len(texts), times):
            put(ELEMENT.join([row.id, *texts[at : at + times]]))

    return write


def _says(code: HealthCode, entry: Any) -> bool:
    if not code.says:
        return True
    fields = fields_of(entry)
    return all(fields.get(field) == value for field, value in code.says.items())


def _health_code(code: HealthCode) -> Callable[[Any], str]:
    qualifier = code.qualifier
    if code.parts is None:
        return lambda entry: qualifier + COMPONENT + str(entry)
    parts = {position - 1: part for position, part in code.parts.items()}
    write_parts = _fields(qualifier, parts, COMPONENT)

    def write(entry: Any) -> str:
        written: list[str] = []
        write_parts(fields_of(entry), written.append)
        return written[0] if written else qualifier

    return write


@dataclass(frozen=True, slots=True)
class _Finisher:
    """What one set of separators makes of the internal ones."""

    foreign: re.Pattern[str]
    replacements: dict[int, str]


@lru_cache(32)
def _finisher(separators: Separators) -> _Finisher:
    own = {
        separators.element,
        separators.component,
        separators.segment,
        separators.repetition,
    } - {" "}
    internal = ELEMENT + SEGMENT + COMPONENT
    foreign = re.compile(f"[^ -~{internal}]|[{re.escape(''.join(sorted(own)))}]")
    replacements = {
        ord(ELEMENT): separators.element,
        ord(COMPONENT): separators.component,
        ord(SEGMENT): separators.segment,
    }
    return _Finisher(foreign, replacements)


def finish(segments: list[str], separators: Separators) -> str:
    """The segments' text with real separators.

    A character that is a separator or outside of the extended set (ASCII) is replaced: accents are
    dropped, the rest becomes a space. `has_foreign_characters` tells beforehand where that happens.
    """
    text = SEGMENT.join(segments) + SEGMENT
    finisher = _finisher(separators)
    if finisher.foreign.search(text) is not None:
        text = _without_accents(text)
        text = finisher.foreign.sub(" ", text)
        text = re.sub(f" +([{ELEMENT}{SEGMENT}{COMPONENT}])", r"\1", text)
    return text.translate(finisher.replacements)


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


def has_foreign_characters(text: str, separators: Separators) -> bool:
    """Whether `finish` would replace something in this element (accents apart)."""
    return _finisher(separators).foreign.search(_without_accents(text)) is not None

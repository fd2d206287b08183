"""From values to segments: the lines of source that write rows of a table.

It is apart from `writer`, which knows loops, because segments, composites and groups are all
written by the same lines.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from shared.x12.characters import COMPONENT, ELEMENT, without_marks
from shared.x12.elements import ElementType, write_day
from shared.x12.errors import X12Error
from shared.x12.source import Source
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
    Spread,
    span,
)

Put = Callable[[str], Any]
Fields = Mapping[str, Any]
WriteRow = Callable[[Fields, Put, Fields], None]
"""Writes rows of a loop from the loop's fields, and for `outer` rows from its parent's."""


class Sparse(dict[str, Any]):
    """A node in which what is absent is None, as in a model."""

    def __missing__(self, name: str) -> None:
        return None


def fields_of(node: Any) -> Fields:
    """The fields of a model, or of a node that is a dict."""
    if isinstance(node, Sparse):
        return node
    if isinstance(node, dict):
        return Sparse(node)
    fields: Fields = node.__dict__
    return fields


_DICTS: tuple[type, ...] = (dict, Sparse)


def compile_rows(
    rows: Sequence[Segment | HealthCodes | Loop], name: str, write_loop: Callable[[Loop], WriteRow]
) -> WriteRow:
    """One function that writes the rows in order; `write_loop` gives that of a loop among them."""
    source = Source()
    lines = SegmentLines(source)
    for row in rows:
        if isinstance(row, Loop):
            lines.loop(row, write_loop(row))
        else:
            lines.row(row)
    return source.compile(f"write_{name}", "fields, put, outer")


class SegmentLines:
    """Writes the lines that put segments together."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._add = source.add
        self._fields_of = source.name(fields_of)
        self._dicts = source.name(_DICTS)

    def row(self, row: Segment | HealthCodes) -> None:
        """The lines of one row."""
        if isinstance(row, HealthCodes):
            self._health_codes(row)
        else:
            self._segment(row, "outer" if row.outer else "fields")

    def loop(self, row: Loop, write_loop: WriteRow) -> None:
        """The lines that write a loop's nodes."""
        add, nodes = self._add, self._source.fresh("n")
        write = self._source.name(write_loop)
        add(0, f"{nodes} = fields[{row.into!r}]")
        add(0, f"if {nodes}:")
        if row.many:
            add(1, f"for node in {nodes}:")
            add(2, f"{write}({self._unwrapped('node')}, put, fields)")
        else:
            add(1, f"{write}({self._unwrapped(nodes)}, put, fields)")

    def _unwrapped(self, node: str) -> str:
        return (
            f"({self._fields_of}({node}) if {node}.__class__ in {self._dicts} else {node}.__dict__)"
        )

    def _health_codes(self, row: HealthCodes) -> None:
        names = {code.into: None for code in row.codes}
        self._add(0, f"if {' or '.join(f'fields[{name!r}]' for name in names)}:")
        self._add(1, f"{self._source.name(_health_codes_writer(row))}(fields, put)")

    def _segment(self, row: Segment, holder: str) -> None:
        add = self._add
        if row.into is None:
            self._fields(row, holder, 0)
            return
        nodes = self._source.fresh("n")
        add(0, f"{nodes} = {holder}[{row.into!r}]")
        add(0, f"if {nodes}:")
        if row.spread is not None:
            add(1, f"{self._source.name(_spread_writer(row, row.spread))}({nodes}, put)")
            return
        inner, depth = self._source.fresh("f"), 1
        if row.many:
            add(1, f"for node in {nodes}:")
            depth, nodes = 2, "node"
        add(depth, f"{inner} = {self._unwrapped(nodes)}")
        self._fields(row, inner, depth)

    def _fields(self, row: Segment, holder: str, depth: int) -> None:
        text, tests = self.text(row.id, row.parts, holder, depth, ELEMENT)
        if not tests:
            return
        self._add(depth, f"if {' or '.join(tests)}:")
        self._add(depth + 1, f"put({text})")

    def text(
        self, first: str, parts: Mapping[int, Part], holder: str, depth: int, join: str
    ) -> tuple[str, list[str]]:
        """An expression for the joined parts, and the tests of which one must hold for there to be
        anything to write. Lines before it give the expression its names."""
        width = max((position + span(part) for position, part in parts.items()), default=1)
        pieces = [""] * width
        pieces[0] = first
        tests: list[str] = []
        for position, part in sorted(parts.items()):
            own, test = self._part(part, holder, depth, join)
            pieces[position : position + span(part)] = own + ["\0"] * (span(part) - len(own))
            if test:
                tests.append(test)
        joined = join.join(piece for piece in pieces if piece != "\0")
        return f"f{joined!r}.rstrip({join!r})", tests

    def _part(self, part: Part, holder: str, depth: int, join: str) -> tuple[list[str], str]:
        match part:
            case Element():
                return self._element(part, holder, depth)
            case Const():
                return self._const(part, holder, depth), ""
            case Several():
                return self._several(part, holder, depth, join)
            case Identifier():
                return self._identifier(part, holder, depth)
            case Period():
                return self._period(part, holder, depth)
            case Composite():
                return self._composite(part, holder, depth)
            case Repeat():
                return self._repeat(part, holder, depth)
            case _:
                return [""], ""

    def _value(self, field: str, holder: str, depth: int) -> str:
        """A new name for the value of a field, which may be another node's."""
        value = self._source.fresh("v")
        owner, _, name = field.rpartition(".")
        if owner:
            self._add(depth, f"{value} = {holder}[{owner!r}]")
            inner = self._unwrapped(value)
            self._add(depth, f"{value} = None if {value} is None else {inner}[{name!r}]")
        else:
            self._add(depth, f"{value} = {holder}[{name!r}]")
        return value

    def _guard(self, value: str, depth: int) -> None:
        """No data may hold the marks that segments are built with: it could forge segments."""
        self._add(depth, f"if {value} and not {value}.isprintable():")
        self._add(depth + 1, f"{value} = {self._source.name(without_marks)}({value})")

    def _written(self, kind: ElementType, value: str) -> str:
        return value if kind.write is None else f"{self._source.name(kind.write)}({value})"

    def _element(self, part: Element, holder: str, depth: int) -> tuple[list[str], str]:
        value = self._value(part.field, holder, depth)
        if part.type.write is None:
            self._guard(value, depth)
        if part.default is not None:
            absent = self._source.name(part.default)
            written = self._written(part.type, value)
            return [f"{{{absent} if {value} is None else {written}}}"], ""
        if part.type.write is None:
            return [f"{{{value} or ''}}"], f"{value} is not None"
        written = self._written(part.type, value)
        return [f"{{'' if {value} is None else {written}}}"], f"{value} is not None"

    def _const(self, part: Const, holder: str, depth: int) -> list[str]:
        if part.beside is None:
            return [part.value]
        value = self._value(part.beside, holder, depth)
        return [f"{{'' if {value} is None else {self._source.name(part.value)}}}"]

    def _several(self, part: Several, holder: str, depth: int, join: str) -> tuple[list[str], str]:
        value = self._value(part.field, holder, depth)
        written = self._source.name(_several_writer(part, join))
        return [f"{{{written}({value})}}"], value

    def _identifier(self, part: Identifier, holder: str, depth: int) -> tuple[list[str], str]:
        add = self._add
        qualifier, value = self._source.fresh("q"), self._source.fresh("v")
        word = "if"
        for code, field in part.named.items():
            add(depth, f"{word} {holder}[{field!r}] is not None:")
            add(depth + 1, f"{qualifier}, {value} = {code!r}, {holder}[{field!r}]")
            word = "elif"
        add(depth, "else:")
        other = f"{holder}[{part.qualifier!r}] or '', {holder}[{part.value!r}] or ''"
        add(depth + 1, f"{qualifier}, {value} = {other}")
        self._guard(qualifier, depth)
        self._guard(value, depth)
        return [f"{{{qualifier}}}", f"{{{value}}}"], f"{qualifier} or {value}"

    def _period(self, part: Period, holder: str, depth: int) -> tuple[list[str], str]:
        form, value = self._source.fresh("q"), self._source.fresh("v")
        names = (part.on, part.through, part.time)
        arguments = [f"{holder}[{name!r}]" if name else "None" for name in names]
        tests = [f"{arguments[at]} is not None" for at in (0, 2) if names[at]]
        self._add(depth, f"{form} = {value} = ''")
        self._add(depth, f"if {' or '.join(tests)}:")
        write = self._source.name(_period_writer(part.forms))
        self._add(depth + 1, f"{form}, {value} = {write}({', '.join(arguments)})")
        return [f"{{{form}}}", f"{{{value}}}"], form

    def _composite(self, part: Composite, holder: str, depth: int) -> tuple[list[str], str]:
        add, value = self._add, self._source.fresh("c")
        add(depth, f"{value} = ''")
        if part.into is not None:
            node, inner = self._source.fresh("n"), self._source.fresh("f")
            add(depth, f"{node} = {holder}[{part.into!r}]")
            add(depth, f"if {node} is not None:")
            depth += 1
            add(depth, f"{inner} = {self._unwrapped(node)}")
            holder = inner
        text, tests = self.text("", part.parts, holder, depth, COMPONENT)
        add(depth, f"if {' or '.join(tests)}:")
        add(depth + 1, f"{value} = {text}[1:]")
        return [f"{{{value}}}"], value

    def _repeat(self, part: Repeat, holder: str, depth: int) -> tuple[list[str], str]:
        value = self._value(part.into, holder, depth)
        written = self._source.name(_repeat_writer(part))
        return [f"{{{written}({value})}}"], value


def _several_writer(part: Several, join: str) -> Callable[[Any], str]:
    field, times, convert = part.field, part.times, part.type.write

    def write(entries: Any) -> str:
        if not entries:
            return join * (times - 1)
        if len(entries) > times:
            raise X12Error("too-many", f"{field} has more than the {times} the standard allows")
        texts = list(map(convert or without_marks, entries))
        return join.join(texts) + join * (times - len(entries))

    return write


@lru_cache(16)
def _period_writer(
    forms: tuple[str, ...],
) -> Callable[[date | None, date | None, str | None], tuple[str, str]]:
    """The fullest of the forms that the values are enough for."""
    has_day, has_range = "D8" in forms, "RD8" in forms
    has_both, has_time = "DT" in forms, "TM" in forms

    def write(on: date | None, through: date | None, time: str | None) -> tuple[str, str]:
        if on is not None:
            if time is not None and has_both:
                return "DT", write_day(on) + without_marks(time)
            if has_range and (through is not None or not has_day):
                return "RD8", f"{write_day(on)}-{write_day(through or on)}"
            if has_day:
                return "D8", write_day(on)
        if time is not None and has_time:
            return "TM", without_marks(time)
        return "", ""

    return write


def _text_writer(first: str, parts: Mapping[int, Part], join: str) -> Callable[[Fields], str]:
    """A function from fields to the joined parts; empty where there are none."""
    source = Source()
    lines = SegmentLines(source)
    text, tests = lines.text(first, parts, "fields", 0, join)
    if tests:
        source.add(0, f"if not ({' or '.join(tests)}):")
        source.add(1, "return ''")
    source.add(0, f"return {text}")
    return source.compile("write_text", "fields")


def _repeat_writer(part: Repeat) -> Callable[[Any], str]:
    width, times = max(part.parts) + 1, part.times
    write_group = _group_writer(part.parts, width)

    def write(groups: Any) -> str:
        if not groups:
            return ""
        if len(groups) > times:
            raise X12Error("too-many", f"{part.into} has more than the {times} allowed")
        return ELEMENT.join([write_group(group) for group in groups])

    return write


def _group_writer(parts: Mapping[int, Element | Composite], width: int) -> Callable[[Any], str]:
    """Elements of one group, padded to its width."""
    write_fields = _text_writer("", {at + 1: part for at, part in parts.items()}, ELEMENT)

    def write(group: Any) -> str:
        text = write_fields(fields_of(group))[1:]
        return text + ELEMENT * (width - 1 - text.count(ELEMENT))

    return write


def _spread_writer(segment: Segment, spread: Spread) -> Callable[[Any, Put], None]:
    write_head = _text_writer(segment.id, segment.parts, ELEMENT)
    times, start = spread.times, spread.start
    write_group = _group_writer(spread.parts, spread.group_width())

    def write(entries: Any, put: Put) -> None:
        open_head, groups = "", [""]
        groups.clear()
        for entry in entries:
            head = write_head(fields_of(entry)) or segment.id
            if groups and (head != open_head or len(groups) == times):
                put(_joined(open_head, start, groups))
                groups = []
            open_head = head
            groups.append(write_group(entry))
        put(_joined(open_head, start, groups))

    return write


def _joined(head: str, start: int, groups: list[str]) -> str:
    padding = ELEMENT * (start - 1 - head.count(ELEMENT))
    return (head + padding + ELEMENT + ELEMENT.join(groups)).rstrip(ELEMENT)


def _health_codes_writer(row: HealthCodes) -> Callable[[Fields, Put], None]:
    by_field: dict[str, list[tuple[HealthCode, Callable[[Any], str]]]] = {}
    for code in row.codes:
        by_field.setdefault(code.into, []).append((code, _health_code_writer(code)))
    times = row.times

    def write(fields: Fields, put: Put) -> None:
        texts: list[str] = []
        for field, codes in by_field.items():
            entries = fields[field]
            if not entries:
                continue
            if not codes[0][0].many:
                texts.append(codes[0][1](entries))
                continue
            for entry in entries:
                for code, write_code in codes:
                    if says(code, entry):
                        texts.append(write_code(entry))
                        break
        for at in range(0, len(texts), times):
            put(ELEMENT.join([row.id, *texts[at : at + times]]))

    return write


def says(code: HealthCode, entry: Any) -> bool:
    """Whether an entry of a list is one that this qualifier stands for."""
    if not code.says:
        return True
    return code.says.items() <= fields_of(entry).items()


def _health_code_writer(code: HealthCode) -> Callable[[Any], str]:
    qualifier = code.qualifier
    if code.parts is None:
        return lambda entry: qualifier + COMPONENT + without_marks(entry)
    parts = {position - 1: part for position, part in code.parts.items()}
    write_parts = _text_writer(qualifier, parts, COMPONENT)
    return lambda entry: write_parts(fields_of(entry)) or qualifier

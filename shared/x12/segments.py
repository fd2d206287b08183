"""The reading half of a table's segments: each becomes a function that puts elements into a dict.

It is apart from the walk over loops because it is where the time goes: a quick function for the
whole segment that raises at the first thing that is wrong, and, only for that segment, the careful
way of `examination`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.x12.examination import Careful, Issue, examine_health_codes, width_of
from shared.x12.extraction import (
    Elements,
    Node,
    NotExpectedError,
    PartLines,
    ReadElements,
    RepeatedError,
    parts_reader,
)
from shared.x12.source import Source
from shared.x12.table import (
    Composite,
    Element,
    HealthCode,
    HealthCodes,
    Period,
    Repeat,
    Segment,
    Several,
    span,
)

__all__ = ["Elements", "Issue", "Node", "RepeatedError", "SegmentReader", "compile_segment"]


@dataclass(frozen=True, slots=True)
class SegmentReader:
    """`read` is the quick way and raises; after that `examine` reads what can be read and returns
    the issues. A RepeatedError says that nothing was read, and that nothing should be."""

    segment: Segment | HealthCodes
    read: ReadElements
    examine: Callable[[Node, Elements], list[Issue]]


def compile_segment(segment: Segment | HealthCodes, component: str) -> SegmentReader:
    """The reader of one row of a table, for one component separator."""
    if isinstance(segment, HealthCodes):
        read_codes = _health_codes(segment, component)
        return SegmentReader(segment, read_codes, examine_health_codes(read_codes))
    read = _spread(segment, component) if segment.spread else _quick(segment, component)
    return SegmentReader(segment, read, Careful(segment, component).examine)


_OPENERS = frozenset({"HL", "LX"})


def _first_field(segment: Segment) -> str | None:
    """The field by which a segment that may stand once is known to be there already."""
    if segment.many or segment.id in _OPENERS:
        return None
    for part in segment.parts.values():
        match part:
            case Element(field=field, default=None) if "." not in field:
                return field
            case Period():
                return part.on or part.time
            case Several(field=field) | Repeat(into=field):
                return field
            case Composite(into=str(field)):
                return field
            case _:
                continue
    return None


def _quick(segment: Segment, component: str) -> ReadElements:
    source = Source()
    reading = PartLines(source, component)
    into, first = segment.into, _first_field(segment)
    target = "node"
    if into is not None:
        source.add(0, "inner = {}" if segment.many else f"inner = node.get({into!r}, {{}})")
        target = "inner"
    if first is not None:
        repeated = source.name(RepeatedError)
        source.add(0, f"if {first!r} in {target}:")
        source.add(1, f"raise {repeated}('the segment stands more often than allowed')")
    reading.fields("elements", segment.parts, width_of(segment), target, 0)
    if into is not None and segment.many:
        source.add(0, "if inner:")
        _append(source, 1, "node", into, "inner")
    elif into is not None:
        source.add(0, "if inner:")
        source.add(1, f"node[{into!r}] = inner")
    return source.compile(f"read_{segment.id}", "node, elements")


def _append(source: Source, depth: int, node: str, into: str, entry: str) -> None:
    source.add(depth, f"if {into!r} in {node}:")
    source.add(depth + 1, f"{node}[{into!r}].append({entry})")
    source.add(depth, "else:")
    source.add(depth + 1, f"{node}[{into!r}] = [{entry}]")


def _spread(segment: Segment, component: str) -> ReadElements:
    """A segment that becomes several entries of one list (CAS, PLB)."""
    spread, into = segment.spread, segment.into
    assert spread is not None
    assert into is not None
    width, start, end = spread.group_width(), spread.start, width_of(segment)
    read_head = parts_reader(segment.parts, component, width=start, first=1)
    read_group = parts_reader(spread.parts, component, width=width, first=0)

    def read(node: Node, elements: Elements) -> None:
        if len(elements) > end:
            raise NotExpectedError("more elements than the standard has")
        head: Node = {}
        read_head(head, elements[:start])
        entries = []
        for at in range(start, len(elements), width):
            group = head.copy()
            read_group(group, elements[at : at + width])
            if len(group) > len(head):
                entries.append(group)
        if into in node:
            node[into] += entries
        else:
            node[into] = entries

    return read


def _health_codes(row: HealthCodes, component: str) -> ReadElements:
    readers = {code.qualifier: _health_code(code, component) for code in row.codes}

    def read(node: Node, elements: Elements) -> None:
        found: Node = {}
        for value in elements[1:]:
            if value:
                components = value.split(component)
                reader = readers.get(components[0])
                if reader is None:
                    raise NotExpectedError("a code qualifier that is not expected here")
                reader(found, components)
        for into, codes in found.items():
            if into not in node:
                node[into] = codes
            elif isinstance(codes, list):
                node[into] += codes
            else:
                raise ValueError("a code that the standard allows once")

    return read


def _health_code(code: HealthCode, component: str) -> ReadElements:
    source = Source()
    reading = PartLines(source, component)
    source.add(0, "if len(elements) < 2 or not elements[1] or len(elements[1]) > 80:")
    source.add(1, "raise ValueError('a qualifier without a code that can be kept')")
    source.add(0, f"entry = {'elements[1]' if code.parts is None else repr(dict(code.says))}")
    if code.parts is not None:
        width = max(place + span(part) for place, part in code.parts.items()) - 1
        shifted = {place - 1: part for place, part in code.parts.items()}
        reading.fields("elements", shifted, width, "entry", 0)
    if code.many:
        _append(source, 0, "node", code.into, "entry")
    else:
        source.add(0, f"if {code.into!r} in node:")
        source.add(1, "raise ValueError('a code that the standard allows once')")
        source.add(0, f"node[{code.into!r}] = entry")
    return source.compile("read_code", "node, elements")

"""The reading half of a table's segments: each becomes a function that puts elements into a dict.

It is apart from the walk over loops because it is where the time goes: a quick function for the
whole segment that raises at the first thing that is wrong, and, only for that segment, one function
per part so that every element that is wrong is reported.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.x12.elements import CODE, ElementType, read_day, refuse_long
from shared.x12.source import Source
from shared.x12.table import (
    Composite,
    Const,
    Element,
    HealthCode,
    HealthCodes,
    Identifier,
    Part,
    Period,
    Repeat,
    Segment,
    Several,
    span,
)

Node = dict[str, Any]
Elements = list[str]
ReadElements = Callable[[Node, Elements], None]
"""Puts elements (segment id first) into a node. Raises ValueError where one is wrong."""


class NotExpectedError(ValueError):
    """An element has a value where the table names none."""


class ReplacedError(ValueError):
    """A code that can only be one here is another; what is written again is the right one."""


class RepeatedError(ValueError):
    """The segment's fields are taken already."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One element that is wrong. `position` 0 is the segment itself."""

    position: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SegmentReader:
    """`read` is the quick way and raises; after that `examine` reads what can be read and returns the
    issues. A RepeatedError says that nothing was read, and that nothing should be."""

    segment: Segment | HealthCodes
    read: ReadElements
    examine: Callable[[Node, Elements], list[Issue]]


def compile_segment(segment: Segment | HealthCodes, component: str) -> SegmentReader:
    """The reader of one row of a table, for one component separator."""
    if isinstance(segment, HealthCodes):
        read_codes = _health_codes(segment, component)
        return SegmentReader(segment, read_codes, _examine_health_codes(read_codes))
    read = _spread(segment, component) if segment.spread else _quick(segment, component)
    return SegmentReader(segment, read, _Careful(segment, component).examine)


def _width(segment: Segment) -> int:
    ends = [position + span(part) for position, part in segment.parts.items()]
    if segment.spread is not None:
        ends.append(segment.spread.start + segment.spread.group_width() * segment.spread.times)
    return max(ends, default=1)


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


# The quick function of a whole segment.


def _quick(segment: Segment, component: str) -> ReadElements:
    source = Source()
    reading = _Reading(source, component)
    into, first = segment.into, _first_field(segment)
    target = "node"
    if into is not None:
        source.add(0, "inner = {}" if segment.many else f"inner = node.get({into!r}, {{}})")
        target = "inner"
    if first is not None:
        repeated = source.name(RepeatedError)
        source.add(0, f"if {first!r} in {target}:")
        source.add(1, f"raise {repeated}('the segment stands more often than allowed')")
    reading.fields("elements", segment.parts, _width(segment), target, 0)
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


class _Reading:
    """Writes the lines that read parts out of a list of elements or components."""

    def __init__(self, source: Source, component: str) -> None:
        self._source = source
        self._component = component

    def fields(
        self,
        elements: str,
        parts: Mapping[int, Part],
        width: int,
        node: str,
        depth: int,
        *,
        first: int = 1,
        is_whole: bool = True,
    ) -> None:
        """`is_whole`: what no part covers must be empty, and there must not be more."""
        names = self._unpack(elements, width, depth, first=first, is_whole=is_whole)
        covered = set(range(first))
        for position, part in parts.items():
            covered.update(range(position, position + span(part)))
        foreign = [names[place] for place in range(width) if place not in covered]
        if foreign and is_whole:
            self._source.add(depth, f"if {' or '.join(foreign)}:")
            self._raise(depth + 1, NotExpectedError, "a value where the standard has none")
        checks_last = sorted(parts.items(), key=lambda row: isinstance(row[1], Const))
        for position, part in checks_last:
            self._part(part, names[position : position + span(part)], node, depth)

    def _raise(self, depth: int, kind: type[ValueError], words: str) -> None:
        self._source.add(depth, f"raise {self._source.name(kind)}({words!r})")

    def _unpack(
        self, elements: str, width: int, depth: int, *, first: int, is_whole: bool
    ) -> list[str]:
        source = self._source
        padding = source.name([[""] * (width - count) for count in range(width)])
        source.add(depth, f"if len({elements}) < {width}:")
        source.add(depth + 1, f"{elements} = {elements} + {padding}[len({elements})]")
        source.add(depth, f"elif len({elements}) > {width}:")
        if is_whole:
            self._raise(depth + 1, NotExpectedError, "more elements than the standard has")
        else:
            source.add(depth + 1, f"{elements} = {elements}[:{width}]")
        prefix = source.fresh("e") + "_"
        names = [f"{prefix}{place}" for place in range(width)]
        source.add(depth, f"{', '.join(names)}, = {elements}")
        return names

    def _part(self, part: Part, values: list[str], node: str, depth: int) -> None:
        match part:
            case Element():
                self._element(part, values[0], node, depth)
            case Const():
                allowed = (part.value, *part.also)
                value = values[0]
                self._source.add(depth, f"if {value} and {value} not in {allowed!r}:")
                self._raise(depth + 1, ReplacedError, f"expected {' or '.join(allowed)}")
            case Several():
                self._several(part, values, node, depth)
            case Identifier():
                self._identifier(part, values, node, depth)
            case Period():
                self._period(part, values, node, depth)
            case Composite():
                self._composite(part, values[0], node, depth)
            case Repeat():
                self._repeat(part, values, node, depth)
            case _:
                return

    def _converted(self, kind: ElementType, value: str) -> str:
        if kind.read is None:
            return f"{value} if len({value}) <= {kind.limit} else {self._source.name(refuse_long)}({value})"
        return f"{self._source.name(kind.read)}({value})"

    def _element(self, part: Element, value: str, node: str, depth: int) -> None:
        owner, _, field = part.field.rpartition(".")
        test = value if part.default is None else f"{value} and {value} != {part.default!r}"
        target = f"{node}.setdefault({owner!r}, {{}})" if owner else node
        self._source.add(depth, f"if {test}:")
        self._source.add(
            depth + 1, f"{target}[{field!r}] = {self._converted(part.type, value)}"
        )

    def _several(self, part: Several, values: list[str], node: str, depth: int) -> None:
        add = self._source.add
        add(depth, f"if {' or '.join(values)}:")
        several = self._source.fresh("s")
        add(depth + 1, f"{node}[{part.field!r}] = {several} = []")
        for value in values:
            add(depth + 1, f"if {value}:")
            add(depth + 2, f"{several}.append({self._converted(part.type, value)})")

    def _identifier(self, part: Identifier, values: list[str], node: str, depth: int) -> None:
        add = self._source.add
        qualifier, value = values
        word = "if"
        for code, field in part.named.items():
            add(depth, f"{word} {value} and {qualifier} == {code!r}:")
            add(depth + 1, f"{node}[{field!r}] = {self._converted(CODE, value)}")
            word = "elif"
        add(depth, f"{word} {qualifier} or {value}:")
        add(depth + 1, f"if {qualifier}:")
        add(depth + 2, f"{node}[{part.qualifier!r}] = {self._converted(CODE, qualifier)}")
        add(depth + 1, f"if {value}:")
        add(depth + 2, f"{node}[{part.value!r}] = {self._converted(CODE, value)}")

    def _period(self, part: Period, values: list[str], node: str, depth: int) -> None:
        add = self._source.add
        form, value = values
        day = self._source.name(read_day)
        word = "if"
        if part.on is not None:
            is_range = part.through is not None and "D8" not in part.forms
            through = f"{node}[{part.through!r}] = " if is_range else ""
            add(depth, f"if {form} == 'D8' and {value}:")
            add(depth + 1, f"{through}{node}[{part.on!r}] = {day}({value})")
            word = "elif"
        add(depth, f"{word} {form} or {value}:")
        other = self._source.name(_period_reader(part))
        add(depth + 1, f"{other}({node}, {form}, {value})")

    def _composite(self, part: Composite, value: str, node: str, depth: int) -> None:
        add = self._source.add
        width = max(place + span(inner) for place, inner in part.parts.items()) - 1
        add(depth, f"if {value}:")
        components = self._source.fresh("c")
        add(depth + 1, f"{components} = {value}.split({self._component!r})")
        target = node
        if part.into is not None:
            target = self._source.fresh("n")
            add(depth + 1, f"{target} = {{}}")
        shifted = {place - 1: inner for place, inner in part.parts.items()}
        self.fields(components, shifted, width, target, depth + 1, first=0)
        if part.into is not None:
            add(depth + 1, f"if {target}:")
            add(depth + 2, f"{node}[{part.into!r}] = {target}")

    def _repeat(self, part: Repeat, values: list[str], node: str, depth: int) -> None:
        add = self._source.add
        width = max(part.parts) + 1
        groups = self._source.fresh("g")
        add(depth, f"{groups} = []")
        for at in range(0, len(values), width):
            own = values[at : at + width]
            add(depth, f"if {' or '.join(own)}:")
            group = self._source.fresh("n")
            add(depth + 1, f"{group} = {{}}")
            for offset, inner in part.parts.items():
                self._part(inner, own[offset : offset + span(inner)], group, depth + 1)
            add(depth + 1, f"{groups}.append({group})")
        add(depth, f"if {groups}:")
        add(depth + 1, f"{node}[{part.into!r}] = {groups}")


def _clock(text: str) -> str:
    if len(text) not in (4, 6) or not text.isdigit() or text[:2] > "23" or text[2:4] > "59":
        raise ValueError("not a time of the form HHMM")
    return text


def _period_reader(part: Period) -> Callable[[Node, str, str], None]:
    """Formats other than D8."""
    on, through, time = part.on, part.through, part.time

    def read(node: Node, form: str, value: str) -> None:
        if form == "RD8" and value and on is not None and through is not None:
            start, _, end = value.partition("-")
            node[on], node[through] = read_day(start), read_day(end)
        elif form == "DT" and value and time is not None:
            day, node[time] = read_day(value[:8]), _clock(value[8:])
            if on is not None:
                node[on] = day
        elif form == "TM" and value and time is not None:
            node[time] = _clock(value)
        else:
            raise ValueError("a date whose format and value are not both of a known form")

    return read


def _parts_reader(
    parts: Mapping[int, Part], component: str, *, width: int, first: int, is_whole: bool = True
) -> ReadElements:
    """A function for some parts, without anything around them."""
    source = Source()
    _Reading(source, component).fields(
        "elements", parts, width, "node", 0, first=first, is_whole=is_whole
    )
    return source.compile("read_parts", "node, elements")


def _spread(segment: Segment, component: str) -> ReadElements:
    """A segment that becomes several entries of one list (CAS, PLB)."""
    spread, into = segment.spread, segment.into
    assert spread is not None
    assert into is not None
    width, start, end = spread.group_width(), spread.start, _width(segment)
    read_head = _parts_reader(segment.parts, component, width=start, first=1)
    read_group = _parts_reader(spread.parts, component, width=width, first=0)

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
    reading = _Reading(source, component)
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


# The careful way: every part by itself.


def _examine_health_codes(read: ReadElements) -> Callable[[Node, Elements], list[Issue]]:
    def examine(node: Node, elements: Elements) -> list[Issue]:
        issues = []
        for position, value in enumerate(elements[1:], start=1):
            try:
                read(node, ["HI", value])
            except ValueError as error:
                issues.append(_issue(position, "code", error))
        return issues

    return examine


def _issue(position: int, noun: str, error: ValueError) -> Issue:
    if isinstance(error, NotExpectedError):
        return Issue(position, "element-not-expected", str(error))
    if isinstance(error, ReplacedError):
        return Issue(position, "code-not-expected", str(error))
    return Issue(position, f"invalid-{noun.replace(' ', '-')}", str(error))


class _Careful:
    """Reads a segment part by part, keeps what is good and reports the rest."""

    def __init__(self, segment: Segment, component: str) -> None:
        self._segment = segment
        self._width = _width(segment)
        self._readers = list(_each(segment.parts, component, first=1))
        self._group = list(
            _each(segment.spread.parts, component, first=0) if segment.spread else ()
        )

    def examine(self, node: Node, elements: Elements) -> list[Issue]:
        issues: list[Issue] = []
        if self._segment.spread is not None:
            self._examine_spread(node, elements, issues)
            return issues
        target: Node = {}
        _run(self._readers, target, elements, 0, issues)
        issues.extend(self._unnamed(elements))
        self._store(node, target)
        return issues

    def _store(self, node: Node, target: Node) -> None:
        segment = self._segment
        if segment.into is None:
            for field, value in target.items():
                if isinstance(value, dict):
                    node.setdefault(field, {}).update(value)
                else:
                    node[field] = value
        elif segment.many and target:
            node.setdefault(segment.into, []).append(target)
        elif target:
            node.setdefault(segment.into, {}).update(target)

    def _unnamed(self, elements: Elements) -> Iterator[Issue]:
        covered = {
            place
            for position, part in self._segment.parts.items()
            for place in range(position, position + span(part))
        }
        for position, value in enumerate(elements[1:], start=1):
            if value and position not in covered:
                words = "a value where the standard has none"
                yield Issue(position, "element-not-expected", words)

    def _examine_spread(self, node: Node, elements: Elements, issues: list[Issue]) -> None:
        spread, into = self._segment.spread, self._segment.into
        assert spread is not None
        assert into is not None
        head: Node = {}
        _run(self._readers, head, elements[: spread.start], 0, issues)
        for at in range(spread.start, min(len(elements), self._width), spread.group_width()):
            group = dict(head)
            _run(self._group, group, elements[at : at + spread.group_width()], at, issues)
            if len(group) > len(head):
                node.setdefault(into, []).append(group)
        if len(elements) > self._width:
            words = "more elements than the standard has"
            issues.append(Issue(self._width, "element-not-expected", words))


def _each(
    parts: Mapping[int, Part], component: str, *, first: int
) -> Iterator[tuple[int, str, ReadElements]]:
    for position, part in parts.items():
        noun = part.type.name if isinstance(part, Element | Several) else "value"
        noun = "date" if isinstance(part, Period) else noun
        reader = _parts_reader(
            {position: part}, component, width=position + span(part), first=first, is_whole=False
        )
        yield position, noun, reader


def _run(
    readers: list[tuple[int, str, ReadElements]],
    target: Node,
    elements: Elements,
    offset: int,
    issues: list[Issue],
) -> None:
    for position, noun, reader in readers:
        try:
            reader(target, elements)
        except ValueError as error:
            issues.append(_issue(position + offset, noun, error))

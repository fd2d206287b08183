"""From elements to values: the lines of source that read a segment's parts.

It is apart from `segments`, which puts whole segments together, because composites, repeated groups
and single parts are all read by the same lines.
"""

from collections.abc import Callable, Mapping
from typing import Any

from shared.x12.elements import CODE, ElementType, read_day, refuse_long
from shared.x12.source import Source
from shared.x12.table import (
    Composite,
    Const,
    Element,
    Identifier,
    Part,
    Period,
    Repeat,
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


class PartLines:
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
        names = self._unpack(elements, width, depth, is_whole=is_whole)
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

    def _unpack(self, elements: str, width: int, depth: int, *, is_whole: bool) -> list[str]:
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
            refuse = self._source.name(refuse_long)
            return f"{value} if len({value}) <= {kind.limit} else {refuse}({value})"
        return f"{self._source.name(kind.read)}({value})"

    def _element(self, part: Element, value: str, node: str, depth: int) -> None:
        owner, _, field = part.field.rpartition(".")
        test = value if part.default is None else f"{value} and {value} != {part.default!r}"
        target = f"{node}.setdefault({owner!r}, {{}})" if owner else node
        self._source.add(depth, f"if {test}:")
        self._source.add(depth + 1, f"{target}[{field!r}] = {self._converted(part.type, value)}")

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


def parts_reader(
    parts: Mapping[int, Part], component: str, *, width: int, first: int, is_whole: bool = True
) -> ReadElements:
    """A function for some parts, without anything around them."""
    source = Source()
    PartLines(source, component).fields(
        "elements", parts, width, "node", 0, first=first, is_whole=is_whole
    )
    return source.compile("read_parts", "node, elements")

"""What a table says must be there, checked on a node that was read, and where a field stands.

It is apart from the walk because it runs once per emitted loop, not once per segment, and because
errors of a model (a field path) have to be told in X12's words (`2400[2]/SV102`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from shared.x12.source import Source
from shared.x12.table import (
    Composite,
    Element,
    HealthCodes,
    Identifier,
    Loop,
    Part,
    Period,
    Repeat,
    Segment,
    Several,
)

Node = Mapping[str, Any]


class Requirements:
    """The required fields of one loop, and of the loops in it."""

    def __init__(self, loop: Loop) -> None:
        self._keys: list[tuple[str, str]] = []
        self._codes: list[HealthCodes] = []
        self._inner: list[tuple[str, bool, str, Requirements]] = []
        for row in (loop.start, *loop.rows):
            if isinstance(row, HealthCodes):
                if row.required:
                    self._codes.append(row)
            elif isinstance(row, Loop):
                self._add_loop(row)
            elif row.into is None and not row.outer:
                self._keys.extend(_required(row.id, row.parts))
            elif row.into is not None and row.spread is None:
                self._add_nested(row, row.into)

    def is_met(self, node: Node) -> bool:
        """The quick question: is nothing missing?"""
        return bool(self._met(node))

    @cached_property
    def _met(self) -> Callable[[Node], Any]:
        source = Source()
        self._add_test(source, "node", 0)
        source.add(0, "return True")
        return source.compile("is_met", "node")

    def _add_test(self, source: Source, node: str, depth: int) -> None:
        tests = [f"{key!r} not in {node}" for key, _ in self._keys]
        tests += [
            f"not {source.name(_holds_any)}({source.name(row)}, {node})" for row in self._codes
        ]
        if tests:
            source.add(depth, f"if {' or '.join(tests)}:")
            source.add(depth + 1, "return False")
        for into, is_many, _, inner in self._inner:
            entry = source.fresh("n")
            source.add(depth, f"if {into!r} in {node}:")
            listed = f"{node}[{into!r}]"
            source.add(depth + 1, f"for {entry} in {listed if is_many else f'({listed},)'}:")
            inner._add_test(source, entry, depth + 2)

    @property
    def is_empty(self) -> bool:
        return not (self._keys or self._codes or self._inner)

    def _add_loop(self, row: Loop) -> None:
        if row.into is None:
            return
        inner = Requirements(row)
        if row.required:
            self._keys.append((row.into, row.id))
        if not inner.is_empty:
            self._inner.append((row.into, row.many, row.id, inner))

    def _add_nested(self, row: Segment, into: str) -> None:
        inner = object.__new__(Requirements)
        inner._keys = list(_required(row.id, row.parts))
        inner._codes, inner._inner = [], []
        if row.required:
            self._keys.append((into, row.id))
        if inner._keys:
            self._inner.append((into, row.many, "", inner))

    def missing(self, node: Node, path: str) -> Iterator[str]:
        """Paths of what is required and not there."""
        for key, place in self._keys:
            if key not in node:
                yield f"{path}/{place}"
        for row in self._codes:
            if not _holds_any(row, node):
                yield f"{path}/{row.id}"
        for into, is_many, loop_id, inner in self._inner:
            found = node.get(into)
            if not found:
                continue
            if not is_many:
                yield from inner.missing(found, loop_id or path)
                continue
            for number, entry in enumerate(found, start=1):
                yield from inner.missing(entry, f"{loop_id}[{number}]" if loop_id else path)


def _holds_any(row: HealthCodes, node: Node) -> bool:
    for entry in node.get(row.codes[0].into, ()):
        for code in row.codes:
            if code.says.items() <= entry.items():
                return True
    return False


def _required(segment_id: str, parts: Mapping[int, Part]) -> Iterator[tuple[str, str]]:
    for position, part in parts.items():
        place = f"{segment_id}{position:02d}"
        match part:
            case Element(field=field, required=True) | Period(on=str(field), required=True):
                yield field, place
            case Composite(into=None, parts=inner):
                yield from ((field, place) for field, _ in _required(segment_id, inner))
            case Composite(into=str(into), parts=inner) if any(_required(segment_id, inner)):
                yield into, place
            case _:
                continue


@lru_cache(64)
def _requirements(loop_id: int) -> Requirements:
    return Requirements(_LOOPS[loop_id])


_LOOPS: dict[int, Loop] = {}


def requirements_of(loop: Loop) -> Requirements:
    """Compiled once for each loop of a table."""
    _LOOPS[id(loop)] = loop
    return _requirements(id(loop))


def place_of(loop: Loop, location: Sequence[str | int]) -> str | None:
    """Where the field at `location` (a model's field path with indexes from 0) stands below a loop:
    `2400[2]/SV102`. None where the table does not place it."""
    if not location or isinstance(location[0], int):
        return None
    field = str(location[0])
    index = location[1] if len(location) > 1 and isinstance(location[1], int) else None
    rest = location[1 if index is None else 2 :]
    rows: Sequence[Segment | HealthCodes | Loop] = (loop.start, *loop.rows)
    for row in rows:
        if isinstance(row, Loop):
            if row.into == field:
                own = row.id if index is None else f"{row.id}[{index + 1}]"
                inner = place_of(row, rest)
                return f"{own}/{inner}" if inner else own
        elif isinstance(row, HealthCodes):
            if any(code.into == field for code in row.codes):
                return row.id
        elif row.into == field:
            return row.id + _element_of(row.parts, rest[0] if rest else "")
        elif row.into is None and (element := _element_of(row.parts, field)):
            return row.id + element
    return None


def _element_of(parts: Mapping[int, Part], field: Any) -> str:
    for position, part in parts.items():
        if field in _names(part):
            return f"{position:02d}"
    return ""


def _names(part: Part) -> tuple[str | None, ...]:
    match part:
        case Element(field=field) | Several(field=field) | Repeat(into=field):
            return (field,)
        case Identifier():
            return (part.value, part.qualifier, *part.named.values())
        case Period():
            return (part.on, part.through, part.time)
        case Composite(into=str(into)):
            return (into,)
        case Composite(parts=parts):
            return tuple(name for inner in parts.values() for name in _names(inner))
        case _:
            return ()

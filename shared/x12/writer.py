"""The writing half of tables: models or nested dicts to segments, loop by loop.

It is apart from reading because it walks the same tables by field instead of by segment.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from shared.x12.characters import ELEMENT, finish
from shared.x12.rendering import Fields, Put, WriteRow, compile_rows, fields_of
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

__all__ = ["ELEMENT", "LoopWriter", "Put", "field_names", "finish", "part_fields"]


class LoopWriter:
    """Writes one loop: its opening segment, its rows, its loops that have a field. Loops without a
    field (HL levels) are left to the caller, who numbers them."""

    def __init__(self, loop: Loop, *, opens: bool = True) -> None:
        self.loop = loop
        rows = [loop.start, *loop.rows] if opens else list(loop.rows)
        self._rows = [row for row in rows if _is_written(row)]
        self.fields = frozenset(name for row in self._rows for name in field_names(row))
        self._write = compile_rows(self._rows, loop.id, _loop_writer)

    @staticmethod
    def of(loop: Loop) -> "LoopWriter":
        """The writer of a loop of a table, compiled once."""
        known = _WRITERS.get(id(loop))
        if known is None or known.loop is not loop:
            known = _WRITERS[id(loop)] = LoopWriter(loop)
        return known

    @property
    def written_rows(self) -> list[Segment | HealthCodes | Loop]:
        """The rows that are ever written."""
        return self._rows

    @cached_property
    def rows(self) -> list[tuple[Segment | HealthCodes | Loop, WriteRow]]:
        """Each row with a function of its own, for those who look at one at a time."""
        return [(row, compile_rows([row], self.loop.id, _loop_writer)) for row in self._rows]

    def write(self, node: Any, put: Put, outer: Any = None) -> None:
        """Puts the loop's segments, with the internal separators."""
        fields = fields_of(node)
        self._write(fields, put, fields if outer is None else fields_of(outer))

    def write_fields(self, fields: Fields, put: Put, outer: Fields) -> None:
        """The same for fields that `fields_of` gave."""
        self._write(fields, put, outer)


_WRITERS: dict[int, LoopWriter] = {}


def _is_written(row: Segment | HealthCodes | Loop) -> bool:
    if isinstance(row, Segment):
        return row.writes and bool(row.parts)
    return isinstance(row, HealthCodes) or row.into is not None


def field_names(row: Segment | HealthCodes | Loop) -> Iterator[str]:
    """The fields of a loop's node that a row writes, and those of loops in it that reach out."""
    if isinstance(row, HealthCodes):
        yield from (code.into for code in row.codes)
    elif isinstance(row, Loop):
        if row.into is not None:
            yield row.into
            for inner in row.rows:
                if isinstance(inner, Segment) and inner.outer:
                    yield from field_names(inner)
    elif row.into is not None:
        yield row.into
    else:
        for part in row.parts.values():
            yield from part_fields(part)


def part_fields(part: Part) -> Iterator[str]:
    """The fields that a part writes; of a dotted one, the owner."""
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
                yield from part_fields(inner)
        case _:
            return


def _loop_writer(loop: Loop) -> WriteRow:
    return LoopWriter.of(loop).write_fields

"""Whether a model certainly fits its table: the quick answer for the many that do.

It is apart from `inspection`, which tells what does not fit and takes twenty times as long: each
claim on its way to a payer is asked, nearly all fit. Made from the same tables: lengths, counts
and fields without place are tested field by field, the texts are collected and looked over for
characters once.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel

from shared.x12.elements import INTEGER, QUANTITY, ElementType, write_quantity
from shared.x12.inspection import counts_within
from shared.x12.rendering import Fields
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
from shared.x12.writer import LoopWriter, field_names

Screen = Callable[[Fields, Fields, Callable[[str], None]], bool]
"""Fields of a loop and of the loop around it, and what collects the texts. False: look closer."""


@lru_cache(256)
def screen(writer: LoopWriter, model: type[BaseModel] | None, *, is_level: bool = False) -> Screen:
    """The screen of a loop, compiled once. `model` is the loop's: its fields must all have a place,
    but where the loop is a level that has only some of them."""
    source = Source()
    screening = _Screening(source)
    loop = writer.loop
    if model is not None and not is_level:
        placed = {name for row in (loop.start, *loop.rows) for name in field_names(row)}
        screening.not_placed([name for name in model.model_fields if name not in placed])
    rows = writer.written_rows
    for row in rows:
        if isinstance(row, Loop):
            screening.loop(row, model)
        elif isinstance(row, HealthCodes):
            screening.health_codes(row)
        else:
            screening.segment(row)
    source.add(0, "return True")
    return source.compile(f"screen_{loop.id}", "fields, outer, add")


def model_of(model: Any, field: str) -> type[BaseModel] | None:
    """The model of a field: its own, or of its tuple's entries."""
    annotation = model.model_fields[field].annotation if field in model.model_fields else None
    return _model_in(annotation)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _model_in(inner)
        if found is not None:
            return found
    return None


class _Screening:
    """Writes the tests of one loop."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._add = source.add

    def _refuse_if(self, depth: int, test: str) -> None:
        self._add(depth, f"if {test}:")
        self._add(depth + 1, "return False")

    def not_placed(self, names: list[str]) -> None:
        """Fields that the loop would lose."""
        if names:
            self._refuse_if(0, " or ".join(f"fields[{name!r}]" for name in names))

    def loop(self, row: Loop, model: type[BaseModel] | None) -> None:
        assert row.into is not None
        inner = model_of(model, row.into) if model is not None and not row.merge else None
        test = self._source.name(screen(LoopWriter.of(row), inner))
        nodes, depth = self._nodes(row.into, "fields", row.many, row.limit)
        self._refuse_if(depth, f"not {test}({nodes}, fields, add)")

    def _nodes(self, into: str, holder: str, many: bool, limit: int | None) -> tuple[str, int]:
        """Lines up to the fields of each node; their name, and how deep one stands then."""
        found, inner = self._source.fresh("n"), self._source.fresh("f")
        self._add(0, f"{found} = {holder}[{into!r}]")
        self._add(0, f"if {found}:")
        depth = 1
        if many:
            if limit is not None:
                self._refuse_if(1, f"len({found}) > {limit}")
            node = self._source.fresh("n")
            self._add(1, f"for {node} in {found}:")
            found, depth = node, 2
        self._add(depth, f"{inner} = {found}.__dict__")
        return inner, depth

    def health_codes(self, row: HealthCodes) -> None:
        within = self._source.name(counts_within)
        limited = self._source.name(row)
        for into, code in {code.into: code for code in row.codes}.items():
            if not code.many:
                self._texts(Element(into, length=30), "fields", 0)
                continue
            entries = f"fields[{into!r}]"
            if row.limit is not None:
                test = f"len({entries}) > {row.limit} and not {within}({limited}, fields)"
                self._refuse_if(0, test)
            if code.parts is None:
                self._texts(Several(into, 10**6, length=30), "fields", 0)
            else:
                inner, depth = self._nodes(into, "fields", many=True, limit=None)
                self._parts(code.parts, inner, depth)

    def segment(self, row: Segment) -> None:
        holder = "outer" if row.outer else "fields"
        if row.into is None:
            self._parts(row.parts, holder, 0)
            return
        is_many = row.many or row.spread is not None
        inner, depth = self._nodes(row.into, holder, is_many, row.limit)
        self._parts(row.parts, inner, depth)
        if row.spread is not None:
            self._parts(row.spread.parts, inner, depth)

    def _parts(self, parts: Mapping[int, Any], holder: str, depth: int) -> None:
        for part in parts.values():
            self._texts(part, holder, depth)

    def _value(self, field: str, holder: str, depth: int) -> str:
        value = self._source.fresh("v")
        owner, _, name = field.rpartition(".")
        if owner:
            self._add(depth, f"{value} = {holder}[{owner!r}]")
            self._add(depth, f"if {value} is not None: {value} = {value}.__dict__[{name!r}]")
        else:
            self._add(depth, f"{value} = {holder}[{name!r}]")
        return value

    def _texts(self, part: Part, holder: str, depth: int) -> None:
        match part:
            case Element(field=field, type=kind, length=length):
                if kind.write is None or kind in (QUANTITY, INTEGER):
                    value = self._value(field, holder, depth)
                    self._add(depth, f"if {value} is not None:")
                    self._one(kind, value, length, depth + 1)
            case Several(field=field, type=kind, length=length, times=times):
                value = self._value(field, holder, depth)
                self._add(depth, f"if {value}:")
                self._refuse_if(depth + 1, f"len({value}) > {times}")
                self._add(depth + 1, f"for each in {value}:")
                self._one(kind, "each", length, depth + 2)
            case Identifier():
                for field in (part.qualifier, part.value, *part.named.values()):
                    self._texts(Element(field, length=part.length), holder, depth)
            case Period(time=str(field)):
                self._texts(Element(field, length=6), holder, depth)
            case Composite():
                self._composite(part, holder, depth)
            case Repeat(into=into, times=times):
                self._add(depth, f"if {holder}[{into!r}]:")
                self._refuse_if(depth + 1, f"len({holder}[{into!r}]) > {times}")
                inner = self._source.fresh("f")
                self._add(depth + 1, f"for node in {holder}[{into!r}]:")
                self._add(depth + 2, f"{inner} = node.__dict__")
                self._parts(part.parts, inner, depth + 2)
            case _:
                return

    def _composite(self, part: Composite, holder: str, depth: int) -> None:
        if part.into is None:
            self._parts(part.parts, holder, depth)
            return
        inner = self._source.fresh("f")
        self._add(depth, f"if {holder}[{part.into!r}] is not None:")
        self._add(depth + 1, f"{inner} = {holder}[{part.into!r}].__dict__")
        self._parts(part.parts, inner, depth + 1)

    def _one(self, kind: ElementType, value: str, length: int, depth: int) -> None:
        if kind is QUANTITY:
            self._refuse_if(depth, f"len({self._source.name(write_quantity)}({value})) > {length}")
        elif kind is INTEGER:
            self._refuse_if(depth, f"not 0 <= {value} < {10**length}")
        else:
            self._refuse_if(depth, f"len({value}) > {length} or {value}.isspace()")
            self._add(depth, f"add({value})")

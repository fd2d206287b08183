"""Whether what a model holds fits its table: lengths, counts, characters, and fields without place.

It is apart from the writer because it is asked before writing, once per claim, and may be slow; the
writer stays free of checks.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.contract.model import Finding
from shared.x12.characters import COMPONENT, ELEMENT, has_foreign_characters
from shared.x12.errors import X12Error
from shared.x12.rendering import Fields, fields_of, says
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
from shared.x12.tokenizer import Separators
from shared.x12.writer import LoopWriter


def inspect(
    writer: LoopWriter, node: Any, separators: Separators, path: str = "", outer: Any = None
) -> Iterator[Finding]:
    """Findings of one loop and the loops in it. `path` is the loop's own, `2400[2]`."""
    own = path or writer.loop.id
    fields = fields_of(node)
    around = fields if outer is None else fields_of(outer)
    for row, write in writer.rows:
        if isinstance(row, Loop):
            yield from _inspect_loop(row, fields, separators)
            continue
        yield from _count(row, fields, own)
        lines: list[str] = []
        try:
            write(fields, lines.append, around)
        except X12Error as error:
            yield Finding(code=error.code, path=f"{own}/{row.id}", message=error.message)
            continue
        for line in lines:
            yield from _inspect_line(row, line, separators, own)


def _inspect_loop(row: Loop, fields: Fields, separators: Separators) -> Iterator[Finding]:
    assert row.into is not None
    nodes = fields.get(row.into)
    if not nodes:
        return
    writer = LoopWriter.of(row)
    entries = nodes if row.many else (nodes,)
    if row.limit is not None and len(entries) > row.limit:
        yield _too_many(row.id, row.limit)
    for number, node in enumerate(entries, start=1):
        path = f"{row.id}[{number}]" if row.many else row.id
        yield from inspect(writer, node, separators, path, fields)
        yield from _not_placed(writer, node, path, fields_in=row)


def _not_placed(writer: LoopWriter, node: Any, path: str, *, fields_in: Loop) -> Iterator[Finding]:
    if isinstance(node, Mapping) or fields_in.merge:
        return
    for name, value in vars(node).items():
        is_there = value is not None and value != () and value is not False
        if is_there and name not in writer.fields:
            yield Finding(
                code="field-not-placed",
                severity="warn",
                path=path,
                message=f"the loop has no place for the field {name}",
            )


def _count(row: Segment | HealthCodes, fields: Fields, own: str) -> Iterator[Finding]:
    if row.limit is None:
        return
    if isinstance(row, HealthCodes):
        is_within = counts_within(row, fields)
    else:
        is_within = not row.many or len(fields[row.into or ""] or ()) <= row.limit
    if not is_within:
        yield _too_many(f"{own}/{row.id}", row.limit)


def counts_within(row: HealthCodes, fields: Fields) -> bool:
    """Whether a claim has no more codes of a row's qualifiers than the standard holds."""
    count = sum(
        1
        for field in {code.into: code for code in row.codes if code.many}
        for entry in fields[field] or ()
        if any(code.into == field and says(code, entry) for code in row.codes)
    )
    return row.limit is None or count <= row.limit


def _too_many(path: str, limit: int) -> Finding:
    return Finding(
        code="too-many",
        path=path,
        message=f"more than the {limit} that the standard holds",
        hint="split the claim, or leave out what the payer does not need",
    )


def _inspect_line(
    row: Segment | HealthCodes, line: str, separators: Separators, own: str
) -> Iterator[Finding]:
    for position, value in enumerate(line.split(ELEMENT)[1:], start=1):
        if not value:
            continue
        path = f"{own}/{row.id}{position:02d}"
        part = _part_at(row, position, value)
        yield from _inspect_value(part, value, separators, path)


def _inspect_value(
    part: Part | None, value: str, separators: Separators, path: str
) -> Iterator[Finding]:
    if isinstance(part, Composite):
        for position, inner in enumerate(value.split(COMPONENT), start=1):
            if inner:
                inner_part = _covering(part.parts, position)
                yield from _inspect_value(inner_part, inner, separators, f"{path}-{position}")
        return
    length = part.length if isinstance(part, Element | Several | Identifier) else None
    if length is not None and len(value) > length:
        yield Finding(
            code="too-long",
            path=path,
            message=f"longer than the {length} characters that the standard holds",
        )
    if value.isspace():
        yield Finding(code="blank-value", path=path, message="only spaces")
    is_text = isinstance(part, Element | Several) and part.type.is_free_text
    is_odd = not is_text and not value.isascii()
    if is_odd or has_foreign_characters(value, separators):
        yield Finding(
            code="character-not-allowed",
            severity="warn" if is_text else "block",
            path=path,
            message="a character that the standard or the separators do not allow",
            hint="it is written as a space" if is_text else "correct the identifier",
        )


def _health_part(row: HealthCodes, value: str) -> Part | None:
    qualifier = value.split(COMPONENT, 1)[0]
    for code in row.codes:
        if code.qualifier == qualifier:
            return Composite(code.parts or {2: Element("", length=30)})
    return None


def _part_at(row: Segment | HealthCodes, position: int, value: str) -> Part | None:
    if isinstance(row, HealthCodes):
        return _health_part(row, value)
    spread = row.spread
    if spread is not None and position >= spread.start:
        return spread.parts.get((position - spread.start) % spread.group_width())
    return _covering(row.parts, position)


def _covering(parts: Mapping[int, Part], position: int) -> Part | None:
    """The part that an element belongs to, those that take several positions among them."""
    for start, part in parts.items():
        match part:
            case Several(times=times) if start <= position < start + times:
                return part
            case Identifier() if position == start + 1:
                return part
            case Period() if start <= position <= start + 1:
                return None
            case Repeat(parts=inner, times=times):
                width = max(inner) + 1
                if start <= position < start + width * times:
                    return inner.get((position - start) % width)
            case _ if start == position and not isinstance(part, Identifier):
                return part
    return None

"""Claims for property tests, made from the 837 tables themselves: every row of a table gets its
turn, so that whatever the tables place is tried. A claim is in canonical form (what a reader would
give); it is not a sensible claim: sums and codes mean nothing.

Hypothesis draws a seed and a density (how much of what may stand does), so that what fails shrinks
to a sparse claim.
"""

import random
import string
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

from hypothesis import strategies as st
from pydantic import BaseModel

from shared.contract.claim import Claim, ClaimKind
from shared.contract.envelope import business_id
from shared.x12.claims.reading import TABLES
from shared.x12.elements import (
    ADJUSTMENT_GROUP,
    CENTS,
    DAY,
    EXEMPT,
    FLAG,
    INTEGER,
    PERSON,
    QUANTITY,
    YES,
    ElementType,
)
from shared.x12.table import (
    Composite,
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

Node = dict[str, Any]
SOURCE = "hospital"
_WORDS = string.ascii_letters + string.digits + "  .,-'&/()#"
_CODES = string.ascii_uppercase + string.digits


class ClaimMaker:
    """Makes nodes of a table's loops at random; the same seed and density, the same nodes."""

    def __init__(self, seed: int, density: float) -> None:
        self._random = random.Random(seed)
        self._density = density

    def claim(self, kind: ClaimKind) -> Claim:
        """One claim of that kind, under a subscriber or under a patient."""
        loops = _levels(TABLES[kind].root)
        node: Node = {"kind": kind, "source": SOURCE}
        for name in ("837", "2000A", "2000B"):
            node |= self.rows(loops[name], Claim)
        self._level(node, loops["2000C"], is_there=self._random.random() < 0.4)
        node |= self.loop(loops["2300"], Claim)
        if "submission_kind" in node:
            node["submission_kind"] = self._random.choice(("RP", "31"))
        node["patient_control_number"] = self._code(20)
        node["service_lines"] = [
            self.loop(_child(loops["2300"], "service_lines"), _model(Claim, "service_lines"))
            for _ in range(self._random.randint(1, 4))
        ]
        node["id"] = business_id("claim", SOURCE, node["patient_control_number"])
        return Claim.model_validate({k: v for k, v in node.items() if k in Claim.model_fields})

    def _level(self, node: Node, level: Loop, *, is_there: bool) -> None:
        """The patient's level."""
        if not is_there:
            return
        node |= self.rows(level, Claim)
        if "patient_relationship" not in node:
            node["patient_relationship"] = "19"

    def rows(self, loop: Loop, model: Any) -> Node:
        """The fields of a loop's rows."""
        node: Node = {}
        for row in loop.rows:
            if isinstance(row, HealthCodes):
                self._health_codes(row, node)
            elif isinstance(row, Segment):
                self._segment(row, loop, node, model)
            elif row.into is not None and row.into != "service_lines":
                self._loop(row, node, model)
        return node

    def loop(self, loop: Loop, model: Any) -> Node:
        """A loop's opening segment and rows."""
        node = self.fields(loop.start.parts, model, always=True)
        rows = self.rows(loop, model)
        for name, value in rows.items():
            if isinstance(value, dict) and isinstance(node.get(name), dict):
                node[name] |= value
            else:
                node[name] = value
        return node

    def _is_chosen(self) -> bool:
        return self._random.random() < self._density

    def _loop(self, row: Loop, node: Node, model: Any) -> None:
        assert row.into is not None
        if not (row.required or self._is_chosen()):
            return
        inner = _model(model, row.into)
        if row.many:
            most = min(row.limit or 3, 3)
            made = [self.loop(row, inner) for _ in range(self._random.randint(1, most))]
            node[row.into] = made
        else:
            node[row.into] = {**self.loop(row, inner), **node.get(row.into, {})}
        for outer in row.rows:
            if isinstance(outer, Segment) and outer.outer and self._is_chosen():
                node |= self.fields(outer.parts, model)

    def _segment(self, row: Segment, loop: Loop, node: Node, model: Any) -> None:
        is_required = row.required or any(
            part.required for part in row.parts.values() if isinstance(part, Element | Period)
        )
        if row.outer or not ((is_required and row.into is None) or self._is_chosen()):
            return
        if row.into is None:
            _merge(node, self.fields(row.parts, model))
            return
        inner = _model(model, row.into)
        if row.spread is not None:
            node[row.into] = [
                self.fields({**row.parts, **_shifted(row.spread.parts)}, inner)
                for _ in range(self._random.randint(1, 8))
            ]
        elif row.many:
            made = [
                self._distinct(self.fields(row.parts, inner), row, loop)
                for _ in range(self._random.randint(1, min(row.limit or 3, 3)))
            ]
            node[row.into] = [entry for entry in made if entry]
        else:
            _merge(node, {row.into: self.fields(row.parts, inner)})

    def _distinct(self, entry: Node, row: Segment, loop: Loop) -> Node:
        """What takes the rest of a segment's qualifiers takes none with a row of its own."""
        if "qualifier" in entry and 1 in row.parts:
            named = {
                part.value
                for other in loop.rows
                if isinstance(other, Segment) and other.id == row.id
                for part in other.parts.values()
                if hasattr(part, "value")
            } | {"EI", "SY"}
            while entry["qualifier"] in named:
                entry["qualifier"] = self._code(2)
        return entry

    def fields(self, parts: Mapping[int, Part], model: Any, *, always: bool = False) -> Node:
        """The fields of a segment or composite; at least one that makes it worth writing."""
        needed = _required(model)
        node: Node = {}
        for part in parts.values():
            self._part(part, model, node, needed)
        if not always and not _is_written(parts, node):
            candidates = [part for part in parts.values() if _is_reason(part)]
            if candidates:
                self._part(candidates[0], model, node, needed, must=True)
        if not always and not _is_written(parts, node):
            return {}
        return node

    def _part(
        self, part: Part, model: Any, node: Node, needed: set[str], *, must: bool = False
    ) -> None:
        if not (must or isinstance(part, Identifier) or self._is_due(part, needed)):
            return
        match part:
            case Element(field=field):
                self._put(node, field, self._element(part))
            case Several(field=field):
                count = self._random.randint(1, part.times)
                values = [self._value(part.type, part.length) for _ in range(count)]
                self._put(node, field, values)
            case Identifier():
                self._identifier(part, node)
            case Period():
                self._period(part, node, needed)
            case Composite(into=None):
                for inner in part.parts.values():
                    self._part(inner, model, node, needed, must=must and _is_reason(inner))
            case Composite(into=str(into)):
                node[into] = self.fields(part.parts, _model(model, into))
            case Repeat(into=into):
                inner_model = _model(model, into)
                shifted = _shifted(part.parts)
                count = self._random.randint(1, part.times)
                node[into] = [self.fields(shifted, inner_model) for _ in range(count)]
            case _:
                return

    def _is_due(self, part: Part, needed: set[str]) -> bool:
        match part:
            case Element():
                return part.required or part.field in needed or self._is_chosen()
            case Period():
                return part.required or part.on in needed or self._is_chosen()
            case Composite(into=None):
                return True
            case Composite(into=str(into)):
                return into in needed or any(_holds_required(part)) or self._is_chosen()
            case _:
                return self._is_chosen()

    @staticmethod
    def _put(node: Node, field: str, value: Any) -> None:
        if value is None:
            return
        owner, _, name = field.rpartition(".")
        if owner:
            node.setdefault(owner, {})[name] = value
        else:
            node[field] = value

    def _element(self, part: Element) -> Any:
        if part.keys:
            others = [key for key in part.keys if key != part.default]
            return self._random.choice([*others, None])
        value = self._value(part.type, part.length)
        while value == part.default:
            value = self._value(part.type, part.length)
        return value

    def _identifier(self, part: Identifier, node: Node) -> None:
        choice = self._random.random()
        if choice < 0.5:
            node[next(iter(part.named.values()))] = self._code(10)
        elif choice < 0.9:
            node[part.qualifier] = self._random.choice(("PI", "MI", "24", "46"))
            node[part.value] = self._code(12)

    def _period(self, part: Period, node: Node, needed: set[str]) -> None:
        on = self._day()
        possible = {"D8": True, "RD8": part.through, "DT": part.time, "TM": part.time}
        forms = [form for form in part.forms if possible[form]]
        if part.on in needed and "TM" in forms:
            forms.remove("TM")
        form = self._random.choice(forms)
        if form != "TM" and part.on:
            node[part.on] = on
        if form == "RD8" and part.through:
            node[part.through] = on + timedelta(days=self._random.randint(0, 40))
        if form in ("DT", "TM") and part.time:
            node[part.time] = f"{self._random.randint(0, 23):02d}{self._random.randint(0, 59):02d}"

    def _health_codes(self, row: HealthCodes, node: Node) -> None:
        if not (row.required or self._is_chosen()):
            return
        first = row.codes[0]
        if not first.many:
            node[first.into] = self._code(3)
            return
        most = min(row.limit or 12, 14)
        entries = [self._health_code(row) for _ in range(self._random.randint(1, most))]
        node.setdefault(first.into, []).extend(entries)

    def _health_code(self, row: HealthCodes) -> Any:
        code: HealthCode = self._random.choice(row.codes)
        if code.parts is None:
            return self._code(2)
        model = _model(Claim, code.into)
        return {**code.says, **self.fields(code.parts, model, always=True)}

    def _value(self, kind: ElementType, length: int) -> Any:
        if kind is CENTS:
            return self._random.randint(-10_000, 10**9)
        if kind is QUANTITY:
            digits = min(length, 8) - 2
            return Decimal(self._random.randint(0, 10**digits - 1)).scaleb(-digits // 2)
        if kind is INTEGER:
            return self._random.randint(1, 99)
        if kind is DAY:
            return self._day()
        if kind in (FLAG, PERSON):
            return self._random.random() < 0.5
        if kind in (YES, EXEMPT):
            return True
        if kind is ADJUSTMENT_GROUP:
            return self._random.choice(("CO", "PR", "OA", "PI"))
        return self._text(length) if kind.is_free_text else self._code(min(length, 12))

    def _day(self) -> date:
        return date(1930, 1, 1) + timedelta(days=self._random.randint(0, 36_000))

    def _code(self, length: int) -> str:
        return "".join(self._random.choices(_CODES, k=self._random.randint(1, length)))

    def _text(self, length: int) -> str:
        return (
            "".join(self._random.choices(_WORDS, k=self._random.randint(1, length))).strip() or "X"
        )


def _shifted(parts: Mapping[int, Any]) -> dict[int, Part]:
    return {at + 100: part for at, part in parts.items()}


def _merge(node: Node, more: Node) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(node.get(name), dict):
            node[name] |= value
        else:
            node[name] = value


def _is_reason(part: Part) -> bool:
    """Whether a part alone makes its segment worth writing."""
    match part:
        case Element(default=default):
            return default is None
        case Several() | Period() | Repeat():
            return True
        case Composite(parts=parts):
            return any(_is_reason(inner) for inner in parts.values())
        case _:
            return False


def _is_written(parts: Mapping[int, Part], node: Node) -> bool:
    for part in parts.values():
        match part:
            case Element(field=field, default=None):
                owner, _, name = field.rpartition(".")
                if name in (node.get(owner, {}) if owner else node):
                    return True
            case Several(field=field) | Repeat(into=field) | Composite(into=str(field)):
                if node.get(field):
                    return True
            case Period():
                if (part.on and part.on in node) or (part.time and part.time in node):
                    return True
            case Identifier():
                if any(name in node for name in (part.value, *part.named.values())):
                    return True
            case Composite(parts=inner):
                if _is_written(inner, node):
                    return True
            case _:
                continue
    return False


def _holds_required(part: Composite) -> list[bool]:
    return [inner.required for inner in part.parts.values() if isinstance(inner, Element)]


def _levels(root: Loop) -> dict[str, Loop]:
    found = {root.id: root}
    for row in root.rows:
        if isinstance(row, Loop) and row.into is None:
            found |= _levels(row)
    return found


def _child(loop: Loop, into: str) -> Loop:
    return next(row for row in loop.rows if isinstance(row, Loop) and row.into == into)


def _required(model: Any) -> set[str]:
    return {name for name, field in model.model_fields.items() if field.is_required()}


def _model(model: Any, field: str) -> Any:
    """The model of a field: its own, or of its tuple's entries."""

    def find(annotation: Any) -> Any:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        for inner in get_args(annotation):
            found = find(inner)
            if found is not None:
                return found
        return None

    return find(model.model_fields[field].annotation)


def claims(kind: ClaimKind) -> st.SearchStrategy[Claim]:
    """Claims of one kind, in the canonical form that reading an 837 gives."""
    return st.builds(
        lambda seed, density: ClaimMaker(seed, density / 10).claim(kind),
        st.integers(0, 2**32),
        st.integers(0, 10),
    )


def claim_ids() -> st.SearchStrategy[UUID]:
    """Opaque claim ids."""
    return st.uuids(version=5)

"""What each reference table is called, how wide its keys are, and what its records mean.

Encoding and decoding of a kind stand side by side: whoever changes one sees the other.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.coding.domain.reference import (
    AddOn,
    Article,
    DiagnosisCode,
    PairEdit,
    PayerLimit,
    Place,
    ProcedureCode,
    Ranges,
    SurgicalCode,
    UnitLimit,
)
from services.coding.reference.table import Row

_SIDES = ("", "R", "L", "B")
_INDICATORS = ("0", "1", "9")


def ranges(pairs: Iterable[Sequence[str]]) -> Ranges:
    return Ranges((low, high) for low, high in pairs)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":")) if value else ""


def diagnosis_row(code: str, first: int, last: int, entry: DiagnosisCode) -> Row:
    value = entry.is_billable | entry.is_manifestation << 1 | _SIDES.index(entry.side) << 2
    notes = {
        "x": entry.excludes.pairs,
        "f": entry.code_first.pairs,
        "a": entry.use_additional.pairs,
        "7": entry.seventh,
        "c": entry.children,
    }
    return Row(
        code, first, last, value, _compact({key: each for key, each in notes.items() if each})
    )


def _diagnosis(_key: str, _first: int, _last: int, value: int, text: Any) -> DiagnosisCode:
    notes = text or {}
    return DiagnosisCode(
        bool(value & 1),
        bool(value & 2),
        _SIDES[value >> 2],
        ranges(notes.get("x", ())),
        ranges(notes.get("f", ())),
        ranges(notes.get("a", ())),
        notes.get("7", ""),
        tuple(notes.get("c", ())),
    )


def surgical_row(code: str, first: int, last: int, *, is_billable: bool) -> Row:
    return Row(code, first, last, int(is_billable))


def _surgical(_key: str, _first: int, _last: int, value: int, _text: Any) -> SurgicalCode:
    return SurgicalCode(bool(value))


def procedure_row(code: str, entry: ProcedureCode) -> Row:
    coverage = ord(entry.coverage) if entry.coverage else 0
    return Row(code, entry.added, entry.ended, coverage, _compact(entry.description))


def _procedure(_key: str, first: int, last: int, value: int, text: Any) -> ProcedureCode:
    return ProcedureCode(first, last, chr(value) if value else "", text or "")


def pair_key(one: str, other: str) -> str:
    """The key of a pair, whichever way around it comes."""
    return one + other if one < other else other + one


def pair_row(edit: PairEdit) -> Row:
    is_turned = edit.column_1 > edit.column_2
    value = _INDICATORS.index(edit.indicator) << 1 | is_turned
    key = pair_key(edit.column_1, edit.column_2)
    return Row(key, edit.first, edit.last, value, _compact(edit.rationale))


def _pair(key: str, first: int, last: int, value: int, text: Any) -> PairEdit:
    low, high = key[:5], key[5:]
    one, two = (high, low) if value & 1 else (low, high)
    return PairEdit(one, two, _INDICATORS[value >> 1], first, last, text or "")


def limit_row(code: str, first: int, last: int, entry: UnitLimit) -> Row:
    return Row(code, first, last, entry.value << 2 | entry.indicator, _compact(entry.rationale))


def _limit(_key: str, _first: int, _last: int, value: int, text: Any) -> UnitLimit:
    return UnitLimit(value >> 2, value & 3, text or "")


def add_on_row(code: str, entry: AddOn) -> Row:
    return Row(code, entry.first, entry.last, entry.kind, _compact(sorted(entry.primaries)))


def _add_on(_key: str, first: int, last: int, value: int, text: Any) -> AddOn:
    return AddOn(value, frozenset(text or ()), first, last)


def place_row(code: str, first: int, last: int, name: str) -> Row:
    return Row(code, first, last, 0, _compact(name))


def _place(_key: str, _first: int, _last: int, _value: int, text: Any) -> Place:
    return Place(text or "")


def article_row(procedure: str, entry: Article) -> Row:
    text = _compact([entry.article, entry.payer, entry.diagnoses.pairs])
    return Row(procedure, entry.first, entry.last, 0, text)


def _article(_key: str, first: int, last: int, _value: int, text: Any) -> Article:
    article, payer, diagnoses = text
    return Article(article, ranges(diagnoses), first, last, payer)


def _limit_of_days(_key: str, _first: int, _last: int, value: int, _text: Any) -> PayerLimit:
    return PayerLimit(value)


@dataclass(frozen=True, slots=True)
class Kind:
    """A table: the width of its keys, what its records mean, the sets it comes in, and how many
    answers are worth remembering (pairs are too many and mostly absent)."""

    key_width: int
    decode: Callable[[str, int, int, int, Any], Any]
    sets: tuple[str, ...] = ()
    remembered: int = 0


KINDS: dict[str, Kind] = {
    "icd10cm": Kind(7, _diagnosis, remembered=16_384),
    "icd10pcs": Kind(7, _surgical, remembered=4_096),
    "hcpcs": Kind(5, _procedure, remembered=8_192),
    "cpt": Kind(5, _procedure, remembered=8_192),
    "pos": Kind(2, _place, remembered=128),
    "ncci-ptp": Kind(10, _pair, sets=("practitioner", "outpatient")),
    "ncci-mue": Kind(5, _limit, sets=("practitioner", "outpatient", "dme"), remembered=8_192),
    "add-on": Kind(5, _add_on, remembered=2_048),
    "coverage": Kind(5, _article, remembered=512),
    "filing-limit": Kind(80, _limit_of_days, remembered=512),
    "dispute-limit": Kind(80, _limit_of_days, remembered=512),
}


def table_name(kind: str, table_set: str | None) -> str:
    """What an edition's file and findings call a table: `ncci-mue-dme`."""
    return f"{kind}-{table_set}" if table_set else kind


NAMES: dict[str, str] = {
    table_name(name, table_set): name
    for name, kind in KINDS.items()
    for table_set in (kind.sets or (None,))
}
"""The kind of each table by its name."""

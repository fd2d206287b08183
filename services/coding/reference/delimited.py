"""Loaders of delimited files: NCCI pairs, unit limits, add-on codes, HCPCS, CPT, places, coverage.

A layout says which columns a table needs and by which words its header names them. Headers stand
anywhere: what precedes the first line with all needed words is preamble.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from services.coding.domain.reference import (
    BEGINNING,
    END,
    AddOn,
    Article,
    PairEdit,
    ProcedureCode,
    Ranges,
    UnitLimit,
)
from services.coding.reference import kinds
from services.coding.reference.sources import Line, SourceError, day
from services.coding.reference.table import Row

_CODE = re.compile(r"[0-9A-Z]{4}[0-9A-Z]")
_MODIFIER_OR_CODE = re.compile(r"[0-9A-Z]{2}|[0-9A-Z]{5}")
_CPT_CODE = re.compile(r"[0-9]{4}[0-9A-Z]")
_PREAMBLE_LINES = 60

Record = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Layout:
    """A file's columns by our names for them: each the words that its header contains (all of one
    alternative), in the order in which they are looked for."""

    needed: Mapping[str, tuple[str, ...]]
    rows: Callable[[Record], Iterator[Row]]
    """The rows of one record. Raises ValueError, whose text a report shows."""
    key: str
    """The column that no row of the table leaves empty: before the first that has it, headers that
    span several lines go on."""
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class RejectedLineError(ValueError):
    """A line of the file that a table cannot take. The text says why."""


def records(source: Iterator[Line], layout: Layout) -> Iterator[tuple[int, Record | None]]:
    """The records below the header, each with its line number; None for one that is too short.
    Raises SourceError where no header is found."""
    columns = _columns(source, layout)
    width = max(columns.values()) + 1
    shortest = max(columns[name] for name in layout.needed) + 1
    key = columns[layout.key]
    is_header = True
    for number, cells in source:
        if is_header and (len(cells) <= key or not cells[key]):
            continue
        is_header = False
        if len(cells) < shortest:
            yield number, None
            continue
        full = cells + [""] * (width - len(cells))
        yield number, {name: full[at] for name, at in columns.items()}


def _columns(source: Iterator[Line], layout: Layout) -> dict[str, int]:
    for count, (_, cells) in enumerate(source):
        found = _match([_plain(cell) for cell in cells], layout)
        if found is not None:
            return found
        if count >= _PREAMBLE_LINES:
            break
    names = ", ".join(layout.needed)
    raise SourceError(f"no header line names the columns that this table needs ({names})")


def _match(headers: list[str], layout: Layout) -> dict[str, int] | None:
    columns: dict[str, int] = {}
    shortest_first = sorted(range(len(headers)), key=lambda at: (len(headers[at]), at))
    for name, alternatives in {**layout.needed, **layout.optional}.items():
        at = next(
            (
                at
                for words in alternatives
                for at in shortest_first
                if at not in columns.values() and all(word in headers[at] for word in words.split())
            ),
            None,
        )
        if at is not None:
            columns[name] = at
        elif name in layout.needed:
            return None
    return columns


def _plain(header: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", header.lower()).strip()


def _code(text: str, pattern: re.Pattern[str] = _CODE) -> str:
    code = text.strip().upper()
    if pattern.fullmatch(code) is None:
        raise RejectedLineError("this is no procedure code")
    return code


def _pairs(record: Record) -> Iterator[Row]:
    indicator = record["indicator"][:1]
    if indicator not in ("0", "1", "9"):
        raise RejectedLineError("the modifier indicator is not 0, 1 or 9")
    yield kinds.pair_row(
        PairEdit(
            _code(record["column_1"]),
            _code(record["column_2"]),
            indicator,
            day(record.get("effective", ""), BEGINNING),
            day(record["deleted"], END),
            record.get("rationale", ""),
        )
    )


def _limits(record: Record) -> Iterator[Row]:
    value, indicator = record["value"], record["indicator"][:1]
    if not value.isdigit() or len(value) > 8:
        raise RejectedLineError("the value is no whole number")
    if indicator not in ("1", "2", "3"):
        raise RejectedLineError("the adjudication indicator is not 1, 2 or 3")
    limit = UnitLimit(int(value), int(indicator), record.get("rationale", ""))
    yield kinds.limit_row(_code(record["code"]), BEGINNING, END, limit)


_ADD_ON_ENDS = ("deleted", "code_deleted", "primary_deleted")
_CONTRACTOR_DEFINED = frozenset(("CCCCC",))
"""Stands for a primary that the payer decides on."""


def _add_ons(record: Record) -> Iterator[Row]:
    kind = re.sub(r"[^123]", "", record["kind"])[:1]
    if not kind:
        raise RejectedLineError("the type is not 1, 2 or 3")
    first = day(record.get("effective", ""), BEGINNING)
    last = min(day(record.get(name, ""), END) for name in _ADD_ON_ENDS)
    primaries = frozenset(re.findall(r"[0-9A-Z]{5}", record.get("primary", "").upper()))
    primaries -= _CONTRACTOR_DEFINED
    yield kinds.add_on_row(_code(record["code"]), AddOn(int(kind), primaries, first, last))


def _hcpcs(record: Record) -> Iterator[Row]:
    yield kinds.procedure_row(
        _code(record["code"], _MODIFIER_OR_CODE),
        ProcedureCode(
            day(record.get("added", ""), BEGINNING),
            day(record.get("ended", ""), END),
            record.get("coverage", "")[:1].upper(),
            record.get("description", ""),
        ),
    )


def _cpt(record: Record) -> Iterator[Row]:
    added, ended = day(record.get("added", ""), BEGINNING), day(record.get("ended", ""), END)
    yield kinds.procedure_row(_code(record["code"], _CPT_CODE), ProcedureCode(added, ended))


def _places(record: Record) -> Iterator[Row]:
    code = record["code"].zfill(2)
    if re.fullmatch(r"[0-9]{2}", code) is None:
        raise RejectedLineError("a place of service has two digits")
    if record["name"].lower() != "unassigned":
        yield kinds.place_row(code, BEGINNING, END, record["name"])


def _coverage(record: Record) -> Iterator[Row]:
    article = Article(
        record["article"],
        diagnosis_ranges(record["diagnoses"]),
        day(record.get("effective", ""), BEGINNING),
        day(record.get("ended", ""), END),
        record.get("payer", ""),
    )
    for code in re.split(r"[\s;|]+", record["procedure"].strip()):
        yield kinds.article_row(_code(code), article)


def diagnosis_ranges(text: str) -> Ranges:
    """`E11.-; I10; Z79.4-Z79.8` as ranges. Raises ValueError where it has none."""
    pairs = []
    for part in re.split(r"[\s;|]+", text.upper().replace(".", "").strip()):
        low, _, high = part.rstrip("-").partition("-")
        if re.fullmatch(r"[A-Z][0-9][0-9A-Z]{1,5}", low) is None:
            raise RejectedLineError("a diagnosis is no ICD-10-CM code, heading or range")
        pairs.append((low, high or low))
    return Ranges(pairs)


def _limit_of_days(record: Record) -> Iterator[Row]:
    days = record["days"]
    if not days.isdigit() or not 0 < int(days) <= 3_660:
        raise RejectedLineError("the limit is no number of days")
    yield Row(record["payer"], BEGINNING, END, int(days))


_LIMIT_OF_DAYS = Layout(
    needed={"payer": ("payer",), "days": ("days",)}, rows=_limit_of_days, key="payer"
)

LAYOUTS: Mapping[str, Layout] = {
    "ncci-ptp": Layout(
        needed={
            "column_1": ("column 1",),
            "column_2": ("column 2",),
            "deleted": ("delet",),
            "indicator": ("modifier",),
        },
        optional={"effective": ("effective",), "rationale": ("rationale",)},
        rows=_pairs,
        key="column_1",
    ),
    "ncci-mue": Layout(
        needed={
            "value": ("mue value", "mue values"),
            "indicator": ("adjudication indicator", "mai"),
            "code": ("hcpcs", "code"),
        },
        optional={"rationale": ("rationale",)},
        rows=_limits,
        key="code",
    ),
    "add-on": Layout(
        needed={"kind": ("type",), "code": ("add on",)},
        optional={
            "primary": ("primary code", "primary"),
            "effective": ("edit eff", "effective"),
            "deleted": ("edit del", "deletion"),
            "code_deleted": ("aoc del",),
            "primary_deleted": ("primary del",),
        },
        rows=_add_ons,
        key="code",
    ),
    "hcpcs": Layout(
        needed={"code": ("hcpc", "code")},
        optional={
            "added": ("add dt", "add date", "added"),
            "ended": ("term dt", "term date", "terminat"),
            "coverage": ("cov", "coverage"),
            "description": ("short desc",),
        },
        rows=_hcpcs,
        key="code",
    ),
    "cpt": Layout(
        needed={"code": ("cpt code", "code", "cpt")},
        optional={"added": ("effective", "added"), "ended": ("delet", "terminat", "ended")},
        rows=_cpt,
        key="code",
    ),
    "pos": Layout(
        needed={"code": ("code",), "name": ("name",)},
        rows=_places,
        key="code",
    ),
    "coverage": Layout(
        needed={"article": ("article",), "procedure": ("procedure",), "diagnoses": ("diagnos",)},
        optional={"effective": ("effective",), "ended": ("ended", "terminat"), "payer": ("payer",)},
        rows=_coverage,
        key="article",
    ),
    "filing-limit": _LIMIT_OF_DAYS,
    "dispute-limit": _LIMIT_OF_DAYS,
}

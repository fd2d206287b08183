"""Loading an official file as an edition: all or nothing, with a report of what was refused."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import IO
from zipfile import ZipFile

from services.coding.domain.reference import BEGINNING, END
from services.coding.reference import coverage_database, icd10
from services.coding.reference.delimited import LAYOUTS, records
from services.coding.reference.kinds import KINDS, surgical_row, table_name
from services.coding.reference.library import SUFFIX, edition_name
from services.coding.reference.sources import (
    Progress,
    SourceError,
    effective_in,
    lines,
    open_source,
)
from services.coding.reference.table import Row, TableFile, TableWriter, save

_REPORTED = 20
_SETS_BY_NAME = {
    "practitioner": ("practitioner", "pra"),
    "outpatient": ("outpatient", "hosp", "hop"),
    "dme": ("dme",),
}


@dataclass(slots=True)
class Report:
    """What became of a file: rows taken, and lines that were refused with the reason."""

    edition: str = ""
    rows: int = 0
    refused: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)
    file: str = ""
    """The one that is read, where there are several."""
    path: Path | None = None
    """Where the edition is; None where nothing was loaded."""

    def refuse(self, number: int, reason: str) -> None:
        self.refused += 1
        if len(self.examples) < _REPORTED:
            self.examples.append((number, f"{self.file}: {reason}" if self.file else reason))


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be loaded. `table_set` and `effective` may be left to the file's name."""

    kind: str
    path: Path
    table_set: str | None = None
    effective: date | None = None
    source: str | None = None
    skip_refused: bool = False
    """Load what is good although lines were refused."""
    more: tuple[Path, ...] = ()
    """Further files of the same edition: CMS publishes a set of pairs in four parts."""


def load(order: Order, folder: Path, now: datetime, progress: Progress | None = None) -> Report:
    """Loads a file into a folder of editions. With a refused line nothing is loaded, unless the
    order says so. Raises SourceError where the file is not what it should be."""
    if order.kind not in KINDS:
        raise SourceError(f"{order.kind} is no table; there are {', '.join(KINDS)}")
    report = Report()
    with coverage_database.opened(order.path) as archive:
        if order.kind == "coverage" and archive is not None:
            content, table = _articles(order, archive, report, now)
        else:
            content, table = _content(order, report, now, progress)
    if report.rows == 0:
        raise SourceError("the file has a header and no row that this table can take")
    if report.refused and not order.skip_refused:
        return report
    name = edition_name(table, TableFile(content, KINDS[order.kind].decode).header)
    report.path = folder / f"{name}{SUFFIX}"
    report.edition = name
    if not report.path.exists():
        save(report.path, content)
    return report


def _articles(order: Order, archive: ZipFile, report: Report, now: datetime) -> tuple[bytes, str]:
    writer = TableWriter(KINDS[order.kind].key_width)
    for row in coverage_database.article_rows(archive):
        writer.add(row)
    report.rows = len(writer)
    return writer.finish(
        {
            "table": order.kind,
            "effective": (order.effective or now.date()).isoformat(),
            "source": order.source or order.path.name,
            "loaded_at": now.isoformat(timespec="microseconds"),
        }
    ), order.kind


def _content(
    order: Order, report: Report, now: datetime, progress: Progress | None
) -> tuple[bytes, str]:
    writer = TableWriter(KINDS[order.kind].key_width)
    found: dict[str, str] = {}
    names = []
    for path in (order.path, *order.more):
        with open_source(path, order.table_set or "") as (file, name, size):
            head = file.read(4_096)
            file.seek(0)
            table = table_name(order.kind, _set(order, path, name))
            effective = order.effective or _effective(order, path, name, head)
            report.file = name if order.more else ""
            for number, row in _rows(order.kind, head, file, size, report, progress):
                try:
                    writer.add(row)
                except ValueError as error:
                    report.refuse(number, str(error))
        if found and found != {"table": table, "effective": effective.isoformat()}:
            raise SourceError(f"{name} is of another set or day than the file before it")
        found = {"table": table, "effective": effective.isoformat()}
        names.append(name)
    report.rows = len(writer)
    header = {
        **found,
        "source": order.source or ", ".join(names),
        "loaded_at": now.isoformat(timespec="microseconds"),
    }
    return writer.finish(header), found["table"]


def _set(order: Order, path: Path, name: str) -> str | None:
    sets = KINDS[order.kind].sets
    if not sets:
        return None
    if order.table_set in sets:
        return order.table_set
    if order.table_set is None:
        for each in sets:
            names = f"{path.name} {name}".lower()
            if any(word in names for word in _SETS_BY_NAME[each]):
                return each
    raise SourceError(f"say which set the file is: --set {' or '.join(sets)}")


def _effective(order: Order, path: Path, name: str, head: bytes) -> date:
    found = effective_in(name) or effective_in(path.name)
    year = icd10.tabular_year(head) if order.kind == "icd10cm" else None
    if year is not None:
        found = date(year - 1, 10, 1)
    if found is None:
        raise SourceError("say from which day the file holds: --effective YYYY-MM-DD")
    return found


def _rows(
    kind: str, head: bytes, file: IO[bytes], size: int, report: Report, progress: Progress | None
) -> Iterator[tuple[int, Row]]:
    if kind == "icd10cm" and head.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
        yield from ((0, row) for row in icd10.tabular_rows(file))
    elif kind in ("icd10cm", "icd10pcs"):
        yield from _ordered(kind, file, report)
    else:
        yield from _delimited(kind, file, size, report, progress)


def _ordered(kind: str, file: IO[bytes], report: Report) -> Iterator[tuple[int, Row]]:
    codes: list[tuple[str, bool]] = []
    for number, found in icd10.order_lines(file):
        if found is None:
            report.refuse(number, "this is no line of an order file")
        else:
            codes.append(found)
    if kind == "icd10cm":
        yield from ((0, row) for row in icd10.diagnosis_rows(codes))
    else:
        yield from (
            (0, surgical_row(code, BEGINNING, END, is_billable=billable))
            for code, billable in codes
        )


def _delimited(
    kind: str, file: IO[bytes], size: int, report: Report, progress: Progress | None
) -> Iterator[tuple[int, Row]]:
    layout = LAYOUTS[kind]
    for number, record in records(lines(file, size, progress), layout):
        if record is None:
            report.refuse(number, "the line has too few columns")
            continue
        try:
            rows = list(layout.rows(record))
        except ValueError as error:
            report.refuse(number, str(error))
            continue
        yield from ((number, row) for row in rows)

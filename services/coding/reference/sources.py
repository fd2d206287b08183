"""Official files as their publishers leave them: zipped or not, tab or CSV, preamble and all."""

import csv
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple

_TEXT_SUFFIXES = (".txt", ".csv", ".xml", ".tsv")
_DATE_FORMATS = ("%Y%m%d", "%Y-%m-%d", "%m/%d/%Y")
_DAY_OF_YEAR = "%Y%j"
"""The form of seven digits that the add-on file calls Julian."""
_OPEN_ENDS = ("", "*", "9999365", "99991231", "9999-12-31", "12/31/9999")
_EFFECTIVE_NAME = re.compile(r"(\d{2})-(\d{2})-(20\d{2})|(20\d{2})-(\d{2})-(\d{2})")
_QUARTER_NAME = re.compile(r"(20\d{2})[ _-]?q([1-4])|q([1-4])[ _-]?(20\d{2})", re.IGNORECASE)
_NCCI_VERSION = re.compile(r"(?:^|[^0-9a-z])v(\d{2})([0-3])(?:r|[^0-9])", re.IGNORECASE)
_NCCI_FIRST_YEAR = 1994
"""NCCI's version n.q is of quarter q + 1 of the year 1994 + n: 30.2 is the third of 2024."""
_DELIMITERS = ("\t", ",", "|", ";")


class SourceError(ValueError):
    """A file that cannot be loaded, and what to do."""


class Line(NamedTuple):
    """One record of a file, by the place where it stands."""

    number: int
    cells: list[str]


Progress = Callable[[int, int], None]
"""Called with bytes read and bytes in all, now and then."""


@contextmanager
def open_source(path: Path, wanted: str = "") -> Iterator[tuple[IO[bytes], str, int]]:
    """The one text file in a path (itself, or inside its zip), its name and its size in bytes.

    `wanted` is a part of the name that decides where a zip has several. Raises SourceError.
    """
    if not zipfile.is_zipfile(path):
        if path.read_bytes()[:4] == b"PK\x03\x04":
            raise SourceError("the zip file is damaged; fetch it again")
        with path.open("rb") as file:
            yield file, path.name, path.stat().st_size
        return
    with zipfile.ZipFile(path) as archive:
        member = _member(archive, wanted)
        with archive.open(member) as file:
            yield file, member.filename, member.file_size


def _member(archive: zipfile.ZipFile, wanted: str) -> zipfile.ZipInfo:
    texts = [each for each in archive.infolist() if each.filename.lower().endswith(_TEXT_SUFFIXES)]
    if wanted and len(texts) > 1:
        texts = [each for each in texts if wanted in each.filename.lower()] or texts
    if len(texts) == 1:
        return texts[0]
    if not texts:
        raise SourceError(
            "the zip file holds no text, CSV or XML file; save a spreadsheet as CSV first"
        )
    names = ", ".join(sorted(each.filename for each in texts))
    raise SourceError(f"the zip file holds several files; unpack it and name one of: {names}")


def lines(file: IO[bytes], size: int, progress: Progress | None = None) -> Iterator[Line]:
    """The records of a delimited file, empty ones left out. Latin-1 (UTF-8 where it has a BOM);
    the delimiter is found out from the first lines."""
    head = file.read(8_192)
    encoding = "utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "latin-1"
    delimiter = _delimiter(head.decode(encoding, "replace"))
    reader = csv.reader(_texts(head, file, encoding, size, progress), delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Line(reader.line_num, [])
            continue
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield Line(reader.line_num, cells)


def _texts(
    head: bytes, file: IO[bytes], encoding: str, size: int, progress: Progress | None
) -> Iterator[str]:
    read = len(head)
    rest = head
    while True:
        block = rest.splitlines(keepends=True)
        rest = block.pop() if block and not block[-1].endswith(b"\n") else b""
        for raw in block:
            yield raw.decode(encoding, "replace")
        more = file.read(1 << 20)
        if not more:
            break
        read += len(more)
        if progress is not None:
            progress(read, size)
        rest += more
    if rest:
        yield rest.decode(encoding, "replace")


def _delimiter(text: str) -> str:
    sample = text.splitlines()[:40]
    return max(_DELIMITERS, key=lambda each: sum(line.count(each) for line in sample))


@lru_cache(maxsize=16_384)
def day(text: str, otherwise: int) -> int:
    """The ordinal of a date in one of the forms that CMS uses; `otherwise` where it is left open.
    Raises ValueError."""
    text = text.strip()
    if text in _OPEN_ENDS:
        return otherwise
    for form in (_DAY_OF_YEAR,) if len(text) == 7 else _DATE_FORMATS:
        try:
            return datetime.strptime(text, form).toordinal()  # noqa: DTZ007 - a day, no moment
        except ValueError:
            continue
    raise ValueError("this is no date")


def effective_in(name: str) -> date | None:
    """The day from which a file holds, where its name says: a date, a quarter, NCCI's version."""
    if found := _EFFECTIVE_NAME.search(name):
        month, day_of_month, year = found.group(1, 2, 3) if found[1] else found.group(5, 6, 4)
        try:
            return date(int(year), int(month), int(day_of_month))
        except ValueError:
            return None
    if found := _QUARTER_NAME.search(name):
        year, quarter = (found[1], found[2]) if found[1] else (found[4], found[3])
        return date(int(year), int(quarter) * 3 - 2, 1)
    if found := _NCCI_VERSION.search(name):
        return date(_NCCI_FIRST_YEAR + int(found[1]), int(found[2]) * 3 + 1, 1)
    return None

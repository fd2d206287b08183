"""CMS's Medicare Coverage Database: the export of current articles, a zip file of CSV files.

Two of its files say which procedures an article is about and which diagnoses it covers. Groups
inside an article, whose meaning stands in prose, are taken together: what any group covers is
covered. An article without a list of diagnoses says nothing here.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.coding.domain.reference import BEGINNING, END, Article, Ranges
from services.coding.reference.kinds import article_row
from services.coding.reference.table import Row

PROCEDURES, DIAGNOSES = "article_x_hcpc_code.csv", "article_x_icd10_covered.csv"
_NESTED = "article_csv.zip"
_PROCEDURE = re.compile(r"[0-9A-Z]{4}[0-9A-Z]")
_DIAGNOSIS = re.compile(r"[A-Z][0-9][0-9A-Z]{1,5}")
_NOT_A_CODE = "XX000"
"""Stands where an article names no code."""


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile | None]:
    """The export in a zip file, itself or in the zip file inside that CMS's download has; None
    where the file is something else."""
    if not zipfile.is_zipfile(path):
        yield None
        return
    with zipfile.ZipFile(path) as outer:
        inner = next((name for name in outer.namelist() if name.endswith(_NESTED)), None)
        if inner is None:
            yield outer if _member(outer, DIAGNOSES) else None
            return
        with outer.open(inner) as file, zipfile.ZipFile(io.BytesIO(file.read())) as archive:
            yield archive if _member(archive, DIAGNOSES) else None


def article_rows(archive: zipfile.ZipFile) -> Iterator[Row]:
    """A row for each procedure of each article that lists diagnoses."""
    covered: dict[str, set[str]] = {}
    for record in _records(archive, DIAGNOSES):
        code = (record.get("icd10_code_id") or "").replace(".", "").strip().upper()
        if _DIAGNOSIS.fullmatch(code):
            covered.setdefault(record.get("article_id") or "", set()).add(code)
    articles = {
        article: Article(
            f"A{article}", Ranges((code, code) for code in sorted(codes)), BEGINNING, END
        )
        for article, codes in covered.items()
    }
    seen = set()
    for record in _records(archive, PROCEDURES):
        code = (record.get("hcpc_code_id") or "").strip().upper()
        article = record.get("article_id") or ""
        is_code = code != _NOT_A_CODE and _PROCEDURE.fullmatch(code) is not None
        if is_code and article in articles and (code, article) not in seen:
            seen.add((code, article))
            yield article_row(code, articles[article])


def _member(archive: zipfile.ZipFile, name: str) -> str | None:
    return next((each for each in archive.namelist() if each.lower().endswith(name)), None)


def _records(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, str]]:
    member = _member(archive, name)
    if member is not None:
        with archive.open(member) as file:
            yield from csv.DictReader(io.TextIOWrapper(file, "latin-1", newline=""))

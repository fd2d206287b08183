"""Loaders of ICD-10-CM and ICD-10-PCS: CMS's order files, and NCHS's tabular list in XML.

The tabular list has what the order file lacks: seventh characters, Excludes1, code first, use
additional code. Its notes are prose; what stands in parentheses is read as codes and ranges, and a
note with a further condition ("with fifth character 5") is left out: a check that fires too rarely
is better than one that is wrong.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO
from xml.etree import ElementTree as ET

from services.coding.domain.reference import BEGINNING, END, NOWHERE, DiagnosisCode, Ranges
from services.coding.reference import kinds
from services.coding.reference.sources import SourceError
from services.coding.reference.table import Row

_PARENTHESES = re.compile(r"\(([^()]*)\)")
_CODES = re.compile(
    r"([A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{0,4})?)(?:-(?![A-Z]))?"
    r"(?:\s*-\s*([A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{0,4})?)-?)?"
)
_CONDITION = re.compile(r"\bwith\b", re.IGNORECASE)
_MANIFESTATION = re.compile(r"\bclassified elsewhere\b", re.IGNORECASE)
_RIGHT, _LEFT = re.compile(r"\bright\b"), re.compile(r"\bleft\b")
_BOTH = re.compile(r"\bbilateral\b")
_ORDER_LINE = re.compile(r"\d{5} ([0-9A-Z]{3,7}) +([01]) ")
_PAIRED_ORGANS = ("H", "M", "S", "T", "L", "C50")
"""Chapters in which a side means a side of the body, as modifiers do; not the right heart."""
_MAX_CHILDREN = 12


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a code inherits from the headings above it."""

    excludes: Ranges = NOWHERE
    code_first: Ranges = NOWHERE
    use_additional: Ranges = NOWHERE
    seventh: tuple[tuple[str, str], ...] = ()
    """Character and its meaning."""


def tabular_rows(file: IO[bytes]) -> Iterator[Row]:
    """The rows of an ICD-10-CM tabular list. Raises SourceError."""
    try:
        root = ET.parse(file).getroot()  # noqa: S314 - the operator's own official file
    except ET.ParseError:
        raise SourceError("this is no XML; the download may be cut") from None
    found: dict[str, tuple[DiagnosisCode, str]] = {}
    for chapter in root.iter("chapter"):
        scope = _scope(chapter, _Scope())
        for section in chapter.iter("section"):
            inner = _scope(section, scope)
            for node in section.findall("diag"):
                _walk(node, inner, found)
    if not found:
        raise SourceError("this is no ICD-10-CM tabular list")
    for code, (entry, _) in found.items():
        yield kinds.diagnosis_row(code, BEGINNING, END, _without_itself(code, entry))


def tabular_year(head: bytes) -> int | None:
    """The fiscal year that a tabular list says it is for."""
    found = re.search(rb"<version>(\d{4})</version>", head)
    return int(found[1]) if found else None


def _walk(
    node: ET.Element, scope: _Scope, found: dict[str, tuple[DiagnosisCode, str]]
) -> list[str]:
    """Adds a code and all below it; the billable ones of them."""
    scope = _scope(node, scope)
    code = (node.findtext("name") or "").replace(".", "")
    title = node.findtext("desc") or ""
    entry = DiagnosisCode(
        is_billable=True,
        is_manifestation=_MANIFESTATION.search(title) is not None,
        side=_side(code, title),
        excludes=scope.excludes,
        code_first=scope.code_first,
        use_additional=scope.use_additional,
        seventh="".join(sorted(each for each, _ in scope.seventh)),
    )
    found[code] = (entry, title)
    billable = []
    for inner in node.findall("diag"):
        billable += _walk(inner, scope, found)
    if not billable and scope.seventh:
        for character, meaning in scope.seventh:
            longer = code.ljust(6, "X") + character
            full = f"{title}, {meaning}"
            found[longer] = (entry._replace(side=_side(code, full)), full)
            billable.append(longer)
    if not billable:
        found[code] = (entry._replace(seventh=""), title)
        return [code]
    first = tuple(sorted(billable)[:_MAX_CHILDREN])
    found[code] = (entry._replace(is_billable=False, children=first), title)
    return billable


def _without_itself(code: str, entry: DiagnosisCode) -> DiagnosisCode:
    """Without ranges that exclude the code from itself: a note of a heading above it."""
    others = Ranges(each for each in entry.excludes.pairs if not Ranges((each,)).cover(code))
    return entry._replace(excludes=others)


def _scope(node: ET.Element, outer: _Scope) -> _Scope:
    seventh = tuple(
        (each.get("char", ""), each.text or "") for each in node.findall("sevenChrDef/extension")
    )
    return replace(
        outer,
        excludes=Ranges((*outer.excludes.pairs, *_noted(node, "excludes1"))),
        code_first=Ranges((*outer.code_first.pairs, *_noted(node, "codeFirst"))),
        use_additional=Ranges((*outer.use_additional.pairs, *_noted(node, "useAdditionalCode"))),
        seventh=seventh or outer.seventh,
    )


def _noted(node: ET.Element, kind: str) -> Iterator[tuple[str, str]]:
    for note in node.findall(f"{kind}/note"):
        text = note.text or ""
        for inside in _PARENTHESES.findall(text):
            if not _CONDITION.search(text[text.find(inside) :]):
                for low, high in _CODES.findall(inside):
                    yield low.replace(".", ""), (high or low).replace(".", "")


def _side(code: str, title: str) -> str:
    if not code.startswith(_PAIRED_ORGANS):
        return ""
    if _BOTH.search(title):
        return "B"
    is_right, is_left = _RIGHT.search(title) is not None, _LEFT.search(title) is not None
    if is_right == is_left:
        return ""
    return "R" if is_right else "L"


def order_lines(file: IO[bytes]) -> Iterator[tuple[int, tuple[str, bool] | None]]:
    """The codes of CMS's order file, each with its line number and whether it is billable: five
    digits, the code, 1 where it is valid for submission. None for a line of another form."""
    for number, raw in enumerate(file, start=1):
        text = raw.decode("latin-1")
        if text.strip():
            found = _ORDER_LINE.match(text)
            yield number, (found[1], found[2] == "1") if found else None


def diagnosis_rows(codes: list[tuple[str, bool]]) -> Iterator[Row]:
    """Rows of an order file of ICD-10-CM; headings name the first billable codes below them."""
    billable = sorted(code for code, is_billable in codes if is_billable)
    children: dict[str, list[str]] = {}
    for code in billable:
        for length in range(3, len(code)):
            below = children.setdefault(code[:length], [])
            if len(below) < _MAX_CHILDREN:
                below.append(code)
    for code, is_billable in codes:
        below = [] if is_billable else children.get(code, [])
        seventh = "".join(sorted({each[6] for each in below if len(each) == 7}))
        entry = DiagnosisCode(is_billable, seventh=seventh, children=tuple(below))
        yield kinds.diagnosis_row(code, BEGINNING, END, entry)

"""Checks of ICD-10-CM codes against the edition of the day: existing, billable, complete.

An edition holds for a fiscal year (October to September). Where the newest at hand is older than
the day of service, a code it does not know may be new: then we warn and do not hold.
"""

from collections.abc import Iterator
from datetime import timedelta

from services.coding.domain.reference import DiagnosisCode, Table
from services.coding.domain.rule import Breach, Case, Rule
from services.coding.domain.served import Coded
from services.coding.domain.shapes import is_icd10cm

LIFE = timedelta(days=365)
"""How long after its first day an edition knows all codes."""
_FULL_LENGTH = 7
_SHOWN = 6
_SOURCE = "ICD-10-CM tabular list; Official Guidelines"


def _unknown(case: Case) -> Iterator[Breach]:
    for coded, table in _missing(case):
        if _seventh_allowed(coded.code, table) is None and not _other_edition(case, coded):
            is_current = case.day is not None and case.day < table.effective + LIFE
            yield Breach(
                coded.path,
                (coded.code,),
                None
                if is_current
                else "Check the code, or load the edition of its year: ours is "
                "older than the day of service.",
                table.edition,
                None if is_current else "warn",
            )


def _not_on_day(case: Case) -> Iterator[Breach]:
    for coded, table in _missing(case):
        known_in = _other_edition(case, coded)
        if known_in:
            yield Breach(
                coded.path,
                (coded.code,),
                f"The code stands in {known_in} only. Use the code that was valid on the day.",
                table.edition,
            )


def _not_billable(case: Case) -> Iterator[Breach]:
    for coded in case.diagnoses:
        entry = coded.entry
        if entry is not None and not entry.is_billable and not _lacks_seventh(coded.code, entry):
            below = ", ".join(entry.children[:_SHOWN])
            more = ", ..." if len(entry.children) > _SHOWN else ""
            hint = f"Choose a code below it: {below}{more}."
            yield Breach(coded.path, (coded.code,), hint, _edition(case))


def _seventh_missing(case: Case) -> Iterator[Breach]:
    for coded in case.diagnoses:
        if coded.entry is not None and _lacks_seventh(coded.code, coded.entry):
            allowed = ", ".join(coded.entry.seventh)
            hint = f"Fill up to six characters with X and add one of {allowed}."
            yield Breach(coded.path, (coded.code,), hint, _edition(case))


def _seventh_invalid(case: Case) -> Iterator[Breach]:
    for coded, table in _missing(case):
        allowed = _seventh_allowed(coded.code, table)
        if allowed is not None:
            hint = f"Its seventh character may be {', '.join(allowed)}."
            yield Breach(coded.path, (coded.code,), hint, table.edition)


def _missing(case: Case) -> Iterator[tuple[Coded, Table[DiagnosisCode]]]:
    for coded in case.diagnoses:
        if coded.entry is None and case.day is not None and is_icd10cm(coded.code):
            table = case.reference.icd10cm.on(case.day)
            if table is not None:
                yield coded, table


def _lacks_seventh(code: str, entry: DiagnosisCode) -> bool:
    """Whether a heading becomes a code by nothing but a seventh character."""
    children = entry.children
    return bool(
        entry.seventh
        and children
        and len(children[0]) == _FULL_LENGTH
        and children[0][:-1] == code.ljust(_FULL_LENGTH - 1, "X")
    )


def _seventh_allowed(code: str, table: Table[DiagnosisCode]) -> str | None:
    """What the seventh character of a code that does not exist may be, if only that is wrong."""
    if len(code) != _FULL_LENGTH:
        return None
    for base in (code[:6], code[:6].rstrip("X")):
        for entry in table.find(base):
            if _lacks_seventh(base, entry):
                return entry.seventh
    return None


def _other_edition(case: Case, coded: Coded) -> str | None:
    for table in reversed(case.reference.icd10cm):
        if table.find(coded.code):
            return table.edition
    return None


def _edition(case: Case) -> str | None:
    table = case.reference.icd10cm.on(case.day) if case.day else None
    return table.edition if table else None


def concerns(case: Case) -> bool:
    """Where a diagnosis is not in the edition of the day, or is a heading there."""
    return any(each.entry is None or not each.entry.is_billable for each in case.diagnoses)


RULES = (
    Rule(
        "diagnosis-unknown",
        "there is no such ICD-10-CM code",
        "Check the code for a missing or swapped character.",
        _SOURCE,
        _unknown,
    ),
    Rule(
        "diagnosis-not-valid-on-date",
        "the code was not part of ICD-10-CM on the day of service",
        "Use the code that was valid on the day.",
        "45 CFR 162.1002; ICD-10-CM is revised each October and April",
        _not_on_day,
    ),
    Rule(
        "diagnosis-not-billable",
        "the code is a heading, not a diagnosis that can be billed",
        "Choose the code below it that says what the patient has.",
        f"{_SOURCE} I.B.2: code to the highest number of characters",
        _not_billable,
    ),
    Rule(
        "diagnosis-seventh-missing",
        "the code lacks its seventh character",
        "Add the seventh character that says which encounter, side or stage it is.",
        f"{_SOURCE} I.A.5",
        _seventh_missing,
    ),
    Rule(
        "diagnosis-seventh-invalid",
        "the code cannot have this seventh character",
        "Use one that the tabular list gives for this category.",
        f"{_SOURCE} I.A.5",
        _seventh_invalid,
    ),
)

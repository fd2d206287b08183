"""Checks of diagnoses against the patient's age and sex.

The age groups are those of the Medicare Code Editor: newborn 0, pediatric 0 to 17, maternity 9 to
64, adult 15 to 124 years. What belongs to a group is said by the code set itself, in the chapters
and titles that we name here by their code ranges.
"""

from collections.abc import Iterator
from typing import NamedTuple

from services.coding.domain.reference import Ranges
from services.coding.domain.rule import Breach, Case, Rule

_SOURCE = "Medicare Code Editor, {} conflict"
_AMBIGUOUS_SEX = "45"
"""NUBC condition code: gender category may conflict."""
_KX = "KX"
"""Medicare: on professional claims the same is said by this modifier."""


class AgeGroup(NamedTuple):
    """Diagnoses that only patients of some age can have; both years inclusive."""

    codes: Ranges
    youngest: int
    oldest: int


NEWBORN = AgeGroup(Ranges((("Z38", "Z38"), ("Z0011", "Z0011"))), 0, 0)
PEDIATRIC = AgeGroup(Ranges((("Z0012", "Z0012"), ("Z6851", "Z6856"))), 0, 17)
MATERNITY = AgeGroup(
    Ranges(
        (
            ("O", "O"),
            ("Z331", "Z331"),
            ("Z34", "Z34"),
            ("Z37", "Z37"),
            ("Z39", "Z39"),
            ("Z3A", "Z3A"),
        )
    ),
    9,
    64,
)
ADULT = AgeGroup(
    Ranges((("Z000", "Z000"), ("Z681", "Z684"), ("N40", "N40"), ("R54", "R54"))), 15, 124
)
PERINATAL = AgeGroup(Ranges((("P", "P"),)), 0, 0)

FEMALE = Ranges(
    (
        ("C51", "C58"),
        ("D25", "D28"),
        ("N70", "N77"),
        ("N80", "N98"),
        ("O", "O"),
        ("Z34", "Z34"),
        ("Z37", "Z37"),
        ("Z39", "Z39"),
        ("Z3A", "Z3A"),
        ("Z0141", "Z0142"),
        ("Z124", "Z124"),
    )
)
MALE = Ranges((("C60", "C63"), ("D29", "D29"), ("N40", "N53"), ("Z125", "Z125")))


def _outside(case: Case, group: AgeGroup) -> Iterator[Breach]:
    age = case.age
    if age is None or group.youngest <= age <= group.oldest:
        return
    for at, each in enumerate(case.claim.diagnoses):
        if each.system == "icd10cm" and group.codes.cover(each.code):
            yield Breach(f"diagnoses[{at}].code", (each.code,))


def _newborn(case: Case) -> Iterator[Breach]:
    return _outside(case, NEWBORN)


def _pediatric(case: Case) -> Iterator[Breach]:
    return _outside(case, PEDIATRIC)


def _maternity(case: Case) -> Iterator[Breach]:
    return _outside(case, MATERNITY)


def _adult(case: Case) -> Iterator[Breach]:
    return _outside(case, ADULT)


def _perinatal(case: Case) -> Iterator[Breach]:
    return _outside(case, PERINATAL)


def _sex(case: Case) -> Iterator[Breach]:
    claim = case.claim
    sex = (claim.patient or claim.subscriber).gender
    refused = {"M": FEMALE, "F": MALE}.get(sex or "")
    if refused is None or _AMBIGUOUS_SEX in claim.conditions:
        return
    for at, each in enumerate(claim.diagnoses):
        if each.system == "icd10cm" and refused.cover(each.code):
            if any(_KX in service.modifiers for service in case.services):
                return
            yield Breach(f"diagnoses[{at}].code", (each.code,))


_AGE_HINT = "Check the date of birth, then the diagnosis."

RULES = (
    Rule(
        "age-newborn",
        "the diagnosis is one of newborns, and the patient is older",
        _AGE_HINT,
        _SOURCE.format("age (newborn)"),
        _newborn,
    ),
    Rule(
        "age-pediatric",
        "the diagnosis is one of children, and the patient is an adult",
        _AGE_HINT,
        _SOURCE.format("age (pediatric)"),
        _pediatric,
    ),
    Rule(
        "age-maternity",
        "the diagnosis is about a pregnancy, which the patient's age rules out",
        _AGE_HINT,
        _SOURCE.format("age (maternity)"),
        _maternity,
    ),
    Rule(
        "age-adult",
        "the diagnosis is one of adults, and the patient is a child",
        _AGE_HINT,
        _SOURCE.format("age (adult)"),
        _adult,
    ),
    Rule(
        "age-perinatal",
        "the condition begins around birth, and the patient is past the first year",
        "Keep it where the condition has lasted since birth; else code what the patient has now.",
        "ICD-10-CM Official Guidelines I.C.16.a.4",
        _perinatal,
        severity="warn",
    ),
    Rule(
        "sex-conflict",
        "the diagnosis does not go with the sex on the claim",
        "Check both. Where they are right, send condition code 45, or modifier KX on the line.",
        _SOURCE.format("sex") + "; Medicare Claims Processing Manual 32, 240",
        _sex,
        severity="warn",
    ),
)

"""Checks of which diagnoses may stand together, and in which order.

Excludes1 and sequencing notes come from the tabular list. They warn: two conditions that exclude
each other may be unrelated in this patient (Official Guidelines I.A.12.a), and a sequencing note
may be conditional. A manifestation or an external cause in the first place holds the claim.
"""

from collections.abc import Iterator
from itertools import combinations

from services.coding.domain.reference import Ranges
from services.coding.domain.rule import Breach, Case, Rule
from services.coding.domain.served import Coded, is_inpatient

_ORDERED = ("principal", "other")
_EXTERNAL_CAUSES = Ranges((("V", "Y"),))

NEVER_FIRST = Ranges(
    (
        ("B95", "B97"),  # organisms that cause what is coded elsewhere
        ("R652", "R652"),  # severe sepsis: code first the infection
        ("Z16", "Z16"),  # resistance to drugs
        ("Z331", "Z331"),  # pregnant state, incidental
        ("Z37", "Z37"),  # outcome of delivery
        ("Z3A", "Z3A"),  # weeks of gestation
        ("Z66", "Z68"),  # do not resuscitate, blood type, body mass index
    )
)
"""By their own notes or the Official Guidelines (I.C.1.b, I.C.1.d.1.b, I.C.15, I.C.21.c) these say
something about another diagnosis."""

NOT_FOR_ADMISSION = Ranges((("Z79", "Z79"), ("Z80", "Z92"), ("Z97", "Z99")))
"""Long-term drugs, histories, dependence and states: never why a patient was admitted (Medicare
Code Editor, unacceptable principal diagnosis)."""


def _ordered(case: Case) -> list[Coded]:
    return [each for each in case.diagnoses if each.role in _ORDERED]


def _principal(case: Case) -> Coded | None:
    return next((each for each in case.diagnoses if each.role == "principal"), None)


def _excluded(case: Case) -> Iterator[Breach]:
    for one, other in combinations(_ordered(case), 2):
        if one.entry is None or other.entry is None or one.code == other.code:
            continue
        if one.entry.excludes.cover(other.code) or other.entry.excludes.cover(one.code):
            yield Breach(other.path, (one.code, other.code), edition=_edition(case))


def _code_first(case: Case) -> Iterator[Breach]:
    ordered = _ordered(case)
    for before, after in combinations(ordered, 2):
        if before.entry is not None and before.entry.code_first.cover(after.code):
            hint = "Put the second of the two before the first."
            yield Breach(before.path, (before.code, after.code), hint, _edition(case))


def _use_additional(case: Case) -> Iterator[Breach]:
    for before, after in combinations(_ordered(case), 2):
        if (
            before.role == "principal"
            and after.entry is not None
            and after.entry.use_additional.cover(before.code)
        ):
            hint = "Put the second of the two before the first."
            yield Breach(before.path, (before.code, after.code), hint, _edition(case))


def _manifestation_first(case: Case) -> Iterator[Breach]:
    first = _principal(case)
    if first is not None and first.entry is not None and first.entry.is_manifestation:
        yield Breach(first.path, (first.code,), edition=_edition(case))


def _manifestation_alone(case: Case) -> Iterator[Breach]:
    ordered = _ordered(case)
    for coded in ordered:
        entry = coded.entry
        if entry is None or not entry.is_manifestation or not entry.code_first:
            continue
        if not any(entry.code_first.cover(each.code) for each in ordered if each is not coded):
            yield Breach(coded.path, (coded.code,), edition=_edition(case))


def _external_cause_first(case: Case) -> Iterator[Breach]:
    first = _principal(case)
    if first is not None and _EXTERNAL_CAUSES.cover(first.code):
        yield Breach(first.path, (first.code,))


def _unacceptable_first(case: Case) -> Iterator[Breach]:
    first = _principal(case)
    if first is None:
        return
    is_refused = NEVER_FIRST.cover(first.code) or (
        is_inpatient(case.claim) and NOT_FOR_ADMISSION.cover(first.code)
    )
    if is_refused:
        yield Breach(first.path, (first.code,))


def _edition(case: Case) -> str | None:
    table = case.reference.icd10cm.on(case.day) if case.day else None
    return table.edition if table else None


RULES = (
    Rule(
        "diagnoses-exclude-each-other",
        "the tabular list says that these two conditions are not coded together",
        "Keep the one that the record supports; keep both only where they are unrelated.",
        "ICD-10-CM Official Guidelines I.A.12.a (Excludes1)",
        _excluded,
        severity="warn",
    ),
    Rule(
        "diagnosis-code-first",
        "the underlying condition is coded after its consequence",
        "Put the underlying condition first.",
        "ICD-10-CM Official Guidelines I.A.13 (code first)",
        _code_first,
        severity="warn",
    ),
    Rule(
        "diagnosis-use-additional",
        "a code that only adds to another stands first",
        "Put the condition first and the additional code after it.",
        "ICD-10-CM Official Guidelines I.A.13 (use additional code)",
        _use_additional,
        severity="warn",
    ),
    Rule(
        "manifestation-first",
        "the principal diagnosis is the manifestation of another disease",
        "Put the disease behind it first.",
        "ICD-10-CM Official Guidelines I.A.13; Medicare Code Editor, manifestation code as "
        "principal diagnosis",
        _manifestation_first,
    ),
    Rule(
        "manifestation-alone",
        "a manifestation is coded without the disease behind it",
        "Add the underlying disease, before the manifestation.",
        "ICD-10-CM Official Guidelines I.A.13",
        _manifestation_alone,
        severity="warn",
    ),
    Rule(
        "external-cause-first",
        "the principal diagnosis is the cause of an injury, not the injury",
        "Put the injury or condition first; the external cause follows.",
        "ICD-10-CM Official Guidelines I.C.20.a.6; Medicare Code Editor, external cause code as "
        "principal diagnosis",
        _external_cause_first,
    ),
    Rule(
        "principal-diagnosis-unacceptable",
        "this code says something about another diagnosis and cannot be the principal one",
        "Put the condition that was treated first.",
        "ICD-10-CM Official Guidelines I.C; Medicare Code Editor, unacceptable principal diagnosis",
        _unacceptable_first,
    ),
)

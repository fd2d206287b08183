"""Checks of diagnoses, inpatient procedures and the lines' pointers to diagnoses."""

from collections.abc import Mapping
from datetime import date

from services.coding.domain.rule import Case, Rule
from services.coding.domain.shapes import is_icd10cm, is_icd10pcs
from shared.contract.claim import ClaimKind

ICD10_START = date(2015, 10, 1)
"""First day of service on which ICD-10 is the code set (45 CFR 162.1002)."""

MAX_DIAGNOSES: Mapping[ClaimKind, int] = {"professional": 12, "institutional": 25, "dental": 4}
_POINTED_AT = ("principal", "other")


def _principal(case: Case) -> tuple[str, ...]:
    principal = [each for each in case.claim.diagnoses if each.role == "principal"]
    return () if len(principal) == 1 else ("diagnoses",)


def _repeated(case: Case) -> list[str]:
    coded = [each.code if each.role in _POINTED_AT else None for each in case.claim.diagnoses]
    if len(set(coded)) == len(coded):
        return []
    return [
        f"diagnoses[{at}].code"
        for at, code in enumerate(coded)
        if code is not None and code in coded[:at]
    ]


def _format(case: Case) -> list[str]:
    return [
        f"diagnoses[{at}].code"
        for at, each in enumerate(case.claim.diagnoses)
        if each.system == "icd10cm" and not is_icd10cm(each.code)
    ]


def _old_code_set(case: Case) -> list[str]:
    claim = case.claim
    old = [at for at, each in enumerate(claim.diagnoses) if each.system == "icd9cm"]
    if not old:
        return []
    served = [line.service_from for line in claim.service_lines if line.service_from is not None]
    through = claim.statement_through
    is_after = through >= ICD10_START if through else any(day >= ICD10_START for day in served)
    return [f"diagnoses[{at}].system" for at in old] if is_after else []


def _too_many(case: Case) -> tuple[str, ...]:
    claim = case.claim
    if len(claim.diagnoses) <= MAX_DIAGNOSES[claim.kind]:
        return ()
    counted = [each for each in claim.diagnoses if each.role in _POINTED_AT]
    return ("diagnoses",) if len(counted) > MAX_DIAGNOSES[claim.kind] else ()


def _pointers(case: Case) -> list[str]:
    claim = case.claim
    count = len(claim.diagnoses)
    return [
        f"service_lines[{at}].diagnosis_pointers[{nth}]"
        for at, line in enumerate(claim.service_lines)
        for nth, pointer in enumerate(line.diagnosis_pointers)
        if not 0 < pointer <= count
    ]


def _pointer_count(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].diagnosis_pointers"
        for at, line in enumerate(case.claim.service_lines)
        if not 0 < len(line.diagnosis_pointers) <= 4
    ]


def _procedure_format(case: Case) -> list[str]:
    return [
        f"procedures[{at}].code"
        for at, each in enumerate(case.claim.procedures)
        if each.system == "icd10pcs" and not is_icd10pcs(each.code)
    ]


RULES = (
    Rule(
        "principal-diagnosis",
        "the claim has no principal diagnosis, or more than one",
        "Mark one diagnosis as principal: the reason for the service.",
        "837 HI*ABK",
        _principal,
        kinds=("professional", "institutional"),
    ),
    Rule(
        "diagnosis-repeated",
        "the diagnosis is on the claim already",
        "Remove the second one, and let the lines point to the first.",
        "837 HI*ABK and HI*ABF; ICD-10-CM Official Guidelines I.B.8",
        _repeated,
    ),
    Rule(
        "diagnosis-format",
        "this cannot be an ICD-10-CM code",
        "A code has three to seven characters, the first a letter, the second a digit, no point.",
        "ICD-10-CM Official Guidelines I.A.2",
        _format,
    ),
    Rule(
        "diagnosis-code-set",
        "ICD-9-CM codes are not valid for services since October 2015",
        "Code the diagnosis in ICD-10-CM.",
        "45 CFR 162.1002",
        _old_code_set,
    ),
    Rule(
        "too-many-diagnoses",
        "there are more diagnoses than a claim of this kind can carry",
        "Keep those that the services rest on: 12 on professional, 25 on institutional, "
        "4 on dental claims.",
        "837 HI*ABF",
        _too_many,
    ),
    Rule(
        "diagnosis-pointer",
        "the line points to a diagnosis that is not on the claim",
        "Pointers count from 1 over the claim's diagnoses.",
        "837 SV107, SV311",
        _pointers,
        kinds=("professional", "dental"),
    ),
    Rule(
        "diagnosis-pointer-count",
        "a professional line points to at least one and at most four diagnoses",
        "Point to the diagnoses that this service was given for, the main one first.",
        "837P SV107",
        _pointer_count,
        kinds=("professional",),
    ),
    Rule(
        "surgical-procedure-format",
        "this cannot be an ICD-10-PCS code",
        "A code has seven characters: digits and letters without I and O.",
        "ICD-10-PCS Official Guidelines A1",
        _procedure_format,
        kinds=("institutional",),
    ),
)

"""Mistakes that hospitals make and payers deny: each the smallest change to a clean claim.

They are apart from the hospital so that a demo, a test or a person can ask for one by the code of
the finding that coding must have for it, or by the family of checks that looks for it.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared.contract.claim import Claim, Diagnosis, Drug, Procedure, ServiceLine

Mistake = Callable[[Claim], Claim | None]
"""The claim with the mistake in it; None where a claim of this kind cannot have it."""

_LATE = timedelta(days=800)
_MEDICARE, _MEDICAID, _COMMERCIAL = "MB", "MC", "CI"
_DATED = ("statement_from", "statement_through", "admitted_on")


def _changed(claim: Claim, **fields: Any) -> Claim:
    return claim.model_copy(update=fields)


def _first_line(claim: Claim, **fields: Any) -> Claim:
    first, *others = claim.service_lines
    return _changed(claim, service_lines=(first.model_copy(update=fields), *others))


def _with_lines(claim: Claim, *codes: str, units: int = 1) -> Claim:
    """The claim with lines of these procedures in place of its own."""
    first = claim.service_lines[0]
    lines = tuple(
        ServiceLine(
            number=number,
            revenue_code="0510" if first.revenue_code else None,
            procedure=Procedure(code=code),
            charge=first.charge,
            units=Decimal(units),
            unit="UN",
            diagnosis_pointers=first.diagnosis_pointers,
            service_from=first.service_from,
        )
        for number, code in enumerate(codes, start=1)
    )
    return _changed(claim, service_lines=lines, charge=sum(line.charge for line in lines))


def _with_principal(claim: Claim, code: str) -> Claim:
    others = [each.model_copy(update={"role": "other"}) for each in claim.diagnoses]
    principal = Diagnosis(code=code, role="principal")
    return _changed(claim, diagnoses=(principal, *others))


def _with_diagnosis(claim: Claim, code: str) -> Claim:
    return _changed(claim, diagnoses=(*claim.diagnoses, Diagnosis(code=code)))


def _npi(claim: Claim) -> Claim:
    number = claim.billing_provider.npi or ""
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    return _changed(
        claim, billing_provider=claim.billing_provider.model_copy(update={"npi": wrong})
    )


def _professional(mistake: Mistake) -> Mistake:
    """A mistake that only a professional claim can have."""

    def of_kind(claim: Claim) -> Claim | None:
        return mistake(claim) if claim.kind == "professional" else None

    return of_kind


def _lines_of(*codes: str) -> Mistake:
    return _professional(lambda claim: _with_lines(claim, *codes))


def _pair(*codes: str) -> Mistake:
    lines = _lines_of(*codes)
    return lambda claim: None if claim.filing_indicator == _MEDICAID else lines(claim)


@_professional
def _too_many(claim: Claim) -> Claim | None:
    if claim.filing_indicator != _MEDICARE:
        return None
    return _with_lines(claim, "G0439", units=2)


@_professional
def _components(claim: Claim) -> Claim:
    return _first_line(claim, procedure=Procedure(code="71046", modifiers=("26", "TC")), drug=None)


@_professional
def _ndc(claim: Claim) -> Claim:
    drug = Drug(ndc="0409-3795-01", quantity=Decimal(1), unit="ML")
    return _first_line(claim, procedure=Procedure(code="J1885"), drug=drug)


@_professional
def _line_twice(claim: Claim) -> Claim:
    first = claim.service_lines[0]
    again = first.model_copy(update={"number": len(claim.service_lines) + 1})
    lines = (*claim.service_lines, again)
    return _changed(claim, service_lines=lines, charge=claim.charge + first.charge)


def _late(claim: Claim) -> Claim | None:
    if claim.filing_indicator not in (_MEDICARE, _MEDICAID):
        return None
    lines = tuple(
        line.model_copy(update={"service_from": _earlier(line.service_from)})
        for line in claim.service_lines
    )
    dates = {name: _earlier(getattr(claim, name)) for name in _DATED}
    return _changed(claim, service_lines=lines, **dates)


def _earlier(day: date | None) -> date | None:
    return None if day is None else day - _LATE


@_professional
def _place(claim: Claim) -> Claim:
    return _changed(claim, facility_code="28")


@_professional
def _reversed(claim: Claim) -> Claim | None:
    served = claim.service_lines[0].service_from
    if served is None:
        return None
    return _first_line(claim, service_through=served - timedelta(days=1))


@_professional
def _half(claim: Claim) -> Claim:
    return _first_line(
        claim, procedure=Procedure(code="36415"), units=Decimal("1.5"), unit="UN", drug=None
    )


@_professional
def _other_side(claim: Claim) -> Claim:
    """An X-ray of the right shoulder for pain in the left one."""
    wrong = _with_diagnosis(claim, "M25512")
    return _first_line(
        wrong,
        procedure=Procedure(code="73030", modifiers=("RT",)),
        diagnosis_pointers=(len(wrong.diagnoses),),
        drug=None,
    )


@_professional
def _unauthorized(claim: Claim) -> Claim | None:
    """An MRI that the commercial payer was not asked about."""
    if claim.filing_indicator != _COMMERCIAL or claim.prior_authorization:
        return None
    return _with_lines(claim, "72148")


def _no_procedure(claim: Claim) -> Claim | None:
    if claim.kind != "institutional":
        return None
    return _first_line(claim, revenue_code="0300", procedure=None, drug=None)


FAMILIES: Mapping[str, Mapping[str, Mistake]] = {
    "parties": {"npi-check-digit": _npi},
    "amounts": {"claim-total": lambda claim: _changed(claim, charge=claim.charge + 100)},
    "dates": {"dates-reversed": _reversed},
    "diagnoses": {
        "diagnosis-repeated": lambda claim: _with_diagnosis(claim, claim.diagnoses[0].code)
    },
    "service_lines": {"frequency-reference": lambda claim: _changed(claim, frequency="7")},
    "diagnosis_codes": {
        "diagnosis-not-billable": lambda claim: _with_diagnosis(claim, "M545"),
        "diagnosis-seventh-missing": lambda claim: _with_diagnosis(claim, "S72001"),
    },
    "diagnosis_order": {
        "external-cause-first": lambda claim: _with_principal(claim, "W010XXA"),
        "manifestation-first": lambda claim: _with_principal(claim, "F0280"),
    },
    "diagnosis_patient": {"age-pediatric": lambda claim: _with_diagnosis(claim, "Z00129")},
    "procedure_codes": {"procedure-not-active": lambda claim: _with_lines(claim, "J0760")},
    "modifiers": {"modifier-components": _components},
    "laterality": {"laterality": _other_side},
    "units": {"units-fraction": _half},
    "places": {"place-unknown": _place},
    "revenue_codes": {"revenue-procedure-missing": _no_procedure},
    "drugs": {"ndc-format": _ndc},
    "pairs": {
        "pair-never-together": _pair("G0438", "G0439"),
        "pair-needs-modifier": _pair("G0439", "G0380"),
    },
    "unit_limits": {"units-over-day-limit": _too_many},
    "add_ons": {"add-on-without-primary": _lines_of("99213", "G2212")},
    "coverage": {"not-medically-necessary": _lines_of("82306")},
    "duplicates": {"line-repeated": _line_twice},
    "filing_limits": {"filing-limit-passed": _late},
    "payer_rules": {"meridian-commercial.imaging-authorization": _unauthorized},
}
"""By the family of coding's checks and the code of the finding that holds the claim."""

_TABLES = Path(__file__).parent / "tables"

TABLED: Mapping[str, tuple[str, Path]] = {
    "add_ons": ("add-on", _TABLES / "add-on-2021-01-01.csv"),
    "coverage": ("coverage", _TABLES / "coverage-2021-01-01.csv"),
}
"""Families that find nothing before an operator has loaded their table: its name, and an invented
one to load."""

NOT_PACKED = frozenset((*TABLED, "payer_rules"))
"""Families that find nothing before an operator has loaded their table, or has put the payers'
rule packs in force."""

MISTAKES: Mapping[str, Mistake] = {
    code: mistake for family in FAMILIES.values() for code, mistake in family.items()
}
"""All of them, by the code of the finding that holds the claim."""

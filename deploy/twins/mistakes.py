"""Mistakes that hospitals make and payers deny: each the smallest change to a clean claim.

They are apart from the hospital so that a demo, a test or a person can ask for one by the code of
the finding that coding must have for it.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from shared.contract.claim import Claim, Diagnosis, Drug, Procedure, ServiceLine

Mistake = Callable[[Claim], Claim | None]
"""The claim with the mistake in it; None where a claim of this kind cannot have it."""

_LATE = timedelta(days=800)
_MEDICARE, _MEDICAID = "MB", "MC"
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


def _pair(*codes: str) -> Mistake:
    def mistake(claim: Claim) -> Claim | None:
        if claim.kind != "professional" or claim.filing_indicator == _MEDICAID:
            return None
        return _with_lines(claim, *codes)

    return mistake


def _too_many(claim: Claim) -> Claim | None:
    if claim.kind != "professional" or claim.filing_indicator != _MEDICARE:
        return None
    return _with_lines(claim, "G0439", units=2)


def _components(claim: Claim) -> Claim | None:
    if claim.kind != "professional":
        return None
    return _first_line(claim, procedure=Procedure(code="71046", modifiers=("26", "TC")), drug=None)


def _ndc(claim: Claim) -> Claim | None:
    if claim.kind != "professional":
        return None
    drug = Drug(ndc="0409-3795-01", quantity=Decimal(1), unit="ML")
    return _first_line(claim, procedure=Procedure(code="J1885"), drug=drug)


def _line_twice(claim: Claim) -> Claim | None:
    if claim.kind != "professional":
        return None
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


def _place(claim: Claim) -> Claim | None:
    return _changed(claim, facility_code="28") if claim.kind == "professional" else None


def _no_procedure(claim: Claim) -> Claim | None:
    if claim.kind != "institutional":
        return None
    return _first_line(claim, revenue_code="0300", procedure=None, drug=None)


MISTAKES: Mapping[str, Mistake] = {
    "npi-check-digit": _npi,
    "claim-total": lambda claim: _changed(claim, charge=claim.charge + 100),
    "frequency-reference": lambda claim: _changed(claim, frequency="7"),
    "diagnosis-not-billable": lambda claim: _with_diagnosis(claim, "M545"),
    "diagnosis-seventh-missing": lambda claim: _with_diagnosis(claim, "S72001"),
    "external-cause-first": lambda claim: _with_principal(claim, "W010XXA"),
    "manifestation-first": lambda claim: _with_principal(claim, "F0280"),
    "procedure-not-active": lambda claim: _with_lines(claim, "J0760"),
    "pair-never-together": _pair("G0438", "G0439"),
    "pair-needs-modifier": _pair("G0439", "G0380"),
    "units-over-day-limit": _too_many,
    "modifier-components": _components,
    "ndc-format": _ndc,
    "line-repeated": _line_twice,
    "filing-limit-passed": _late,
    "place-unknown": _place,
    "revenue-procedure-missing": _no_procedure,
}
"""By the code of the finding that holds the claim."""


def mistaken(claim: Claim, choice: float) -> tuple[Claim, str]:
    """The claim with a mistake chosen by a number from 0 to below 1, or with the next that its kind
    can have, and the finding that must hold it."""
    names = list(MISTAKES)
    at = int(choice * len(names))
    for name in (*names[at:], *names[:at]):
        wrong = MISTAKES[name](claim)
        if wrong is not None:
            return wrong, name
    raise AssertionError("every claim can have a wrong total")

"""What a claim says was done, when and by whom, in the form in which checks ask for it."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from services.coding.domain.reference import DiagnosisCode
from shared.contract.claim import Claim, ServiceLine

REPLACING = frozenset("78")
"""Frequencies of claims that stand in for an earlier one: replacement, void."""

INPATIENT = frozenset(("11", "18", "21", "41", "65", "66", "86"))
"""First two digits of types of bill for a stay that is paid as one; 12 and 22 are Part B."""

_MEDICARE = frozenset(("MA", "MB", "16"))
_MEDICAID = frozenset(("MC",))
_NO_UNITS = Decimal(0)
_EQUIPMENT_SUPPLIER = ("332B", "335E")
"""Taxonomies of suppliers of durable equipment, prostheses and orthoses."""


class Service(NamedTuple):
    """A line with a HCPCS or CPT code."""

    at: int
    """Its place in `service_lines`."""
    line: ServiceLine
    code: str
    modifiers: tuple[str, ...]
    day: int
    """Ordinal of its first day; 0 where the claim does not say."""
    days: int
    """How many days it spans."""
    provider: str | None
    """NPI of who gave it: rendering on professional, billing on institutional claims."""
    units: Decimal

    @property
    def path(self) -> str:
        return f"service_lines[{self.at}]"


class Coded(NamedTuple):
    """A diagnosis of the claim with what the code set says of it (None: not in it)."""

    at: int
    code: str
    role: str
    entry: DiagnosisCode | None

    @property
    def path(self) -> str:
        return f"diagnoses[{self.at}].code"


def first_day(claim: Claim) -> date | None:
    """The day whose code sets hold for the claim's diagnoses."""
    if is_inpatient(claim):
        return claim.statement_through
    if claim.statement_from is not None:
        return claim.statement_from
    days = [line.service_from for line in claim.service_lines if line.service_from is not None]
    return min(days) if days else None


def is_inpatient(claim: Claim) -> bool:
    return claim.kind == "institutional" and claim.facility_code in INPATIENT


def is_medicare(claim: Claim) -> bool:
    return claim.filing_indicator in _MEDICARE


def is_medicaid(claim: Claim) -> bool:
    return claim.filing_indicator in _MEDICAID


def is_equipment_supplier(claim: Claim) -> bool:
    return (claim.billing_provider.taxonomy or "").startswith(_EQUIPMENT_SUPPLIER)


def services(claim: Claim) -> tuple[Service, ...]:
    """The lines with a HCPCS or CPT code, in the claim's order."""
    fallback = claim.statement_from
    of_claim = provider_of(claim)
    is_professional = claim.kind == "professional"
    found = []
    for at, line in enumerate(claim.service_lines):
        procedure = line.procedure
        if procedure is None or procedure.qualifier != "HC":
            continue
        begins = line.service_from or fallback
        ends = line.service_through
        rendering = line.rendering_provider if is_professional else None
        found.append(
            Service(
                at,
                line,
                procedure.code,
                procedure.modifiers,
                begins.toordinal() if begins else 0,
                (ends - begins).days + 1 if begins and ends and ends > begins else 1,
                (rendering.npi or of_claim) if rendering else of_claim,
                _NO_UNITS if line.units is None else line.units,
            )
        )
    return tuple(found)


def provider_of(claim: Claim) -> str | None:
    """NPI of who gave the claim's services, where a line does not say otherwise."""
    rendering = claim.rendering_provider
    if claim.kind == "professional" and rendering is not None and rendering.npi:
        return rendering.npi
    return claim.billing_provider.npi

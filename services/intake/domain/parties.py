"""Who stands on an encounter's claim: the biller, the insured, the patient, other payers."""

from typing import Any

from services.intake.domain.encounter import Coverage, Encounter
from services.intake.domain.profile import SourceProfile
from shared.contract.claim import Insured, OtherCoverage, Patient, Provider

_SELF = "18"


def billing_provider(encounter: Encounter, profile: SourceProfile) -> Provider:
    """Who bills: by the facility that the visit names, else the source's one."""
    visit = encounter.visit
    by_facility = profile.billing_providers.get(visit.billing_facility or "")
    return visit.billing_provider or by_facility or profile.billing_provider or Provider()


def people(encounter: Encounter, first: Coverage) -> dict[str, Any]:
    """Subscriber and patient, who are one person where the coverage is the patient's own."""
    patient = encounter.patient
    assert patient is not None, "only registered encounters are billed"
    is_self = first.relationship == _SELF
    return {
        "patient_relationship": first.relationship,
        "subscriber": _insured(first, patient if is_self else None),
        "patient": None if is_self else patient,
    }


def _insured(coverage: Coverage, patient: Patient | None) -> Insured:
    """The insured; where that is the patient, what the coverage leaves out is the patient's."""
    insured = coverage.insured
    if patient is None:
        return insured
    names = ("name", "first_name", "middle_name", "suffix")
    known = {} if insured.name else {name: getattr(patient, name) for name in names}
    known |= {
        name: getattr(insured, name) or getattr(patient, name)
        for name in ("birth_date", "gender", "address", "death_date")
    }
    return insured.model_copy(update=known)


def other_coverage(
    encounter: Encounter, coverage: Coverage, sequence: str, profile: SourceProfile
) -> OtherCoverage:
    """2320 of a coverage that is billed after the first."""
    insured = _insured(coverage, encounter.patient if coverage.relationship == _SELF else None)
    return OtherCoverage(
        sequence=sequence,
        relationship=coverage.relationship,
        group_number=insured.group_number,
        group_name=insured.group_name,
        filing_indicator=coverage.filing_indicator,
        benefits_assigned=profile.benefits_assigned,
        release_of_information=profile.release_of_information,
        subscriber=insured.model_copy(
            update={
                "group_number": None,
                "group_name": None,
                "birth_date": None,
                "gender": None,
                "death_date": None,
            }
        ),
        payer=coverage.payer,
    )

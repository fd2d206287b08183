"""Encounters: what a hospital said of one visit or account, over as many messages as it took.

Format-neutral: HL7 and FHIR readers make `EncounterNews`, the rules in `gathering` put them
together and `billing` makes a claim of the whole. The words are the canonical claim's.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Literal
from uuid import UUID

from services.intake.domain.profile_tables import Meaning
from shared.contract.claim import (
    Code,
    Diagnosis,
    Insured,
    OccurrenceCode,
    OccurrenceSpan,
    Patient,
    Payer,
    Provider,
    ServiceLine,
    SurgicalProcedure,
    ValueCode,
)
from shared.contract.envelope import business_id
from shared.contract.events import Format
from shared.contract.model import Finding, Model
from shared.light import dataclass

MAX_CHARGES = 5_000
"""Of one encounter: a bound on what one row can grow to. A claim takes 999 lines at most."""


class Visit(Model):
    """What is known of the visit itself. `patient_class` is HL7's (I, O, E, ...)."""

    patient_class: Code | None = None
    facility_code: Code | None = None
    admission_type: Code | None = None
    admission_source: Code | None = None
    patient_status: Code | None = None
    admitted_on: date | None = None
    admission_time: Code | None = None
    discharged_on: date | None = None
    discharge_time: Code | None = None
    discharged_at: datetime | None = None
    attending_provider: Provider | None = None
    referring_provider: Provider | None = None
    rendering_provider: Provider | None = None
    operating_provider: Provider | None = None
    billing_facility: Code | None = None
    """The sender's code of the facility that bills, where a feed carries several."""
    billing_provider: Provider | None = None
    diagnosis_related_group: Code | None = None
    accident_on: date | None = None
    accident_cause: Code | None = None
    accident_state: Code | None = None
    occurrences: tuple[OccurrenceCode, ...] = ()
    occurrence_spans: tuple[OccurrenceSpan, ...] = ()
    values: tuple[ValueCode, ...] = ()
    conditions: tuple[Code, ...] = ()


class Coverage(Model):
    """One insurance of the patient's, the first to be billed first."""

    priority: int = 1
    payer: Payer
    filing_indicator: Code | None = None
    relationship: Code = "18"
    insured: Insured
    authorization: Code | None = None


class Charge(Model):
    """One charge or credit. `key` is the same whenever the same charge is sent."""

    key: Code
    line: ServiceLine
    """Without its number; its charge and units are positive, also of a credit."""
    diagnoses: tuple[Diagnosis, ...] = ()
    is_credit: bool = False
    place: Code
    """Where it stood, in the sender's terms: `FT1[2]`."""
    occurred_at: datetime
    """When the message was made that says so: the newest of the same key counts."""


@dataclass(frozen=True, slots=True)
class EncounterNews:
    """What one message says. `account` is the sender's number of the encounter; it is empty only
    where a patient was merged and no account is named."""

    trigger: str
    """`DFT^P03`."""
    meaning: Meaning
    account: str
    occurred_at: datetime
    medical_record_number: str | None = None
    patient: Patient | None = None
    visit: Visit | None = None
    coverages: tuple[Coverage, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    procedures: tuple[SurgicalProcedure, ...] = ()
    charges: tuple[Charge, ...] = ()
    prior_account: str | None = None
    prior_medical_record_number: str | None = None
    notes: tuple[Finding, ...] = ()


EncounterStatus = Literal["open", "complete", "billed", "merged"]


class Encounter(Model):
    """All that is known of an encounter.

    open      gathering                                     -> complete, billed, merged
    complete  to be billed: waits for its hold, or for what the claim lacks -> billed, merged
    billed    a claim was made; late charges may replace it
    merged    its account goes on as another; what comes for it goes there. Final.
    """

    id: UUID
    """Also the id of its claim."""
    source: Code
    account: Code
    status: EncounterStatus = "open"
    medical_record_number: Code | None = None
    patient: Patient | None = None
    patient_at: datetime | None = None
    visit: Visit = Visit()
    visit_at: datetime | None = None
    coverages: tuple[Coverage, ...] = ()
    coverages_at: datetime | None = None
    diagnoses: tuple[Diagnosis, ...] = ()
    procedures: tuple[SurgicalProcedure, ...] = ()
    coded_at: datetime | None = None
    """When the diagnoses and procedures were coded for billing; before that they only gather."""
    charges: tuple[Charge, ...] = ()
    is_registered: bool = False
    is_discharged: bool = False
    is_final: bool = False
    """The final bill was called for."""
    opened_at: datetime
    charged_at: datetime | None = None
    """When the first charge arrived here."""
    due_at: datetime | None = None
    """When time alone makes something of it: a hold ends, or it is overdue."""
    is_reported: bool = False
    """It was reported as overdue."""
    merged_into: UUID | None = None
    format: Format | None = None
    message_id: UUID | None = None
    position: int = 0
    """Of the last message about it, like the two before."""
    traceparent: Code | None = None


_IN_FHIR: Mapping[str, str] = {
    "FT1": "ChargeItem",
    "DG1": "Encounter.diagnosis",
    "IN1": "Account.coverage",
    "PID-18": "Account.identifier",
    "PV1-45": "Encounter.period.end",
}


def sent_as(message_format: Format | None, place: str) -> str:
    """A place of HL7 in the terms of the format that the sender uses: `FT1`, `ChargeItem`."""
    return _IN_FHIR[place] if message_format == "fhir" else place


_REMEMBERED = 4_096
"""Ids of accounts and of patients: a message asks for each several times, and others follow it."""


@lru_cache(_REMEMBERED)
def encounter_id(source: str, account: str) -> UUID:
    """The encounter's id for life, and its claim's: the sender's name and its account number."""
    return business_id("claim", source, account.strip())


@lru_cache(_REMEMBERED)
def patient_id(source: str, medical_record_number: str) -> UUID:
    """The key of a patient of a source, where patients were merged."""
    return business_id("patient", source, medical_record_number.strip())


def new_encounter(source: str, account: str, now: datetime) -> Encounter:
    """The encounter of an account that nothing was heard of yet."""
    return Encounter(
        id=encounter_id(source, account), source=source, account=account, opened_at=now
    )

"""A message into what it says of an encounter, by its source's table.

All that is wrong with a message is found at once, each finding with the place it is at in the
sender's own terms. Charges have a module of their own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from services.intake.domain.arrival import ClaimRefusal, Unreadable, capped
from services.intake.domain.encounter import Coverage, EncounterNews
from services.intake.domain.hl7 import values
from services.intake.domain.hl7.charges import charges_of
from services.intake.domain.hl7.fields import Fields
from services.intake.domain.hl7.parsing import Message, Segment
from services.intake.domain.hl7.paths import Scope
from services.intake.domain.hl7.visits import visit_of
from services.intake.domain.profile import SourceProfile
from services.intake.domain.profile_tables import SURGICAL_SYSTEMS, Meaning
from shared.contract.claim import (
    Diagnosis,
    Insured,
    Patient,
    SurgicalProcedure,
)
from shared.contract.model import Finding

_GENDERS = {"M": "M", "F": "F"}
_KNOWN_VERSIONS = ("2.3", "2.4", "2.5", "2.6", "2.7", "2.8")


def read_message(
    message: Message, profile: SourceProfile
) -> EncounterNews | ClaimRefusal | Unreadable:
    """What the message says, or all that is wrong with it."""
    header = message.header
    trigger = f"{header.get(9, 1)}^{header.get(9, 2) or _event(message)}"
    meaning, faults = _meaning(header, trigger, profile)
    if meaning is None:
        return Unreadable(tuple(faults))
    if meaning == "ignore":
        return EncounterNews(trigger, meaning, account="", occurred_at=values.EPOCH)
    fields = Fields(message, profile)
    fields.findings += faults
    news = _news(fields, trigger, meaning)
    if fields.is_blocked:
        number = news.account or None
        return ClaimRefusal(capped(fields.findings), number)
    return news


def _event(message: Message) -> str:
    """EVN-1, which names the event where MSH-9 has the type alone, as before 2.3."""
    segment = message.first("EVN")
    return segment.get(1) if segment is not None else ""


def _meaning(
    header: Segment, trigger: str, profile: SourceProfile
) -> tuple[Meaning | None, list[Finding]]:
    meaning = profile.events.get(trigger)
    version = header.get(12)
    findings = []
    if meaning is None:
        taken = ", ".join(profile.events)
        findings.append(
            Finding(
                code="hl7-event-not-taken",
                path="MSH-9",
                message="messages of this type and event are not taken from this source",
                hint=f"Taken: {taken}. A source profile may say that others are to be ignored.",
                source="HL7 table 0003",
            )
        )
    if version and not version.startswith(_KNOWN_VERSIONS):
        findings.append(
            Finding(
                code="hl7-version-not-taken",
                path="MSH-12",
                message="the message is not of HL7 version 2.3 to 2.8",
                hint="Send version 2.3 to 2.8.",
                source="HL7 table 0104",
            )
        )
        meaning = None
    if not header.get(10):
        findings.append(
            Finding(
                code="hl7-control-id-missing",
                path="MSH-10",
                message="the message has no control id",
                hint="Give each message an id of its own: it is how an answer names it.",
                source="HL7 2.14.9.10",
            )
        )
    return meaning, findings


def _news(fields: Fields, trigger: str, meaning: Meaning) -> EncounterNews:
    message = fields.message
    scope: Scope = {name: message.first(name) for name in message.counts}  # type: ignore[misc]
    account = fields.text(scope, "account", 38)
    prior_account = fields.text(scope, "prior_account", 38) if meaning == "merge" else ""
    prior_record = fields.text(scope, "prior_medical_record_number") if meaning == "merge" else ""
    is_patient_merge = meaning == "merge" and bool(prior_record or prior_account)
    if meaning == "merge" and not is_patient_merge:
        fields.missing(scope, "prior_medical_record_number", "merge-incomplete", "who was merged")
    if not account and not (is_patient_merge and not prior_account):
        fields.missing(scope, "account", "encounter-missing", "which account or visit it is about")
    occurred, _ = fields.found(scope, "occurred_at")
    occurred_at = values.moment(occurred) or values.EPOCH
    charges = tuple(charges_of(fields, occurred_at, is_required=meaning == "charge"))
    return EncounterNews(
        trigger=trigger,
        meaning=meaning,
        account=account,
        occurred_at=occurred_at,
        medical_record_number=fields.text(scope, "medical_record_number") or None,
        patient=_patient(fields, scope) if "PID" in message.counts else None,
        visit=visit_of(fields, scope),
        coverages=tuple(_coverages(fields)),
        diagnoses=tuple(_diagnoses(fields, message)),
        procedures=tuple(_procedures(fields, message)),
        charges=charges,
        prior_account=prior_account or None,
        prior_medical_record_number=prior_record or None,
        notes=capped([*message.notes, *fields.findings]) if fields.findings else message.notes,
    )


def _patient(fields: Fields, scope: Scope) -> Patient:
    return Patient(
        is_person=True,
        **fields.name(scope, "patient.name"),
        address=fields.address(scope, "patient.address"),
        birth_date=fields.day(scope, "patient.birth_date"),
        gender=_gender(fields.text(scope, "patient.gender")),
        death_date=fields.day(scope, "patient.death_date"),
    )


def _gender(code: str) -> str | None:
    return _GENDERS.get(code[:1].upper(), "U") if code else None


# Coverages


def _coverages(fields: Fields) -> Iterator[Coverage]:
    seen = set()
    for segment, scope in fields.groups("IN1", ("IN2", "IN3")):
        coverage = _coverage(fields, segment, scope)
        key = coverage.priority, coverage.payer.identifier
        if key not in seen:
            seen.add(key)
            yield coverage


def _coverage(fields: Fields, segment: Segment, scope: Scope) -> Coverage:
    profile = fields.profile
    payer, filing = profile.payer_of(
        fields.text(scope, "coverage.company"),
        fields.text(scope, "coverage.plan"),
        fields.text(scope, "coverage.payer_name", 264),
    )
    if payer.address is None and not profile.payers:
        payer = payer.model_copy(
            update={"address": fields.address(scope, "coverage.payer_address")}
        )
    relationship = fields.text(scope, "coverage.relationship")
    priority = fields.text(scope, "coverage.priority")
    member = fields.text(scope, "coverage.member_id")
    insured = Insured(
        is_person=True,
        **fields.name(scope, "coverage.insured_name"),
        identifier_qualifier="MI" if member else None,
        identifier=member or None,
        address=fields.address(scope, "coverage.insured_address"),
        birth_date=fields.day(scope, "coverage.insured_birth_date"),
        gender=_gender(fields.text(scope, "coverage.insured_gender")),
        group_number=fields.text(scope, "coverage.group_number") or None,
        group_name=fields.text(scope, "coverage.group_name", 264) or None,
    )
    return Coverage(
        priority=int(priority) if priority.isdecimal() and len(priority) < 4 else segment.ordinal,
        payer=payer,
        filing_indicator=filing
        or profile.filing_indicators.get(fields.text(scope, "coverage.plan_type")),
        relationship=_relationship(fields, scope, relationship),
        insured=insured,
        authorization=fields.text(scope, "coverage.authorization") or None,
    )


def _relationship(fields: Fields, scope: Scope, code: str) -> str:
    known = fields.profile.relationships.get(code.upper())
    if known is None and code:
        fields.note(
            scope,
            "coverage.relationship",
            "relationship-unknown",
            "the relationship to the insured is in no table of this source: taken as other",
        )
    return known or ("G8" if code else "18")


# Diagnoses and procedures


def _diagnoses(fields: Fields, message: Message) -> Iterator[Diagnosis]:
    rows: list[tuple[int, int, Diagnosis]] = []
    for at, segment in enumerate(message.all("DG1")):
        if segment.get(21) == "D":
            continue
        diagnosis, priority = _diagnosis(fields, {"DG1": segment})
        if diagnosis is not None:
            rows.append((priority, at, diagnosis))
    has_principal = False
    for _, _, diagnosis in sorted(rows, key=lambda row: row[:2]):
        if diagnosis.role == "other" and not has_principal:
            has_principal = True
            yield diagnosis.model_copy(update={"role": "principal"})
        else:
            yield diagnosis


def _diagnosis(fields: Fields, scope: Scope) -> tuple[Diagnosis | None, int]:
    code = fields.text(scope, "diagnosis.code").replace(".", "")
    system = fields.text(scope, "diagnosis.system").upper()
    known = fields.profile.diagnosis_systems.get(system)
    if not code:
        return None, 0
    if known is None:
        fields.note(
            scope,
            "diagnosis.system",
            "diagnosis-not-icd",
            "the diagnosis is not in ICD-10-CM: no claim can carry it, and it was passed over",
        )
        return None, 0
    priority = fields.text(scope, "diagnosis.priority")
    present = fields.text(scope, "diagnosis.present_on_admission")
    diagnosis = Diagnosis(
        code=code,
        role="admitting" if fields.text(scope, "diagnosis.type") == "A" else "other",
        system=known,
        present_on_admission=present if present in ("Y", "N", "U", "W", "1") else None,
    )
    is_ranked = priority.isdecimal() and len(priority) < 4 and int(priority) > 0
    return diagnosis, int(priority) if is_ranked else 1000


def _procedures(fields: Fields, message: Message) -> Iterator[SurgicalProcedure]:
    role: Any = "principal"
    for segment in message.all("PR1"):
        scope = {"PR1": segment}
        system = SURGICAL_SYSTEMS.get(fields.text(scope, "procedure.system").upper())
        code = fields.text(scope, "procedure.code").replace(".", "")
        if system is not None and code:
            yield SurgicalProcedure(
                code=code, role=role, system=system, on=fields.day(scope, "procedure.on")
            )
            role = "other"


__all__: Sequence[str] = ("read_message",)

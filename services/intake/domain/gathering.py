"""Encounters gather: how what a message says is put to what is known, whatever the order.

Pure. Facts carry the time at which the sender made the message: what is newer replaces, what comes
late only fills gaps. A charge is known by its key, so that the same charge twice is one charge.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from services.intake.domain.encounter import (
    MAX_CHARGES,
    Charge,
    Coverage,
    Encounter,
    EncounterNews,
    Visit,
    sent_as,
)
from services.intake.domain.profile import SourceProfile
from shared.contract.claim import Diagnosis, Patient, SurgicalProcedure
from shared.contract.events import Format
from shared.contract.model import Finding, Model

_CODING = frozenset({"coding", "account", "final"})
_FACTS = tuple(
    Encounter.model_fields.keys() - {"patient_at", "visit_at", "coverages_at", "coded_at"}
)
OverdueReason = Literal["not_registered", "not_completed"]
Facts = TypeVar("Facts", bound=Model)


@dataclass(frozen=True, slots=True)
class Overdue:
    """Charges that wait for what does not come."""

    reason: OverdueReason
    due_at: datetime


def gather(
    encounter: Encounter, news: EncounterNews, profile: SourceProfile, now: datetime
) -> Encounter:
    """The encounter with the news in it; equal to the one before where they say nothing new."""
    at = news.occurred_at
    patient, patient_at = _merged(encounter.patient, encounter.patient_at, news.patient, at)
    visit, visit_at = _merged(encounter.visit, encounter.visit_at, news.visit, at)
    coverages, coverages_at = _newest(
        encounter.coverages, encounter.coverages_at, news.coverages, at
    )
    charges = with_charges(encounter.charges, news.charges)
    is_charged = encounter.charged_at is not None or bool(charges)
    return encounter.model_copy(
        update={
            "medical_record_number": _record_number(encounter, news),
            "patient": patient,
            "patient_at": patient_at,
            "visit": visit or Visit(),
            "visit_at": visit_at,
            "coverages": coverages,
            "coverages_at": coverages_at,
            **_coded(encounter, news),
            "charges": charges,
            "charged_at": (encounter.charged_at or now) if is_charged else None,
            "is_registered": bool(patient and patient.name and coverages),
            "is_discharged": encounter.is_discharged or _discharges(news),
            "is_final": encounter.is_final or news.trigger in profile.completing_events,
        }
    )


def says_the_same(before: Encounter, after: Encounter) -> bool:
    """Whether nothing is known that was not: when it was said last does not count."""
    known, said = vars(before), vars(after)
    return all(known[name] is said[name] or known[name] == said[name] for name in _FACTS)


def _discharges(news: EncounterNews) -> bool:
    """A discharge date is one wherever it stands but beside charges: more of those may follow."""
    has_date = news.visit is not None and news.visit.discharged_at is not None
    return news.meaning == "discharge" or (has_date and news.meaning != "charge")


def _record_number(encounter: Encounter, news: EncounterNews) -> str | None:
    known, at = encounter.medical_record_number, encounter.patient_at
    is_newer = known is None or at is None or news.occurred_at >= at
    return (news.medical_record_number or known) if is_newer else known


def _merged(
    known: Facts | None, known_at: datetime | None, said: Facts | None, at: datetime
) -> tuple[Facts | None, datetime | None]:
    """Field by field: the newer message's word counts where it has one."""
    if said is None or known == said:
        return known, known_at if said is None else max(known_at or at, at)
    if known is None:
        return said, at
    if known_at is None or at >= known_at:
        return _over(known, said), at
    return _over(said, known), known_at


def _over(below: Facts, above: Facts) -> Facts:
    said = {name: value for name, value in vars(above).items() if value is not None and value != ()}
    return below.model_copy(update=said)


def _newest(
    known: tuple[Coverage, ...],
    known_at: datetime | None,
    said: tuple[Coverage, ...],
    at: datetime,
) -> tuple[tuple[Coverage, ...], datetime | None]:
    """A message names all of a patient's coverages or none of them."""
    if not said or (known and known_at is not None and at < known_at):
        return known, known_at
    return tuple(sorted(said, key=lambda coverage: coverage.priority)), at


def _coded(encounter: Encounter, news: EncounterNews) -> dict[str, object]:
    """Diagnoses and procedures gather until they are coded for billing; coding replaces them."""
    if not news.diagnoses and not news.procedures:
        return {}
    at, coded_at = news.occurred_at, encounter.coded_at
    if news.meaning in _CODING:
        if coded_at is not None and at < coded_at:
            return {}
        return {
            "diagnoses": news.diagnoses or encounter.diagnoses,
            "procedures": news.procedures or encounter.procedures,
            "coded_at": at,
        }
    if coded_at is not None:
        return {}
    return {
        "diagnoses": united(encounter.diagnoses, news.diagnoses),
        "procedures": _with_procedures(encounter.procedures, news.procedures),
    }


def united(known: Sequence[Diagnosis], said: Iterable[Diagnosis]) -> tuple[Diagnosis, ...]:
    """All diagnoses, each once, with one principal at most."""
    found = list(known)
    keys = {(one.code, one.role == "admitting") for one in found}
    has_principal = any(one.role == "principal" for one in found)
    for one in said:
        if (one.code, one.role == "admitting") in keys:
            continue
        if one.role == "principal" and has_principal:
            found.append(one.model_copy(update={"role": "other"}))
        else:
            has_principal = has_principal or one.role == "principal"
            found.append(one)
        keys.add((one.code, one.role == "admitting"))
    return tuple(found)


def _with_procedures(
    known: tuple[SurgicalProcedure, ...], said: tuple[SurgicalProcedure, ...]
) -> tuple[SurgicalProcedure, ...]:
    keys = {(one.code, one.on) for one in known}
    new = [one for one in said if (one.code, one.on) not in keys]
    if not known:
        return tuple(new)
    return (*known, *(one.model_copy(update={"role": "other"}) for one in new))


def with_charges(known: tuple[Charge, ...], said: tuple[Charge, ...]) -> tuple[Charge, ...]:
    """The charges in the order they came first; of one key the newest message's counts."""
    if not said:
        return known
    by_key = {(charge.key, charge.is_credit): charge for charge in known}
    for charge in said:
        before = by_key.get((charge.key, charge.is_credit))
        if before is None or (
            before.occurred_at <= charge.occurred_at and _differs(before, charge)
        ):
            by_key[charge.key, charge.is_credit] = charge
    return tuple(by_key.values())


def _differs(one: Charge, other: Charge) -> bool:
    return one.line != other.line or one.diagnoses != other.diagnoses


def too_many_charges(encounter: Encounter, message_format: Format | None) -> Finding | None:
    """Why no more can be taken for this encounter."""
    if len(encounter.charges) <= MAX_CHARGES:
        return None
    return Finding(
        code="encounter-too-large",
        path=sent_as(message_format, "FT1"),
        message=f"the encounter has more than {MAX_CHARGES} charges",
        hint="Close the account and go on with an interim account.",
    )


# Completion


def is_complete(encounter: Encounter, profile: SourceProfile, now: datetime) -> bool:
    """Whether a claim is to be made: everything is there, and the final bill was called for or the
    hold after the discharge is over."""
    if not encounter.is_registered or not encounter.charges:
        return False
    return encounter.is_final or (encounter.is_discharged and now >= hold_ends(encounter, profile))


def hold_ends(encounter: Encounter, profile: SourceProfile) -> datetime:
    """When the hold after a discharge ends. Without a date of discharge it runs from the opening.
    Without a hold nothing is waited for, whatever date the discharge has."""
    if profile.hold_days == 0:
        return encounter.opened_at
    start = encounter.visit.discharged_at or encounter.opened_at
    return start + timedelta(days=profile.hold_days)


def overdue(encounter: Encounter, profile: SourceProfile) -> Overdue | None:
    """When the encounter is to be reported, unless something comes."""
    charged_at = encounter.charged_at
    if encounter.status != "open" or encounter.is_reported or charged_at is None:
        return None
    if not encounter.is_registered:
        return Overdue("not_registered", charged_at + timedelta(days=profile.overdue_days))
    return Overdue("not_completed", charged_at + timedelta(days=profile.open_days))


def due_at(encounter: Encounter, profile: SourceProfile) -> datetime | None:
    """When time alone makes something of the encounter; None for one that only news can move."""
    if encounter.status != "open" or not encounter.charges:
        return None
    moments = []
    late = overdue(encounter, profile)
    if late is not None:
        moments.append(late.due_at)
    if encounter.is_registered and encounter.is_discharged and not encounter.is_final:
        moments.append(hold_ends(encounter, profile))
    return min(moments, default=None)


# Merging


def merged(survivor: Encounter, prior: Encounter) -> tuple[Encounter, Encounter]:
    """Both accounts after a merge: what is open of the prior one goes to the survivor, which keeps
    its own word where both have one. What was billed already stays on its claim. Of the prior one
    only where it went is kept."""
    gone = Encounter(
        id=prior.id,
        source=prior.source,
        account=prior.account,
        status="merged",
        opened_at=prior.opened_at,
        merged_into=survivor.id,
    )
    if prior.status == "billed":
        return survivor, gone
    moved = survivor.model_copy(
        update={
            "patient": _under(prior.patient, survivor.patient),
            "visit": _over(prior.visit, survivor.visit),
            "coverages": survivor.coverages or prior.coverages,
            "coverages_at": survivor.coverages_at or prior.coverages_at,
            "diagnoses": united(survivor.diagnoses, prior.diagnoses),
            "procedures": _with_procedures(survivor.procedures, prior.procedures),
            "charges": with_charges(survivor.charges, prior.charges),
            "charged_at": _earliest(survivor.charged_at, prior.charged_at),
            "opened_at": min(survivor.opened_at, prior.opened_at),
            "is_discharged": survivor.is_discharged or prior.is_discharged,
            "is_final": survivor.is_final or prior.is_final,
        }
    )
    is_registered = bool(moved.patient and moved.patient.name and moved.coverages)
    return moved.model_copy(update={"is_registered": is_registered}), gone


def _under(below: Patient | None, above: Patient | None) -> Patient | None:
    return _over(below, above) if below and above else above or below


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def of_patient(encounter: Encounter, news: EncounterNews) -> Encounter:
    """An open encounter of a patient who is now known by the surviving record."""
    if encounter.status in ("billed", "merged"):
        return encounter
    patient, patient_at = _merged(
        encounter.patient, encounter.patient_at, news.patient, news.occurred_at
    )
    return encounter.model_copy(
        update={
            "medical_record_number": news.medical_record_number or encounter.medical_record_number,
            "patient": patient,
            "patient_at": patient_at,
        }
    )

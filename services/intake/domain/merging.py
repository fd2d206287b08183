"""A40: two records, or two accounts, go on as one."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from services.intake.domain.arrival import Arrival
from services.intake.domain.claiming import Draft, Ruling, billed, refused
from services.intake.domain.encounter import (
    Encounter,
    EncounterNews,
    encounter_id,
    new_encounter,
)
from services.intake.domain.encounter_events import purged_finding, recorded
from services.intake.domain.gathering import due_at, merged, of_patient
from services.intake.domain.known import Known, PatientMerge
from services.intake.domain.profile import SourceProfile
from shared.contract.model import Finding


def decide_merge(
    known: Known, arrival: Arrival, news: EncounterNews, profile: SourceProfile, now: datetime
) -> Ruling:
    """A40: the patient's open encounters get the surviving record number; where accounts are named
    too, what is open of the prior one moves to the surviving one."""
    source = arrival.origin.source
    if news.account and news.prior_account and known.is_purged(encounter_id(source, news.account)):
        return refused(arrival, news, purged_finding(arrival.origin.format), now)
    changed: dict[UUID, Encounter] = {}
    merges: tuple[PatientMerge, ...] = ()
    prior, number = news.prior_medical_record_number, news.medical_record_number
    if prior and number and prior != number:
        merges = (PatientMerge(source, prior, number),)
        if known.record_number(source, number) != number:  # the survivor was merged away before
            merges = (*merges, PatientMerge(source, number, number))
        changed |= {
            one.id: moved
            for one in known.encounters()
            if one.source == source and one.medical_record_number == prior
            if (moved := of_patient(one, news)) != one
        }
    notes: tuple[Finding, ...] = ()
    survivor = _survivor(known, source, news, changed, now)
    if survivor is not None and news.prior_account:
        gone = encounter_id(source, news.prior_account)
        before = changed.get(gone) or known.account(gone)
        before = before or _unknown(known, source, news.prior_account, now)
        if before.status != "merged" and before.id != survivor.id:
            notes = _stays(before)
            after, before = merged(survivor, before)
            changed |= {before.id: before, after.id: after}
            survivor = after
    draft = Draft()
    for one in list(changed.values()):
        if one.status != "billed":
            after = billed(known, one, arrival, profile, now, draft)
            changed[one.id] = after.model_copy(update={"due_at": due_at(after, profile)})
    said = changed.get(survivor.id, survivor) if survivor is not None else None
    said_of = recorded(arrival, news, "merged", said, now, notes)
    return Ruling((said_of, *draft.events), tuple(changed.values()), tuple(draft.claims), merges)


def _unknown(known: Known, source: str, account: str, now: datetime) -> Encounter:
    """The prior account where nothing of it is known but, maybe, that it was billed."""
    made = new_encounter(source, account, now)
    return made.model_copy(update={"status": "billed"}) if known.is_purged(made.id) else made


def _survivor(
    known: Known, source: str, news: EncounterNews, changed: Mapping[UUID, Encounter], now: datetime
) -> Encounter | None:
    if not news.account:
        return None
    identity = encounter_id(source, news.account)
    found = known.encounter(identity)
    if found is not None:
        return changed.get(found.id, found)
    return new_encounter(source, news.account, now) if news.prior_account else None


def _stays(prior: Encounter) -> tuple[Finding, ...]:
    if prior.status != "billed":
        return ()
    return (
        Finding(
            code="encounter-billed-already",
            severity="warn",
            path="MRG-3",
            message="the prior account was billed before: its charges stay on its claim",
            hint="Void that claim if the surviving account is to carry them.",
        ),
    )

"""The decider of encounters: what a message, or time alone, makes of what is known.

Pure. `Known` is what the database had and what earlier messages of the batch decided; a `Ruling` is
what changes. When the claim is made, the rules of the door and the claim's own decider are the very
ones that every other format goes through.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.intake.domain.arrival import AcceptedClaim, Arrival, ClaimRefusal
from services.intake.domain.billing import Billed, bill
from services.intake.domain.decide import EVENT_SOURCE, ClaimState, decide
from services.intake.domain.encounter import (
    Encounter,
    EncounterNews,
    encounter_id,
)
from services.intake.domain.gathering import (
    Overdue,
    due_at,
    gather,
    is_complete,
    merged,
    of_patient,
    overdue,
    too_many_charges,
)
from services.intake.domain.known import Known, PatientMerge
from services.intake.domain.message import admit
from services.intake.domain.places import in_senders_terms
from services.intake.domain.profile import SourceProfile
from shared.contract.envelope import Event, business_id
from shared.contract.events import (
    ClaimRejected,
    EncounterOverdue,
    EncounterRecorded,
    Format,
    MessageOrigin,
)
from shared.contract.model import Finding


@dataclass(frozen=True, slots=True)
class Ruling:
    """What changes, and what is said."""

    events: tuple[Event, ...]
    encounters: tuple[Encounter, ...] = ()
    claims: tuple[ClaimState, ...] = ()
    merges: tuple[PatientMerge, ...] = ()
    is_refused: bool = False


@dataclass(slots=True)
class _Draft:
    """A ruling in the making."""

    events: list[Event] = field(default_factory=list)
    claims: list[ClaimState] = field(default_factory=list)


def decide_news(
    known: Known,
    arrival: Arrival,
    news: EncounterNews,
    profile: SourceProfile,
    now: datetime,
    traceparent: str | None = None,
) -> Ruling:
    """What one message makes of its encounter. The same arrival always gives the same event ids."""
    if news.meaning == "ignore":
        return Ruling((_recorded(arrival, news, "ignored", None, now),))
    if news.meaning == "merge":
        return _decide_merge(known, arrival, news, profile, now)
    source = arrival.origin.source
    before = known.encounter(encounter_id(source, news.account)) or _new(source, news.account, now)
    record = known.record_number(source, news.medical_record_number)
    after = gather(before, replace(news, medical_record_number=record), profile, now)
    excess = too_many_charges(after)
    if excess is not None:
        return _refused(arrival, news, excess, now)
    if after == before:
        return Ruling((_recorded(arrival, news, "unchanged", before, now),))
    after = after.model_copy(
        update={
            "message_id": arrival.origin.message_id,
            "position": arrival.origin.position,
            "traceparent": traceparent or after.traceparent,
        }
    )
    draft = _Draft()
    is_late = before.status == "billed"
    notes = _late(before, after, profile) if is_late else ()
    if not is_late or (
        profile.late_charges == "replace" and news.trigger in profile.replacing_events
    ):
        after = _billed(known, after, arrival, profile, now, draft)
    after = after.model_copy(update={"due_at": due_at(after, profile)})
    recorded = _recorded(arrival, news, "recorded", after, now, notes)
    return Ruling((recorded, *draft.events), (after,), tuple(draft.claims))


def decide_due(
    known: Known,
    encounter: Encounter,
    profile: SourceProfile,
    now: datetime,
    message_format: Format = "hl7v2",
) -> Ruling:
    """What time alone makes of an encounter: its hold is over, or it is overdue."""
    origin = MessageOrigin(
        message_id=encounter.message_id or encounter.id,
        source=encounter.source,
        format=message_format,
        position=encounter.position,
    )
    cause = business_id("encounter.due", encounter.id, encounter.due_at)
    arrival = Arrival(str(encounter.id), origin, cause, ClaimRefusal(()), is_last=False)
    draft = _Draft()
    after = _billed(known, encounter, arrival, profile, now, draft)
    late = overdue(after, profile)
    if late is not None and now >= late.due_at:
        draft.events.append(_overdue(after, late, now))
        after = after.model_copy(update={"is_reported": True})
    after = after.model_copy(update={"due_at": due_at(after, profile)})
    return Ruling(tuple(draft.events), (after,), tuple(draft.claims))


def _new(source: str, account: str, now: datetime) -> Encounter:
    return Encounter(
        id=encounter_id(source, account), source=source, account=account, opened_at=now
    )


# The claim


def _billed(
    known: Known,
    encounter: Encounter,
    arrival: Arrival,
    profile: SourceProfile,
    now: datetime,
    draft: _Draft,
) -> Encounter:
    """The encounter after a claim was made of it, where it is time for one. A claim that does not
    pass the rules of the door is said, and is tried again with the next news."""
    if encounter.status == "merged" or not is_complete(encounter, profile, now):
        return encounter
    claim = known.claim(encounter.id)
    outcome = _claim(known, encounter, profile, claim, arrival.origin.format)
    if outcome is None:
        return encounter.model_copy(update={"status": "billed"})
    made = replace(arrival, key=str(encounter.id), outcome=outcome)
    # An encounter's claim is its claim, whatever was changed in it.
    verdict = decide((replace(claim, likeness=None),) if claim else (), made, now)
    event = verdict.event
    if isinstance(event.data, ClaimRejected):
        event = replace(
            event, id=business_id("encounter.rejected", made.delivery_id, event.subject)
        )
    draft.events.append(replace(event, traceparent=encounter.traceparent))
    if verdict.state is None:
        status = "billed" if isinstance(outcome, AcceptedClaim) else _unbilled(encounter)
        return encounter.model_copy(update={"status": status})
    draft.claims.append(verdict.state)
    return encounter.model_copy(update={"status": "billed"})


def _unbilled(encounter: Encounter) -> str:
    return "billed" if encounter.status == "billed" else "complete"


def _claim(
    known: Known,
    encounter: Encounter,
    profile: SourceProfile,
    claim: ClaimState | None,
    message_format: Format | None,
) -> AcceptedClaim | ClaimRefusal | None:
    """The claim that the encounter comes to; None where that is the one that was made already."""
    record = known.record_number(encounter.source, encounter.medical_record_number)
    encounter = encounter.model_copy(update={"medical_record_number": record})
    if claim is None:
        return _admitted(bill(encounter, profile), encounter, profile, message_format)
    same = _admitted(bill(encounter, profile, claim.frequency), encounter, profile, message_format)
    if isinstance(same, AcceptedClaim) and same.fingerprint == claim.fingerprint:
        return None
    return _admitted(bill(encounter, profile, "7"), encounter, profile, message_format)


def _admitted(
    made: Billed | ClaimRefusal,
    encounter: Encounter,
    profile: SourceProfile,
    message_format: Format | None,
) -> AcceptedClaim | ClaimRefusal:
    if isinstance(made, ClaimRefusal):
        return made
    outcome = admit(made.claim, encounter.source)
    if isinstance(outcome, AcceptedClaim):
        return replace(outcome, notes=made.notes)
    assert isinstance(outcome, ClaimRefusal)
    if message_format != "hl7v2":
        return outcome
    findings = in_senders_terms(outcome.findings, made.places, profile)
    return replace(outcome, findings=(*findings, *made.notes))


def _late(before: Encounter, after: Encounter, profile: SourceProfile) -> tuple[Finding, ...]:
    if len(after.charges) <= len(before.charges):
        return ()
    is_replaced = profile.late_charges == "replace"
    return (
        Finding(
            code="late-charges",
            severity="inform" if is_replaced else "warn",
            path="FT1",
            message="charges came after the encounter's claim was made",
            hint="The claim is replaced." if is_replaced else "The claim stays as it is.",
        ),
    )


# Merging


def _decide_merge(
    known: Known, arrival: Arrival, news: EncounterNews, profile: SourceProfile, now: datetime
) -> Ruling:
    """A40: the patient's open encounters get the surviving record number; where accounts are named
    too, what is open of the prior one moves to the surviving one."""
    source = arrival.origin.source
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
        before = before or _new(source, news.prior_account, now)
        if before.status != "merged" and before.id != survivor.id:
            notes = _stays(before)
            after, before = merged(survivor, before)
            changed |= {before.id: before, after.id: after}
            survivor = after
    draft = _Draft()
    for one in list(changed.values()):
        if one.status != "billed":
            after = _billed(known, one, arrival, profile, now, draft)
            changed[one.id] = after.model_copy(update={"due_at": due_at(after, profile)})
    said = changed.get(survivor.id, survivor) if survivor is not None else None
    recorded = _recorded(arrival, news, "merged", said, now, notes)
    return Ruling((recorded, *draft.events), tuple(changed.values()), tuple(draft.claims), merges)


def _survivor(
    known: Known, source: str, news: EncounterNews, changed: Mapping[UUID, Encounter], now: datetime
) -> Encounter | None:
    if not news.account:
        return None
    identity = encounter_id(source, news.account)
    found = known.encounter(identity)
    if found is not None:
        return changed.get(found.id, found)
    return _new(source, news.account, now) if news.prior_account else None


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


# What is said


def _recorded(
    arrival: Arrival,
    news: EncounterNews,
    outcome: Literal["recorded", "unchanged", "merged", "ignored"],
    encounter: Encounter | None,
    now: datetime,
    notes: Iterable[Finding] = (),
) -> Event:
    return Event(
        id=business_id("encounter.recorded", arrival.delivery_id, arrival.origin.position),
        source=EVENT_SOURCE,
        subject=arrival.key,
        time=now,
        data=EncounterRecorded(
            origin=arrival.origin,
            trigger=news.trigger,
            outcome=outcome,
            status=encounter.status if encounter is not None else None,
            charges=len(encounter.charges) if encounter is not None else 0,
            findings=(*news.notes, *notes),
        ),
    )


def _refused(arrival: Arrival, news: EncounterNews, finding: Finding, now: datetime) -> Ruling:
    refusal = ClaimRefusal((finding,), news.account)
    verdict = decide((), replace(arrival, outcome=refusal), now)
    return Ruling((verdict.event,), is_refused=True)


def _overdue(encounter: Encounter, late: Overdue, now: datetime) -> Event:
    is_unregistered = late.reason == "not_registered"
    finding = Finding(
        code=f"encounter-{late.reason.replace('_', '-')}",
        severity="warn",
        path="IN1" if is_unregistered else "PV1-45",
        message="no registration with an insurance has come for these charges"
        if is_unregistered
        else "neither a discharge nor a final bill has come for these charges",
        hint="Send the registration (ADT or BAR) under the same account number."
        if is_unregistered
        else "Send the discharge (ADT^A03) or end the account (BAR^P06).",
    )
    assert encounter.charged_at is not None, "only charges are overdue"
    return Event(
        id=business_id("encounter.overdue", encounter.id, late.reason, late.due_at),
        source=EVENT_SOURCE,
        subject=str(encounter.id),
        time=now,
        data=EncounterOverdue(
            source=encounter.source,
            reason=late.reason,
            charges=len(encounter.charges),
            charge=sum(_signed(encounter)),
            since=encounter.charged_at,
            due_at=late.due_at,
            findings=(finding,),
        ),
        traceparent=encounter.traceparent,
    )


def _signed(encounter: Encounter) -> Iterator[int]:
    for charge in encounter.charges:
        yield -charge.line.charge if charge.is_credit else charge.line.charge

"""The decider of encounters: what a message, or time alone, makes of what is known.

Pure. `Known` is what the database had and what earlier messages of the batch decided; a `Ruling` is
what changes.
"""

from dataclasses import replace
from datetime import datetime

from services.intake.domain.arrival import Arrival, ClaimRefusal
from services.intake.domain.claiming import Draft, Ruling, billed, refused
from services.intake.domain.encounter import (
    Encounter,
    EncounterNews,
    encounter_id,
    new_encounter,
    sent_as,
)
from services.intake.domain.encounter_events import overdue_event, purged_finding, recorded
from services.intake.domain.gathering import (
    due_at,
    gather,
    overdue,
    says_the_same,
    too_many_charges,
)
from services.intake.domain.known import Known
from services.intake.domain.merging import decide_merge
from services.intake.domain.profile import SourceProfile
from shared.contract.envelope import business_id
from shared.contract.events import MessageOrigin
from shared.contract.model import Finding


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
        return Ruling((recorded(arrival, news, "ignored", None, now),))
    if news.meaning == "merge":
        return decide_merge(known, arrival, news, profile, now)
    source = arrival.origin.source
    identity = encounter_id(source, news.account)
    before = known.encounter(identity)
    if before is None:
        if known.is_purged(identity):
            return _too_late(arrival, news, now)
        before = new_encounter(source, news.account, now)
    record = known.record_number(source, news.medical_record_number)
    if record != news.medical_record_number:
        news = replace(news, medical_record_number=record)
    after = gather(before, news, profile, now)
    excess = too_many_charges(after, arrival.origin.format)
    if excess is not None:
        return refused(arrival, news, excess, now)
    if says_the_same(before, after):
        changed = () if after == before else (after,)
        return Ruling((recorded(arrival, news, "unchanged", before, now),), changed)
    after = after.model_copy(
        update={
            "format": arrival.origin.format,
            "message_id": arrival.origin.message_id,
            "position": arrival.origin.position,
            "traceparent": traceparent or after.traceparent,
        }
    )
    draft = Draft()
    is_late = before.status == "billed"
    notes = _late(before, after, profile) if is_late else ()
    if not is_late or (
        profile.late_charges == "replace" and news.trigger in profile.replacing_events
    ):
        after = billed(known, after, arrival, profile, now, draft)
    after = after.model_copy(update={"due_at": due_at(after, profile)})
    said = recorded(arrival, news, "recorded", after, now, notes)
    return Ruling((said, *draft.events), (after,), tuple(draft.claims))


def decide_due(known: Known, encounter: Encounter, profile: SourceProfile, now: datetime) -> Ruling:
    """What time alone makes of an encounter: its hold is over, or it is overdue."""
    origin = MessageOrigin(
        message_id=encounter.message_id or encounter.id,
        source=encounter.source,
        format=encounter.format,
        position=encounter.position,
    )
    cause = business_id("encounter.due", encounter.id, encounter.due_at)
    arrival = Arrival(str(encounter.id), origin, cause, ClaimRefusal(()), is_last=False)
    draft = Draft()
    after = billed(known, encounter, arrival, profile, now, draft)
    late = overdue(after, profile)
    if late is not None and now >= late.due_at:
        draft.events.append(overdue_event(after, late, now))
        after = after.model_copy(update={"is_reported": True})
    after = after.model_copy(update={"due_at": due_at(after, profile)})
    events = tuple(replace(event, traceparent=encounter.traceparent) for event in draft.events)
    return Ruling(events, (after,), tuple(draft.claims))


def _late(before: Encounter, after: Encounter, profile: SourceProfile) -> tuple[Finding, ...]:
    if len(after.charges) <= len(before.charges):
        return ()
    is_replaced = profile.late_charges == "replace"
    return (
        Finding(
            code="late-charges",
            severity="inform" if is_replaced else "warn",
            path=sent_as(after.format, "FT1"),
            message="charges came after the encounter's claim was made",
            hint="The claim is replaced." if is_replaced else "The claim stays as it is.",
        ),
    )


def _too_late(arrival: Arrival, news: EncounterNews, now: datetime) -> Ruling:
    """News of an encounter that is not kept any more: refused where they would have changed its
    claim, else only said."""
    if news.charges or news.diagnoses or news.procedures:
        return refused(arrival, news, purged_finding(arrival.origin.format), now)
    note = purged_finding(arrival.origin.format, severity="warn")
    return Ruling((recorded(arrival, news, "ignored", None, now, (note,)),))

"""What one arrival comes to, of whatever kind: the one function behind every door."""

from collections.abc import Mapping
from datetime import datetime

from services.intake.domain.arrival import AcceptedClaim, Arrival
from services.intake.domain.claiming import Ruling
from services.intake.domain.decide import MessageCount, Verdict, decide, tally
from services.intake.domain.encounter import EncounterNews
from services.intake.domain.encounters import decide_news
from services.intake.domain.known import (
    Known,
    Siblings,
    State,
    encounter_key,
    merge_key,
    siblings_key,
)
from services.intake.domain.profile import SourceProfiles
from shared.contract.envelope import Event
from shared.light import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """Changed states by the kernel's keys, what is said, and what the message's tally gets."""

    states: Mapping[str, State]
    events: tuple[Event, ...]
    count: MessageCount
    accepted: AcceptedClaim | None = None
    """The claim that the one event carries, where the arrival was one."""


def answer(
    states: Mapping[str, State],
    arrival: Arrival,
    profiles: SourceProfiles,
    now: datetime,
    traceparent: str | None = None,
) -> Answer:
    """Pure. `states` holds what is known of all that the arrival touches."""
    known = Known(states)
    if isinstance(arrival.outcome, EncounterNews):
        profile = profiles.of(arrival.origin.source)
        ruling = decide_news(known, arrival, arrival.outcome, profile, now, traceparent)
        refused = int(ruling.is_refused)
        count = tally(arrival, accepted=1 - refused, rejected=refused)
        return Answer(states_of(ruling), ruling.events, count)
    is_claim = isinstance(arrival.outcome, AcceptedClaim)
    verdict = decide(known.under_number(arrival.key) if is_claim else (), arrival, now)
    return Answer(
        _changed(known, arrival.key, verdict), (verdict.event,), verdict.count, verdict.accepted
    )


def states_of(ruling: Ruling) -> dict[str, State]:
    """What a ruling changes, under the kernel's keys."""
    changed: dict[str, State] = {encounter_key(one.id): one for one in ruling.encounters}
    changed |= {str(claim.claim_id): claim for claim in ruling.claims}
    changed |= {merge_key(merge.id): merge for merge in ruling.merges}
    return changed


def _changed(known: Known, number_id: str, verdict: Verdict) -> dict[str, State]:
    state = verdict.state
    if state is None:
        return {}
    if str(state.claim_id) == number_id:
        return {number_id: state}
    others = (
        one
        for one in known.under_number(number_id)
        if str(one.claim_id) != number_id and one.claim_id != state.claim_id
    )
    return {siblings_key(number_id): Siblings((*others, state))}

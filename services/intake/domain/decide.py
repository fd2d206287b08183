"""The heart of intake: what a record that arrived means, given what is known of its claim.

Pure: the service, the command line's filter and the tests call the same function.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.intake.domain.arrival import AcceptedClaim, Arrival, ClaimRefusal, Unreadable
from services.intake.domain.encounter import EncounterNews
from services.intake.domain.identity import fingerprint, under_id
from services.intake.domain.likeness import (
    Likeness,
    distinct_claim_id,
    is_same_claim,
    likeness_of,
)
from shared.contract.claim import Claim
from shared.contract.envelope import Event, business_id
from shared.contract.events import (
    ClaimDuplicated,
    ClaimReceived,
    ClaimRejected,
    Format,
    MessageOrigin,
    MessageRejected,
)
from shared.light import dataclass

EVENT_SOURCE = "claimwire/intake"


@dataclass(frozen=True, slots=True)
class ClaimState:
    """What intake knows of a claim: its newest revision and where that came from."""

    claim_id: UUID
    revision: int
    fingerprint: bytes
    frequency: str
    source: str
    message_id: UUID
    position: int
    received_at: datetime
    is_stored: bool = False
    """Whether the database had this claim before the batch."""
    number_id: UUID | None = None
    """Of the sender's number for the claim, where that is not the claim's own id."""
    likeness: Likeness | None = None
    """By what another claim under the same number is told apart from a new version of this one."""
    is_encounter_purged: bool = False
    """Whether it was made of an encounter of which nothing else is kept any more."""


@dataclass(frozen=True, slots=True)
class MessageCount:
    """What one record adds to its message's tally."""

    message_id: UUID
    source: str
    format: Format | None
    accepted: int = 0
    duplicated: int = 0
    rejected: int = 0
    records: int = 0
    """Set with the message's last record: how many it had."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The claim's new state, if it changed; the one event that says so; the tally."""

    state: ClaimState | None
    event: Event
    count: MessageCount
    accepted: AcceptedClaim | None = None
    """The claim as it was received, its id decided."""


def decide(under_number: Sequence[ClaimState], arrival: Arrival, now: datetime) -> Verdict:
    """The one event that answers an arrival. The same arrival always gives the same event id.

    `under_number` are the claims that are known under the sender's number for this one.
    """
    match arrival.outcome:
        case AcceptedClaim() as accepted:
            known, accepted = _recognized(under_number, accepted)
            if known is not None and known.fingerprint == accepted.fingerprint:
                return _duplicated(known, arrival, now)
            return _received(known, arrival, accepted, now)
        case ClaimRefusal() as refusal:
            rejected = ClaimRejected(
                origin=arrival.origin,
                patient_control_number=refusal.patient_control_number,
                charge=refusal.charge,
                findings=refusal.findings,
            )
            return _refused(arrival, rejected, now)
        case Unreadable(findings):
            unreadable = MessageRejected(origin=arrival.origin, findings=findings)
            return _refused(arrival, unreadable, now)
        case EncounterNews():
            raise TypeError("news of an encounter is decided by decide_news")


def _recognized(
    under_number: Sequence[ClaimState], accepted: AcceptedClaim
) -> tuple[ClaimState | None, AcceptedClaim]:
    """Which of the claims this one is, or None for a new one, which then has an id of its own."""
    if not under_number:
        return None, accepted
    likeness = likeness_of(accepted.claim)
    for known in under_number:
        if is_same_claim(known.likeness, likeness):
            return known, _under_id(accepted, known.claim_id)
    return None, _under_id(accepted, distinct_claim_id(accepted.claim, likeness))


def _under_id(accepted: AcceptedClaim, identity: UUID) -> AcceptedClaim:
    if accepted.claim.id == identity:
        return accepted
    claim = under_id(accepted.claim, identity)
    digest, wire = fingerprint(claim)
    return replace(accepted, claim=claim, fingerprint=digest, wire=wire)


def _received(
    known: ClaimState | None,
    arrival: Arrival,
    accepted: AcceptedClaim,
    now: datetime,
) -> Verdict:
    claim = _as_revision(accepted.claim, known.revision + 1 if known else 1)
    state = ClaimState(
        claim_id=claim.id,
        revision=claim.revision,
        fingerprint=accepted.fingerprint,
        frequency=claim.frequency,
        source=claim.source,
        message_id=arrival.origin.message_id,
        position=arrival.origin.position,
        received_at=now,
        is_stored=known is not None and known.is_stored,
        number_id=claim.id if arrival.key == str(claim.id) else UUID(arrival.key),
        likeness=likeness_of(claim),
        is_encounter_purged=known is not None and known.is_encounter_purged,
    )
    event = Event(
        id=business_id("claim.received", claim.id, claim.revision, accepted.fingerprint.hex()),
        source=EVENT_SOURCE,
        subject=str(claim.id),
        time=now,
        data=ClaimReceived(
            claim=claim, origin=arrival.origin, received_at=now, findings=accepted.notes
        ),
        sequence=claim.revision,
    )
    return Verdict(state, event, tally(arrival, accepted=1), accepted)


def _as_revision(claim: Claim, revision: int) -> Claim:
    if claim.revision == revision:
        return claim
    return claim.model_copy(update={"revision": revision})


def _duplicated(known: ClaimState, arrival: Arrival, now: datetime) -> Verdict:
    is_same_record = (known.message_id, known.position) == _place(arrival.origin)
    event = Event(
        id=business_id("claim.duplicated", arrival.delivery_id, arrival.origin.position),
        source=EVENT_SOURCE,
        subject=str(known.claim_id),
        time=now,
        data=ClaimDuplicated(
            origin=arrival.origin,
            revision=known.revision,
            reason="same_message" if is_same_record else "same_content",
        ),
        sequence=known.revision,
    )
    return Verdict(None, event, tally(arrival, duplicated=1))


def _refused(
    arrival: Arrival,
    rejected: ClaimRejected | MessageRejected,
    now: datetime,
) -> Verdict:
    event = Event(
        id=business_id("rejected", arrival.delivery_id, arrival.origin.position),
        source=EVENT_SOURCE,
        subject=arrival.key,
        time=now,
        data=rejected,
    )
    return Verdict(None, event, tally(arrival, rejected=1))


def _place(origin: MessageOrigin) -> tuple[UUID, int]:
    return origin.message_id, origin.position


def tally(
    arrival: Arrival, *, accepted: int = 0, duplicated: int = 0, rejected: int = 0
) -> MessageCount:
    """The count of an arrival, by what became of it."""
    origin = arrival.origin
    return MessageCount(
        message_id=origin.message_id,
        source=origin.source,
        format=origin.format,
        accepted=accepted,
        duplicated=duplicated,
        rejected=rejected,
        records=origin.position + 1 if arrival.is_last else 0,
    )

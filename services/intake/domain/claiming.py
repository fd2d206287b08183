"""An encounter's claim: when it is time for one it is made, and goes through the rules of the door
and the claim's own decider, as a claim of any other format.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from services.intake.domain.arrival import AcceptedClaim, Arrival, ClaimRefusal
from services.intake.domain.billing import Billed, bill
from services.intake.domain.decide import ClaimState, decide
from services.intake.domain.encounter import Encounter, EncounterNews
from services.intake.domain.fhir.paths import of_charges
from services.intake.domain.gathering import is_complete
from services.intake.domain.known import Known, PatientMerge
from services.intake.domain.message import admit
from services.intake.domain.places import in_senders_terms
from services.intake.domain.profile import SourceProfile
from shared.contract.envelope import Event, business_id
from shared.contract.events import ClaimRejected, Format
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
class Draft:
    """A ruling in the making."""

    events: list[Event] = field(default_factory=list)
    claims: list[ClaimState] = field(default_factory=list)


def refused(arrival: Arrival, news: EncounterNews, finding: Finding, now: datetime) -> Ruling:
    """The message is refused whole, and nothing changes."""
    refusal = ClaimRefusal((finding,), news.account)
    verdict = decide((), replace(arrival, outcome=refusal), now)
    return Ruling((verdict.event,), is_refused=True)


def billed(
    known: Known,
    encounter: Encounter,
    arrival: Arrival,
    profile: SourceProfile,
    now: datetime,
    draft: Draft,
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
    draft.events.append(event)
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
    # What was voided is billed anew, as an original.
    frequency = "1" if claim.frequency == "8" else "7"
    return _admitted(bill(encounter, profile, frequency), encounter, profile, message_format)


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
    if message_format == "fhir":
        return replace(outcome, findings=of_charges(outcome.findings, made.places))
    if message_format != "hl7v2":
        return outcome
    findings = in_senders_terms(outcome.findings, made.places, profile)
    return replace(outcome, findings=(*findings, *made.notes))

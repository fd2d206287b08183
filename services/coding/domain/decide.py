"""The heart of coding: what an event means for a claim, given what is known of it.

Pure: the service, the command line's filter and the tests call the same function.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.coding.domain.history import ClaimDay, EarlierLine, History, PatientDay
from services.coding.domain.rule import Case
from services.coding.domain.verdict import Ruleset, judge
from services.coding.domain.worklist import closing, opening
from services.coding.domain.worklist.closing import OpenEntries, Resolved
from services.coding.domain.worklist.opening import WorklistEntry
from services.coding.domain.worklist.standing import conflict, is_old, next_revision
from shared.contract.claim import Claim
from shared.contract.envelope import Event, business_id
from shared.contract.events import ClaimDenied, ClaimHeld, ClaimPaid, ClaimReceived, ClaimRefused
from shared.contract.model import Finding
from shared.light import dataclass

EVENT_SOURCE = "claimwire/coding"

Status = Literal["coded", "held", "refused", "denied", "returned", "voided"]


@dataclass(frozen=True, slots=True)
class ClaimState:
    """What coding knows of a claim. `received` is the data of its newest `claim.received`, for who
    has to see and fix it; None where nothing newer than what is stored has come and nobody asks.

    `revision` is what went out last; `received_revision` the hospital's last, which a person's
    corrections leave behind. `edited` is the JSON of the claim as a person corrected it, while that
    is what stands.
    """

    claim_id: UUID
    revision: int
    status: Status
    updated_at: datetime
    ruleset: str | None = None
    received: bytes | None = field(default=None, repr=False)
    received_revision: int | None = None
    edited: bytes | None = field(default=None, repr=False)
    payer_claim_control_number: str | None = field(default=None, repr=False)
    """The payer's own number, once it has adjudicated the claim."""

    @property
    def hospital_revision(self) -> int:
        return self.revision if self.received_revision is None else self.received_revision


States = Mapping[str, ClaimState | PatientDay | OpenEntries]
"""What is known, by claim id, by a patient's day (`day_key`) and of what is open (`open_key`)."""


def day_key(name: bytes) -> str:
    """The state key of a patient's day: no claim id looks like it."""
    return f"day:{name.hex()}"


def history_of(states: States, claim_id: UUID, days: Mapping[bytes, ClaimDay]) -> History:
    """The lines that other claims have on this claim's days, of those that are on their way to the
    payer; what a newer revision of them no longer has does not count."""
    lines: list[EarlierLine] = []
    for name in days:
        known = states.get(day_key(name))
        if not isinstance(known, PatientDay):
            continue
        for other, told in known.claims.items():
            state = states.get(str(other)) if other != claim_id else None
            if not isinstance(state, ClaimState) or state.status != "coded":
                continue
            if state.revision == told.revision:
                lines += told.lines
    return tuple(lines)


def days_with(
    states: States, claim_id: UUID, days: Mapping[bytes, ClaimDay], revision: int
) -> dict[str, PatientDay]:
    """The patient's days with what this claim says of them, in the revision that goes out."""
    changed = {}
    for name, told in days.items():
        key = day_key(name)
        known = states.get(key)
        before = known if isinstance(known, PatientDay) else PatientDay(name)
        changed[key] = before.with_claim(claim_id, ClaimDay(revision, told.lines))
    return changed


@dataclass(frozen=True, slots=True)
class Decided:
    """The claim's new state (None: unchanged), what to say, what a person has to work on."""

    state: ClaimState | None = None
    event: Event | None = None
    entry: WorklistEntry | None = None


def decide(
    known: ClaimState | None,
    event: Event,
    now: datetime,
    ruleset: Ruleset,
    value: bytes | None = None,
    history: History = (),
) -> Decided:
    """What follows from an event. `value` is the data of a `claim.received` as it came,
    `history` what other claims of its patient say of its days.

    The same event always gives the same event id. An event about a revision that was followed by a
    newer one changes nothing.
    """
    match event.data:
        case ClaimReceived() as received:
            return _received(known, event, received, history, now=now, ruleset=ruleset, value=value)
        case ClaimRefused() | ClaimDenied() as answer:
            return _answered(known, event, answer, now=now, ruleset=ruleset)
        case ClaimPaid(adjudication=adjudication) as answer if adjudication.denied > 0:
            return _answered(known, event, answer, now=now, ruleset=ruleset)
        case _:
            return Decided()


def settle(
    known: ClaimState | None, known_open: OpenEntries, answer: Event, now: datetime
) -> tuple[ClaimState | None, tuple[Resolved, ...]]:
    """The claim's new state (None: unchanged) and the entries that close, when a payer's answer is
    what they wait for. One about a revision that a newer one followed changes nothing."""
    data = answer.data
    if not isinstance(data, closing.Answer):
        return None, ()
    revision = closing.revision_of(data)
    if known is not None and known.revision > revision:
        return None, ()
    claim = opening.standing(known.received, known.edited) if known else None
    settled = closing.settled(known_open, data, claim.charge if claim else None)
    rows = tuple(Resolved(one.event_id, revision, now, answer.type) for one in settled)
    if known is None or not rows or known.status not in ("refused", "denied"):
        return None, rows
    return replace(known, status="coded", updated_at=now), rows


def _received(
    known: ClaimState | None,
    cause: Event,
    received: ClaimReceived,
    history: History,
    *,
    now: datetime,
    ruleset: Ruleset,
    value: bytes | None,
) -> Decided:
    hospital_revision = received.claim.revision
    conflict = None
    if known is not None:
        if is_old(known.revision, known.hospital_revision, hospital_revision):
            return Decided()
        received = _as_next(known, received)
        conflict = _conflict(known, received)
    claim = received.claim
    verdict = judge(received, ruleset, history)
    if conflict is not None:
        findings = (conflict, *verdict.findings)
        verdict = ClaimHeld(claim=claim, ruleset=ruleset.version, findings=findings)
    is_held = isinstance(verdict, ClaimHeld)
    event = Event(
        id=business_id("coding", claim.id, claim.revision, cause.id),
        source=EVENT_SOURCE,
        subject=cause.subject,
        time=now,
        data=verdict,
        sequence=claim.revision,
    )
    state = ClaimState(
        claim_id=claim.id,
        revision=claim.revision,
        status="held" if is_held else "coded",
        updated_at=now,
        ruleset=ruleset.version,
        received=value,
        received_revision=hospital_revision,
        payer_claim_control_number=known.payer_claim_control_number if known else None,
    )
    entry = None
    if is_held:
        case = Case(claim, received.received_at.date(), ruleset.reference)
        entry = opening.held(event.id, case, verdict.findings, now)
    return Decided(state, event, entry)


def _as_next(known: ClaimState, received: ClaimReceived) -> ClaimReceived:
    """What was received, under the revision that it goes out as."""
    claim = received.claim
    revision = next_revision(known.revision, known.hospital_revision, claim.revision)
    if revision == claim.revision:
        return received
    numbered = claim.model_copy(update={"revision": revision})
    return received.model_copy(update={"claim": numbered})


def _conflict(known: ClaimState, received: ClaimReceived) -> Finding | None:
    if known.edited is None or known.received is None:
        return None
    base = ClaimReceived.model_validate_json(known.received).claim
    return conflict(base, Claim.model_validate_json(known.edited), received.claim)


def _answered(
    known: ClaimState | None,
    cause: Event,
    answer: ClaimRefused | ClaimDenied | ClaimPaid,
    *,
    now: datetime,
    ruleset: Ruleset,
) -> Decided:
    claim_id = UUID(cause.subject)
    claim = opening.standing(known.received, known.edited) if known else None
    case = Case(claim, now.date(), ruleset.reference) if claim else None
    limits = ruleset.reference.dispute_limits
    entry = (
        opening.refused(cause.id, claim_id, answer, case, now)
        if isinstance(answer, ClaimRefused)
        else opening.denied(cause.id, claim_id, answer, case, limits, now)
    )
    if known is not None and known.revision > entry.revision:
        return Decided()
    number = known.payer_claim_control_number if known else None
    if not isinstance(answer, ClaimRefused):
        number = answer.adjudication.payer_claim_control_number or number
    state = ClaimState(
        claim_id=claim_id,
        revision=entry.revision,
        # What was paid in part stands with the payer, whatever is done about the rest.
        status="coded" if isinstance(answer, ClaimPaid) else entry.reason,
        updated_at=now,
        ruleset=known.ruleset if known else None,
        received=known.received if known else None,
        received_revision=known.received_revision if known else None,
        edited=known.edited if known else None,
        payer_claim_control_number=number,
    )
    return Decided(state, None, entry)

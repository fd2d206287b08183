"""The heart of coding: what an event means for a claim, given what is known of it.

Pure: the service, the command line's filter and the tests call the same function.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.coding.domain.history import ClaimDay, EarlierLine, History, PatientDay
from services.coding.domain.verdict import Ruleset, judge
from shared.contract.envelope import Event, business_id
from shared.contract.events import ClaimDenied, ClaimHeld, ClaimReceived, ClaimRefused
from shared.contract.model import Finding
from shared.light import dataclass

EVENT_SOURCE = "claimwire/coding"

Status = Literal["coded", "held", "refused", "denied"]
Reason = Literal["held", "refused", "denied"]


@dataclass(frozen=True, slots=True)
class ClaimState:
    """What coding knows of a claim. `received` is the data of its newest `claim.received`, for who
    has to see and fix it; None where nothing newer than what is stored has come."""

    claim_id: UUID
    revision: int
    status: Status
    updated_at: datetime
    ruleset: str | None = None
    received: bytes | None = field(default=None, repr=False)


States = Mapping[str, ClaimState | PatientDay]
"""What is known, by claim id and by a patient's day (`day_key`)."""


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
    states: States, claim_id: UUID, days: Mapping[bytes, ClaimDay]
) -> dict[str, PatientDay]:
    """The patient's days with what this claim says of them."""
    changed = {}
    for name, told in days.items():
        key = day_key(name)
        known = states.get(key)
        before = known if isinstance(known, PatientDay) else PatientDay(name)
        changed[key] = before.with_claim(claim_id, told)
    return changed


@dataclass(frozen=True, slots=True)
class WorklistEntry:
    """Something on the worklist: one revision of a claim needs a person, and why."""

    event_id: UUID
    claim_id: UUID
    revision: int
    reason: Reason
    findings: tuple[Finding, ...]
    opened_at: datetime


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
        case ClaimRefused(revision=revision, findings=findings):
            return _answered(known, event, "refused", revision, findings, now=now)
        case ClaimDenied(adjudication=adjudication, findings=findings):
            return _answered(known, event, "denied", adjudication.revision, findings, now=now)
        case _:
            return Decided()


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
    claim = received.claim
    if known is not None and known.revision > claim.revision:
        return Decided()
    verdict = judge(received, ruleset, history)
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
    )
    entry = None
    if is_held:
        entry = WorklistEntry(event.id, claim.id, claim.revision, "held", verdict.findings, now)
    return Decided(state, event, entry)


def _answered(
    known: ClaimState | None,
    cause: Event,
    reason: Literal["refused", "denied"],
    revision: int,
    findings: tuple[Finding, ...],
    *,
    now: datetime,
) -> Decided:
    if known is not None and known.revision > revision:
        return Decided()
    claim_id = UUID(cause.subject)
    state = ClaimState(
        claim_id=claim_id,
        revision=revision,
        status=reason,
        updated_at=now,
        ruleset=known.ruleset if known else None,
        received=known.received if known else None,
    )
    entry = WorklistEntry(cause.id, claim_id, revision, reason, findings, now)
    return Decided(state, None, entry)

"""What goes on the worklist when a claim is held, refused or denied: the reasons, the money at
stake, and by when something must be done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.coding.domain.filing_limits import last_day
from services.coding.domain.reference import Editions, PayerLimit
from services.coding.domain.rule import Case
from services.coding.domain.worklist.deadlines import dispute_deadline
from shared.contract.claim import Claim
from shared.contract.events import ClaimDenied, ClaimPaid, ClaimReceived, ClaimRefused
from shared.contract.model import Finding

Reason = Literal["held", "refused", "denied"]


@dataclass(frozen=True, slots=True)
class WorklistEntry:
    """Something on the worklist: one revision of a claim needs a person, and why."""

    event_id: UUID
    claim_id: UUID
    revision: int
    reason: Reason
    findings: tuple[Finding, ...]
    opened_at: datetime
    payer_identifier: str | None = None
    at_stake_cents: int = 0
    due_on: date | None = None
    payer_sequence: str | None = None
    """SBR01 of the payer that refused."""
    traceparent: str | None = field(default=None, repr=False)
    line_reasons: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    """Why the payer denied (CARC), by our line control number: what there is to learn from."""


def standing(received: bytes | None, edited: bytes | None) -> Claim | None:
    """The version of a claim that stands: as a person corrected it, else as the hospital sent it;
    None where only the payer's answer has come so far."""
    if edited is not None:
        return Claim.model_validate_json(edited)
    return ClaimReceived.model_validate_json(received).claim if received is not None else None


def held(event_id: UUID, case: Case, findings: tuple[Finding, ...], now: datetime) -> WorklistEntry:
    """The entry of a claim that our own checks hold."""
    claim = case.claim
    return WorklistEntry(
        event_id=event_id,
        claim_id=claim.id,
        revision=claim.revision,
        reason="held",
        findings=findings,
        opened_at=now,
        payer_identifier=claim.payer.identifier,
        at_stake_cents=claim.charge,
        due_on=_last_filing_day(case),
    )


def refused(
    event_id: UUID, claim_id: UUID, answer: ClaimRefused, case: Case | None, now: datetime
) -> WorklistEntry:
    """The entry of a claim that a payer took not into adjudication. All of it is at stake."""
    return WorklistEntry(
        event_id=event_id,
        claim_id=claim_id,
        revision=answer.revision,
        reason="refused",
        findings=answer.findings,
        opened_at=now,
        payer_identifier=_payer_of(case.claim, answer.payer_sequence) if case else None,
        at_stake_cents=case.claim.charge if case else 0,
        due_on=_last_filing_day(case) if case else None,
        payer_sequence=answer.payer_sequence,
    )


def denied(
    event_id: UUID,
    claim_id: UUID,
    answer: ClaimDenied | ClaimPaid,
    case: Case | None,
    limits: Editions[PayerLimit],
    now: datetime,
) -> WorklistEntry:
    """The entry of a claim that a payer denied, or paid only in part. At stake is what it denied,
    and there is the time that `limits` gives to answer a denial that comes today."""
    adjudication = answer.adjudication
    indicator = case.claim.filing_indicator if case else None
    return WorklistEntry(
        event_id=event_id,
        claim_id=claim_id,
        revision=adjudication.revision,
        reason="denied",
        findings=answer.findings,
        opened_at=now,
        payer_identifier=adjudication.payer_identifier,
        at_stake_cents=adjudication.denied or adjudication.charge,
        due_on=dispute_deadline(adjudication.payer_identifier, indicator, now.date(), limits),
        line_reasons={
            line.line_control_number: [part.reason for part in line.adjustments if part.amount]
            for line in adjudication.lines
            if line.line_control_number and line.adjustments
        },
    )


def _payer_of(claim: Claim, sequence: str) -> str | None:
    """The identifier of the claim's payer of that sequence (SBR01)."""
    if sequence == claim.payer_sequence:
        return claim.payer.identifier
    others = (one.payer for one in claim.other_coverages if one.sequence == sequence)
    return next((one.identifier for one in others), claim.payer.identifier)


def _last_filing_day(case: Case) -> date | None:
    known = last_day(case)
    return None if known is None else known[0]

"""What goes on the worklist when a claim is held, refused or denied: the reasons, the money at
stake, and by when something must be done.

Of a claim that a payer has answered only these few fields are read, and the rest is skipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.coding.domain.payer_rules.facts import last_service_day
from services.coding.domain.worklist.deadlines import dispute_deadline, filing_deadline
from shared.contract.claim import Claim
from shared.contract.events import ClaimDenied, ClaimRefused
from shared.contract.model import Finding, Model
from shared.money import Cents

Reason = Literal["held", "refused", "denied"]


class _Payer(Model):
    identifier: str | None = None


class _Line(Model):
    service_from: date | None = None
    service_through: date | None = None


class Gist(Model):
    """Of a claim, what the worklist sorts and filters by."""

    charge: Cents = 0
    payer: _Payer = _Payer()
    filing_indicator: str | None = None
    statement_through: date | None = None
    service_lines: tuple[_Line, ...] = ()

    @property
    def last_service_on(self) -> date | None:
        days = [line.service_through or line.service_from for line in self.service_lines]
        return max(filter(None, (*days, self.statement_through)), default=None)


class _Received(Model):
    claim: Gist


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
    traceparent: str | None = field(default=None, repr=False)
    line_reasons: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    """Why the payer denied (CARC), by our line control number: what there is to learn from."""


def gist_of(received: bytes | None, edited: bytes | None) -> Gist:
    """The gist of a claim as it is kept: as a person corrected it, else as it was received; an
    empty one where only the payer's answer has come so far."""
    if edited is not None:
        return Gist.model_validate_json(edited)
    return _Received.model_validate_json(received).claim if received is not None else Gist()


def held(
    event_id: UUID, claim: Claim, findings: tuple[Finding, ...], now: datetime
) -> WorklistEntry:
    """The entry of a claim that our own checks hold."""
    return WorklistEntry(
        event_id=event_id,
        claim_id=claim.id,
        revision=claim.revision,
        reason="held",
        findings=findings,
        opened_at=now,
        payer_identifier=claim.payer.identifier,
        at_stake_cents=claim.charge,
        due_on=filing_deadline(claim.filing_indicator, last_service_day(claim)),
    )


def answered(
    event_id: UUID,
    claim_id: UUID,
    answer: ClaimRefused | ClaimDenied,
    gist: Gist,
    now: datetime,
) -> WorklistEntry:
    """The entry of a claim that a payer refused or denied: at stake is all of it, or what was
    denied; there is the time to file it, or to answer a denial that comes today."""
    if isinstance(answer, ClaimRefused):
        return WorklistEntry(
            event_id=event_id,
            claim_id=claim_id,
            revision=answer.revision,
            reason="refused",
            findings=answer.findings,
            opened_at=now,
            payer_identifier=gist.payer.identifier,
            at_stake_cents=gist.charge,
            due_on=filing_deadline(gist.filing_indicator, gist.last_service_on),
        )
    adjudication = answer.adjudication
    return WorklistEntry(
        event_id=event_id,
        claim_id=claim_id,
        revision=adjudication.revision,
        reason="denied",
        findings=answer.findings,
        opened_at=now,
        payer_identifier=gist.payer.identifier or adjudication.payer_identifier,
        at_stake_cents=adjudication.denied or adjudication.charge,
        due_on=dispute_deadline(gist.filing_indicator, now.date()),
        line_reasons={
            line.line_control_number: [part.reason for part in line.adjustments if part.amount]
            for line in adjudication.lines
            if line.line_control_number and line.adjustments
        },
    )

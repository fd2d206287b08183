"""What a sender over HTTP is told of each record: the outcome that its event says, in short.

It is apart because only submissions are kept record by record; of a message on Kafka the events are
the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from shared.contract.envelope import Event
from shared.contract.events import (
    ClaimDuplicated,
    ClaimReceived,
    ClaimRejected,
    MessageOrigin,
    MessageRejected,
)
from shared.contract.model import Finding, Model

OUTCOMES: Mapping[type[Model], str] = {
    ClaimReceived: "accepted",
    ClaimDuplicated: "duplicated",
    ClaimRejected: "rejected",
    MessageRejected: "rejected",
}
OTHERWISE = "collected"
"""Of a record that is no claim by itself, such as one message of an encounter."""


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """One record of a submission, decided. `findings` are JSON."""

    submission_id: UUID
    position: int
    outcome: str
    claim_id: UUID | None
    revision: int | None
    findings: bytes


@dataclass(frozen=True, slots=True)
class X12Answer:
    """A 999 or TA1 that a submission of X12 was answered with."""

    submission_id: UUID
    answer_id: UUID
    transaction: str
    content: bytes = field(repr=False)


def outcome_of(events: Sequence[Event], origin: MessageOrigin) -> RecordOutcome:
    """What the first event says of the record that it answers; a record of which nothing is said
    was collected for later."""
    if not events:
        return RecordOutcome(origin.message_id, origin.position, OTHERWISE, None, None, b"[]")
    event = events[0]
    data: Any = event.data
    outcome = OUTCOMES.get(type(data), OTHERWISE)
    is_claim = outcome in ("accepted", "duplicated")
    findings: tuple[Finding, ...] = getattr(data, "findings", ())
    return RecordOutcome(
        submission_id=origin.message_id,
        position=origin.position,
        outcome=outcome,
        claim_id=UUID(event.subject) if is_claim else None,
        revision=event.sequence if is_claim else None,
        findings=to_json(findings, exclude_none=True),
    )

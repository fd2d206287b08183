"""What the workers say: that a claim was submitted, cannot be written, or waits for an answer too
long. The handler's own events are made where they are decided, in `domain.acknowledgement`.

`claim.submitted` carries the whole claim and is said once for every claim there is, so it is put
together from the bytes that coding wrote; no model of the claim is made for it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.submission.domain.acknowledgement import SOURCE
from services.submission.domain.changes import Leg
from services.submission.domain.interchange import Unwritable
from services.submission.domain.watchdog import Overdue
from shared.contract import topics
from shared.contract.envelope import Event, business_id, to_headers
from shared.contract.events import (
    AcknowledgementEvidence,
    AcknowledgementOverdue,
    ClaimFilingDue,
    ClaimRefused,
    ClaimSubmitted,
    InterchangeReference,
)
from shared.contract.model import to_wire
from shared.messaging.handler import RawMessage
from shared.telemetry import names
from shared.telemetry.tracing import Batch

SUBMITTED = "claim.submitted.v1"
OVERDUE = "acknowledgement.overdue.v1"
FILING_DUE = "claim.filing-due.v1"
_NO_DATA = ClaimSubmitted.__new__(ClaimSubmitted)
"""Stands for the data where only an event's headers are made."""


@dataclass(frozen=True, slots=True, repr=False)
class Sent:
    """One claim of an interchange that was sent."""

    claim_id: UUID
    revision: int
    payer_sequence: str
    transaction_control_number: str
    coded_event_id: UUID
    traceparent: str | None
    content: bytes


def submitted_messages(
    claims: Iterable[Sent], interchange: InterchangeReference, at: datetime, trace: Batch
) -> Iterator[RawMessage]:
    """`claim.submitted` for each claim; the transaction control number is each claim's own."""
    when = b',"submitted_at":' + json.dumps(at.isoformat()).encode() + b"}"
    references: dict[str, bytes] = {}
    for claim in claims:
        of_set = claim.transaction_control_number
        if of_set not in references:
            update = {"transaction_control_number": of_set}
            references[of_set] = to_wire(interchange.model_copy(update=update))
        subject = str(claim.claim_id)
        event_id = business_id(SUBMITTED, subject, claim.revision, interchange.interchange_id)
        event = Event(
            id=event_id,
            source=SOURCE,
            subject=subject,
            time=at,
            data=_NO_DATA,
            sequence=claim.revision,
            traceparent=trace.claim(
                claim.traceparent,
                claim_id=subject,
                outcomes=(SUBMITTED,),
                name=names.SPAN_SUBMIT,
            ),
            causation_id=claim.coded_event_id,
        )
        yield RawMessage(
            id=event_id,
            topic=topics.CLAIMS_SUBMISSION,
            key=subject,
            value=b'{"claim":%b,"interchange":%b%b' % (claim.content, references[of_set], when),
            headers=to_headers(event),
            traceparent=event.traceparent,
            type=SUBMITTED,
        )


def unwritable_event(claim: Unwritable, traceparent: str | None, at: datetime) -> Event:
    """`claim.refused` whose evidence is our own 837: no payer has seen the claim."""
    leg = claim.leg
    return Event(
        id=business_id("submission", "unwritable", *leg, at),
        source=SOURCE,
        subject=str(leg.claim_id),
        time=at,
        data=ClaimRefused(
            revision=leg.revision,
            findings=claim.findings,
            evidence=AcknowledgementEvidence(transaction="837", received_at=at),
            payer_sequence=leg.payer_sequence,
        ),
        sequence=leg.revision,
        traceparent=traceparent,
    )


@dataclass(frozen=True, slots=True)
class Late:
    """A claim whose answer is overdue."""

    leg: Leg
    interchange_id: UUID
    overdue: Overdue
    submitted_at: datetime
    traceparent: str | None


def overdue_event(late: Late, trace: Batch, now: datetime) -> Event:
    """`acknowledgement.overdue`, once for each claim, interchange and answer."""
    expected, leg = late.overdue.expected, late.leg
    subject = str(leg.claim_id)
    return Event(
        id=business_id(OVERDUE, subject, late.interchange_id, expected),
        source=SOURCE,
        subject=subject,
        time=now,
        data=AcknowledgementOverdue(
            revision=leg.revision,
            expected=expected,
            submitted_at=late.submitted_at,
            due_at=late.overdue.due_at,
            payer_sequence=leg.payer_sequence,
        ),
        sequence=leg.revision,
        traceparent=trace.claim(
            late.traceparent, claim_id=subject, outcomes=(OVERDUE,), name=names.SPAN_WATCH
        ),
    )


@dataclass(frozen=True, slots=True)
class Counting:
    """A claim whose time for filing runs out."""

    leg: Leg
    percent_left: int
    last_day: date
    traceparent: str | None


def filing_event(claim: Counting, trace: Batch, now: datetime) -> Event:
    """`claim.filing-due`, once for each leg of a claim and step of the countdown."""
    leg = claim.leg
    subject = str(leg.claim_id)
    return Event(
        id=business_id(FILING_DUE, *leg, claim.percent_left),
        source=SOURCE,
        subject=subject,
        time=now,
        data=ClaimFilingDue(
            revision=leg.revision,
            percent_left=claim.percent_left,
            last_day=claim.last_day,
            payer_sequence=leg.payer_sequence,
        ),
        sequence=leg.revision,
        traceparent=trace.claim(
            claim.traceparent, claim_id=subject, outcomes=(FILING_DUE,), name=names.SPAN_WATCH
        ),
    )

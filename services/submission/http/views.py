"""What the endpoints answer. Ids, states, codes and times; nothing that identifies a patient."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.contract.model import Finding


class View(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Leg(View):
    """A claim's way to one payer: a revision of it, and whose turn it is."""

    revision: int
    payer_sequence: str
    """P primary, S secondary, T tertiary."""
    payer: str
    kind: str
    status: str
    interchange_id: UUID | None = None
    control_number: int | None = None
    file_name: str | None = None
    transaction_control_number: str | None = None
    interchange_state: str | None = None
    sent_at: datetime | None = None
    has_payer_claim_number: bool
    findings: list[Finding] | None = None
    """Why no 837 can say it."""
    filing_from: date | None = None
    filing_percent_left: int | None = None
    inquire_at: datetime | None = None
    pending_at: datetime
    changed_at: datetime


class Answer(View):
    """One answer of a payer: which file, where in it, what it says and whether it moved the
    claim."""

    message_id: UUID
    file_name: str | None = None
    transaction: str
    outcome: str
    relates_to: str
    revision: int | None = None
    payer_sequence: str | None = None
    has_moved_claim: bool = False
    control_number: str | None = None
    status_codes: list[str] = []
    findings: list[Finding] | None = None
    path: str | None = None
    received_at: datetime


class Late(View):
    """An answer that did not come in time."""

    revision: int
    payer_sequence: str
    expected: str
    due_at: datetime
    found_at: datetime


class Inquiry(View):
    """A 276 that asked about the claim, and when its 277 came."""

    revision: int
    payer_sequence: str
    interchange_id: UUID
    asked_at: datetime
    answered_at: datetime | None = None


class ClaimView(View):
    claim_id: UUID
    legs: list[Leg]
    answers: list[Answer]
    overdue: list[Late]
    inquiries: list[Inquiry]


class Interchange(View):
    interchange_id: UUID
    payer: str
    kind: str
    sender: str
    receiver: str
    control_number: int
    file_name: str
    claim_count: int
    state: str
    hold: Finding | None = None
    """Why a person must decide."""
    sendings: int
    envelope_outcome: str | None = None
    syntax_outcome: str | None = None
    formed_at: datetime
    sent_at: datetime | None = None


class Decision(View):
    action: str
    decided_by: str
    decided_at: datetime


class InterchangeView(Interchange):
    claims: dict[str, int]
    """How many claims stand where."""
    decisions: list[Decision]


class OverdueClaim(Late):
    claim_id: UUID
    payer: str
    status: str


class UnrelatedAnswer(Answer):
    part: int
    position: int
    payer: str | None = None


class StatusCount(View):
    payer: str
    status: str
    claims: int


class Channel(View):
    """What is known of the way to a payer: `failures` in a row, and when it is tried again."""

    payer: str
    failures: int
    error: str | None = None
    failed_at: datetime | None = None
    retry_at: datetime | None = None
    contact_at: datetime | None = None
    last_sent_at: datetime | None = None
    unsent: int
    held: int

"""What submission knows of a claim, and the changes that a decision can ask its store to write.

They are plain values, apart from both, so that deciding needs no database and storing no rules.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from services.submission.domain.status import Status
from shared.contract.model import Finding
from shared.light import dataclass

Relation = Literal["claim", "interchange", "nothing", "several"]


class Leg(NamedTuple):
    """One way of a claim to a payer: a revision of it, and whose turn it is (SBR01: P, S, T...)."""

    claim_id: UUID
    revision: int
    payer_sequence: str = "P"


@dataclass(frozen=True, slots=True, repr=False)
class Submission:
    """One leg of a claim, as far as it has got. `control_number` is its interchange's."""

    claim_id: UUID
    revision: int
    payer_sequence: str
    payer: str
    status: Status
    patient_control_number: str
    charge_cents: int
    traceparent: str | None = None
    interchange_id: UUID | None = None
    control_number: int | None = None
    transaction_control_number: str | None = None
    payer_identifier: str | None = None
    """NM109 of 2010BB."""

    @property
    def leg(self) -> Leg:
        return Leg(self.claim_id, self.revision, self.payer_sequence)


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """All legs of one claim that came this far."""

    legs: Mapping[Leg, Submission]


@dataclass(frozen=True, slots=True)
class SentInterchange:
    """An interchange that an answer is about. `claims` holds those that the answer refuses."""

    interchange_id: UUID
    payer: str
    control_number: int
    sendings: int = 1
    """How often it went: more than once where a person had it sent again."""
    claims: Sequence[Leg] = ()


@dataclass(frozen=True, slots=True, repr=False)
class CodedClaim:
    """A claim as it comes from coding, or from remittance for its next payer: what submission goes
    by, and the bytes it passes on."""

    claim_id: UUID
    revision: int
    payer_sequence: str
    payer: str
    kind: str
    patient_control_number: str
    charge_cents: int
    billing_npi: str | None
    payer_identifier: str | None
    content: bytes
    """The claim as JSON, untouched: `{"claim":<content>}` is a document."""
    coded_event_id: UUID
    traceparent: str | None

    @property
    def leg(self) -> Leg:
        return Leg(self.claim_id, self.revision, self.payer_sequence)


@dataclass(frozen=True, slots=True, repr=False)
class Queued:
    """A leg enters: pending, or superseded from the start."""

    claim: CodedClaim
    status: Status
    at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """A leg has a new status."""

    leg: Leg
    status: Status
    at: datetime
    payer_claim_control_number: str | None = None


@dataclass(frozen=True, slots=True)
class SetsAccepted:
    """A 999 accepts transaction sets of an interchange: these, or all where `sets` is None."""

    interchange_id: UUID
    sets: tuple[str, ...] | None
    at: datetime


@dataclass(frozen=True, slots=True)
class InterchangeAnswered:
    """The outcome of an interchange's TA1 or 999."""

    interchange_id: UUID
    transaction: Literal["TA1", "999"]
    outcome: str


@dataclass(frozen=True, slots=True)
class AnswerKept:
    """One answer, kept as evidence whether or not it relates to anything or moves anything."""

    event_id: UUID
    part: int
    position: int
    """Which answer of the part, counted from 0."""
    payer: str | None
    transaction: str
    outcome: str
    relates_to: Relation
    at: datetime
    interchange_id: UUID | None = None
    leg: Leg | None = None
    has_moved_claim: bool = False
    control_number: str | None = None
    status_codes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    path: str | None = None
    """Where in the answer it stands: `HL[5]/2200D`."""


@dataclass(frozen=True, slots=True)
class InquiryAnswered:
    """A 277 answers the question that a 276 of ours asked under this trace number."""

    trace: str
    at: datetime


Change = Queued | Moved | SetsAccepted | InterchangeAnswered | AnswerKept | InquiryAnswered

"""What remittance knows between two events: the claims of a patient account, what waits for them,
and the remittances read so far.

It is apart because deciding, matching and the store all speak in these values. States are found by
patient control number, since that is what a payer sends back; the key is a hash of it, because keys
are seen by people who look after the line and not after patients.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple
from uuid import UUID

from shared.contract.envelope import business_id
from shared.contract.model import Finding
from shared.contract.remittance import RemittanceClaim

ClaimStatus = Literal["registered", "paid", "partly_paid", "denied", "reversed"]
ReadState = Literal["posted", "unmatched", "waiting", "quarantined", "held", "noted"]
"""posted: in the ledger. unmatched: no claim of ours yet. waiting: contradicts what is posted so
far. quarantined: does not balance. held: its remittance is not accepted. noted: a status that moves
no money (23, 25)."""

Place = tuple[UUID, int]
"""A claim of a remittance: the remittance's id and the claim's position in it."""

RemittanceStatus = Literal["accepted", "held"]


class LedgerLine(NamedTuple):
    """What of a service line is needed to recognize it on a remittance."""

    number: int
    control_number: str | None
    code: str | None
    modifiers: tuple[str, ...]
    on: date | None
    charge: int


@dataclass(frozen=True, slots=True)
class Posted:
    """One adjudication that stands: posted, and not reversed. Amounts in cents."""

    remittance_id: UUID
    position: int
    status: str
    """CLP02."""
    charge: int
    paid: int
    adjustments: tuple[tuple[str, str, int], ...]
    """(group, reason, amount), summed and sorted: what a reversal must negate."""
    at: datetime
    """When it was posted: its entries' ids are made from it."""

    @property
    def place(self) -> "Place":
        return self.remittance_id, self.position


class LedgerClaim(NamedTuple):
    """A claim in the ledger. `charge` less the four categories and `paid` is what the payer still
    has to decide on. Amounts in cents."""

    id: UUID
    revision: int
    patient_control_number: str
    payer_identifier: str
    charge: int
    charge_entry: UUID | None
    charge_revision: int
    """The revision whose charge entry stands; later ones with the same charge post none."""
    lines: tuple[LedgerLine, ...] = ()
    payer_claim_control_number: str | None = None
    status: ClaimStatus = "registered"
    traceparent: str | None = None
    """The claim's own trace: the payer's answer starts another, linked to it."""
    paid: int = 0
    contractual: int = 0
    patient: int = 0
    other: int = 0
    denied: int = 0
    posted: tuple[Posted, ...] = ()

    @property
    def adjudicated(self) -> int:
        """Cents of the charge that the payer has decided on: the sum of CLP03 over what is posted,
        since CLP03 is CLP04 and all adjustments."""
        return self.paid + self.contractual + self.patient + self.other + self.denied

    @property
    def receivable(self) -> int:
        """Cents that the payer has not decided on."""
        return self.charge - self.adjudicated


@dataclass(frozen=True, slots=True)
class Remittance:
    """One 835 transaction set as far as posting is concerned. Its id is made of payer, trace
    number and content: the same content again is the same remittance, in whatever file."""

    id: UUID
    payer_identifier: str
    payer_name: str | None
    trace_number: str | None
    amount: int
    method: str | None
    payment_date: date | None
    content_hash: bytes
    status: RemittanceStatus
    read_event: UUID
    """The event that brought it first. Another one brings it again, and posts nothing."""
    claims: int
    difference: int

    @property
    def source(self) -> "RemittanceSource":
        return RemittanceSource(self.id, self.payer_identifier, self.trace_number or "")


class Tally(NamedTuple):
    """How many claims of a remittance came to what, while it was read. A claim that waits counts
    as quarantined: it contradicts what is posted so far."""

    posted: int = 0
    quarantined: int = 0
    unmatched: int = 0


@dataclass(frozen=True, slots=True)
class RemittanceSource:
    """What posting one claim needs of its remittance."""

    id: UUID
    payer_identifier: str
    trace_number: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """One claim of an accepted remittance that is not posted yet."""

    remittance: RemittanceSource
    claim: RemittanceClaim
    content: bytes
    """The claim as JSON, as it is kept."""
    state: ReadState = "unmatched"

    @property
    def place(self) -> "Place":
        return self.remittance.id, self.claim.position


class PatientAccount(NamedTuple):
    """All claims with one patient control number (two senders may use the same), and what payers
    sent for it that could not be posted so far, in the order of its arrival."""

    claims: tuple[LedgerClaim, ...] = ()
    waiting: tuple[Arrived, ...] = ()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where a claim is found by something other than its patient control number: the keys of the
    accounts that may hold it."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlreadyRead:
    """This claim of this remittance was decided on before."""


@dataclass(frozen=True, slots=True)
class FirstOfTrace:
    """The remittance that came first under a payer's trace number."""

    remittance_id: UUID


State = PatientAccount | Remittance | Tally | Elsewhere | AlreadyRead | FirstOfTrace


@dataclass(frozen=True, slots=True)
class RemittanceClaimRow:
    """What became of one claim of a remittance, for the store."""

    remittance_id: UUID
    position: int
    account_key: str
    state: ReadState
    claim: RemittanceClaim
    content: bytes
    claim_id: UUID | None = None
    difference: int = 0
    findings: tuple[Finding, ...] = ()


def account_key(patient_control_number: str) -> str:
    """The key that a patient account's states, order and parking go by. Payers change case and pad
    with blanks; neither makes another patient."""
    return str(business_id("pcn", patient_control_number.strip().upper()))


def place_key(remittance_id: UUID, position: int) -> str:
    """The key of one claim of one remittance."""
    return f"{remittance_id}/{position}"


def tally_key(remittance_id: UUID) -> str:
    """The key of a remittance's tally."""
    return f"{remittance_id}/tally"


def found_key(remittance_id: UUID, position: int) -> str:
    """The key under which stands where else a remittance's claim may belong."""
    return f"{remittance_id}/{position}/found"


def trace_key(payer_identifier: str, trace_number: str) -> str:
    """The key of a payer's trace number."""
    return f"trace/{payer_identifier}/{trace_number}"

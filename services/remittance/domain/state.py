"""What remittance knows between two events: the claims with one patient control number, what waits
for them, and the remittances read so far.

It is apart because deciding, matching and the store all speak in these values. States are found by
patient control number, since that is what a payer sends back; the key is a hash of it, because keys
are seen by people who look after the line and not after patients. A number is no patient: clinics
use the same ones, and each has an account of its own under it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple
from uuid import UUID

from services.remittance.domain.accounts import NOBODY_KNOWN, BillingProvider, Payee
from services.remittance.domain.ledger import ProviderAdjusted
from services.remittance.domain.variance import Fees
from shared.contract.model import Finding
from shared.contract.remittance import RemittanceClaim

ClaimStatus = Literal["registered", "paid", "partly_paid", "denied", "reversed"]
ReadState = Literal[
    "posted", "unmatched", "waiting", "quarantined", "held", "noted", "rejected", "returned"
]
"""posted: in the ledger. unmatched: no claim of ours yet. waiting: contradicts what is posted so
far. quarantined: does not balance. held: its remittance is not accepted. noted: a status that moves
no money (23, 25). By a person: rejected, closed without posting; returned, what was paid for it is
to go back to the payer."""

Place = tuple[UUID, int]
"""A claim of a remittance: the remittance's id and the claim's position in it."""

RemittanceStatus = Literal["accepted", "held", "rejected"]


class LedgerLine(NamedTuple):
    """What of a service line is needed to recognize it on a remittance."""

    number: int
    control_number: str | None
    code: str | None
    modifiers: tuple[str, ...]
    on: date | None
    charge: int


class WrittenOff(NamedTuple):
    """Cents of one group and reason that a person gave up; `key` and `at` name the entry."""

    group: str
    reason: str
    cents: int
    key: str
    at: datetime


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
    payer_identifier: str = ""
    """Who owed the claim then: whose receivable it was posted to."""
    crossed: tuple[tuple[str, str, int], ...] = ()
    """(group, reason, cents) that the next payer was asked for first."""
    crossed_to: str | None = None
    crossed_at: datetime | None = None
    repeats: bool = False
    """Its reason 23 is what earlier payers settled, and was not posted again."""
    written_off: tuple["WrittenOff", ...] = ()
    """What a person gave up of it; comes back with a reversal."""

    @property
    def place(self) -> "Place":
        return self.remittance_id, self.position


class LedgerClaim(NamedTuple):
    """A claim in the ledger. `charge` less the four categories and `paid` is what the payer still
    has to decide on. Amounts in cents."""

    id: UUID
    revision: int
    patient_control_number: str
    account_id: str
    """The patient account that it stands in, for life, whatever later revisions say."""
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
    written_off: int = 0
    """Given up by a person."""
    owing_payer: str | None = None
    """Whose receivable it is now, where that is not the payer that was charged."""
    payer_sequence: str = "P"
    """P, S, T, A...: the place of the payer that was charged among those of the claim."""
    next_payers: tuple[str, ...] = ()
    """Payers that come after and were not asked yet, in their order."""
    accepted_at: datetime | None = None
    """When the payer took the claim into adjudication (277CA)."""
    acceptance_evidence: str | None = None
    """Which answer said so: its kind, control number and status codes."""
    billing: BillingProvider = BillingProvider()

    @property
    def payer(self) -> str:
        """The payer whose receivable it is."""
        return self.owing_payer or self.payer_identifier

    @property
    def adjudicated(self) -> int:
        """Cents of the charge that were decided on: paid, adjusted, denied or given up."""
        posted = self.paid + self.contractual + self.patient + self.other + self.denied
        return posted + self.written_off

    @property
    def receivable(self) -> int:
        """Cents that no payer has decided on."""
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
    provider_adjustments: tuple[ProviderAdjusted, ...] = ()
    is_debit: bool = False
    findings: tuple[Finding, ...] = ()
    payee_identifier: str | None = None
    decided_by: str | None = None
    """The person who accepted or rejected it, where it was held."""
    note: str | None = None
    payee_tax_id: str | None = None

    @property
    def cash(self) -> int:
        """Cents that the payer sends; negative where it takes them (BPR03 D)."""
        return -self.amount if self.is_debit else self.amount

    @property
    def source(self) -> "RemittanceSource":
        payee = Payee(self.payee_identifier, self.payee_tax_id)
        return RemittanceSource(self.id, self.payer_identifier, self.trace_number or "", payee)


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
    payee: Payee = NOBODY_KNOWN


@dataclass(frozen=True, slots=True)
class Arrived:
    """One claim of an accepted remittance that is not posted yet."""

    remittance: RemittanceSource
    claim: RemittanceClaim
    content: bytes
    """The claim as JSON, as it is kept."""
    state: ReadState = "unmatched"
    meant: UUID | None = None
    """The claim that a person, or a score beyond doubt, says it is."""
    is_forced: bool = False
    """A person accepted it as it stands, whatever does not fit."""

    @property
    def place(self) -> "Place":
        return self.remittance.id, self.claim.position


class Namesakes(NamedTuple):
    """All claims with one patient control number, of whichever provider and patient, and what
    payers sent for it that could not be posted so far, in the order of its arrival. They are loaded
    and locked together, so that a claim and its 835 cannot miss each other."""

    claims: tuple[LedgerClaim, ...] = ()
    waiting: tuple[Arrived, ...] = ()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where a claim is found by something other than its patient control number: the keys of the
    namesakes that may hold it."""

    keys: tuple[str, ...]
    candidates: tuple["Candidate", ...] = ()
    """Claims that it may be by what is on them, where no number tells."""


class Candidate(NamedTuple):
    """What of a claim of ours can be compared with a payer's, beside its charge and lines."""

    claim_id: UUID
    number_key: str
    payer_identifier: str
    charge: int
    codes: frozenset[str]
    first_service: date | None
    last_service: date | None
    member_identifiers: frozenset[str]
    provider_npis: frozenset[str]
    names: frozenset[str]
    """Last and first name, as `name_key` writes them, of subscriber and patient."""


@dataclass(frozen=True, slots=True)
class AlreadyRead:
    """This claim of this remittance was decided on before."""

    state: ReadState = "posted"
    arrived: Arrived | None = None
    """The claim itself, where a person decides on it."""
    number_key: str = ""
    claim_id: UUID | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class AlreadyPosted:
    """An entry with this business key is in the ledger."""


@dataclass(frozen=True, slots=True)
class OwnProvider:
    """Claims of ours name this NPI as their billing provider."""


@dataclass(frozen=True, slots=True)
class Document:
    """A claim as it was sent: the data of `claim.submitted.v1`."""

    content: bytes


class PatientMoney(NamedTuple):
    """Cents that a patient paid and that are not promised back, and that are and not given yet."""

    paid: int = 0
    refunds_due: int = 0


class Deposit(NamedTuple):
    """A line of a bank's statement. In cents. `remittance_id` once it is reconciled."""

    id: UUID
    trace_number: str
    amount: int
    deposited_on: date
    payer_name: str | None = None
    remittance_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """A row of the denial worklist, as far as the ledger is concerned. In cents."""

    claim_id: UUID
    payer_identifier: str
    group: str
    reason: str
    amount: int
    state: str


@dataclass(frozen=True, slots=True)
class FirstOfTrace:
    """The remittance that came first under a payer's trace number."""

    remittance_id: UUID


State = (
    Namesakes
    | Remittance
    | Tally
    | Elsewhere
    | AlreadyRead
    | AlreadyPosted
    | FirstOfTrace
    | OwnProvider
    | Document
    | PatientMoney
    | Deposit
    | Denied
    | Fees
)


class DepositRow(NamedTuple):
    """A line of a bank's statement, for the store: with its remittance once that is known."""

    deposit: Deposit
    imported_at: datetime


class AccountsTouched(NamedTuple):
    """Patient accounts whose balance may have changed, and when."""

    account_ids: frozenset[UUID]
    at: datetime


class ClaimDocument(NamedTuple):
    """A claim as it was sent, for the store. `content` is the data of `claim.submitted.v1`."""

    claim_id: UUID
    revision: int
    payer_identifier: str
    charge: int
    member_identifier: str | None
    service_from: date | None
    content: bytes


@dataclass(frozen=True, slots=True)
class RemittanceClaimRow:
    """What became of one claim of a remittance, for the store."""

    remittance_id: UUID
    position: int
    number_key: str
    state: ReadState
    claim: RemittanceClaim
    content: bytes
    claim_id: UUID | None = None
    account_id: str | None = None
    """The patient account of our claim, where one is meant."""
    difference: int = 0
    findings: tuple[Finding, ...] = ()
    meant: UUID | None = None
    decided_by: str | None = None
    note: str | None = None


FEES = "fees"
"""The key of the fee schedules' prices that a batch may need."""


def place_key(remittance_id: UUID, position: int) -> str:
    """The key of one claim of one remittance."""
    return f"{remittance_id}/{position}"


def tally_key(remittance_id: UUID) -> str:
    """The key of a remittance's tally."""
    return f"{remittance_id}/tally"


def found_key(remittance_id: UUID, position: int) -> str:
    """The key under which stands where else a remittance's claim may belong."""
    return f"{remittance_id}/{position}/found"


def document_key(claim_id: UUID) -> str:
    """The key of a claim as it was sent."""
    return f"{claim_id}/document"


def money_key(account: str) -> str:
    """The key of what the patient of an account paid."""
    return f"{account}/patient-money"


def deposit_key(trace_number: str) -> str:
    """The key of the deposit that waits under a trace number."""
    return f"deposit/{trace_number}"


def denial_key(place: Place, number: int) -> str:
    """The key of one denial of one claim of one remittance."""
    return f"{place_key(*place)}/denial/{number}"


def posted_key(business_key: str) -> str:
    """The key under which stands that an entry is in the ledger already."""
    return f"posted/{business_key}"


def name_key(last: str | None, first: str | None) -> str:
    """A person's name for comparing: letters only, in capitals."""
    return "".join(ch for ch in f"{last or ''}{first or ''}".upper() if ch.isalpha())


def trace_key(payer_identifier: str, trace_number: str) -> str:
    """The key of a payer's trace number."""
    return f"trace/{payer_identifier}/{trace_number}"

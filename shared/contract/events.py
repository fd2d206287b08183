"""Every event type: its name, its data, the topic it travels on and the service that says it.

Within a major version only optional fields are added. Internal topics carry PHI in their data;
`payments.posted` carries none.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from shared.contract import topics
from shared.contract.claim import Claim, Code, Procedure, Text
from shared.contract.model import Adjustment, Finding, Model, Quantity
from shared.money import Cents

Format = Literal["x12", "json", "ndjson", "hl7v2", "fhir"]


class MessageOrigin(Model):
    """Where a record came from: enough to answer its sender, nothing that identifies a patient."""

    message_id: UUID
    """The submission's id: the same message again gives the same id."""
    source: Code
    format: Format | None = None
    position: int = 0
    """Which record of the message, counted from 0."""


class ClaimReceived(Model):
    """intake accepted a claim. A later revision of the same claim is received again."""

    claim: Claim
    origin: MessageOrigin
    received_at: datetime
    findings: tuple[Finding, ...] = ()
    """What was tolerated in the sender's record: nothing here blocks."""


class ClaimRejected(Model):
    """intake refused one claim of a message; the sender corrects it and sends it again."""

    origin: MessageOrigin
    patient_control_number: Code | None = None
    charge: Cents | None = None
    findings: tuple[Finding, ...]


class MessageRejected(Model):
    """intake could not read a message, or the rest of one, at all."""

    origin: MessageOrigin
    findings: tuple[Finding, ...]


class ClaimDuplicated(Model):
    """The same claim again, unchanged: nothing more is done. The event's subject is the first."""

    origin: MessageOrigin
    revision: int
    reason: Literal["same_content", "same_message"] = "same_content"


class EncounterRecorded(Model):
    """intake took a message down for an encounter. Its claim is an event of its own, once it is
    made; the event's subject is the encounter's id, which is also its claim's."""

    origin: MessageOrigin
    trigger: Code
    """What the message was: `DFT^P03`."""
    outcome: Literal["recorded", "unchanged", "merged", "ignored"]
    """`unchanged` where the message says nothing that was not known: the same charges again."""
    status: Literal["open", "complete", "billed", "merged"] | None = None
    """How far the encounter is; absent where the message is about none."""
    charges: int = 0
    """Charges and credits known of the encounter by now."""
    findings: tuple[Finding, ...] = ()
    """What was tolerated in the message: nothing here blocks."""


class EncounterOverdue(Model):
    """Charges wait, and what would make a claim of them has not come. Said once an encounter."""

    source: Code
    reason: Literal["not_registered", "not_completed"]
    """No registration with an insurance came; or no discharge and no final bill."""
    charges: int
    charge: Cents
    """Of all charges, less the credits."""
    since: datetime
    """When the first charge came."""
    due_at: datetime
    findings: tuple[Finding, ...] = ()


class ClaimCoded(Model):
    """coding found nothing that blocks; findings may still warn."""

    claim: Claim
    ruleset: Code
    findings: tuple[Finding, ...] = ()


class ClaimHeld(Model):
    """coding holds the claim: at least one finding blocks."""

    claim: Claim
    ruleset: Code
    findings: tuple[Finding, ...]


class ClaimReturned(Model):
    """A person gave the claim back to its sender, who corrects it and sends it again."""

    revision: int
    source: Code
    patient_control_number: Code
    note: str
    """Why, in the person's own words."""
    findings: tuple[Finding, ...] = ()


class InterchangeReference(Model):
    """Where in what we sent a claim stands."""

    interchange_id: UUID
    payer: Code
    """The payer profile's name."""
    interchange_control_number: Code
    group_control_number: Code
    transaction_control_number: Code


class ClaimSubmitted(Model):
    """submission has sent this revision and recorded that it did."""

    claim: Claim
    interchange: InterchangeReference
    submitted_at: datetime


class AcknowledgementEvidence(Model):
    """Which answer says so, and where in it."""

    transaction: Literal["TA1", "999", "277CA", "277", "837"]
    """`837` where our own writer could not say the claim: then no payer has seen it."""
    control_number: Code | None = None
    received_at: datetime | None = None
    status_codes: tuple[Code, ...] = ()
    """`A2:20:PR`: category, status, entity of each STC; IK5 and AK9 codes for a 999."""
    message_id: UUID | None = None
    """The payer's message on `payers.inbound` that holds the answer."""
    path: Code | None = None
    """Where in it: `HL[5]/2200D/STC`."""


class ClaimAcknowledged(Model):
    """A payer has the claim: a 277CA accepted it into adjudication (stage payer) or on the way."""

    revision: int
    stage: Literal["clearinghouse", "payer"]
    payer_claim_control_number: Code | None = None
    evidence: AcknowledgementEvidence
    payer_sequence: Code = "P"
    """SBR01 of the payer that answers: a claim goes to its primary payer, then to the next."""


class ClaimRefused(Model):
    """Never adjudicated: correct it and send it again as an original (frequency 1)."""

    revision: int
    findings: tuple[Finding, ...]
    evidence: AcknowledgementEvidence
    payer_sequence: Code = "P"


class AcknowledgementOverdue(Model):
    """What should have come and has not."""

    revision: int
    expected: Literal["999", "277CA", "835"]
    submitted_at: datetime
    due_at: datetime
    payer_sequence: Code = "P"


class ClaimFilingDue(Model):
    """A payer's limit for timely filing comes near, and the claim is not in adjudication yet."""

    revision: int
    percent_left: int
    """Of the time that the payer allows: 50, 25 or 10, each said once; 0 when it is over."""
    last_day: date
    """The last day on which the payer takes the claim as filed in time."""
    payer_sequence: Code = "P"


class ClaimAnswer(Model):
    """What one acknowledgement says of one claim, before it is related to ours."""

    patient_control_number: Code
    outcome: Literal["acknowledged", "refused", "pending", "finalized", "not_found", "unknown"]
    """`unknown` where the answer says nothing of the claim: the question failed, or its code is
    not in the standard."""
    status_codes: tuple[Code, ...]
    payer_claim_control_number: Code | None = None
    charge: Cents | None = None
    stage: Literal["clearinghouse", "payer"] | None = None
    """Where an acknowledged claim has got to: `payer` once accepted into adjudication there."""
    clearinghouse_claim_number: Code | None = None
    """REF*D9."""
    findings: tuple[Finding, ...] = ()
    """What is said against the claim, or asked for."""
    inquiry_trace: Code | None = None
    """277: TRN02 of the 276 that is answered."""
    path: Code | None = None
    """Where in the answer it stands: `HL[5]/2200D`."""


class AcknowledgementRead(Model):
    """One TA1, 999 functional group answer, 277CA or 277, as read."""

    transaction: Literal["TA1", "999", "277CA", "277"]
    outcome: Literal["accepted", "accepted_with_errors", "partially_accepted", "rejected", "status"]
    interchange_control_number: Code | None = None
    """Of the interchange or group that is answered, where the answer says."""
    group_control_number: Code | None = None
    batch_reference: Code | None = None
    """277CA: the BHT03 of ours that is answered."""
    refuses_batch: bool = False
    """277CA: every claim of the batch is refused, whether it is listed or not."""
    refused_providers: tuple[Code, ...] = ()
    """277CA: NPIs of billing providers all of whose claims in the batch are refused, unlisted."""
    transactions: tuple["TransactionAnswer", ...] = ()
    claims: tuple[ClaimAnswer, ...] = ()
    findings: tuple[Finding, ...] = ()


class TransactionAnswer(Model):
    """One AK2 loop of a 999."""

    transaction_control_number: Code
    outcome: Literal["accepted", "accepted_with_errors", "rejected"]
    findings: tuple[Finding, ...] = ()


class BalanceCount(Model):
    checked: int
    failed: int


class TransactionBalance(Model):
    balanced: bool
    difference: Cents
    """BPR02 less what claims and PLB add up to."""


class RemittanceBalance(Model):
    lines: BalanceCount
    claims: BalanceCount
    transaction: TransactionBalance


class RemittanceRead(Model):
    """One 835 transaction set, read and checked. Says nothing yet of what was posted."""

    payer_identifier: Code | None = None
    payer_name: Code | None = None
    trace_number: Code | None = None
    payment_method: Code | None = None
    payment_date: date | None = None
    amount: Cents
    claims: int
    balance: RemittanceBalance
    findings: tuple[Finding, ...] = ()


class RemittancePosted(Model):
    """All of a transaction set that could be posted is in the ledger."""

    trace_number: Code
    payer_identifier: Code
    amount: Cents
    posted_claims: int
    quarantined_claims: int
    unmatched_claims: int


class RemittanceQuarantined(Model):
    """A transaction set, or one claim of it, does not balance (or contradicts what we know)."""

    trace_number: Code | None = None
    payer_identifier: Code | None = None
    level: Literal["transaction", "claim"]
    difference: Cents
    findings: tuple[Finding, ...]


class PostedLine(Model):
    line_control_number: Code | None = None
    procedure: Procedure | None = None
    charge: Cents
    paid: Cents
    units: Quantity | None = None
    adjustments: tuple[Adjustment, ...] = ()
    remarks: tuple[Code, ...] = ()


class Adjudication(Model):
    """What a payer decided on one claim, as it was posted."""

    revision: int
    remittance_id: UUID
    payer_identifier: Code
    payer_claim_control_number: Code | None = None
    status: Code
    """CLP02."""
    charge: Cents
    paid: Cents
    contractual: Cents
    """Group CO that was written off."""
    patient: Cents
    """Group PR."""
    other: Cents
    """OA and PI."""
    denied: Cents
    """Still open: adjusted by a denial, and not written off by posting."""
    adjustments: tuple[Adjustment, ...] = ()
    """At claim level."""
    lines: tuple[PostedLine, ...] = ()
    remarks: tuple[Code, ...] = ()


class ClaimPaid(Model):
    """Posted, with money or a patient share: nothing of it was denied, or only a part."""

    adjudication: Adjudication
    outcome: Literal["paid", "partly_paid"]
    findings: tuple[Finding, ...] = ()
    """Why a part of it was denied, and what to do next."""


class ClaimDenied(Model):
    """Adjudicated and denied: appeal, or replace with frequency 7."""

    adjudication: Adjudication
    findings: tuple[Finding, ...]


class ClaimReversed(Model):
    """The payer took its earlier decision back (CLP02 22)."""

    adjudication: Adjudication


class ClaimSecondaryDue(Model):
    """The next payer's turn: what an earlier one decided leaves something for it to pay.

    `claim` is whole and ready for that payer. It keeps its id, its revision and its patient control
    number; `payer`, `subscriber`, `filing_indicator`, `patient_relationship` and `payer_sequence`
    (S, T, ...) are those of the payer that is due; its own REF*F8 is absent. Every earlier payer
    stands in `other_coverages` with its own `sequence`, `payer.identifier`, `adjudicated_on` and
    `payer_claim_control_number`, its `paid` (AMT*D), `adjustments` (claim level) and, where it
    decided line by line, in each line's `adjudications` under the same payer identifier. They
    balance: a line's charge is what was paid and adjusted on it, the claim's charge is `paid` with
    all adjustments at both levels. A claim and payer sequence are due once for each revision.
    """

    claim: Claim
    remittance_id: UUID | None = None
    """The 835 that made it due."""


class LedgerLeg(Model):
    """One side of a ledger entry. Debits are positive, credits negative."""

    account: Text
    """`kind|payer|trace number|reason|holder`; a holder (a patient account, a payer's reference) is
    a keyed hash. Parts at the end that are empty are left out, with their separators."""
    amount: Cents


class LedgerEntry(Model):
    """One ledger entry, whole: its legs sum to zero. Add the legs of every entry on the topic up by
    account, each event once by `ce_id`, and you have the ledger's balances."""

    id: UUID
    kind: Code
    group: Code | None = None
    reason: Code | None = None
    reverses: UUID | None = None
    """The entry that this one takes back."""
    legs: tuple[LedgerLeg, ...]


class PaymentPosted(Model):
    """The public contract: one claim's posting, without PHI."""

    claim_id: UUID
    account_hash: Code
    """A keyed hash of the patient account: its control number and billing provider, since clinics
    use the same numbers. One that was opened when a number had one account keeps its hash."""
    payer_id: Code
    trace_number: Code
    posted_on: date
    ledger_entry_ids: tuple[UUID, ...]
    charged: Cents
    paid: Cents
    contractual: Cents
    patient_responsibility: Cents
    other_adjustments: Cents
    denied: Cents
    entries: tuple[LedgerEntry, ...] = ()
    """The ledger entries of `ledger_entry_ids`, in their order."""


class PaymentReversed(PaymentPosted):
    """A posting taken back: the same categories, negated. `reverses` names its payment event."""

    reverses: UUID | None = None


class AdjustmentPosted(Model):
    """Every other change of the ledger, without PHI: a charge, a remittance's cash and provider
    adjustments, a write-off, what a patient paid or is paid back, a bank's deposit."""

    kind: Literal[
        "charge", "remittance", "write_off", "patient_payment", "refund_due", "refund", "deposit"
    ]
    posted_on: date
    amount: Cents
    """Of what `kind` says; negative where it takes an earlier one back."""
    claim_id: UUID | None = None
    account_hash: Code | None = None
    payer_id: Code | None = None
    trace_number: Code | None = None
    entries: tuple[LedgerEntry, ...]


class DepositReconciled(Model):
    """A deposit in the bank is the payment of a remittance: their trace numbers are the same."""

    deposit_id: UUID
    remittance_id: UUID
    payer_id: Code
    trace_number: Code
    deposited_on: date
    posted_on: date
    deposited: Cents
    remitted: Cents
    difference: Cents
    """Deposited less remitted; it stays on the remittance's clearing account until explained."""
    entries: tuple[LedgerEntry, ...]


class UnderpaidLine(Model):
    line_control_number: Code | None = None
    procedure: Procedure | None = None
    units: Quantity | None = None
    expected: Cents
    """By the payer's loaded fee schedule, for the units paid."""
    allowed: Cents
    variance: Cents
    """Expected less allowed."""


class ClaimUnderpaid(Model):
    """A payer allowed less than its fee schedule says."""

    revision: int
    remittance_id: UUID
    payer_identifier: Code
    payer_claim_control_number: Code | None = None
    variance: Cents
    lines: tuple[UnderpaidLine, ...]


class ShareOfBucket(Model):
    """A part of a patient's share: PR 1 is deductible, 2 coinsurance, 3 copay, the rest other."""

    bucket: Literal["deductible", "coinsurance", "copay", "other"]
    amount: Cents


class OpenShare(Model):
    """Why a claim's share may not be billed yet."""

    claim_id: UUID
    kind: Literal["payer_pending", "next_payer", "appeal", "denial", "imbalance", "reversal"]
    amount: Cents


class PatientBalanceChanged(Model):
    """What a patient account stands at, whenever that changes. No name and no account number: the
    account goes by an id of ours. Its subject is the account's id, its sequence the version."""

    account_id: UUID
    version: int
    claim_ids: tuple[UUID, ...]
    share: Cents
    """What the payers' answers leave to the patient."""
    paid: Cents
    """By the patient, less what was given back or is to be."""
    balance: Cents
    """Share less paid; negative where the patient paid too much."""
    billable: Cents
    """What may be billed now: nothing of it is open with anybody else."""
    credit: Cents = 0
    """Paid beyond everything owed: to be refunded."""
    refunds_due: Cents = 0
    """Declared due, and not paid back yet."""
    refund_due_on: date | None = None
    """The last day for the credit and the refunds due."""
    shares: tuple[ShareOfBucket, ...] = ()
    open: tuple[OpenShare, ...] = ()


class PatientStatementReady(Model):
    """An itemised bill may go out: whoever sends bills fetches it by its id, as HTML or PDF. A bill
    that a person must look at first is not ready until it is released."""

    statement_id: UUID
    """Random: it may stand in an address."""
    account_id: UUID
    claim_ids: tuple[UUID, ...]
    amount_due: Cents
    made_on: date
    due_on: date
    """When the patient is asked to pay."""
    language: Literal["en", "es"] = "en"


@dataclass(frozen=True, slots=True)
class EventType:
    name: str
    model: type[Model]
    topic: str
    producer: str


EVENT_TYPES = (
    EventType("claim.received.v1", ClaimReceived, topics.CLAIMS_INTAKE, "intake"),
    EventType("claim.rejected.v1", ClaimRejected, topics.CLAIMS_INTAKE, "intake"),
    EventType("claim.duplicated.v1", ClaimDuplicated, topics.CLAIMS_INTAKE, "intake"),
    EventType("message.rejected.v1", MessageRejected, topics.CLAIMS_INTAKE, "intake"),
    EventType("encounter.recorded.v1", EncounterRecorded, topics.CLAIMS_INTAKE, "intake"),
    EventType("encounter.overdue.v1", EncounterOverdue, topics.CLAIMS_INTAKE, "intake"),
    EventType("claim.coded.v1", ClaimCoded, topics.CLAIMS_CODING, "coding"),
    EventType("claim.held.v1", ClaimHeld, topics.CLAIMS_CODING, "coding"),
    EventType("claim.returned.v1", ClaimReturned, topics.CLAIMS_CODING, "coding"),
    EventType("claim.submitted.v1", ClaimSubmitted, topics.CLAIMS_SUBMISSION, "submission"),
    EventType("claim.acknowledged.v1", ClaimAcknowledged, topics.CLAIMS_SUBMISSION, "submission"),
    EventType("claim.refused.v1", ClaimRefused, topics.CLAIMS_SUBMISSION, "submission"),
    EventType(
        "acknowledgement.read.v1", AcknowledgementRead, topics.CLAIMS_SUBMISSION, "submission"
    ),
    EventType(
        "acknowledgement.overdue.v1", AcknowledgementOverdue, topics.CLAIMS_SUBMISSION, "submission"
    ),
    EventType("claim.filing-due.v1", ClaimFilingDue, topics.CLAIMS_SUBMISSION, "submission"),
    EventType("remittance.read.v1", RemittanceRead, topics.CLAIMS_REMITTANCE, "remittance"),
    EventType("remittance.posted.v1", RemittancePosted, topics.CLAIMS_REMITTANCE, "remittance"),
    EventType(
        "remittance.quarantined.v1", RemittanceQuarantined, topics.CLAIMS_REMITTANCE, "remittance"
    ),
    EventType("claim.paid.v1", ClaimPaid, topics.CLAIMS_REMITTANCE, "remittance"),
    EventType("claim.denied.v1", ClaimDenied, topics.CLAIMS_REMITTANCE, "remittance"),
    EventType("claim.reversed.v1", ClaimReversed, topics.CLAIMS_REMITTANCE, "remittance"),
    EventType("claim.secondary-due.v1", ClaimSecondaryDue, topics.CLAIMS_REMITTANCE, "remittance"),
    EventType("claim.underpaid.v1", ClaimUnderpaid, topics.CLAIMS_REMITTANCE, "remittance"),
    EventType(
        "patient.balance-changed.v1", PatientBalanceChanged, topics.CLAIMS_REMITTANCE, "remittance"
    ),
    EventType(
        "patient.statement-ready.v1", PatientStatementReady, topics.CLAIMS_REMITTANCE, "remittance"
    ),
    EventType("payment.posted.v1", PaymentPosted, topics.PAYMENTS_POSTED, "remittance"),
    EventType("payment.reversed.v1", PaymentReversed, topics.PAYMENTS_POSTED, "remittance"),
    EventType("adjustment.posted.v1", AdjustmentPosted, topics.PAYMENTS_POSTED, "remittance"),
    EventType("deposit.reconciled.v1", DepositReconciled, topics.PAYMENTS_POSTED, "remittance"),
)

TYPE_BY_NAME = {row.name: row for row in EVENT_TYPES}
TYPE_BY_MODEL = {row.model: row for row in EVENT_TYPES}

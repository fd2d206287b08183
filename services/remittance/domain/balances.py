"""What a patient owes, and what of it may be billed: the facts that a statement is made from.

It is apart because a statement must not know how a ledger works: here is each claim of a patient
account with its money, the patient's share by bucket, and every reason why nothing of it may be
billed yet. Only group PR is a patient's, and not while anybody else may still answer for it.
Amounts are integer cents.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

Bucket = Literal["deductible", "coinsurance", "copay", "other"]

BUCKETS: Mapping[str, Bucket] = {"1": "deductible", "2": "coinsurance", "3": "copay"}
"""Reasons of group PR by the words that plans use. Every other PR reason is `other`."""

OpenKind = Literal[
    "payer_pending",
    "next_payer",
    "appeal",
    "denial",
    "imbalance",
    "reversal",
]
"""payer_pending: a payer has not decided on all of the charge. next_payer: another payer is to be
asked first. appeal: a denial is under appeal. denial: a denial whose next step is the provider's.
imbalance: an answer for the claim waits for a person. reversal: the payer took its answer back."""


@dataclass(frozen=True, slots=True)
class Open:
    """One reason why a claim's share may not be billed. `cents` is the money it is about."""

    kind: OpenKind
    cents: int
    payer_identifier: str | None = None


@dataclass(frozen=True, slots=True)
class DenialFacts:
    """One denied amount of a claim."""

    kind: str
    state: str
    """open, appealed, corrected, closed, reversed, written_off."""
    cents: int
    payer_identifier: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimBalance:
    """One claim of a patient account as the ledger has it.

    charge = paid + contractual + other + written_off + denied + receivable + patient, always.
    """

    claim_id: UUID
    patient_control_number: str
    payer_identifier: str
    """The payer whose receivable it is now."""
    payer_claim_control_number: str | None
    """The insurer's own number, as on the letter that the patient got."""
    status: str
    charge: int
    paid: int
    contractual: int
    other: int
    written_off: int
    denied: int
    receivable: int
    patient: int
    """What the payers' answers leave to the patient, before what the patient paid."""
    buckets: Mapping[Bucket, int] = field(default_factory=dict)
    """`patient` by bucket; what the next payer was asked for is not in it."""
    next_payers: tuple[str, ...] = ()
    denials: tuple[DenialFacts, ...] = ()
    waiting: int = 0
    """Answers for this claim that wait for a person: out of balance, or contradicting."""
    last_posted_on: date | None = None
    """When a payer's answer was posted last: an itemised bill is due 30 days after it."""

    @property
    def not_owed(self) -> int:
        """What the patient does not owe: everything of the charge but the share."""
        return self.charge - self.patient

    @property
    def open(self) -> tuple[Open, ...]:
        """Every reason why the share may not be billed yet; empty where it may."""
        return tuple(_open_of(self))

    @property
    def billable(self) -> int:
        """The share that may be billed now, before what the patient paid."""
        return 0 if self.open else self.patient


def _open_of(claim: ClaimBalance) -> Iterable[Open]:
    if claim.status == "reversed":
        yield Open("reversal", claim.receivable, claim.payer_identifier)
    elif claim.receivable:
        yield Open("payer_pending", claim.receivable, claim.payer_identifier)
    if claim.next_payers:
        yield Open("next_payer", claim.patient, claim.next_payers[0])
    for denial in claim.denials:
        if denial.state == "appealed":
            yield Open("appeal", denial.cents, denial.payer_identifier)
        elif denial.state in ("open", "corrected"):
            yield Open("denial", denial.cents, denial.payer_identifier)
    if claim.waiting:
        yield Open("imbalance", 0, claim.payer_identifier)


@dataclass(frozen=True, slots=True)
class PatientBalance:
    """A patient account: its claims, and what the patient paid. Refunds are not in `paid`."""

    account_id: UUID
    claims: tuple[ClaimBalance, ...]
    paid: int = 0
    """By the patient, less what was given back or is to be."""
    refunds_due: int = 0
    """To the patient, and not paid back yet."""

    @property
    def share(self) -> int:
        """What the payers' answers leave to the patient."""
        return sum(claim.patient for claim in self.claims)

    @property
    def balance(self) -> int:
        """What the ledger says the patient owes; negative where the patient paid too much."""
        return self.share - self.paid

    @property
    def billable(self) -> int:
        """What may be billed now: shares with nothing open, less what the patient paid."""
        return max(0, sum(claim.billable for claim in self.claims) - self.paid)

    @property
    def credit(self) -> int:
        """What the patient paid beyond everything owed: a refund to make, never a write-off.
        While a claim is open the share may still change, so its whole share counts as owed."""
        return max(0, -self.balance)


def buckets_of(by_reason: Mapping[str, int]) -> dict[Bucket, int]:
    """Cents by PR reason as cents by bucket; buckets of nothing are left out."""
    sums: dict[Bucket, int] = {}
    for reason, cents in by_reason.items():
        bucket = BUCKETS.get(reason, "other")
        sums[bucket] = sums.get(bucket, 0) + cents
    return {bucket: cents for bucket, cents in sums.items() if cents}


REFUND_DAYS: Mapping[str, int] = {"default": 30}
"""Days in which a patient's credit is to be refunded, by state; a policy replaces it."""


def refund_due_on(
    credit_since: date, state: str | None = None, days: Mapping[str, int] = REFUND_DAYS
) -> date:
    """When a credit that stands since this day is to be refunded."""
    return credit_since + timedelta(days=days.get(state or "", days["default"]))

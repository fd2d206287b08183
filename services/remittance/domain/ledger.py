"""The double-entry ledger: accounts, entries and their legs, in integer cents.

It is apart from posting because it knows nothing of payers' rules: only that the legs of an entry
sum to zero, that an entry's business key names the fact it records, and which accounts there are.
Debits are positive, credits negative. Nothing is ever changed: a correction is a reversal and a
new entry.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from shared.contract.envelope import business_id


class AccountKind(StrEnum):
    """The chart of accounts. What an account is opened by (payer, trace number, reason) follows."""

    # What is owed to us, and by us
    PAYER_RECEIVABLE = "payer_receivable"
    """Charges that a payer has not decided on. By payer; the claim is the entry's."""
    PATIENT_RECEIVABLE = "patient_receivable"
    """What a payer's answer leaves to a patient. Debited by group PR only; the database enforces
    it. By patient account."""
    PATIENT_PAYMENT = "patient_payment"
    """What a patient paid, a credit: with the receivable, the patient's balance. By patient
    account."""
    REFUNDS_DUE = "refunds_due"
    """Money of others that is to go back. By payer, or by patient account."""

    # What was earned, and what of it will not come
    REVENUE = "revenue"
    """Charges, gross. By payer."""
    CONTRACTUAL_ALLOWANCE = "contractual_allowance"
    """Written off by agreement. By payer and reason."""
    WRITE_OFF = "write_off"
    """Given up by a person, never by posting. By payer and reason."""
    DENIED_PENDING = "denied_pending"
    """Denied and still open: posting never writes a denial off. By payer and reason."""
    OTHER_ADJUSTMENT = "other_adjustment"
    """Groups OA and PI. By payer and reason."""

    # Cash
    CASH_CLEARING = "cash_clearing"
    """What a payer says it sent, until the bank's deposit says the same. By payer and trace."""
    UNAPPLIED_CASH = "unapplied_cash"
    """Paid, and not yet posted to a claim: what waits in quarantine stands here, in sight."""
    PATIENT_CASH = "patient_cash"
    """What patients paid and were paid back, by means of payment (the reason)."""
    BANK = "bank"
    """What the bank says came in."""
    UNIDENTIFIED_DEPOSIT = "unidentified_deposit"
    """In the bank, and no remittance is known for it yet. By trace number."""

    # PLB
    RECOUPMENT = "recoupment"
    """Overpayments that a payer takes back (WO). By payer and its reference."""
    FORWARDING_BALANCE = "forwarding_balance"
    """What a payer carries from one payment to a later one (FB): comes to zero. By payer."""
    INTEREST = "interest"
    """Interest that a payer paid or took (L6, 51). By payer and reason."""
    PROVIDER_ADJUSTMENT = "provider_adjustment"
    """Every other PLB reason. By payer and reason."""


class EntryKind(StrEnum):
    CHARGE = "charge"
    PAYMENT = "payment"
    CONTRACTUAL = "contractual"
    DENIAL = "denial"
    OTHER_ADJUSTMENT = "other_adjustment"
    PATIENT_RESPONSIBILITY = "patient_responsibility"
    CROSSOVER = "crossover"
    """What an answer leaves over and the next payer is asked for first: to that payer's receivable
    and, where the answer is reversed, back."""
    WRITE_OFF = "write_off"
    PATIENT_PAYMENT = "patient_payment"
    REFUND_DUE = "refund_due"
    REFUND = "refund"
    DEPOSIT = "deposit"
    RECONCILIATION = "reconciliation"
    """A deposit and the remittance that announced it, by their trace number."""
    REMITTANCE = "remittance"
    """The header of an accepted remittance: its cash and its provider adjustments."""


@dataclass(frozen=True, slots=True)
class Account:
    id: UUID
    code: str
    kind: AccountKind
    payer_identifier: str | None = None
    trace_number: str | None = None
    reason: str | None = None
    holder: str | None = None
    """Whose account it is within its kind: a patient account's id, or the reference under which a
    payer recoups. Never leaves the house but as a keyed hash."""


class Leg(NamedTuple):
    """One side of an entry. `line` is the number of the claim's service line, where it has one."""

    account: Account
    amount_cents: int
    line: int | None = None


class Entry(NamedTuple):
    """One fact in the ledger. `business_key` is unique for ever: a fact is posted once."""

    id: UUID
    business_key: str
    kind: EntryKind
    posted_on: date
    created_at: datetime
    legs: tuple[Leg, ...]
    claim_id: UUID | None = None
    remittance_id: UUID | None = None
    adjustment_group: str | None = None
    adjustment_reason: str | None = None
    reverses: UUID | None = None


class UnbalancedError(ValueError):
    """An entry whose legs do not sum to zero, or that has none: a defect, never a payer's doing."""


@lru_cache(maxsize=8192)
def account(
    kind: AccountKind,
    payer_identifier: str | None = None,
    trace_number: str | None = None,
    reason: str | None = None,
    holder: str | None = None,
) -> Account:
    """The account of this kind for this payer, trace number, reason and holder. The same id,
    always."""
    parts = [kind, payer_identifier or "", trace_number or "", reason or ""]
    code = "|".join([*parts, holder] if holder else parts)
    return Account(
        business_id("account", code), code, kind, payer_identifier, trace_number, reason, holder
    )


def entry_id(at: datetime, business_key: str) -> UUID:
    """A version 7 UUID: the millisecond of `at`, then a hash of the key where v7 has random bits.

    Ordered by time, so that inserts touch one end of the index however large the ledger is; made
    from the key, so that the same posting at the same instant has the same id.
    """
    digest = int.from_bytes(blake2b(business_key.encode(), digest_size=10).digest(), "big")
    high, low = (digest >> 62) & 0xFFF, digest & ((1 << 62) - 1)
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (7 << 76) | (high << 64) | (0b10 << 62) | low)


def entry(
    kind: EntryKind,
    business_key: str,
    legs: Iterable[Leg],
    at: datetime,
    *,
    claim_id: UUID | None = None,
    remittance_id: UUID | None = None,
    group: str | None = None,
    reason: str | None = None,
    reverses: UUID | None = None,
) -> Entry:
    """An entry whose legs sum to zero; legs of nothing are left out. Raises UnbalancedError."""
    kept = tuple([leg for leg in legs if leg.amount_cents])
    total = 0
    for leg in kept:
        total += leg.amount_cents
    if total or len(kept) < 2:
        raise UnbalancedError(f"entry of kind {kind} with {len(kept)} legs does not sum to zero")
    return Entry(
        id=entry_id(at, business_key),
        business_key=business_key,
        kind=kind,
        posted_on=at.date(),
        created_at=at,
        legs=kept,
        claim_id=claim_id,
        remittance_id=remittance_id,
        adjustment_group=group,
        adjustment_reason=reason,
        reverses=reverses,
    )


def charge_key(claim_id: UUID, revision: int) -> str:
    return f"{claim_id}/charge/{revision}"


def charge_entry(
    claim_id: UUID, revision: int, payer_identifier: str, charge_cents: int, at: datetime
) -> Entry:
    """A claim's charge: the payer's receivable is debited, revenue credited."""
    legs = (
        Leg(account(AccountKind.PAYER_RECEIVABLE, payer_identifier), charge_cents),
        Leg(account(AccountKind.REVENUE, payer_identifier), -charge_cents),
    )
    return entry(EntryKind.CHARGE, charge_key(claim_id, revision), legs, at, claim_id=claim_id)


def charge_reversal(
    claim_id: UUID,
    revision: int,
    payer_identifier: str,
    charge_cents: int,
    at: datetime,
    *,
    reverses: UUID,
) -> Entry:
    """The charge of an earlier revision, taken back because a new revision replaces it."""
    legs = (
        Leg(account(AccountKind.REVENUE, payer_identifier), charge_cents),
        Leg(account(AccountKind.PAYER_RECEIVABLE, payer_identifier), -charge_cents),
    )
    key = f"{charge_key(claim_id, revision)}/reversal"
    return entry(EntryKind.CHARGE, key, legs, at, claim_id=claim_id, reverses=reverses)


class ProviderAdjusted(NamedTuple):
    """One PLB pair. `amount` in cents; positive lowers the payment."""

    reason: str
    amount: int
    reference: str | None = None


_PROVIDER_KINDS = {
    "WO": AccountKind.RECOUPMENT,
    "FB": AccountKind.FORWARDING_BALANCE,
    "L6": AccountKind.INTEREST,
    "51": AccountKind.INTEREST,
}


def provider_account(payer_identifier: str, reason: str, reference: str | None) -> Account:
    """Where a PLB reason stands: recoupments one by one, carried balances and interest together,
    every other reason by itself; so no reason is lost, known or not."""
    kind = _PROVIDER_KINDS.get(reason, AccountKind.PROVIDER_ADJUSTMENT)
    holder = reference if kind is AccountKind.RECOUPMENT else None
    return account(kind, payer_identifier, None, reason, holder)


def remittance_entry(
    remittance_id: UUID,
    payer_identifier: str,
    trace_number: str,
    *,
    amount_cents: int,
    provider_adjustments: Sequence[ProviderAdjusted],
    at: datetime,
) -> Entry | None:
    """The cash of an accepted remittance, or None where no money of any kind is in it.

    `provider_adjustments` are the PLBs; positive lowers the payment. Cash is BPR02, negative where
    the payer takes it (BPR03 D); what it and they leave for the claims is unapplied until each
    claim is posted.
    """
    totals: dict[Account, int] = {}
    for part in provider_adjustments:
        adjusted = provider_account(payer_identifier, part.reason, part.reference)
        totals[adjusted] = totals.get(adjusted, 0) + part.amount
    legs = [Leg(account(AccountKind.CASH_CLEARING, payer_identifier, trace_number), amount_cents)]
    legs += [Leg(adjusted, amount) for adjusted, amount in totals.items()]
    unapplied = amount_cents + sum(totals.values())
    legs.append(
        Leg(account(AccountKind.UNAPPLIED_CASH, payer_identifier, trace_number), -unapplied)
    )
    if all(leg.amount_cents == 0 for leg in legs):
        return None
    return entry(
        EntryKind.REMITTANCE, f"{remittance_id}/cash", legs, at, remittance_id=remittance_id
    )

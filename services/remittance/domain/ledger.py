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

    PAYER_RECEIVABLE = "payer_receivable"
    """Charges that a payer has not decided on. By payer; the claim is the entry's."""
    PATIENT_RECEIVABLE = "patient_receivable"
    """What patients owe. Debited by group PR only; the database enforces it."""
    REVENUE = "revenue"
    """Charges, gross. By payer."""
    CONTRACTUAL_ALLOWANCE = "contractual_allowance"
    """Written off by agreement. By payer and reason."""
    DENIED_PENDING = "denied_pending"
    """Denied and still open: posting never writes a denial off. By payer and reason."""
    OTHER_ADJUSTMENT = "other_adjustment"
    """Groups OA and PI. By payer and reason."""
    CASH_CLEARING = "cash_clearing"
    """What a payer says it sent, until the bank's deposit says the same. By payer and trace."""
    UNAPPLIED_CASH = "unapplied_cash"
    """Paid, and not yet posted to a claim: what waits in quarantine stands here, in sight."""
    PROVIDER_ADJUSTMENT = "provider_adjustment"
    """PLB: withheld, recouped, carried forward, interest. By payer and reason."""


class EntryKind(StrEnum):
    CHARGE = "charge"
    PAYMENT = "payment"
    CONTRACTUAL = "contractual"
    DENIAL = "denial"
    OTHER_ADJUSTMENT = "other_adjustment"
    PATIENT_RESPONSIBILITY = "patient_responsibility"
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
) -> Account:
    """The account of this kind for this payer, trace number and reason. The same id, always."""
    code = "|".join((kind, payer_identifier or "", trace_number or "", reason or ""))
    return Account(business_id("account", code), code, kind, payer_identifier, trace_number, reason)


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


def remittance_entry(
    remittance_id: UUID,
    payer_identifier: str,
    trace_number: str,
    *,
    amount_cents: int,
    provider_adjustments: Sequence[tuple[str, int]],
    at: datetime,
) -> Entry | None:
    """The cash of an accepted remittance, or None where no money of any kind is in it.

    `provider_adjustments` are PLB reasons with their amounts; positive lowers the payment. Cash is
    BPR02; what it and they leave for the claims is unapplied until each claim is posted.
    """
    totals: dict[str, int] = {}
    for reason, amount in provider_adjustments:
        totals[reason] = totals.get(reason, 0) + amount
    legs = [Leg(account(AccountKind.CASH_CLEARING, payer_identifier, trace_number), amount_cents)]
    for reason, amount in totals.items():
        of_reason = account(AccountKind.PROVIDER_ADJUSTMENT, payer_identifier, None, reason)
        legs.append(Leg(of_reason, amount))
    unapplied = amount_cents + sum(totals.values())
    legs.append(
        Leg(account(AccountKind.UNAPPLIED_CASH, payer_identifier, trace_number), -unapplied)
    )
    if all(leg.amount_cents == 0 for leg in legs):
        return None
    return entry(
        EntryKind.REMITTANCE, f"{remittance_id}/cash", legs, at, remittance_id=remittance_id
    )

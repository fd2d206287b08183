"""When a bill is due, what must be looked at by a person before it goes out, and what is said.

It is apart from the bill because a bill only shows what is; this says what follows. One bill for a
visit is better than three: while some care of an account still waits for a payer, its bill waits
too, until the day comes near by which it must be itemised. Time is an argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Literal
from uuid import UUID

from services.remittance.domain.balances import ClaimBalance, PatientBalance, refund_due_on
from services.remittance.domain.patient_bill import Bill, Estimate
from services.remittance.domain.patient_terms import BillingTerms, Language
from services.remittance.domain.telling import EVENT_SOURCE
from shared.contract.envelope import Event, business_id
from shared.contract.events import (
    OpenShare,
    PatientBalanceChanged,
    PatientStatementReady,
    ShareOfBucket,
)
from shared.contract.model import Finding
from shared.money import format_cents

StatementStatus = Literal["ready", "held", "superseded"]
"""ready: it may go out. held: a person looks at it first. superseded: what it says is not so any
more; a newer one says how it is."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a patient account between two looks at the ledger. In cents."""

    account_id: UUID
    version: int
    share: int
    paid: int
    billable: int
    credit: int
    refunds_due: int
    digest: bytes
    """Of all that `patient.balance-changed.v1` says."""
    fingerprint: bytes
    """Of all that a bill shows: equal for equal bills, whatever the patient pays meanwhile."""
    billed: bytes | None = None
    """The fingerprint of the bill that stands; None where none does."""
    credit_since: date | None = None
    refund_due_on: date | None = None
    statement_due_on: date | None = None
    last_posted_on: date | None = None
    is_settled: bool = False
    """Nothing of the account is open with anybody."""


def standing_of(
    before: Standing | None,
    balance: PatientBalance,
    terms: BillingTerms,
    refund_days: Mapping[str, int],
    state: str | None,
    today: date,
) -> Standing:
    """How the account stands now. `state` is the provider's, whose law sets the refund's day."""
    owes_back = balance.credit + balance.refunds_due
    since = (
        (before.credit_since if before and before.credit_since else today) if owes_back else None
    )
    fingerprint = fingerprint_of(balance)
    is_billed = before is not None and before.billed == fingerprint
    return Standing(
        account_id=balance.account_id,
        version=before.version + 1 if before else 1,
        share=balance.share,
        paid=balance.paid,
        billable=balance.billable,
        credit=balance.credit,
        refunds_due=balance.refunds_due,
        digest=_digest(repr((balance.paid, balance.refunds_due, balance.claims))),
        fingerprint=fingerprint,
        billed=fingerprint if is_billed else None,
        credit_since=since,
        refund_due_on=refund_due_on(since, state, refund_days) if since else None,
        statement_due_on=None if is_billed else statement_due_on(balance, terms),
        last_posted_on=max(
            (claim.last_posted_on for claim in balance.claims if claim.last_posted_on),
            default=None,
        ),
        is_settled=not any(claim.open for claim in balance.claims),
    )


def statement_due_on(balance: PatientBalance, terms: BillingTerms) -> date | None:
    """The day on which the account's bill is to be made; None where nothing may be billed."""
    if not balance.billable:
        return None
    posted = [claim.last_posted_on for claim in _billed(balance) if claim.last_posted_on]
    last = max(posted, default=date.min)
    if any(claim.open for claim in balance.claims):
        return last + timedelta(days=max(0, terms.itemised_within_days - terms.margin_days))
    return last


def fingerprint_of(balance: PatientBalance) -> bytes:
    """Of the claims that a bill of this balance has on it, with all their amounts."""
    shown = sorted(
        (
            str(claim.claim_id),
            claim.charge,
            claim.paid,
            claim.contractual,
            claim.other,
            claim.written_off,
            claim.denied,
            claim.patient,
            sorted(claim.buckets.items()),
        )
        for claim in _billed(balance)
    )
    return _digest(repr(shown))


def findings_of(bill: Bill, terms: BillingTerms) -> tuple[Finding, ...]:
    """What a person looks at before the bill goes out; empty where it may go."""
    findings = []
    estimate, billed = bill.estimate, bill.total.share
    if estimate is not None and billed - estimate.amount >= terms.estimate_excess:
        findings.append(
            Finding(
                code="estimate-exceeded",
                path="amount_due",
                message=f"The bill is {format_cents(billed - estimate.amount)} above the "
                "good-faith estimate.",
                hint="Find out why. Lower the bill, or release it with the reason.",
                source="45 CFR 149.620",
            )
        )
    if bill.is_of_several:
        findings.append(
            Finding(
                code="patients-differ",
                path="claims",
                message="The claims of this account number name different patients.",
                hint="Two senders may use one number: release the bill only if it is one person.",
            )
        )
    if bill.addressee is None:
        findings.append(
            Finding(
                code="addressee-unknown",
                path="addressee",
                message="No claim of the account is kept whole: there is nobody to send it to.",
                hint="Send the claim again, then release the bill.",
            )
        )
    return tuple(findings)


def estimate_of(amount: int, given_on: date) -> Estimate:
    return Estimate(amount=amount, given_on=given_on)


def balance_changed(balance: PatientBalance, standing: Standing, now: datetime) -> Event:
    """What a patient account stands at, for our own services: no name, no account number."""
    data = PatientBalanceChanged(
        account_id=balance.account_id,
        version=standing.version,
        claim_ids=tuple(claim.claim_id for claim in balance.claims),
        share=balance.share,
        paid=balance.paid,
        balance=balance.balance,
        billable=balance.billable,
        credit=balance.credit,
        refunds_due=balance.refunds_due,
        refund_due_on=standing.refund_due_on,
        shares=tuple(
            ShareOfBucket(bucket=bucket, amount=cents)
            for bucket, cents in sorted(_buckets(balance).items())
            if cents
        ),
        open=tuple(
            OpenShare(claim_id=claim.claim_id, kind=one.kind, amount=one.cents)
            for claim in balance.claims
            for one in claim.open
        ),
    )
    name = "patient.balance-changed.v1"
    return Event(
        id=business_id(name, balance.account_id, standing.version),
        source=EVENT_SOURCE,
        subject=str(balance.account_id),
        time=now,
        data=data,
        sequence=standing.version,
    )


@dataclass(frozen=True, slots=True)
class Statement:
    """A bill that was made, as it was made. `version` counts what was done to it."""

    id: UUID
    account_id: UUID
    status: StatementStatus
    bill: Bill
    language: Language
    made_on: date
    due_on: date
    version: int = 1
    findings: tuple[Finding, ...] = ()


def statement_ready(statement: Statement, now: datetime) -> Event:
    """A bill may go out: whoever sends bills asks for it by its id."""
    bill = statement.bill
    data = PatientStatementReady(
        statement_id=statement.id,
        account_id=statement.account_id,
        claim_ids=tuple(claim.claim_id for claim in bill.claims),
        amount_due=bill.amount_due,
        made_on=statement.made_on,
        due_on=statement.due_on,
        language=statement.language,
    )
    name = "patient.statement-ready.v1"
    return Event(
        id=business_id(name, statement.id, statement.version),
        source=EVENT_SOURCE,
        subject=str(statement.account_id),
        time=now,
        data=data,
        sequence=statement.version,
    )


def _billed(balance: PatientBalance) -> list[ClaimBalance]:
    return [claim for claim in balance.claims if not claim.open]


def _buckets(balance: PatientBalance) -> dict[str, int]:
    sums: dict[str, int] = {}
    for claim in balance.claims:
        for bucket, cents in claim.buckets.items():
            sums[bucket] = sums.get(bucket, 0) + cents
    return sums


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()

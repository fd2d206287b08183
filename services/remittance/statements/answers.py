"""What the API of patients' bills answers and is asked. Lists name nobody; a bill itself is given
only to whoever asks for one."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.remittance.domain.balances import BUCKETS, ClaimBalance, PatientBalance
from services.remittance.domain.patient_bill import Bill
from services.remittance.domain.patient_statement import Standing, Statement
from services.remittance.statements.paper import number_of
from shared.contract.events import OpenShare, ShareOfBucket
from shared.contract.model import Finding
from shared.money import Cents

Word = Annotated[str, Field(min_length=1, max_length=80)]


class BalanceAnswer(BaseModel):
    """What a patient account stands at. Amounts are decimal strings."""

    account_id: UUID
    share: Cents
    """What the payers' answers leave to the patient."""
    paid: Cents
    balance: Cents
    billable: Cents
    """What may be billed now."""
    credit: Cents
    refunds_due: Cents
    refund_due_on: date | None
    """The last day for both."""
    statement_due_on: date | None
    """When the next bill is made; null where none is to be."""
    last_posted_on: date | None


class ClaimAnswer(BaseModel):
    """One claim of an account: charge = paid + contractual + other + written_off + denied +
    receivable + share."""

    claim_id: UUID
    payer_identifier: str
    status: str
    charge: Cents
    paid: Cents
    contractual: Cents
    other: Cents
    written_off: Cents
    denied: Cents
    receivable: Cents
    share: Cents
    shares: tuple[ShareOfBucket, ...]
    billable: Cents
    open: tuple[OpenShare, ...]
    """Why nothing of it may be billed yet; empty where it may."""


class AccountAnswer(BalanceAnswer):
    claims: tuple[ClaimAnswer, ...]


class StatementAnswer(BaseModel):
    """A bill, without what is on it."""

    statement_id: UUID
    number: str
    """What people call it."""
    account_id: UUID
    status: Literal["ready", "held", "superseded"]
    amount_due: Cents
    made_on: date
    due_on: date
    language: Literal["en", "es"]
    findings: tuple[Finding, ...]
    """Why it is held."""


class StatementDetail(StatementAnswer):
    """A bill with all that is on it, which names the patient."""

    bill: Bill


class LinkAnswer(BaseModel):
    path: str
    """Of the page that shows the bill once; it needs no key, so send it to nobody else."""
    expires_at: datetime


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Because(_Body):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class EstimateGiven(_Body):
    """A good-faith estimate. The same reference of the same account replaces what it said."""

    patient_control_number: Word
    billing_provider: Annotated[str | None, Field(pattern=r"^[0-9]{9,10}$")] = None
    """The clinic's NPI or tax id. Needed where several clinics use the number; better always, since
    an estimate that was given before the claims came, and for no clinic, counts only while one of
    them uses the number."""
    reference: Word
    amount: Cents
    """What the patient was told to expect to pay."""
    given_on: date


class EstimateAnswer(BaseModel):
    account_id: UUID


def balance_answer(standing: Standing) -> BalanceAnswer:
    return BalanceAnswer(**_fields(standing))


def _fields(standing: Standing) -> dict[str, object]:
    return {
        "account_id": standing.account_id,
        "share": standing.share,
        "paid": standing.paid,
        "balance": standing.share - standing.paid,
        "billable": standing.billable,
        "credit": standing.credit,
        "refunds_due": standing.refunds_due,
        "refund_due_on": standing.refund_due_on,
        "statement_due_on": standing.statement_due_on,
        "last_posted_on": standing.last_posted_on,
    }


def account_answer(standing: Standing, balance: PatientBalance) -> AccountAnswer:
    claims = tuple(_claim_answer(claim) for claim in balance.claims)
    return AccountAnswer.model_validate({**_fields(standing), "claims": claims})


def _claim_answer(claim: ClaimBalance) -> ClaimAnswer:
    return ClaimAnswer(
        claim_id=claim.claim_id,
        payer_identifier=claim.payer_identifier,
        status=claim.status,
        charge=claim.charge,
        paid=claim.paid,
        contractual=claim.contractual,
        other=claim.other,
        written_off=claim.written_off,
        denied=claim.denied,
        receivable=claim.receivable,
        share=claim.patient,
        shares=tuple(
            ShareOfBucket(bucket=bucket, amount=claim.buckets[bucket])
            for bucket in dict.fromkeys((*BUCKETS.values(), "other"))
            if bucket in claim.buckets
        ),
        billable=claim.billable,
        open=tuple(
            OpenShare(claim_id=claim.claim_id, kind=one.kind, amount=one.cents)
            for one in claim.open
        ),
    )


def statement_answer(statement: Statement) -> StatementAnswer:
    return StatementAnswer(
        statement_id=statement.id,
        number=number_of(statement),
        account_id=statement.account_id,
        status=statement.status,
        amount_due=statement.bill.amount_due,
        made_on=statement.made_on,
        due_on=statement.due_on,
        language=statement.language,
        findings=statement.findings,
    )


def statement_detail(statement: Statement) -> StatementDetail:
    answer = statement_answer(statement)
    return StatementDetail(**dict(answer), bill=statement.bill)

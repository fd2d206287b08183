"""What patients pay and are paid back, and what goes back to payers.

It is apart because none of it comes from an 835. What a patient paid stands beside the receivable,
never in it: only group PR touches that. Every receipt has a reference of whoever took it, which is
its business key: the same again posts nothing.
"""

from services.remittance.domain.commands import (
    PatientPaid,
    RefundPatient,
    RefundPayer,
    RefusedError,
)
from services.remittance.domain.giving_up import claim_of
from services.remittance.domain.judging import Row, States
from services.remittance.domain.ledger import (
    Account,
    AccountKind,
    EntryKind,
    Leg,
    account,
    entry,
)
from services.remittance.domain.state import (
    LedgerClaim,
    PatientMoney,
    State,
    money_key,
    posted_key,
)
from services.remittance.domain.telling import Teller
from shared.contract.envelope import business_id
from shared.messaging.handler import Decision

Outcome = Decision[State, Row]


def payment_key(account_id: str, reference: str) -> str:
    """The business key of a patient's payment."""
    return f"{account_id}/patient-payment/{reference}"


def refund_key(account_id: str, reference: str, *, is_paid: bool) -> str:
    """The business key of a patient's refund: due, then paid."""
    return f"{account_id}/{'refund' if is_paid else 'refund-due'}/{reference}"


def payer_refund_key(payer_identifier: str, reference: str) -> str:
    """The business key of what went back to a payer."""
    return f"{payer_identifier}/refund/{reference}"


def patient_paid(states: States, body: PatientPaid, teller: Teller) -> Outcome:
    """A patient's payment; nothing where its reference was posted before."""
    _, _, claim = claim_of(states, body.claim_id)
    key = payment_key(claim.account_id, body.reference)
    if posted_key(key) in states:
        return Decision()
    money = _money(states, claim)
    if body.amount == 0 or money.paid + body.amount < 0:
        raise RefusedError("no-such-payment", "More is taken back than the patient has paid.")
    paid = entry(
        EntryKind.PATIENT_PAYMENT,
        key,
        (
            Leg(account(AccountKind.PATIENT_CASH, reason=body.method), body.amount),
            Leg(_holding(AccountKind.PATIENT_PAYMENT, claim), -body.amount),
        ),
        teller.now,
        claim_id=claim.id,
    )
    return Decision(
        states={_money_key(claim): money._replace(paid=money.paid + body.amount)},
        events=(teller.of_claim("patient_payment", claim, (paid,), amount=body.amount),),
        rows=(paid,),
    )


def refund_patient(states: States, body: RefundPatient, teller: Teller) -> Outcome:
    """A patient's credit: declared due, out of what was paid; or, declared before, given back."""
    _, _, claim = claim_of(states, body.claim_id)
    key = refund_key(claim.account_id, body.reference, is_paid=body.is_paid)
    if posted_key(key) in states:
        return Decision()
    money = _money(states, claim)
    there = money.refunds_due if body.is_paid else money.paid
    if body.amount <= 0 or body.amount > there:
        raise RefusedError("no-such-credit", "That much is not there to be refunded.")
    due = _holding(AccountKind.REFUNDS_DUE, claim)
    if body.is_paid:
        cash = account(AccountKind.PATIENT_CASH, reason=body.method)
        legs = (Leg(due, body.amount), Leg(cash, -body.amount))
        money = money._replace(refunds_due=money.refunds_due - body.amount)
    else:
        credit = _holding(AccountKind.PATIENT_PAYMENT, claim)
        legs = (Leg(credit, body.amount), Leg(due, -body.amount))
        money = PatientMoney(money.paid - body.amount, money.refunds_due + body.amount)
    kind = EntryKind.REFUND if body.is_paid else EntryKind.REFUND_DUE
    moved = entry(kind, key, legs, teller.now, claim_id=claim.id)
    return Decision(
        states={_money_key(claim): money},
        events=(teller.of_claim(kind.value, claim, (moved,), amount=body.amount),),
        rows=(moved,),
    )


def refund_payer(states: States, body: RefundPayer, teller: Teller) -> Outcome:
    """What was due back to a payer has left the bank."""
    key = payer_refund_key(body.payer_identifier, body.reference)
    if posted_key(key) in states:
        return Decision()
    if body.amount <= 0:
        raise RefusedError("no-such-credit", "A refund is an amount above nothing.")
    due = account(AccountKind.REFUNDS_DUE, body.payer_identifier)
    moved = entry(
        EntryKind.REFUND,
        key,
        (Leg(due, body.amount), Leg(account(AccountKind.BANK), -body.amount)),
        teller.now,
    )
    said = teller.adjusted(
        "refund",
        (moved,),
        str(business_id("payer-refund", key)),
        amount=body.amount,
        payer_id=body.payer_identifier,
    )
    return Decision(events=(said,), rows=(moved,))


def _money_key(claim: LedgerClaim) -> str:
    return money_key(claim.account_id)


def _money(states: States, claim: LedgerClaim) -> PatientMoney:
    money = states.get(_money_key(claim))
    return money if isinstance(money, PatientMoney) else PatientMoney()


def _holding(kind: AccountKind, claim: LedgerClaim) -> Account:
    return account(kind, holder=claim.account_id)

"""One 835 as values: what a payer pays a payee at one time, its PLB, and the entry for the book.

Its amount follows from the claims and from what the payee owes; only what a scenario makes wrong on
purpose does not add up, and the entry says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from deploy.twins.payer.book import RemittanceEntry
from deploy.twins.payer.cases import Case
from deploy.twins.payer.draws import is_drawn
from deploy.twins.payer.recoupment import PLB, Overpayment, Owing, settle
from deploy.twins.payer.scenario import Interest, Scenario, WrongTotal
from deploy.twins.payer.telling import spoiled
from shared.contract.claim import Address, Claim, Contact, ContactNumber, Payer, Provider
from shared.contract.remittance import (
    BankAccount,
    ProviderAdjustment,
    RemittanceAmount,
    RemittanceClaim,
    RemittanceHeader,
    RemittanceOrganization,
    RemittanceReference,
)
from shared.x12.answers.writing import Remittance

INTEREST = "L6"
_COMPANY = "1999999999"
_ACCOUNT = BankAccount("01", "999999992", "DA", "1000000")
_ADDRESS = Address(line1="100 PAYER PLAZA", city="SPRINGFIELD", state="IL", postal_code="627010001")
_DESK = Contact(
    function="BL", name="EDI DESK", numbers=(ContactNumber(kind="TE", value="5555550199"),)
)


@dataclass(slots=True, repr=False)
class Payable:
    """What of one case goes into the next 835: reversals first, then decisions. True amounts."""

    case: Case
    reversals: list[RemittanceClaim] = field(default_factory=list)
    decisions: list[RemittanceClaim] = field(default_factory=list)
    owner: Case | None = None
    """The case whose decisions are reversed, where it is another one."""
    is_first: bool = True
    """Not a correction: interest, wrong totals and reversals to come are for the first payment."""
    is_last: bool = True
    """No further part of the decision comes later."""

    @property
    def overpaid(self) -> Overpayment | None:
        """By how much this lowers the payment, where it does."""
        cents = sum(one.paid for one in (*self.reversals, *self.decisions))
        if cents >= 0 or not self.reversals:
            return None
        return Overpayment((self.owner or self.case).number, -cents)


@dataclass(frozen=True, slots=True)
class Paid:
    """An 835 and what it did. `interest` is by payable, in their order."""

    remittance: Remittance
    entry: RemittanceEntry
    owing: Owing
    interest: tuple[int, ...]


def pay(
    payables: Sequence[Payable],
    owing: Owing,
    scenario: Scenario,
    seed: int,
    *,
    number: int,
    at: datetime,
) -> Paid:
    """The 835 of one payer to one payee. `number` makes its trace number unique."""
    first = payables[0].case
    trace = f"{first.payer[:8]}{first.reply.control_number}{number:04d}"
    claims = [one for row in payables for one in (*row.reversals, *row.decisions)]
    written = [one for row in payables for one in _written(row, scenario.interest, at)]
    interest = tuple(_interest(row, scenario.interest, at) for row in payables)
    # One pair for all, as most payers have it; each claim says its own part (AMT*I).
    pairs = [PLB(INTEREST, trace, -sum(interest))] if any(interest) else []
    pairs += [
        PLB(rule.reason, rule.reference or trace, rule.amount)
        for rule in scenario.provider_adjustments
        if is_drawn(rule.percent, trace, seed, f"provider adjustment {rule.reason}")
    ]
    paid = sum(one.paid for one in claims)
    settled = settle(
        paid - sum(pair.amount for pair in pairs),
        tuple(over for row in payables if (over := row.overpaid)),
        owing,
        scenario.recovery,
        trace,
    )
    pairs += settled.adjustments
    wrong, said = _wrong_totals(payables, claims, written, pairs, scenario, seed, trace)
    header = _header(number, first.claim, trace, said, at.date())
    adjustments = tuple(
        ProviderAdjustment(
            first.payee, date(at.year, 12, 31), pair.reason, pair.reference, pair.amount
        )
        for pair in pairs
    )
    entry = RemittanceEntry(
        trace_number=trace,
        payer=first.payer,
        payee=first.payee,
        claims=len(claims),
        paid=paid,
        adjustments=tuple(pairs),
        amount=settled.amount,
        written=said,
        wrong=wrong,
        file="",
        delivery="sent",
    )
    return Paid((header, written, adjustments), entry, settled.owing, interest)


def _written(row: Payable, rule: Interest, at: datetime) -> list[RemittanceClaim]:
    """The CLPs as they go out: interest told, totals made wrong."""
    cents = _interest(row, rule, at)
    decisions = list(row.decisions)
    if cents and decisions:
        told = (*decisions[0].amounts, RemittanceAmount("I", cents))
        decisions[0] = replace(decisions[0], amounts=told)
    if row.is_first:
        decisions = [spoiled(one, _of_claims(row.case.plan.wrong_totals)) for one in decisions]
    return [*row.reversals, *decisions]


def _of_claims(wrong_totals: Sequence[WrongTotal]) -> tuple[WrongTotal, ...]:
    return tuple(wrong for wrong in wrong_totals if wrong.level != "transaction")


def _interest(row: Payable, rule: Interest, at: datetime) -> int:
    """Simple interest on what is paid, for each day later than the rule allows; rounded down."""
    late = (at - row.case.received_at - rule.after).days
    if not row.is_first or row.reversals or late <= 0:
        return 0
    paid = sum(one.paid for one in row.decisions)
    return max(0, paid * rule.annual_percent * late // 36_500)


def _wrong_totals(
    payables: Sequence[Payable],
    claims: Sequence[RemittanceClaim],
    written: Sequence[RemittanceClaim],
    pairs: Sequence[PLB],
    scenario: Scenario,
    seed: int,
    trace: str,
) -> tuple[tuple[str, ...], int]:
    """Levels that are wrong, and BPR02: it fits the CLP04s that are written, wrong or not, but
    where it is wrong itself."""
    levels = []
    if any(a.paid != b.paid for a, b in zip(claims, written, strict=True)):
        levels.append("claim")
    if any(a.lines != b.lines for a, b in zip(claims, written, strict=True)):
        levels.append("line")
    amount = sum(one.paid for one in written) - sum(pair.amount for pair in pairs)
    rules = [
        wrong
        for wrong in scenario.wrong_totals
        if wrong.level == "transaction" and is_drawn(wrong.percent, trace, seed, "wrong total")
    ]
    rules += [
        wrong
        for row in payables
        for wrong in row.case.plan.wrong_totals
        if wrong.level == "transaction" and row.is_first
    ]
    if rules:
        levels.append("transaction")
        amount += sum(wrong.by for wrong in rules)
    return tuple(levels), amount


def _header(number: int, claim: Claim, trace: str, amount: int, on: date) -> RemittanceHeader:
    is_paid = amount > 0
    return RemittanceHeader(
        transaction_control_number=f"{number:04d}",
        handling="I" if is_paid else "H",
        amount=amount,
        method="ACH" if is_paid else "NON",
        payment_format="CCP" if is_paid else None,
        sender_account=_ACCOUNT if is_paid else None,
        originating_company=_COMPANY if is_paid else None,
        receiver_account=_ACCOUNT if is_paid else None,
        payment_date=on,
        trace_number=trace,
        trace_payer=_COMPANY,
        production_date=on,
        payer=_payer(claim.payer),
        payee=_payee(claim.billing_provider),
    )


def _payer(payer: Payer) -> RemittanceOrganization:
    identifier = payer.identifier
    return RemittanceOrganization(
        name=payer.name,
        address=_ADDRESS,
        references=(RemittanceReference("2U", identifier),) if identifier else (),
        contacts=(_DESK,),
    )


def _payee(provider: Provider) -> RemittanceOrganization:
    return RemittanceOrganization(
        name=provider.name,
        identifier_qualifier="XX" if provider.npi else "FI",
        identifier=provider.npi or provider.tax_id,
        references=(RemittanceReference("TJ", provider.tax_id),) if provider.tax_id else (),
    )

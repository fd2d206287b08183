"""The payer's mind: a claim and a scenario in, a decision to the cent out. Pure.

Every amount is reached at the line and added up, so that line, claim and payment balance by
construction: charge less adjustments is payment.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from deploy.twins.payer.scenario import (
    EVERYDAY,
    CostShare,
    Denial,
    Outcome,
    Refusal,
    Scenario,
    draw,
    expected_outcome,
    pick,
)
from shared.contract.claim import Claim, Procedure, ServiceLine
from shared.contract.remittance import (
    RemittanceAdjustment,
    RemittanceClaim,
    RemittanceGroup,
    RemittanceLine,
    RemittanceParty,
)

WRONG_TOTAL = Refusal("A8", "178", "85", weight=1)
"""The claim's total is not the sum of its lines: no payer adjudicates that."""


Row = TypeVar("Row")

_GROUP = RemittanceGroup(number="1")


@dataclass(frozen=True, slots=True)
class Decision:
    """What the twin decided on one claim. `refusal` is set where it is refused, `remittance` where
    it was adjudicated; neither where the twin keeps silent."""

    outcome: Outcome
    payer_claim_control_number: str
    refusal: Refusal | None = None
    remittance: RemittanceClaim | None = None


Judged = tuple[Claim, Decision]


def by_key(rows: Sequence[Row], key: Callable[[Row], str]) -> list[tuple[str, list[Row]]]:
    """The rows under their keys, both in the order they came."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return list(found.items())


@dataclass(slots=True)
class _PatientShare:
    """What is left to take from the patient while the lines of one claim are gone through."""

    deductible_cents: int
    copay_cents: int
    coinsurance_percent: int

    def take(self, allowed_cents: int) -> list[RemittanceAdjustment]:
        deductible = min(self.deductible_cents, allowed_cents)
        self.deductible_cents -= deductible
        allowed_cents -= deductible
        copay = min(self.copay_cents, allowed_cents)
        self.copay_cents -= copay
        allowed_cents -= copay
        coinsurance = allowed_cents * self.coinsurance_percent // 100
        shares = (("1", deductible), ("2", coinsurance), ("3", copay))
        return [RemittanceAdjustment("PR", reason, cents) for reason, cents in shares if cents]


def adjudicate(claim: Claim, seed: int, scenario: Scenario = EVERYDAY) -> Decision:
    """The decision on one claim, the same for the same claim, seed and scenario."""
    control_number = claim.patient_control_number
    outcome = expected_outcome(control_number, seed, scenario)
    payer_number = f"T{draw(control_number, seed, 'payer claim control number'):016X}"
    if claim.charge != sum(line.charge for line in claim.service_lines):
        return Decision(Outcome.REFUSED, payer_number, refusal=WRONG_TOTAL)
    number = draw(control_number, seed, "detail")
    if outcome is Outcome.SILENT:
        return Decision(outcome, payer_number)
    if outcome is Outcome.REFUSED:
        return Decision(outcome, payer_number, refusal=pick(scenario.refusals, number))
    if outcome is Outcome.DENIED:
        denial = pick(scenario.denials, number)
        lines = [_denied(line, denial) for line in claim.service_lines]
    else:
        lines = _paid_lines(claim, outcome, number, scenario)
    return Decision(
        outcome, payer_number, remittance=_remittance(claim, payer_number, outcome, lines)
    )


def _paid_lines(
    claim: Claim, outcome: Outcome, number: int, scenario: Scenario
) -> list[RemittanceLine]:
    lowest, highest = scenario.agreed_percent
    percent = 100 if outcome is Outcome.PAID else lowest + (number >> 32) % (highest - lowest + 1)
    terms = pick(scenario.cost_shares, number) if outcome is Outcome.SPLIT else CostShare(weight=1)
    share = _PatientShare(terms.deductible_cents, terms.copay_cents, terms.coinsurance_percent)
    return [_paid(line, percent, share) for line in claim.service_lines]


def _paid(line: ServiceLine, percent: int, share: _PatientShare) -> RemittanceLine:
    if line.charge <= 0:
        return _line(line, (), allowed=line.charge)
    allowed = line.charge * percent // 100
    reduction = line.charge - allowed
    adjustments = [RemittanceAdjustment("CO", "45", reduction)] if reduction else []
    adjustments += share.take(allowed)
    return _line(line, adjustments, allowed=allowed)


def _denied(line: ServiceLine, denial: Denial) -> RemittanceLine:
    adjustments = [RemittanceAdjustment("CO", denial.reason, line.charge)] if line.charge else []
    return _line(line, adjustments, allowed=None, remarks=denial.remarks)


def _line(
    line: ServiceLine,
    adjustments: Sequence[RemittanceAdjustment],
    *,
    allowed: int | None,
    remarks: tuple[str, ...] = (),
) -> RemittanceLine:
    by_revenue_code = line.procedure is None and line.revenue_code is not None
    procedure = line.procedure
    if by_revenue_code:
        procedure = Procedure(code=line.revenue_code or "", qualifier="NU")
    through = line.service_through if line.service_through != line.service_from else None
    return RemittanceLine(
        procedure=procedure,
        charge=line.charge,
        paid=line.charge - sum(part.amount for part in adjustments),
        revenue_code=None if by_revenue_code else line.revenue_code,
        units=line.units if line.units not in (None, Decimal(1)) else None,
        service_date=None if through else line.service_from,
        service_from=line.service_from if through else None,
        service_through=through,
        adjustments=tuple(adjustments),
        line_control_number=line.line_control_number,
        allowed=allowed,
        remarks=remarks,
    )


def _remittance(
    claim: Claim, payer_number: str, outcome: Outcome, lines: Sequence[RemittanceLine]
) -> RemittanceClaim:
    patient = claim.patient or claim.subscriber
    shares = [a.amount for line in lines for a in line.adjustments if a.group == "PR"]
    return RemittanceClaim(
        patient_control_number=claim.patient_control_number,
        status="4" if outcome is Outcome.DENIED else "1",
        charge=claim.charge,
        paid=sum(line.paid for line in lines),
        patient_responsibility=sum(shares) or None,
        filing_indicator=claim.filing_indicator or "CI",
        payer_claim_control_number=payer_number,
        facility_code=claim.facility_code,
        frequency=claim.frequency,
        group=_GROUP,
        patient=RemittanceParty(
            name=patient.name,
            first_name=patient.first_name,
            middle_name=patient.middle_name,
            identifier_qualifier="MI" if claim.subscriber.identifier else None,
            identifier=claim.subscriber.identifier,
        ),
        statement_from=claim.statement_from,
        statement_through=claim.statement_through,
        lines=tuple(lines),
    )

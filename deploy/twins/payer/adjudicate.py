"""The payer's mind: a claim, its plan and a scenario in, a decision to the cent out. Pure.

Every amount is reached at the line and added up, so that line, claim and payment balance by
construction: charge less adjustments is payment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from deploy.twins.payer.coordination import impact, last_prior_payer, left_by, status_of
from deploy.twins.payer.plan import Plan
from deploy.twins.payer.pricing import (
    NOBODY,
    Coding,
    PatientShare,
    agreed,
    code_of,
    codings,
)
from deploy.twins.payer.scenario import Denial, Outcome, Scenario
from shared.contract.claim import Claim, Procedure, Provider, ServiceLine
from shared.contract.remittance import (
    InpatientOutcome,
    RemittanceAdjustment,
    RemittanceClaim,
    RemittanceGroup,
    RemittanceLine,
    RemittanceParty,
)

TOO_LATE = Denial("29")
DUPLICATE = Denial("18")
NO_PRIOR_PAYER = Denial("22", remarks=("MA04",))
"""A secondary claim that does not say what the payer before it did."""
CODE_CHANGED = "N22"
_GROUP = RemittanceGroup(number="1")
_INPATIENT = "11"
_FILING_INDICATORS = frozenset(
    {"12", "13", "14", "15", "16", "17", "AM", "CH", "DS", "HM"}
    | {"LM", "MA", "MB", "MC", "OF", "TV", "VA", "WC", "ZZ"}
)
"""The codes of CLP06 (835 TR3, 2100)."""

Adjustments = list[RemittanceAdjustment]


@dataclass(frozen=True, slots=True)
class Terms:
    """How the lines of one claim are worked: what was drawn, or what overrules it."""

    claim: Claim
    plan: Plan
    scenario: Scenario
    denial: Denial | None
    """For the whole claim."""
    left: tuple[int, ...] | None
    """Cents of each line that earlier payers left; None for the first payer."""


def adjudicate(
    claim: Claim,
    plan: Plan,
    scenario: Scenario,
    *,
    number: str,
    received_on: date,
    is_duplicate: bool = False,
) -> RemittanceClaim:
    """The decision on a claim, line by line in the claim's order. `number` is the payer's own."""
    terms = _terms(claim, plan, scenario, received_on, is_duplicate=is_duplicate)
    lines = _denied_lines(terms, terms.denial) if terms.denial else _paid_lines(terms)
    if claim.predetermination:
        lines = [_predetermined(line) for line in lines]
    return _decision(terms, number, received_on, lines)


def _terms(
    claim: Claim, plan: Plan, scenario: Scenario, received_on: date, *, is_duplicate: bool
) -> Terms:
    prior = last_prior_payer(claim) if claim.payer_sequence != "P" else None
    left = left_by(prior, claim) if prior is not None else None
    denial = plan.denial if plan.outcome is Outcome.DENIED else None
    if claim.payer_sequence != "P" and left is None:
        denial = NO_PRIOR_PAYER
    limit = scenario.filing_limit
    served = [line.service_from for line in claim.service_lines if line.service_from]
    if limit is not None and served and received_on - min(served) > limit:
        denial = TOO_LATE
    if is_duplicate:
        denial = DUPLICATE
    return Terms(claim, plan, scenario, denial, left)


def _denied_lines(terms: Terms, denial: Denial) -> list[RemittanceLine]:
    return [
        _denied(line, denial, terms.left[at] if terms.left else line.charge)
        for at, line in enumerate(terms.claim.service_lines)
    ]


def _denied(line: ServiceLine, denial: Denial, open_cents: int) -> RemittanceLine:
    adjustments = impact(line, open_cents)
    if open_cents:
        adjustments.append(RemittanceAdjustment(denial.group, denial.reason, open_cents))
    return _line(line, Coding(line.procedure), adjustments, None, denial.remarks)


def _paid_lines(terms: Terms) -> list[RemittanceLine]:
    claim, plan, scenario = terms.claim, terms.plan, terms.scenario
    share = PatientShare.of(plan.cost_share if plan.outcome is Outcome.SPLIT else NOBODY)
    if terms.left is not None:
        return [
            _paid_after_others(line, left, terms, share)
            for line, left in zip(claim.service_lines, terms.left, strict=True)
        ]
    coded = codings(claim.service_lines, scenario, drops_modifiers=plan.drops_modifiers)
    billed = _bundle_charges(claim.service_lines, coded)
    denied_at = len(coded) - 1 if plan.outcome is Outcome.PARTLY_DENIED and len(coded) > 1 else None
    lines = []
    for at, (line, coding) in enumerate(zip(claim.service_lines, coded, strict=True)):
        if at == denied_at and not coding.is_absorbed and coding.carries is None:
            lines.append(_denied(line, plan.denial, line.charge))
        elif coding.is_absorbed:
            absorbed = [RemittanceAdjustment("CO", "97", line.charge)]
            lines.append(_line(line, coding, absorbed, 0, ("M15",)))
        else:
            lines.append(_paid(line, coding, billed.get(at, line.charge), terms, share))
    return lines


def _bundle_charges(lines: Sequence[ServiceLine], coded: Sequence[Coding]) -> dict[int, int]:
    """Cents that the lines of a bundle were billed at together, by the line that carries it."""
    together: dict[int, int] = {}
    for at, coding in enumerate(coded):
        if coding.carries is not None:
            together[at] = sum(
                line.charge
                for line, other in zip(lines, coded, strict=True)
                if other.paid == coding.paid and (other.is_absorbed or other is coding)
            )
    return together


def _paid(
    line: ServiceLine, coding: Coding, charge_cents: int, terms: Terms, share: PatientShare
) -> RemittanceLine:
    """A line that is paid, for `charge_cents` where it carries others' charges."""
    if line.charge <= 0:
        return _line(line, coding, [], line.charge)
    code = coding.paid.code if coding.paid else code_of(line)
    whole = line.model_copy(update={"charge": charge_cents}) if coding.carries else line
    is_in_full = terms.plan.outcome is Outcome.PAID
    percent = terms.plan.agreed_percent
    allowed = charge_cents if is_in_full else agreed(whole, code, percent, terms.scenario)
    adjustments: Adjustments = []
    if allowed != line.charge:
        # A bundle may be worth more than the line that carries it was billed at.
        reason = "45" if allowed < line.charge else "94"
        adjustments.append(RemittanceAdjustment("CO", reason, line.charge - allowed))
    adjustments += share.take(allowed)
    return _line(line, coding, adjustments, allowed, (CODE_CHANGED,) if coding.is_changed else ())


def _paid_after_others(
    line: ServiceLine, left_cents: int, terms: Terms, share: PatientShare
) -> RemittanceLine:
    """What this payer pays of what earlier ones left: up to its own price less what they paid."""
    adjustments = impact(line, left_cents)
    paid = left_cents
    if terms.plan.outcome is not Outcome.PAID:
        allowed = agreed(line, code_of(line), terms.plan.agreed_percent, terms.scenario)
        paid = min(left_cents, max(0, allowed - _paid_before(line)))
        if paid != left_cents:
            adjustments.append(RemittanceAdjustment("CO", "45", left_cents - paid))
    adjustments += share.take(paid)
    return _line(line, Coding(line.procedure), adjustments, None)


def _paid_before(line: ServiceLine) -> int:
    return sum(one.paid for one in line.adjudications)


def _predetermined(line: RemittanceLine) -> RemittanceLine:
    """What would be paid once the service is done: CLP02 25, no money."""
    if not line.paid:
        return line
    told = RemittanceAdjustment("OA", "101", line.paid)
    return replace(line, adjustments=(*line.adjustments, told), paid=0)


def _line(
    line: ServiceLine,
    coding: Coding,
    adjustments: Sequence[RemittanceAdjustment],
    allowed: int | None,
    remarks: tuple[str, ...] = (),
) -> RemittanceLine:
    by_revenue_code = line.procedure is None and line.revenue_code is not None
    procedure = coding.paid
    if by_revenue_code:
        procedure = Procedure(code=line.revenue_code or "", qualifier="NU")
    through = line.service_through if line.service_through != line.service_from else None
    return RemittanceLine(
        procedure=procedure,
        charge=line.charge,
        paid=line.charge - sum(part.amount for part in adjustments),
        revenue_code=None if by_revenue_code else line.revenue_code,
        units=line.units if line.units not in (None, Decimal(1)) else None,
        submitted_procedure=coding.submitted,
        service_date=None if through else line.service_from,
        service_from=line.service_from if through else None,
        service_through=through,
        adjustments=tuple(adjustments),
        line_control_number=line.line_control_number,
        allowed=allowed,
        remarks=remarks,
    )


def _decision(
    terms: Terms, number: str, received_on: date, lines: Sequence[RemittanceLine]
) -> RemittanceClaim:
    claim = terms.claim
    patient = claim.patient or claim.subscriber
    member = claim.subscriber.identifier
    status = "4" if terms.denial else status_of(claim.payer_sequence)
    is_inpatient = claim.kind == "institutional" and claim.facility_code == _INPATIENT
    return RemittanceClaim(
        patient_control_number=claim.patient_control_number,
        status="25" if claim.predetermination else status,
        charge=claim.charge,
        paid=sum(line.paid for line in lines),
        patient_responsibility=patient_share(lines) or None,
        filing_indicator=_filing_indicator(claim.filing_indicator),
        payer_claim_control_number=number,
        facility_code=claim.facility_code,
        frequency=claim.frequency,
        diagnosis_related_group=claim.diagnosis_related_group,
        group=_GROUP,
        patient=RemittanceParty(
            name=patient.name,
            first_name=patient.first_name,
            middle_name=patient.middle_name,
            identifier_qualifier="MI" if member else None,
            identifier=member,
        ),
        insured=_insured(claim) if claim.patient else None,
        rendering_provider=_rendering(claim.rendering_provider),
        inpatient=InpatientOutcome(covered_days=Decimal(_days(claim))) if is_inpatient else None,
        statement_from=claim.statement_from,
        statement_through=claim.statement_through,
        received_on=received_on,
        lines=tuple(lines),
    )


def patient_share(lines: Sequence[RemittanceLine]) -> int:
    """Cents of group PR over the lines."""
    return sum(a.amount for line in lines for a in line.adjustments if a.group == "PR")


def _insured(claim: Claim) -> RemittanceParty:
    insured = claim.subscriber
    return RemittanceParty(
        name=insured.name,
        first_name=insured.first_name,
        identifier_qualifier="MI" if insured.identifier else None,
        identifier=insured.identifier,
    )


def _filing_indicator(of_the_claim: str | None) -> str:
    """CLP06. It knows fewer codes than the claim's SBR09: commercial and Blue Cross plans are
    answered as indemnity, what else it lacks as mutually defined."""
    if of_the_claim in ("CI", "BL"):
        return "15"
    return of_the_claim if of_the_claim in _FILING_INDICATORS else "ZZ"


def _rendering(provider: Provider | None) -> RemittanceParty | None:
    if provider is None or not provider.npi:
        return None
    return RemittanceParty(
        is_person=provider.is_person,
        name=provider.name,
        first_name=provider.first_name,
        identifier_qualifier="XX",
        identifier=provider.npi,
    )


def _days(claim: Claim) -> int:
    if claim.statement_from is None or claim.statement_through is None:
        return 1
    return max(1, (claim.statement_through - claim.statement_from).days)

"""The next payer's claim: ours, with what every payer before it decided.

It is apart because it is the one place where an 835 becomes part of an 837: the payer that has
answered moves into the claim's other payers (2320 and 2430), and the next one takes its place.
Public source: 005010X222A1 section 1.4.4, coordination of benefits: a line's charge is what was
paid and adjusted on it, the claim's charge what was paid and adjusted at both levels.
"""

from collections.abc import Sequence
from datetime import date

from services.remittance.domain.state import LedgerLine
from shared.contract.claim import (
    Claim,
    InpatientAdjudication,
    LineAdjudication,
    OtherCoverage,
    OutpatientAdjudication,
    Payer,
    ServiceLine,
)
from shared.contract.model import Adjustment
from shared.contract.remittance import RemittanceAdjustment, RemittanceClaim, RemittanceLine


def secondary_claim(
    claim: Claim,
    remitted: RemittanceClaim,
    lines: Sequence[LedgerLine | None],
    *,
    to_payer: str,
    decided_on: date,
) -> Claim | None:
    """The claim as it goes to `to_payer`, or None where it names no such payer.

    `claim` is as it was sent last; `remitted` is the answer that makes the next one due and `lines`
    which of its lines answers which of ours.
    """
    due = next(
        (one for one in claim.other_coverages if (one.payer.identifier or "unknown") == to_payer),
        None,
    )
    if due is None:
        return None
    answered = _answered(claim, remitted, decided_on)
    adjudicated = _adjudicated_lines(claim, remitted, lines, answered.payer, decided_on)
    others = [one for one in claim.other_coverages if one is not due]
    return claim.model_copy(
        update={
            "payer": due.payer,
            "subscriber": due.subscriber or claim.subscriber,
            "payer_sequence": due.sequence,
            "filing_indicator": due.filing_indicator,
            "patient_relationship": due.relationship or claim.patient_relationship,
            "payer_claim_control_number": None,
            "frequency": "1",
            "other_coverages": (*others, answered),
            "service_lines": adjudicated,
        }
    )


def _answered(claim: Claim, remitted: RemittanceClaim, decided_on: date) -> OtherCoverage:
    return OtherCoverage(
        sequence=claim.payer_sequence,
        relationship=claim.patient_relationship,
        group_number=claim.subscriber.group_number,
        group_name=claim.subscriber.group_name,
        insurance_type=claim.subscriber.insurance_type,
        filing_indicator=claim.filing_indicator,
        adjustments=_adjustments(remitted.adjustments),
        paid=remitted.paid,
        remaining_liability=_patient_share(remitted),
        benefits_assigned=claim.benefits_assigned,
        release_of_information=claim.release_of_information,
        subscriber=claim.subscriber,
        payer=claim.payer,
        adjudicated_on=decided_on,
        payer_claim_control_number=remitted.payer_claim_control_number,
        inpatient_adjudication=_inpatient(remitted),
        outpatient_adjudication=_outpatient(remitted),
    )


def _patient_share(remitted: RemittanceClaim) -> int:
    return sum(part.amount for part in remitted.all_adjustments() if part.group == "PR")


def _adjudicated_lines(
    claim: Claim,
    remitted: RemittanceClaim,
    lines: Sequence[LedgerLine | None],
    payer: Payer,
    decided_on: date,
) -> tuple[ServiceLine, ...]:
    answers: dict[int, list[LineAdjudication]] = {}
    for line, match in zip(remitted.lines, lines, strict=True):
        if match is not None:
            answers.setdefault(match.number, []).append(_adjudication(line, payer, decided_on))
    return tuple(
        line.model_copy(update={"adjudications": (*line.adjudications, *answers[line.number])})
        if line.number in answers
        else line
        for line in claim.service_lines
    )


def _adjudication(line: RemittanceLine, payer: Payer, decided_on: date) -> LineAdjudication:
    return LineAdjudication(
        payer_identifier=payer.identifier or "unknown",
        paid=line.paid,
        procedure=line.procedure,
        revenue_code=line.revenue_code,
        units=line.units,
        adjustments=_adjustments(line.adjustments),
        adjudicated_on=decided_on,
    )


def _adjustments(parts: Sequence[RemittanceAdjustment]) -> tuple[Adjustment, ...]:
    return tuple(
        Adjustment.model_validate(
            {
                "group": part.group,
                "reason": part.reason,
                "amount": part.amount,
                "quantity": part.quantity,
            }
        )
        for part in parts
    )


def _outpatient(remitted: RemittanceClaim) -> OutpatientAdjudication | None:
    said = remitted.outpatient
    if said is None:
        return None
    return OutpatientAdjudication(
        reimbursement_rate=said.reimbursement_rate,
        hcpcs_payable=said.payable_amount,
        remark_codes=said.remarks,
        end_stage_renal=said.end_stage_renal_amount,
        professional_component=said.professional_component_amount,
    )


def _inpatient(remitted: RemittanceClaim) -> InpatientAdjudication | None:
    said = remitted.inpatient
    if said is None:
        return None
    remarks = said.remarks
    return InpatientAdjudication(
        covered_days=said.covered_days,
        pps_operating_outlier=said.outlier_amount,
        lifetime_psychiatric_days=said.psychiatric_days,
        drg_amount=said.drg_amount,
        remark_code=remarks[0] if remarks else None,
        disproportionate_share=said.disproportionate_share_amount,
        pass_through=said.medicare_secondary_pass_through_amount,
        pps_capital=said.capital_amount,
        capital_federal_share=said.capital_federal_drg_amount,
        capital_hospital_share=said.capital_hospital_drg_amount,
        capital_disproportionate_share=said.capital_disproportionate_share_amount,
        old_capital=said.old_capital_amount,
        capital_indirect_education=said.capital_indirect_education_amount,
        hospital_specific_drg=said.hospital_specific_drg_amount,
        cost_report_days=said.cost_report_days,
        federal_drg=said.federal_specific_drg_amount,
        capital_outlier=said.capital_outlier_amount,
        indirect_education=said.indirect_teaching_amount,
        professional_component=said.professional_component_amount,
        more_remark_codes=remarks[1:],
        capital_exception=said.capital_exception_amount,
    )

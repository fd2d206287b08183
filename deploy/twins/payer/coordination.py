"""The payer as second or third: what earlier payers left of each line, and a claim made ready for
the next payer where the twin forwards it itself.

What is left is what the last payer before this one gave the patient to pay (its PR adjustments): at
the line (2430) where it said so there, else at the claim (2320), taken from the lines in order.
"""

from collections.abc import Sequence
from datetime import date

from deploy.twins.payer.scenario import Crossovers
from shared.contract.claim import (
    Claim,
    LineAdjudication,
    OtherCoverage,
    Payer,
    ServiceLine,
)
from shared.contract.model import Adjustment
from shared.contract.remittance import RemittanceAdjustment, RemittanceClaim, RemittanceLine

IMPACT_OF_PRIOR_PAYERS = "23"
_SEQUENCES = "PSTABCDEFGH"
_STATUS = {"P": "1", "S": "2"}


def status_of(sequence: str) -> str:
    """CLP02 of an adjudicated claim by SBR01: 1 primary, 2 secondary, 3 any further one."""
    return _STATUS.get(sequence, "3")


def last_prior_payer(claim: Claim) -> OtherCoverage | None:
    """The payer that came right before this one, None where this one is the first or no earlier one
    is named."""
    own = _SEQUENCES.find(claim.payer_sequence)
    earlier = [one for one in claim.other_coverages if 0 <= _SEQUENCES.find(one.sequence) < own]
    return max(earlier, key=lambda one: _SEQUENCES.find(one.sequence), default=None)


def left_by(coverage: OtherCoverage, claim: Claim) -> tuple[int, ...] | None:
    """Cents of each line that this earlier payer left to the patient; None where it does not say
    what it did."""
    payer = _name_of(coverage.payer)
    adjudications = [_adjudication(line, payer) for line in claim.service_lines]
    if any(adjudications):
        left = [_patient_share(one.adjustments) if one else 0 for one in adjudications]
        at_claim = _patient_share(coverage.adjustments)
    elif coverage.paid is not None or coverage.adjustments:
        left = [0] * len(adjudications)
        at_claim = _patient_share(coverage.adjustments)
        if not coverage.adjustments:
            at_claim = claim.charge - (coverage.paid or 0)
    else:
        return None
    for at, line in enumerate(claim.service_lines):
        room = max(0, line.charge - left[at])
        taken = min(at_claim, room)
        left[at] += taken
        at_claim -= taken
    return tuple(
        max(0, min(cents, line.charge))
        for cents, line in zip(left, claim.service_lines, strict=True)
    )


def _name_of(payer: Payer) -> str:
    return payer.identifier or payer.name or ""


def _adjudication(line: ServiceLine, payer: str) -> LineAdjudication | None:
    return next((one for one in line.adjudications if one.payer_identifier == payer), None)


def _patient_share(adjustments: Sequence[Adjustment]) -> int:
    return sum(part.amount for part in adjustments if part.group == "PR")


def impact(line: ServiceLine, left_cents: int) -> list[RemittanceAdjustment]:
    """OA 23: what of the charge is the earlier payers' doing."""
    cents = line.charge - left_cents
    return [RemittanceAdjustment("OA", IMPACT_OF_PRIOR_PAYERS, cents)] if cents else []


def forwarded(claim: Claim, decided: RemittanceClaim, to: Crossovers, on: date) -> Claim:
    """The claim as this payer forwards it: to the next one, with its own adjudication in it.
    `decided` has the claim's lines in their order."""
    sequence = _SEQUENCES[_SEQUENCES.find(claim.payer_sequence) + 1]
    payer = _name_of(claim.payer)
    lines = tuple(
        line.model_copy(
            update={"adjudications": (*line.adjudications, _told(line, said, payer, on))}
        )
        for line, said in zip(claim.service_lines, decided.lines, strict=True)
    )
    own = OtherCoverage(
        sequence=claim.payer_sequence,
        relationship=claim.patient_relationship,
        filing_indicator=claim.filing_indicator,
        paid=decided.paid,
        subscriber=claim.subscriber,
        payer=claim.payer,
        payer_claim_control_number=decided.payer_claim_control_number,
    )
    return claim.model_copy(
        update={
            "payer": Payer(
                name=to.payer_name, identifier_qualifier="PI", identifier=to.payer_identifier
            ),
            "payer_sequence": sequence,
            "filing_indicator": "CI",
            "other_coverages": (*claim.other_coverages, own),
            "service_lines": lines,
        }
    )


def _told(line: ServiceLine, said: RemittanceLine, payer: str, on: date) -> LineAdjudication:
    return LineAdjudication(
        payer_identifier=payer,
        paid=said.paid,
        procedure=line.procedure,
        revenue_code=line.revenue_code,
        units=line.units,
        adjustments=tuple(
            Adjustment.model_validate(
                {"group": one.group, "reason": one.reason, "amount": one.amount}
            )
            for one in said.adjustments
        ),
        adjudicated_on=on,
    )

"""How a decision is told: as one claim or two, by line or by claim, under which control number, and
with which amounts wrong on purpose. Decisions themselves are never changed here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from deploy.twins.payer.adjudicate import patient_share
from deploy.twins.payer.plan import Plan
from deploy.twins.payer.scenario import Way, WrongTotal
from shared.contract.remittance import RemittanceAdjustment, RemittanceClaim, RemittanceLine


def told(decided: RemittanceClaim, plan: Plan, *, is_institutional: bool) -> list[RemittanceClaim]:
    """The CLPs of a decision: two where it is divided, each with its own payer's number."""
    claim = replace(
        decided, patient_control_number=mangled(decided.patient_control_number, plan.mangled)
    )
    if plan.is_divided and len(claim.lines) > 1:
        half = len(claim.lines) // 2
        return [_part(claim, claim.lines[:half], "A"), _part(claim, claim.lines[half:], "B")]
    if plan.is_claim_level and is_institutional:
        return [_at_claim_level(claim)]
    return [claim]


def _part(claim: RemittanceClaim, lines: Sequence[RemittanceLine], mark: str) -> RemittanceClaim:
    return replace(
        claim,
        charge=sum(line.charge for line in lines),
        paid=sum(line.paid for line in lines),
        patient_responsibility=patient_share(lines) or None,
        payer_claim_control_number=f"{claim.payer_claim_control_number}{mark}",
        lines=tuple(lines),
    )


def _at_claim_level(claim: RemittanceClaim) -> RemittanceClaim:
    sums: Counter[tuple[str, str]] = Counter()
    for part in claim.all_adjustments():
        sums[part.group, part.reason] += part.amount
    adjustments = [
        RemittanceAdjustment(group, reason, cents)
        for (group, reason), cents in sorted(sums.items())
        if cents
    ]
    return replace(claim, adjustments=tuple(adjustments), lines=())


def mangled(patient_control_number: str, way: Way | None) -> str:
    """The number as a careless payer gives it back."""
    number = patient_control_number
    match way:
        case None:
            return number
        case "truncated":
            return number[: max(1, len(number) - 3)]
        case "stripped":
            return number.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ0-") or "0"
        case "lowered":
            return number.lower()
        case "spaced":
            middle = len(number) // 2
            return f"{number[:middle]} {number[middle:]}".strip()
        case "zeroed":
            return "0"


def spoiled(claim: RemittanceClaim, wrong_totals: Sequence[WrongTotal]) -> RemittanceClaim:
    """The claim with CLP04, or the SVC03 of its first line, wrong as the scenario wants it."""
    for wrong in wrong_totals:
        if wrong.level == "claim":
            claim = replace(claim, paid=claim.paid + wrong.by)
        elif wrong.level == "line" and claim.lines:
            first, *others = claim.lines
            claim = replace(claim, lines=(replace(first, paid=first.paid + wrong.by), *others))
    return claim


def reversal_of(claim: RemittanceClaim) -> RemittanceClaim:
    """CLP02 22: every amount of an earlier decision taken back, its numbers and codes kept."""
    return replace(
        claim,
        status="22",
        charge=-claim.charge,
        paid=-claim.paid,
        patient_responsibility=_minus(claim.patient_responsibility),
        adjustments=_negated(claim.adjustments),
        crossover_carrier=None,
        amounts=(),
        lines=tuple(
            replace(
                line,
                charge=-line.charge,
                paid=-line.paid,
                allowed=_minus(line.allowed),
                adjustments=_negated(line.adjustments),
            )
            for line in claim.lines
        ),
    )


def _minus(cents: int | None) -> int | None:
    return None if cents is None else -cents


def _negated(adjustments: Sequence[RemittanceAdjustment]) -> tuple[RemittanceAdjustment, ...]:
    return tuple(replace(part, amount=-part.amount) for part in adjustments)

"""Which of the payers' answers for a patient control number can be posted now, and which must wait.

It is apart because order must not matter: an 835 may overtake its claim, a correction its reversal,
a reversal its original. What cannot be posted yet waits; whenever a claim with the number changes,
all that waits is looked at again, so every order of the same facts ends in the same balances.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.remittance.domain.adjudication import GROUPS, POSTED_STATUSES, SILENT_STATUSES
from services.remittance.domain.crossing import (
    answers_unasked,
    repeats_earlier,
    settled_by,
)
from services.remittance.domain.matching import match_claim
from services.remittance.domain.posting import Posting, negated_by, post, summed_adjustments
from services.remittance.domain.state import Arrived, LedgerClaim, Namesakes
from shared.contract.model import Finding
from shared.contract.remittance import RemittanceClaim
from shared.money import format_cents
from shared.x12.answers.balance import claim_difference, line_difference


@dataclass(frozen=True, slots=True)
class Settled:
    """The claims after all that can be posted was, in the order in which it was."""

    namesakes: Namesakes
    postings: tuple[tuple[Arrived, Posting], ...]


def examine(remitted: RemittanceClaim) -> tuple[int, tuple[Finding, ...]]:
    """(difference in cents, findings) of a claim that must not be posted from these values,
    whatever we know of it; no findings where it may be. The difference is the claim's own, or its
    first wrong line's."""
    findings = [finding for finding in remitted.findings if finding.severity == "block"]
    difference = claim_difference(remitted)
    if difference:
        findings.append(_imbalance("claim-out-of-balance", "2100", "CLP03", "CLP04", difference))
    for number, line in enumerate(remitted.lines, start=1):
        line_off = line_difference(line)
        if line_off:
            path = f"2110[{number}]"
            findings.append(_imbalance("line-out-of-balance", path, "SVC02", "SVC03", line_off))
            difference = difference or line_off
    findings += _contradictions(remitted)
    return difference, tuple(findings)


def settle(namesakes: Namesakes, now: datetime) -> Settled:
    """Posts what can be posted of what waits, until nothing more can."""
    claims = {claim.id: claim for claim in namesakes.claims}
    waiting = list(namesakes.waiting)
    postings: list[tuple[Arrived, Posting]] = []
    while ready := _ready(claims, waiting):
        for arrived, claim_id in ready:
            posting = post(claims[claim_id], arrived, now)
            claims[claim_id] = posting.claim
            waiting = [other for other in waiting if other is not arrived]
            postings.append((arrived, posting))
    return Settled(Namesakes(tuple(claims.values()), tuple(waiting)), tuple(postings))


def meant_claim(claims: Sequence[LedgerClaim], arrived: Arrived) -> LedgerClaim | None:
    """The claim of ours that is meant: the one a person or a certain score named, else the one
    that the numbers tell."""
    if arrived.meant is not None:
        return next((claim for claim in claims if claim.id == arrived.meant), None)
    return match_claim(claims, arrived.claim, arrived.remittance.payee)


def why_it_waits(namesakes: Namesakes, arrived: Arrived) -> tuple[LedgerClaim, int, Finding] | None:
    """The claim that `arrived` belongs to, by how many cents it goes too far, and why it waits;
    None where no claim of ours is certain to be meant."""
    claim = meant_claim(namesakes.claims, arrived)
    if claim is None:
        return None
    if arrived.claim.is_reversal:
        finding = Finding(
            code="reversal-without-original",
            path="2100/CLP",
            message="The reversal takes back nothing that stands in the ledger to the cent.",
            hint="It posts by itself when its original does; else compare the two remittances.",
        )
        return claim, 0, finding
    if repeats_earlier(claim, arrived.claim) and not claim.posted:
        finding = Finding(
            code="earlier-payer-missing",
            path="2100/CLP02",
            message="A later payer answers, and the first payer's answer is not in the ledger.",
            hint="It posts by itself when that answer is posted.",
        )
        return claim, 0, finding
    beyond = settled_by(claim, arrived.claim) - claim.receivable
    finding = Finding(
        code="charge-exceeded",
        path="2100/CLP03",
        message=f"With this, {format_cents(beyond)} more than was charged would be decided on.",
        hint="It posts by itself after a reversal; else it is a second payment or another payer's.",
    )
    return claim, beyond, finding


def _ready(
    claims: dict[UUID, LedgerClaim], waiting: Sequence[Arrived]
) -> list[tuple[Arrived, UUID]]:
    """What to post next: one that fits, or an original and its reversal that both wait."""
    if not waiting or not claims:
        return []
    candidates = tuple(claims.values())
    early: list[tuple[Arrived, LedgerClaim]] = []
    for arrived in waiting:
        claim = meant_claim(candidates, arrived)
        if claim is None:
            continue
        if arrived.is_forced or _fits(claim, arrived.claim):
            return [(arrived, claim.id)]
        early.append((arrived, claim))
    return _pair(early)


def _fits(claim: LedgerClaim, remitted: RemittanceClaim) -> bool:
    if remitted.is_reversal:
        return negated_by(claim, remitted) is not None
    if repeats_earlier(claim, remitted) and not claim.posted:
        return False
    return settled_by(claim, remitted) <= claim.receivable or answers_unasked(claim, remitted)


def _pair(early: Sequence[tuple[Arrived, LedgerClaim]]) -> list[tuple[Arrived, UUID]]:
    for reversal, claim in early:
        if not reversal.claim.is_reversal:
            continue
        for original, other in early:
            if other.id == claim.id and _negates(reversal.claim, original.claim):
                return [(original, claim.id), (reversal, claim.id)]
    return []


def _negates(reversal: RemittanceClaim, original: RemittanceClaim) -> bool:
    if original.is_reversal:
        return False
    negated = tuple(
        (group, reason, -cents) for group, reason, cents in summed_adjustments(reversal)
    )
    return (original.charge, original.paid, summed_adjustments(original)) == (
        -reversal.charge,
        -reversal.paid,
        negated,
    )


def _contradictions(remitted: RemittanceClaim) -> list[Finding]:
    findings = []
    if remitted.status not in POSTED_STATUSES | SILENT_STATUSES:
        findings.append(
            Finding(
                code="unknown-claim-status",
                path="2100/CLP02",
                message="The claim status is none that an 835 may hold.",
                hint="Ask the payer for a corrected remittance.",
            )
        )
    if any(part.group not in GROUPS for part in remitted.all_adjustments()):
        findings.append(
            Finding(
                code="unknown-adjustment-group",
                path="CAS01",
                message="An adjustment group is none of CO, OA, PI and PR.",
                hint="Whose the amount is cannot be told; ask the payer.",
            )
        )
    if remitted.status in SILENT_STATUSES and remitted.paid:
        findings.append(_wrong_sign("CLP04", "This status moves no money, and an amount is paid."))
    if remitted.is_reversal and remitted.charge > 0:
        findings.append(_wrong_sign("CLP03", "A reversal has a negative charge; this one has not."))
    if not remitted.is_reversal and remitted.charge < 0:
        findings.append(_wrong_sign("CLP03", "Only a reversal (CLP02 22) has a negative charge."))
    return findings


def _imbalance(code: str, path: str, charge: str, paid: str, difference: int) -> Finding:
    return Finding(
        code=code,
        path=f"{path}/{paid}",
        message=f"{charge} less the adjustments differs from {paid} by {format_cents(difference)}.",
        hint="Ask the payer for a corrected remittance; nothing is posted to make the sums meet.",
        source="ASC X12 005010X221A1, balancing",
    )


def _wrong_sign(element: str, message: str) -> Finding:
    return Finding(
        code="amount-contradicts-status",
        path=f"2100/{element}",
        message=message,
        hint="Ask the payer for a corrected remittance.",
    )

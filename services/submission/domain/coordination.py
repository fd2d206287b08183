"""Whether what earlier payers decided adds up, before a later payer is asked to believe it.

Each earlier payer's decision must account for every cent of the charge, line by line where it
decided line by line (2430) and for the whole claim (2320): a payer that cannot follow the sums
refuses the claim. Rules: the 837 guides' balancing of coordination of benefits (SV102 or SV203 or
SV302 = sum of SVD02 and CAS of the line; CLM02 = AMT*D and all CAS of that payer).
"""

from collections.abc import Iterator, Sequence

from shared.contract.claim import Claim, LineAdjudication, OtherCoverage
from shared.contract.model import Adjustment, Finding
from shared.money import format_cents

TURNS = "PSTABCDEFGH"
"""SBR01 in the order in which payers are billed."""
_SOURCE = "837 2320/2430 balancing"


def coordination_findings(claim: Claim) -> tuple[Finding, ...]:
    """What is wrong with the earlier payers of this claim; nothing for a claim without any."""
    if not claim.other_coverages and claim.payer_sequence == "P":
        return ()
    return (*_turn(claim), *_strays(claim), *_balances(claim))


def with_dates_once(claim: Claim) -> Claim:
    """The claim with the day of an earlier decision said once: at the lines (2430 DTP*573) where
    they have it, else for the claim (2330B DTP*573), which the guides allow only then."""
    dated = {
        decision.payer_identifier
        for line in claim.service_lines
        for decision in line.adjudications
        if decision.adjudicated_on is not None
    }
    if not any(
        one.adjudicated_on and one.payer.identifier in dated for one in claim.other_coverages
    ):
        return claim
    coverages = tuple(
        one.model_copy(update={"adjudicated_on": None}) if one.payer.identifier in dated else one
        for one in claim.other_coverages
    )
    return claim.model_copy(update={"other_coverages": coverages})


def _turn(claim: Claim) -> Iterator[Finding]:
    """A later payer is billed with what those before it decided, and no two have one turn."""
    sequences = [claim.payer_sequence, *(one.sequence for one in claim.other_coverages)]
    sequences = [sequence for sequence in sequences if sequence in TURNS]  # U, unknown, may repeat
    if len(set(sequences)) < len(sequences):
        yield Finding(
            code="payer-sequence-twice",
            path="other_coverages",
            message="Two payers of the claim have the same place in the order of payers.",
            hint="Give each payer its own place: P, S, T, then A to H.",
            source="837 SBR01",
        )
    own = TURNS.find(claim.payer_sequence)
    earlier = [one for one in claim.other_coverages if 0 <= TURNS.find(one.sequence) < own]
    if own > 0 and not earlier:
        yield Finding(
            code="earlier-payer-missing",
            path="other_coverages",
            message="The claim is for a later payer, and names none that comes before it.",
            hint="Bill the primary payer first, or name it with what it decided.",
            source="837 2320",
        )
    for at, coverage in enumerate(claim.other_coverages):
        if coverage in earlier and not _has_decided(claim, coverage):
            yield Finding(
                code="earlier-decision-missing",
                path=f"other_coverages[{at}]",
                message="The payer before this one has not decided yet, or its decision is absent.",
                hint="Wait for its 835, or add what it paid and adjusted, and when.",
                source="837 2320 AMT*D, 2330B DTP*573",
            )


def _strays(claim: Claim) -> Iterator[Finding]:
    known = {coverage.payer.identifier for coverage in claim.other_coverages}
    for number, line in enumerate(claim.service_lines):
        for at, decision in enumerate(line.adjudications):
            if decision.payer_identifier not in known:
                yield Finding(
                    code="line-decision-of-unknown-payer",
                    path=f"service_lines[{number}].adjudications[{at}].payer_identifier",
                    message="A decision on a line names a payer that the claim does not name.",
                    hint="Name the payer among the other payers, under the same identifier.",
                    source="837 2430 SVD01 = 2330B NM109",
                )


def _balances(claim: Claim) -> Iterator[Finding]:
    identifiers = [coverage.payer.identifier for coverage in claim.other_coverages]
    for at, coverage in enumerate(claim.other_coverages):
        decisions = _decisions(claim, coverage)
        # Of two coverages with one payer nobody can tell whose a line's decision is.
        if not _has_decided(claim, coverage) or identifiers.count(identifiers[at]) > 1:
            continue
        for number, line in enumerate(claim.service_lines):
            if not decisions[number]:
                continue
            decided = sum(one.paid + _sum(one.adjustments) for one in decisions[number])
            if decided != line.charge:
                path = f"service_lines[{number}].adjudications"
                yield _unbalanced("line", path, coverage, line.charge - decided)
        of_lines = sum(_sum(one.adjustments) for line in decisions for one in line)
        paid = coverage.paid
        if paid is None:
            paid = sum(one.paid for line in decisions for one in line)
        difference = claim.charge - (paid + _sum(coverage.adjustments) + of_lines)
        if difference:
            yield _unbalanced("claim", f"other_coverages[{at}]", coverage, difference)


def _unbalanced(level: str, path: str, coverage: OtherCoverage, difference: int) -> Finding:
    return Finding(
        code=f"earlier-decision-unbalanced-{level}",
        path=path,
        message=(
            f"What payer {coverage.sequence} paid and adjusted is not the {level}'s charge: "
            f"{format_cents(difference)} unaccounted for."
        ),
        hint="Take paid amounts and adjustments from that payer's 835 as they stand there.",
        source=_SOURCE,
    )


def _has_decided(claim: Claim, coverage: OtherCoverage) -> bool:
    return bool(
        coverage.paid is not None
        or coverage.adjustments
        or coverage.adjudicated_on
        or any(_decisions(claim, coverage))
    )


def _decisions(claim: Claim, coverage: OtherCoverage) -> list[list[LineAdjudication]]:
    """What this payer decided, line by line."""
    identifier = coverage.payer.identifier
    return [
        [one for one in line.adjudications if one.payer_identifier == identifier]
        for line in claim.service_lines
    ]


def _sum(adjustments: Sequence[Adjustment]) -> int:
    return sum(one.amount for one in adjustments)

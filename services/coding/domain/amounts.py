"""Checks of money and counts: totals, charges, units, and what earlier payers decided."""

from services.coding.domain.rule import Case, Rule
from shared.contract.claim import LineAdjudication, ServiceLine


def _total(case: Case) -> tuple[str, ...]:
    claim = case.claim
    return () if claim.charge == sum([line.charge for line in claim.service_lines]) else ("charge",)


def _negative_charge(case: Case) -> list[str]:
    claim = case.claim
    paths = ["charge"] if claim.charge < 0 else []
    return paths + [
        f"service_lines[{at}].charge"
        for at, line in enumerate(claim.service_lines)
        if line.charge < 0
    ]


def _no_units(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].units"
        for at, line in enumerate(case.claim.service_lines)
        if line.units is None
    ]


def _no_positive_units(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].units"
        for at, line in enumerate(case.claim.service_lines)
        if line.units is not None and line.units <= 0
    ]


def _line_balance(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].adjudications"
        for at, line in enumerate(case.claim.service_lines)
        if line.adjudications and not _is_line_balanced(line)
    ]


def _is_line_balanced(line: ServiceLine) -> bool:
    """For each payer, what it paid and adjusted is the charge. A bundled line is left out: its
    charge went to another line."""
    explained: dict[str, int] = {}
    bundled = set()
    for adjudication in line.adjudications:
        payer = adjudication.payer_identifier
        explained[payer] = explained.get(payer, 0) + adjudication.paid + _adjusted(adjudication)
        if adjudication.bundled_line is not None:
            bundled.add(payer)
    return all(amount == line.charge for payer, amount in explained.items() if payer not in bundled)


def _claim_balance(case: Case) -> list[str]:
    claim = case.claim
    paths = []
    for at, coverage in enumerate(claim.other_coverages):
        if coverage.paid is None:
            continue
        payer = coverage.payer.identifier
        explained = coverage.paid + sum([each.amount for each in coverage.adjustments])
        explained += sum(
            [
                _adjusted(adjudication)
                for line in claim.service_lines
                for adjudication in line.adjudications
                if adjudication.payer_identifier == payer
            ]
        )
        if explained != claim.charge:
            paths.append(f"other_coverages[{at}]")
    return paths


def _adjusted(adjudication: LineAdjudication) -> int:
    return sum([adjustment.amount for adjustment in adjudication.adjustments])


RULES = (
    Rule(
        "claim-total",
        "the claim's charge is not the sum of its lines' charges",
        "Correct the total, or the line that is missing or wrong.",
        "837 CLM02",
        _total,
    ),
    Rule(
        "negative-charge",
        "a charge is below zero",
        "Charges are not negative: void or replace the claim to take one back.",
        "837 CLM02, SV102, SV203, SV302",
        _negative_charge,
    ),
    Rule(
        "units-missing",
        "the line does not say how many units were given",
        "Send the number of units, minutes or days.",
        "837 SV104, SV205",
        _no_units,
        kinds=("professional", "institutional"),
    ),
    Rule(
        "units-not-positive",
        "the units are zero or less",
        "Send what was given, or remove the line.",
        "837 SV104, SV205, SV306",
        _no_positive_units,
    ),
    Rule(
        "cob-line-balance",
        "what an earlier payer paid and adjusted on this line does not add up to the charge",
        "Copy payment and adjustments of the line from that payer's remittance.",
        "837 loop 2430: SV102 = SVD02 + CAS",
        _line_balance,
    ),
    Rule(
        "cob-claim-balance",
        "what an earlier payer paid and adjusted does not add up to the claim's charge",
        "Copy payment and adjustments from that payer's remittance, claim level and lines.",
        "837 loop 2320: CLM02 = AMT*D + CAS of claim and lines",
        _claim_balance,
    ),
)

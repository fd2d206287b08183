"""All checks in code, family by family: the list, its version, and the way in."""

from collections.abc import Callable, Mapping

from services.coding.domain import (
    add_ons,
    coverage,
    diagnosis_codes,
    diagnosis_order,
    diagnosis_patient,
    drugs,
    duplicates,
    filing_limits,
    laterality,
    modifiers,
    pairs,
    places,
    procedure_codes,
    revenue_codes,
    structural,
    unit_limits,
    units,
)
from services.coding.domain.rule import ALL_KINDS, Case, Rule, apply
from shared.contract.claim import ClaimKind
from shared.contract.model import Finding

VERSION = "checks-3"
"""Named in every verdict. Raise it with each change of a rule's meaning, and the rule's own."""

Guard = Callable[[Case], bool]


def _always(_: Case) -> bool:
    return True


FAMILIES: tuple[tuple[Guard, tuple[Rule, ...]], ...] = (
    (_always, structural.RULES),
    (diagnosis_codes.concerns, diagnosis_codes.RULES),
    (_always, diagnosis_order.RULES),
    (_always, diagnosis_patient.RULES),
    (_always, procedure_codes.RULES),
    (modifiers.concerns, modifiers.RULES),
    (laterality.concerns, laterality.RULES),
    (_always, units.RULES),
    (_always, places.RULES),
    (_always, revenue_codes.RULES),
    (drugs.concerns, drugs.RULES),
    (pairs.concerns, pairs.RULES),
    (unit_limits.concerns, unit_limits.RULES),
    (add_ons.concerns, add_ons.RULES),
    (coverage.concerns, coverage.RULES),
    (_always, duplicates.RULES),
    (_always, filing_limits.RULES),
)
"""Each family with what a claim must have for it to find anything: most claims have it for few."""

RULES: tuple[Rule, ...] = tuple(rule for _, rules in FAMILIES for rule in rules)

_BY_KIND: Mapping[ClaimKind, tuple[tuple[Guard, tuple[Rule, ...]], ...]] = {
    kind: tuple(
        (guard, tuple(rule for rule in rules if kind in rule.kinds)) for guard, rules in FAMILIES
    )
    for kind in ALL_KINDS
}


def check(case: Case) -> tuple[Finding, ...]:
    """All findings of the checks in code, in the rules' order."""
    findings: list[Finding] = []
    for concerns, rules in _BY_KIND[case.claim.kind]:
        if concerns(case):
            findings += apply(rules, case)
    return tuple(findings)

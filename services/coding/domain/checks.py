"""All checks in code, family by family: the list, its version, and the way in."""

from collections.abc import Callable, Mapping
from types import ModuleType

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


MODULES: tuple[ModuleType, ...] = (
    *structural.FAMILIES,
    diagnosis_codes,
    diagnosis_order,
    diagnosis_patient,
    procedure_codes,
    modifiers,
    laterality,
    units,
    places,
    revenue_codes,
    drugs,
    pairs,
    unit_limits,
    add_ons,
    coverage,
    duplicates,
    filing_limits,
)
"""The families. A module that has `concerns` says what a claim must have for it to find anything:
most claims have it for few."""

FAMILY_OF: Mapping[str, str] = {
    rule.code: module.__name__.rpartition(".")[2] for module in MODULES for rule in module.RULES
}
"""The name of a family, by the code of each of its rules."""

PAYER_RULES = "payer_rules"
"""The family of the findings that no check in code has: those of payers' rule packs."""


def family_of(code: str) -> str:
    """The family of checks that a finding of coding's is of."""
    return FAMILY_OF.get(code, PAYER_RULES)


_FAMILIES: tuple[tuple[Guard, tuple[Rule, ...]], ...] = tuple(
    (getattr(module, "concerns", _always), module.RULES) for module in MODULES
)

RULES: tuple[Rule, ...] = tuple(rule for _, rules in _FAMILIES for rule in rules)

_BY_KIND: Mapping[ClaimKind, tuple[tuple[Guard, tuple[Rule, ...]], ...]] = {
    kind: tuple(
        (guard, tuple(rule for rule in rules if kind in rule.kinds)) for guard, rules in _FAMILIES
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

"""All checks in code, family by family: the list, its version, and the way in."""

from collections.abc import Mapping

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

VERSION = "checks-2"
"""Named in every verdict. Raise it with each change of a rule's meaning, and the rule's own."""

RULES: tuple[Rule, ...] = (
    *structural.RULES,
    *diagnosis_codes.RULES,
    *diagnosis_order.RULES,
    *diagnosis_patient.RULES,
    *procedure_codes.RULES,
    *modifiers.RULES,
    *laterality.RULES,
    *units.RULES,
    *places.RULES,
    *revenue_codes.RULES,
    *drugs.RULES,
    *pairs.RULES,
    *unit_limits.RULES,
    *add_ons.RULES,
    *coverage.RULES,
    *duplicates.RULES,
    *filing_limits.RULES,
)

_BY_KIND: Mapping[ClaimKind, tuple[Rule, ...]] = {
    kind: tuple(rule for rule in RULES if kind in rule.kinds) for kind in ALL_KINDS
}


def check(case: Case) -> tuple[Finding, ...]:
    """All findings of the checks in code, in the rules' order."""
    return apply(_BY_KIND[case.claim.kind], case)

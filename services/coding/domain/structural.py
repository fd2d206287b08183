"""The structural rules: what must hold of every claim, whatever its payer and codes.

The checks stand in modules by what they look at; this is the list of all, and the way in.
"""

from collections.abc import Mapping

from services.coding.domain import amounts, dates, diagnoses, parties, service_lines
from services.coding.domain.rule import ALL_KINDS, Case, Rule, apply
from shared.contract.claim import ClaimKind
from shared.contract.model import Finding

VERSION = "structural-1"
"""Named in every verdict. Raise it with each change of a rule's meaning."""

RULES: tuple[Rule, ...] = (
    *parties.RULES,
    *amounts.RULES,
    *dates.RULES,
    *diagnoses.RULES,
    *service_lines.RULES,
)

_BY_KIND: Mapping[ClaimKind, tuple[Rule, ...]] = {
    kind: tuple(rule for rule in RULES if kind in rule.kinds) for kind in ALL_KINDS
}


def check(case: Case) -> tuple[Finding, ...]:
    """All structural findings on a claim, in the rules' order."""
    return apply(_BY_KIND[case.claim.kind], case)

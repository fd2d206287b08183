"""The structural rules: what must hold of every claim, whatever its payer and codes.

The checks stand in modules by what they look at; this is the list of all, and the way in.
"""

from collections.abc import Mapping
from datetime import date

from services.coding.domain import amounts, dates, diagnoses, parties, service_lines
from services.coding.domain.rule import ALL_KINDS, Case, Reference, Rule, apply
from shared.contract.claim import Claim, ClaimKind
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


def check(claim: Claim, received_on: date, reference: Reference) -> tuple[Finding, ...]:
    """All findings on a claim that was received on a day (UTC), in the rules' order."""
    return apply(_BY_KIND[claim.kind], Case(claim, received_on, reference))

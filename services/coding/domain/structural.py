"""The structural rules: what must hold of every claim, whatever its payer and codes.

The checks stand in modules by what they look at; this is the list of all.
"""

from services.coding.domain import amounts, dates, diagnoses, parties, service_lines
from services.coding.domain.rule import Rule

FAMILIES = (parties, amounts, dates, diagnoses, service_lines)

RULES: tuple[Rule, ...] = tuple(rule for family in FAMILIES for rule in family.RULES)

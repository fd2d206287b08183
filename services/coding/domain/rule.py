"""What a rule is, and how rules are applied to a claim.

It is apart so that each family of checks is a module of small functions with its own table, and a
later family joins by adding its table to the ruleset.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from services.coding.domain.history import History
from services.coding.domain.reference import Reference
from shared.contract.claim import Claim, ClaimKind
from shared.contract.model import Finding

Severity = Literal["block", "warn", "inform"]

ALL_KINDS: tuple[ClaimKind, ...] = ("professional", "institutional", "dental")


@dataclass(frozen=True, slots=True)
class Case:
    """What a check looks at: the claim, the day it came (UTC), the reference data, and what the
    same patient had on the claim's days by earlier claims."""

    claim: Claim
    received_on: date
    reference: Reference
    history: History = ()


class Breach(NamedTuple):
    """One place at which a claim breaks a rule, where the rule has more to say than the path."""

    path: str
    codes: tuple[str, ...] = ()
    hint: str | None = None
    """What to do in this very case, in place of the rule's own hint."""
    edition: str | None = None
    """The edition of the reference table that says so."""
    severity: Severity | None = None
    """Where it is not the rule's own."""


Check = Callable[[Case], Iterable[str | Breach]]
"""Where a claim breaks the rule, as paths in the canonical claim's terms or breaches with more to
say; none when it keeps it. Lines count from 0 in a path, as in the claim's JSON."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: plain words for a biller, what to do, where the rule stands, and its check."""

    code: str
    message: str
    hint: str
    source: str
    check: Check
    severity: Severity = "block"
    kinds: tuple[ClaimKind, ...] = ALL_KINDS
    version: str = "1"
    """Raised with each change of the rule's meaning."""

    def finding(self, breach: str | Breach) -> Finding:
        if isinstance(breach, str):
            breach = Breach(breach)
        return Finding(
            code=self.code,
            severity=breach.severity or self.severity,
            path=breach.path,
            message=self.message,
            hint=breach.hint or self.hint,
            source=self.source,
            rule_version=self.version,
            edition=breach.edition,
            codes=breach.codes,
        )


def apply(rules: Iterable[Rule], case: Case) -> tuple[Finding, ...]:
    """The findings of all rules, in the rules' order."""
    return tuple([rule.finding(breach) for rule in rules for breach in rule.check(case)])

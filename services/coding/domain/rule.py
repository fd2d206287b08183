"""What a rule is, and how rules are applied to a claim.

It is apart so that each family of checks is a module of small functions with its own table, and a
later family joins by adding its table to the ruleset.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.contract.claim import Claim, ClaimKind
from shared.contract.model import Finding

Severity = Literal["block", "warn", "inform"]

ALL_KINDS: tuple[ClaimKind, ...] = ("professional", "institutional", "dental")


@dataclass(frozen=True, slots=True)
class Reference:
    """Read-only data that rules look things up in, with the version that a verdict names.

    One instance serves a whole batch. Code sets and payer rules join here as they are loaded.
    """

    version: str


@dataclass(frozen=True, slots=True)
class Case:
    """What a check looks at: the claim, the day it came (UTC), and the reference data."""

    claim: Claim
    received_on: date
    reference: Reference


Check = Callable[[Case], Iterable[str]]
"""The paths, in the canonical claim's terms, at which a claim breaks the rule; none when it keeps
it. Lines count from 0 in a path, as in the claim's JSON."""


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

    def finding(self, path: str) -> Finding:
        return Finding(
            code=self.code,
            severity=self.severity,
            path=path,
            message=self.message,
            hint=self.hint,
            source=self.source,
        )


def apply(rules: Iterable[Rule], case: Case) -> tuple[Finding, ...]:
    """The findings of all rules, in the rules' order."""
    return tuple([rule.finding(path) for rule in rules for path in rule.check(case)])

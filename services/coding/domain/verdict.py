"""From findings to what coding says of a claim: coded, or held with the reasons.

`verdict` is the one way in to all checks. It is pure: everything it looks at comes as an argument,
so that the service, the command line, shadow runs and the proof of an edit get the same answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from services.coding.domain import checks
from services.coding.domain.history import History
from services.coding.domain.reference import Reference
from services.coding.domain.rule import Case
from shared.contract.claim import Claim
from shared.contract.events import ClaimCoded, ClaimHeld, ClaimReceived
from shared.contract.model import Finding

CHECKS = checks.VERSION
"""The version of the checks in code, named in every verdict."""


class PayerRules(Protocol):
    """The rule packs of payers: data that judges as one more family of checks."""

    @property
    def version(self) -> str: ...

    def check(self, case: Case) -> Iterable[Finding]:
        """The findings of all rules that apply to the claim. Pure."""


@dataclass(frozen=True, slots=True)
class NoPayerRules:
    version: str = ""

    def check(self, case: Case) -> Iterable[Finding]:  # noqa: ARG002 - has none
        return ()


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Everything that judges a batch beside the code, swapped as a whole."""

    reference: Reference
    rules: PayerRules = field(default_factory=NoPayerRules)

    @property
    def version(self) -> str:
        """What a verdict names: the checks in code, the reference editions, the payer rules."""
        parts = (CHECKS, self.reference.version, self.rules.version)
        return "/".join(part for part in parts if part)


REFERENCE = Reference(version="")
RULESET = Ruleset(REFERENCE)
"""The checks that need no tables."""


def verdict(
    claim: Claim, history: History, reference: Reference, rules: PayerRules, today: date
) -> tuple[Finding, ...]:
    """All findings on a claim that came today (UTC), in a stable order.

    `history` are lines of other claims of the same patient and payer on this claim's days.
    """
    case = Case(claim, today, reference, history)
    return (*checks.check(case), *rules.check(case))


def judge(
    received: ClaimReceived, ruleset: Ruleset = RULESET, history: History = ()
) -> ClaimCoded | ClaimHeld:
    """Held where at least one finding blocks; else coded, with the findings that only warn."""
    today = received.received_at.date()
    findings = verdict(received.claim, history, ruleset.reference, ruleset.rules, today)
    outcome = ClaimHeld if any(finding.severity == "block" for finding in findings) else ClaimCoded
    return outcome(claim=received.claim, ruleset=ruleset.version, findings=findings)

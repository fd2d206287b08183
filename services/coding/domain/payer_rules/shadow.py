"""A pack run over past claims, as if it had judged them: what it would have held, what money that
was, and how often the payer did refuse or deny what it would have held.

It is apart because it must never touch the verdicts: it only counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from services.coding.domain.payer_rules.pack import Pack
from services.coding.domain.payer_rules.ruleset import payer_rules
from services.coding.domain.rule import Case
from services.coding.domain.verdict import REFERENCE
from shared.contract.claim import Claim
from shared.contract.model import Finding

Fate = Literal["coded", "held", "refused", "denied"]
"""What became of a claim, as far as coding has heard."""
_TURNED_DOWN = ("refused", "denied")


@dataclass(frozen=True, slots=True)
class PastClaim:
    """A claim as it was judged, and what became of it."""

    claim: Claim
    received_on: date
    fate: Fate


@dataclass(slots=True)
class RuleTally:
    """What one rule would have done. Amounts in cents."""

    claims: int = 0
    cents: int = 0
    held: int = 0
    """Of those, the ones it would have held: a warning holds nothing."""
    held_cents: int = 0
    turned_down: int = 0
    """Of the claims it speaks of, those that the payer refused or denied."""
    turned_down_cents: int = 0

    @property
    def precision(self) -> float | None:
        """The share of claims it speaks of that the payer turned down; None where there are none.
        A claim that no payer has answered yet counts against it."""
        return self.turned_down / self.claims if self.claims else None


@dataclass(slots=True)
class ShadowReport:
    """What a pack would have done. Amounts in cents; a claim with two findings counts once."""

    pack: str
    release: str
    claims: int = 0
    charge_cents: int = 0
    held: int = 0
    held_cents: int = 0
    held_anyway: int = 0
    """Of those, the ones that something else held already."""
    turned_down: int = 0
    turned_down_cents: int = 0
    caught: int = 0
    """Of the claims that payers turned down, those the pack would have held."""
    caught_cents: int = 0
    rules: dict[str, RuleTally] = field(default_factory=dict)

    @property
    def precision(self) -> float | None:
        return self.caught / self.held if self.held else None


class Shadow:
    """Runs a pack over past claims as they are given: memory does not grow with their number."""

    def __init__(self, pack: Pack) -> None:
        self._rules = payer_rules([pack])
        self.report = ShadowReport(pack.pack, pack.release)
        self.report.rules = {f"{pack.pack}.{rule.id}": RuleTally() for rule in pack.rules}

    def add(self, past: Iterable[PastClaim]) -> None:
        """Takes more claims into the report."""
        for one in past:
            _add(self.report, self._rules.check(Case(one.claim, one.received_on, REFERENCE)), one)


def _add(report: ShadowReport, findings: Sequence[Finding], one: PastClaim) -> None:
    charge = one.claim.charge
    is_down = one.fate in _TURNED_DOWN
    would_hold = any(finding.severity == "block" for finding in findings)
    report.claims += 1
    report.charge_cents += charge
    if is_down:
        report.turned_down += 1
        report.turned_down_cents += charge
    if would_hold:
        report.held += 1
        report.held_cents += charge
        report.held_anyway += one.fate == "held"
    if would_hold and is_down:
        report.caught += 1
        report.caught_cents += charge
    for code, severity in {(finding.code, finding.severity) for finding in findings}:
        _tally(report.rules.setdefault(code, RuleTally()), severity, charge, is_down=is_down)


def _tally(tally: RuleTally, severity: str, charge: int, *, is_down: bool) -> None:
    tally.claims += 1
    tally.cents += charge
    if severity == "block":
        tally.held += 1
        tally.held_cents += charge
    if is_down:
        tally.turned_down += 1
        tally.turned_down_cents += charge

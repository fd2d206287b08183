"""What a rule is, and how rules are applied to a claim.

It is apart so that each family of checks is a module of small functions with its own table, and a
later family joins by adding its table to the ruleset.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal, NamedTuple

from services.coding.domain.history import History
from services.coding.domain.reference import Reference
from services.coding.domain.served import REPLACING, Coded, Service, first_day, services
from services.coding.domain.together import Groups, PairHit, grouped, pair_hits
from services.coding.domain.unit_counts import Over, over_limits
from shared.contract.claim import Claim, ClaimKind
from shared.contract.model import Finding

Severity = Literal["block", "warn", "inform"]

ALL_KINDS: tuple[ClaimKind, ...] = ("professional", "institutional", "dental")


@dataclass(frozen=True)
class Case:
    """What a check looks at: the claim, the day it came (UTC), the reference data, and what the
    same patient had on the claim's days by earlier claims. What several checks need of a claim is
    worked out once."""

    claim: Claim
    received_on: date
    reference: Reference
    history: History = ()

    @cached_property
    def day(self) -> date | None:
        """The day whose code sets hold for the diagnoses: the end of a stay, else the first day of
        service (ICD-10-CM Official Guidelines; Medicare Claims Processing Manual 23, 10.2)."""
        return first_day(self.claim)

    @cached_property
    def age(self) -> int | None:
        """The patient's completed years on that day; None where the claim does not say."""
        person = self.claim.patient or self.claim.subscriber
        born, on = person.birth_date, self.day
        if born is None or on is None or born > on:
            return None
        return on.year - born.year - ((on.month, on.day) < (born.month, born.day))

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """The lines that name a HCPCS or CPT code."""
        return services(self.claim)

    @cached_property
    def earlier(self) -> History:
        """Lines of earlier claims that count beside this one's. None for a replacement or void:
        which of them it replaces only the payer knows."""
        return () if self.claim.frequency in REPLACING else self.history

    @cached_property
    def together(self) -> Groups:
        """Services by day, provider and code, those of earlier claims with them."""
        return grouped(self.claim.kind, self.services, self.earlier)

    @cached_property
    def pair_hits(self) -> tuple[PairHit, ...]:
        """The NCCI pair edits in effect between services of one day and provider."""
        if len(self.services) + len(self.earlier) < 2:
            return ()
        return pair_hits(self.claim, self.together, self.reference)

    @cached_property
    def over_limits(self) -> tuple[Over, ...]:
        """The lines over NCCI's unit limits."""
        return over_limits(self.claim, self.services, self.together, self.reference)

    @cached_property
    def diagnoses(self) -> tuple[Coded, ...]:
        """The claim's ICD-10-CM diagnoses with what the day's edition says of them; none where no
        edition covers the day."""
        table = self.reference.icd10cm.on(self.day) if self.day else None
        if table is None:
            return ()
        find = table.find
        return tuple(
            [
                Coded(at, each.code, each.role, found[0] if (found := find(each.code)) else None)
                for at, each in enumerate(self.claim.diagnoses)
                if each.system == "icd10cm"
            ]
        )


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

"""The rules in force: active packs, compiled, indexed by whom they are about, named by content.

It is apart because it is what every claim passes. A claim meets only the rules of its payer and
kind, and of those with procedure codes only the ones it has a code of.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from services.coding.domain.payer_rules.asking import (
    Broken,
    ClaimRules,
    Member,
    Remembered,
    RememberedRules,
    code_of,
)
from services.coding.domain.payer_rules.condition import ELEMENTS
from services.coding.domain.payer_rules.facts import first_service_day
from services.coding.domain.payer_rules.pack import Pack, PackRule, pack_of
from services.coding.domain.rule import Case
from shared.contract.claim import Claim
from shared.contract.model import Finding

MAX_PLANS = 4_096
"""Payers and kinds for which the rules that may apply are remembered."""

_Audience = tuple[str, str | None, str | None]
"""A claim's kind, payer identifier and filing indicator."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one audience's claims are asked."""

    remembered: tuple[RememberedRules, ...]
    claims: ClaimRules


@dataclass(frozen=True)
class RulePacks:
    """The rules of a set of packs, as `verdict.PayerRules`. Immutable: a change makes another."""

    packs: tuple[Pack, ...] = ()
    _plans: dict[_Audience, _Plan] = field(default_factory=dict, repr=False, compare=False)
    _remembered: Remembered = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def content(self) -> str:
        """All that it takes to make these rules again, as canonical JSON."""
        return f'{{"packs":[{",".join(pack.canonical for pack in self.packs)}]}}'

    @cached_property
    def version(self) -> str:
        """The name of this content; the same packs have the same on every machine, for ever."""
        if not self.packs:
            return ""
        return "payer-" + hashlib.sha256(self.content.encode()).hexdigest()[:24]

    def check(self, case: Case) -> tuple[Finding, ...]:
        """What the rules say of a claim, in the order of packs and rules."""
        if not self.packs:
            return ()
        claim, received_on = case.claim, case.received_on
        plan = self._plan(claim)
        day = first_service_day(claim) or received_on
        broken = [
            one
            for rules in plan.remembered
            for one in rules.broken(claim)
            if one.member.rule.applies_on(day)
        ]
        broken += plan.claims.broken(claim, received_on, day)
        if not broken:
            return ()
        broken.sort(key=_place)
        group = claim.subscriber.group_number
        meant = [one for one in broken if _within(group, one.member.pack.scope.plans)]
        return tuple(dict.fromkeys(_finding(one, claim) for one in meant))

    def _plan(self, claim: Claim) -> _Plan:
        audience = (claim.kind, claim.payer.identifier, claim.filing_indicator)
        plan = self._plans.get(audience)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
                self._remembered.clear()
            plan = self._plans[audience] = self._plan_of(tuple(self._members(audience)))
        return plan

    def _plan_of(self, members: Sequence[Member]) -> _Plan:
        known = [one for one in members if one.is_remembered]
        remembered = tuple(
            RememberedRules(each, group, self._remembered)
            for each in (None, *ELEMENTS)
            if (group := [one for one in known if one.rule.for_each == each])
        )
        return _Plan(remembered, ClaimRules(one for one in members if not one.is_remembered))

    def _members(self, audience: _Audience) -> Iterator[Member]:
        kind, payer, filing = audience
        order = 0
        for pack in self.packs:
            scope = pack.scope
            is_meant = _within(payer, scope.payers) and _within(filing, scope.filing_indicators)
            for rule in pack.rules:
                order += 1
                kinds = rule.claim_types or scope.claim_types
                if is_meant and _within(kind, kinds):
                    yield Member(pack, rule, order)


def payer_rules(packs: Iterable[Pack]) -> RulePacks:
    """The rules of these packs, in the order of their names."""
    return RulePacks(tuple(sorted(packs, key=lambda pack: pack.pack)))


def from_content(content: str) -> RulePacks:
    """The rules of a stored ruleset. Raises PackError where it is not one of ours."""
    return payer_rules(pack_of(document) for document in json.loads(content)["packs"])


def _within(value: str | None, allowed: Sequence[str]) -> bool:
    return not allowed or value in allowed


def _place(one: Broken) -> tuple[int, int]:
    return one.member.order, -1 if one.at is None else one.at


def _finding(one: Broken, claim: Claim) -> Finding:
    pack, rule = one.member.pack, one.member.rule
    if one.trouble is not None:
        return _unanswered(pack, rule, one.trouble)
    if one.at is None:
        return pack.finding(rule, None, _codes(rule, claim))
    element = (claim.diagnoses if rule.for_each == "diagnoses" else claim.service_lines)[one.at]
    code = code_of(element)
    return pack.finding(rule, one.at, (code,) if code else ())


def _codes(rule: PackRule, claim: Claim) -> tuple[str, ...]:
    """The claim's codes that made the rule look at it."""
    codes = map(code_of, claim.service_lines)
    return tuple(dict.fromkeys(code for code in codes if code and code in rule.procedures))


def _unanswered(pack: Pack, rule: PackRule, why: str) -> Finding:
    """A rule that could not be asked says so, and holds nothing up."""
    return Finding(
        code="payer-rule-unanswered",
        severity="inform",
        message=f"The rule {pack.pack}.{rule.id} could not be asked of this claim: {why}.",
        hint="Check the claim by hand, and have the rule's condition corrected.",
        source=rule.source,
        rule_version=pack.release,
    )

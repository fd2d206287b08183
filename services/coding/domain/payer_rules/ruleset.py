"""The rules in force: active packs, compiled, indexed by whom they are about, named by content.

It is apart because it is what every claim passes. A claim meets only the rules of its payer and
kind; of those with procedure codes only the ones it has a code of; and its values are turned into
CEL values once, and only where a rule is left to ask.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from services.coding.domain.payer_rules.condition import ConditionError, context_of
from services.coding.domain.payer_rules.facts import Projection, derived, first_service_day
from services.coding.domain.payer_rules.pack import Pack, PackRule, pack_of
from services.coding.domain.rule import Case
from shared.contract.claim import Claim
from shared.contract.model import Finding

MAX_PLANS = 4_096
"""Payers and kinds for which the rules that may apply are remembered."""

_Audience = tuple[str, str | None, str | None]
"""A claim's kind, payer identifier and filing indicator."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A rule in its pack, with its place in the order of findings."""

    pack: Pack
    rule: PackRule
    order: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one audience's claims are asked: always, and by procedure code."""

    always: tuple[_Member, ...]
    by_procedure: Mapping[str, tuple[_Member, ...]]
    projection: Projection
    variables: frozenset[str]


@dataclass(frozen=True)
class RulePacks:
    """The rules of a set of packs, as `verdict.PayerRules`. Immutable: a change makes another."""

    packs: tuple[Pack, ...] = ()
    _plans: dict[_Audience, _Plan] = field(default_factory=dict, repr=False, compare=False)

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
        asked = _asked(plan, claim)
        if not asked:
            return ()
        day = first_service_day(claim) or received_on
        asked = [one for one in asked if _is_meant(one, claim, day)]
        if not asked:
            return ()
        values = {name: derived(claim, received_on, name) for name in plan.variables}
        context = context_of(values | {"claim": plan.projection.read(claim)})
        return tuple(finding for one in asked for finding in _findings(one, claim, context))

    def _plan(self, claim: Claim) -> _Plan:
        audience = (claim.kind, claim.payer.identifier, claim.filing_indicator)
        plan = self._plans.get(audience)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = self._plans[audience] = _plan_of(self._members(audience))
        return plan

    def _members(self, audience: _Audience) -> Iterator[_Member]:
        kind, payer, filing = audience
        order = 0
        for pack in self.packs:
            scope = pack.scope
            is_meant = _within(payer, scope.payers) and _within(filing, scope.filing_indicators)
            for rule in pack.rules:
                order += 1
                kinds = rule.claim_types or scope.claim_types
                if is_meant and _within(kind, kinds):
                    yield _Member(pack, rule, order)


def payer_rules(packs: Iterable[Pack]) -> RulePacks:
    """The rules of these packs, in the order of their names."""
    return RulePacks(tuple(sorted(packs, key=lambda pack: pack.pack)))


def from_content(content: str) -> RulePacks:
    """The rules of a stored ruleset. Raises PackError where it is not one of ours."""
    return payer_rules(pack_of(document) for document in json.loads(content)["packs"])


def _within(value: str | None, allowed: Sequence[str]) -> bool:
    return not allowed or value in allowed


def _plan_of(members: Iterable[_Member]) -> _Plan:
    always: list[_Member] = []
    by_procedure: dict[str, list[_Member]] = {}
    mentioned: set[str] = set()
    variables: set[str] = set()
    for one in members:
        mentioned |= one.rule.condition.mentioned
        variables |= one.rule.condition.variables
        for code in one.rule.procedures:
            by_procedure.setdefault(code, []).append(one)
        if not one.rule.procedures:
            always.append(one)
    return _Plan(
        tuple(always),
        {code: tuple(rules) for code, rules in by_procedure.items()},
        Projection(mentioned),
        frozenset(variables),
    )


def _asked(plan: _Plan, claim: Claim) -> list[_Member]:
    """The rules that the claim's codes call for, each once, in order."""
    if not plan.by_procedure:
        return list(plan.always)
    asked = {one.order: one for one in plan.always}
    for line in claim.service_lines:
        if line.procedure is not None:
            for one in plan.by_procedure.get(line.procedure.code, ()):
                asked[one.order] = one
    return [asked[order] for order in sorted(asked)]


def _is_meant(one: _Member, claim: Claim, day: date) -> bool:
    plans = one.pack.scope.plans
    return one.rule.applies_on(day) and (not plans or claim.subscriber.group_number in plans)


def _findings(one: _Member, claim: Claim, context: Any) -> Iterator[Finding]:
    rule = one.rule
    if rule.condition.is_too_costly(len(claim.service_lines)):
        yield _unanswered(one, "it has too many lines")
        return
    try:
        answers = rule.condition.holds(context)
    except ConditionError as error:
        yield _unanswered(one, f"{error} in its condition")
        return
    if rule.for_each is None:
        if answers[0]:
            yield one.pack.finding(rule, None, _codes(rule, claim))
        return
    for at, is_broken in enumerate(answers):
        if is_broken:
            code = _code_at(rule, claim, at)
            if rule.for_each == "diagnoses" or not rule.procedures or code in rule.procedures:
                yield one.pack.finding(rule, at, (code,) if code else ())


def _codes(rule: PackRule, claim: Claim) -> tuple[str, ...]:
    """The claim's codes that made the rule look at it."""
    lines = claim.service_lines
    codes = (line.procedure.code for line in lines if line.procedure is not None)
    return tuple(dict.fromkeys(code for code in codes if code in rule.procedures))


def _code_at(rule: PackRule, claim: Claim, at: int) -> str | None:
    if rule.for_each == "diagnoses":
        return claim.diagnoses[at].code
    procedure = claim.service_lines[at].procedure
    return None if procedure is None else procedure.code


def _unanswered(one: _Member, why: str) -> Finding:
    """A rule that could not be asked says so, and holds nothing up."""
    return Finding(
        code="payer-rule-unanswered",
        severity="inform",
        message=f"The rule {one.pack.pack}.{one.rule.id} could not be asked of this claim: {why}.",
        hint="Check the claim by hand, and have the rule's condition corrected.",
        source=one.rule.source,
        rule_version=one.pack.release,
    )

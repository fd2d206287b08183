"""How rules are asked of a claim, at a cost that hundreds of them can have.

A rule that looks at nothing but one line (or diagnosis), or at nothing but codes of the claim such
as its place of service, is asked of each different one once and remembered: the same come again and
again. The others see the claim, whose values are turned into CEL values once, and only where one of
them is left to ask.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from services.coding.domain.payer_rules.condition import ELEMENTS, ConditionError, context_of
from services.coding.domain.payer_rules.facts import Projection, derived
from services.coding.domain.payer_rules.pack import Pack, PackRule
from shared.contract.claim import Claim, Diagnosis, ServiceLine

MAX_REMEMBERED = 50_000
"""Lines, diagnoses and headers of which the answers are remembered, over all payers."""

Element = ServiceLine | Diagnosis
Subject = Claim | Element
_SUBJECTS: Mapping[str | None, tuple[str, type[Subject]]] = {
    None: ("claim", Claim),
    "service_lines": (ELEMENTS["service_lines"], ServiceLine),
    "diagnoses": (ELEMENTS["diagnoses"], Diagnosis),
}
"""What remembered rules are asked of: the claim's header or a list's elements, by `for_each`. With
its name in a condition."""


@dataclass(frozen=True, slots=True)
class Member:
    """A rule in its pack, with its place in the order of findings."""

    pack: Pack
    rule: PackRule
    order: int

    @property
    def is_remembered(self) -> bool:
        """Whether it looks at one element, or the claim's header, and nothing else."""
        rule = self.rule
        is_of_lines = rule.for_each == "service_lines" or not rule.procedures
        return rule.condition.alone is not None and is_of_lines


class Broken(NamedTuple):
    """A rule that is broken, at an element or (None) by the claim; with `trouble`, one that could
    not be asked, and why."""

    member: Member
    at: int | None
    trouble: str | None = None


Answers = tuple[tuple[Member, str | None], ...]
"""Rules that are broken, or could not be asked and why."""
Remembered = dict[tuple[object, ...], Answers]


class RememberedRules:
    """Rules about the elements of one list or, with no list, the claim's header."""

    def __init__(self, each: str | None, members: Iterable[Member], remembered: Remembered) -> None:
        everyone = tuple(members)
        self._each = each
        self._name, model = _SUBJECTS[each]
        self._always = tuple(one for one in everyone if not one.rule.procedures)
        self._by_code = _by_procedure(everyone)
        names = {name for one in everyone for name in one.rule.condition.mentioned}
        self._projection = Projection(names - {each}, model)
        self._remembered = remembered

    def broken(self, claim: Claim) -> Iterator[Broken]:
        """What the elements of a claim, or its header, break."""
        if self._each is None:
            for member, trouble in self._found(claim, None):
                yield Broken(member, None, trouble)
            return
        elements: Sequence[Element] = getattr(claim, self._each)
        for at, element in enumerate(elements):
            for member, trouble in self._found(element, code_of(element)):
                yield Broken(member, at, trouble)

    def _found(self, subject: Subject, code: str | None) -> Answers:
        key = (id(self), code, *self._projection.key(subject))
        found = self._remembered.get(key)
        if found is None:
            found = self._ask(subject, code)
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = found
        return found

    def _ask(self, subject: Subject, code: str | None) -> Answers:
        asked = (*self._always, *self._by_code.get(code or "", ()))
        if not asked:
            return ()
        context = context_of({self._name: self._projection.read(subject)})
        found: list[tuple[Member, str | None]] = []
        for member in asked:
            try:
                if member.rule.condition.holds_alone(context):
                    found.append((member, None))
            except ConditionError as error:
                found.append((member, f"{error} in its condition"))
        return tuple(found)


class ClaimRules:
    """Rules that look at the whole claim, be it for each of its elements."""

    def __init__(self, members: Iterable[Member]) -> None:
        everyone = tuple(members)
        self._always = tuple(one for one in everyone if not one.rule.procedures)
        self._by_code = _by_procedure(everyone)
        self._view_always = _View(self._always)
        self._view = _View(everyone)

    def broken(self, claim: Claim, received_on: date, day: date) -> Iterator[Broken]:
        """What the claim breaks, of the rules in force on a day of service."""
        called = self._called(claim) if self._by_code else []
        asked = [one for one in (*self._always, *called) if one.rule.applies_on(day)]
        if not asked:
            return
        view = self._view if called else self._view_always
        context = context_of(view.values(claim, received_on))
        for member in asked:
            condition = member.rule.condition
            if condition.is_too_costly(len(claim.service_lines)):
                yield Broken(member, None, "it has too many lines")
                continue
            try:
                answers = condition.holds(context)
            except ConditionError as error:
                yield Broken(member, None, f"{error} in its condition")
                continue
            yield from _of_answers(member, claim, answers)

    def _called(self, claim: Claim) -> list[Member]:
        """The rules that the claim's procedure codes call for, each once."""
        called: dict[int, Member] = {}
        for line in claim.service_lines:
            if line.procedure is not None:
                for one in self._by_code.get(line.procedure.code, ()):
                    called[one.order] = one
        return list(called.values())


class _View:
    """What the conditions of some rules see of a claim."""

    def __init__(self, members: Iterable[Member]) -> None:
        conditions = [one.rule.condition for one in members]
        self._projection = Projection({name for one in conditions for name in one.mentioned})
        self._variables = {name for one in conditions for name in one.variables}

    def values(self, claim: Claim, received_on: date) -> dict[str, object]:
        values = {name: derived(claim, received_on, name) for name in self._variables}
        return {**values, "claim": self._projection.read(claim)}


def code_of(element: Element) -> str | None:
    """The code that an element is about."""
    if isinstance(element, Diagnosis):
        return element.code
    return None if element.procedure is None else element.procedure.code


def _by_procedure(members: Iterable[Member]) -> dict[str, tuple[Member, ...]]:
    by_code: dict[str, tuple[Member, ...]] = {}
    for one in members:
        for code in one.rule.procedures:
            by_code[code] = (*by_code.get(code, ()), one)
    return by_code


def _of_answers(member: Member, claim: Claim, answers: Sequence[bool]) -> Iterator[Broken]:
    rule = member.rule
    if rule.for_each is None:
        if answers[0]:
            yield Broken(member, None)
        return
    codes = rule.procedures if rule.for_each == "service_lines" else ()
    for at, is_broken in enumerate(answers):
        if is_broken and (not codes or code_of(claim.service_lines[at]) in codes):
            yield Broken(member, at)

"""Conditions in CEL: compiled once, bounded before they run, evaluated without a surprise.

CEL (https://cel.dev) has no loops but comprehensions over lists, no input and no output, and always
ends. What is left to bound is the size of an expression and how deep comprehensions nest; both are
refused at the door, so that nothing in a pack can make a service slow or end it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cel

from services.coding.domain.payer_rules.facts import DERIVED, HEADER_CODES, field_names

MAX_CHARACTERS = 2_000
MAX_BRACKETS = 24
MAX_NESTED = 2
MAX_STEPS = 250_000
"""Elements that one comprehension inside another may look at, before a rule passes a claim over."""

MACROS = frozenset({"exists", "all", "exists_one", "filter", "map"})
FUNCTIONS = frozenset({"size", "startsWith", "endsWith", "contains", "string", "int", "double"})
_STOP = (KeyboardInterrupt, SystemExit, GeneratorExit)
_WORDS = frozenset({"true", "false", "in"})
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'")
_IDENTIFIER = re.compile(r"(\.\s*)?\b([A-Za-z_][A-Za-z0-9_]*)(\s*\()?")
_MACRO = re.compile(r"\.\s*(?:exists|all|exists_one|filter|map)\s*\(")
_CLAIM = re.compile(r"(?<!\.)\bclaim\b")
_FIELD_OF_CLAIM = re.compile(r"(?<!\.)\bclaim\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)(?!\s*\()")
_BOUND = re.compile(_MACRO.pattern + r"\s*([A-Za-z_][A-Za-z0-9_]*)")

ELEMENTS: Mapping[str, str] = {"service_lines": "line", "diagnoses": "diagnosis"}
"""The lists that a condition can be asked of one by one, and the name of one there."""


class ConditionError(ValueError):
    """A condition that cannot be used. The text says why; it never holds a claim's value."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition. With `each`, it is asked of every element of that list of the claim."""

    source: str
    each: str | None
    program: cel.Program
    mentioned: frozenset[str]
    """Fields of the claim that it needs."""
    variables: frozenset[str]
    """Variables beside `claim` that it needs."""
    nested: int
    """How deep comprehensions nest, the one over `each` counted."""
    alone: cel.Program | None
    """With `each`, the condition of one element, where it asks about nothing else; without, that
    of the claim, where it asks about nothing but `facts.HEADER_CODES`."""

    def holds_alone(self, context: cel.Context) -> bool:
        """The answer, where `alone` is there. Raises as `holds` does."""
        assert self.alone is not None
        return _answers(self.alone, context, is_list=False)[0]

    def holds(self, context: cel.Context) -> tuple[bool, ...]:
        """One answer for the claim, or one for each element. Raises ConditionError where the
        claim's values make the condition impossible, such as an index beyond a list's end."""
        return _answers(self.program, context, is_list=self.each is not None)

    def is_too_costly(self, lines: int) -> bool:
        """Whether the claim has so many lines that the condition would take long."""
        return self.nested >= MAX_NESTED and lines**self.nested > MAX_STEPS


def _answers(program: cel.Program, context: cel.Context, *, is_list: bool) -> tuple[bool, ...]:
    try:
        answer = program.execute(context)
    except BaseException as error:  # noqa: BLE001 - see _refusal
        # Its text may quote a value of the claim: only its class is told.
        raise _refusal(error, type(error).__name__) from None
    answers = answer if is_list else [answer]
    if not all(isinstance(one, bool) for one in answers):
        raise ConditionError("the condition is neither true nor false")
    return tuple(answers)


def compile_condition(source: str, each: str | None = None) -> Condition:
    """The condition of an expression. Raises ConditionError with the reason."""
    plain = _STRING.sub('""', source)
    _check_size(source, plain)
    names = _names(plain, each)
    nested = _nesting(plain) + (1 if each else 0)
    if nested > MAX_NESTED:
        raise ConditionError(
            f"comprehensions nest {nested} deep; {MAX_NESTED} are allowed"
            + (", the one over for_each counted" if each else "")
        )
    whole = f"claim.{each}.map({ELEMENTS[each]}, ({source}\n))" if each else source
    try:
        alone = cel.compile(source)
        compiled = cel.compile(whole)
    except BaseException as error:  # noqa: BLE001 - see _refusal
        raise _refusal(error, _syntax(error)) from None
    if each:
        is_alone = not names & {"claim", *DERIVED}
    else:
        is_alone = _is_of_header(plain, names) and nested < MAX_NESTED
    mentioned = {name for name in names if name in field_names()} | ({each} if each else set())
    return Condition(
        source=source,
        each=each,
        program=compiled,
        mentioned=frozenset(mentioned),
        variables=frozenset(names & DERIVED.keys()),
        nested=nested,
        alone=alone if is_alone else None,
    )


def _check_size(source: str, plain: str) -> None:
    if not source.strip():
        raise ConditionError("the condition is empty")
    if len(source) > MAX_CHARACTERS:
        raise ConditionError(f"the condition is longer than {MAX_CHARACTERS} characters")
    depth = deepest = 0
    for character in plain:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
        if depth < 0:
            raise ConditionError("a bracket closes that was never opened")
    if deepest > MAX_BRACKETS or max(plain.count(sign) for sign in "!?-") > MAX_CHARACTERS // 40:
        raise ConditionError(f"brackets or operators nest too deep ({MAX_BRACKETS} is the most)")


def _names(plain: str, each: str | None) -> set[str]:
    """The identifiers of an expression, each one known. Raises ConditionError at one that is not:
    a misspelt field would otherwise be found on the first claim that gets so far."""
    known = {"claim", *DERIVED, *_BOUND.findall(plain), *_WORDS}
    if each:
        known.add(ELEMENTS[each])
    names = set()
    for point, name, bracket in _IDENTIFIER.findall(plain):
        names.add(name)
        if bracket and name not in _WORDS:
            if name not in (MACROS if point else ()) and name not in FUNCTIONS:
                raise ConditionError(_no_function(name))
        elif point and name not in field_names():
            raise ConditionError(f"the claim has no field {name}")
        elif not point and name not in known:
            raise ConditionError(
                f"{name} is not known here: fields follow a point, as in claim.{name}"
            )
    return names


def _is_of_header(plain: str, names: set[str]) -> bool:
    """Whether all that an expression looks at is a few codes of the claim, each by its name."""
    fields = _FIELD_OF_CLAIM.findall(plain)
    return (
        len(fields) == len(_CLAIM.findall(plain)) > 0
        and HEADER_CODES.issuperset(fields)
        and names.isdisjoint(DERIVED)
    )


def _no_function(name: str) -> str:
    if name == "has":
        return "has() is always true: what is absent is empty, so compare with an empty value"
    if name == "matches":
        return "matches() is not allowed: use startsWith, comparisons of text, or `in` a list"
    return f"there is no function {name}: use one of {', '.join(sorted(FUNCTIONS | MACROS))}"


def _nesting(plain: str) -> int:
    """How deep comprehensions nest, read from the brackets."""
    stack: list[bool] = []
    deepest = 0
    macros = {match.end() - 1 for match in _MACRO.finditer(plain)}
    for at, character in enumerate(plain):
        if character in "([{":
            stack.append(at in macros)
            deepest = max(deepest, sum(stack))
        elif character in ")]}" and stack:
            stack.pop()
    return deepest


def _syntax(error: BaseException) -> str:
    """The parser's own words, without the expression before them."""
    text = str(error)
    at = text.find("Syntax error:")
    reason = text[at:].splitlines()[0] if at >= 0 else type(error).__name__
    return f"the condition cannot be read: {reason[:200]}"


def _refusal(error: BaseException, reason: str) -> BaseException:
    """What to raise for an error of the CEL engine. A panic in its compiled code is no `Exception`
    and must not end the service; a request to stop must."""
    return error if isinstance(error, _STOP) else ConditionError(reason)


def context_of(values: Mapping[str, Any]) -> cel.Context:
    """The variables of a claim, turned into CEL values once."""
    return cel.Context(dict(values))

"""A rule pack: what a payer asks of claims, as a YAML document that a person writes and signs off.

It is apart because a pack comes from outside. Whatever a document holds, reading it ends in a pack
or in a `PackError` that names each path and reason; nothing is half taken.
"""

import hashlib
import json
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from yaml.composer import ComposerError
from yaml.nodes import MappingNode, Node

from services.coding.domain.payer_rules.condition import (
    Condition,
    ConditionError,
    compile_condition,
)
from shared.contract.claim import ClaimKind
from shared.contract.model import Finding

MAX_BYTES = 512_000
MAX_RULES = 500
MAX_PROBLEMS = 20

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Words = Annotated[str, Field(min_length=1, max_length=600)]
ScopeCode = Annotated[str, Field(min_length=1, max_length=80)]


class PackError(ValueError):
    """A pack that is refused: each problem as a path in the document and a reason."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems[:MAX_PROBLEMS]
        super().__init__("\n".join(f"{path}: {reason}" for path, reason in self.problems))


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scope(_Document):
    """Which claims a pack is about. An empty list means any."""

    payers: tuple[ScopeCode, ...] = ()
    """Payer identifiers (2010BB NM109)."""
    filing_indicators: tuple[ScopeCode, ...] = ()
    """SBR09: MB, MC, CI, BL, ..."""
    plans: tuple[ScopeCode, ...] = ()
    """Group numbers (SBR03)."""
    claim_types: tuple[ClaimKind, ...] = ()


class RuleTest(_Document):
    """A claim, as far as it matters here, and where the rule must find something: `found` lists the
    paths, and an empty list says that the claim keeps the rule."""

    name: Words
    claim: dict[str, Any]
    found: tuple[str, ...]
    received_on: date | None = None
    """The day the claim came to us; when not given, 30 days after the rule's first."""


class PackRule(_Document):
    """One rule. `when` is true where a claim (or, with `for_each`, one line or diagnosis of it)
    breaks the rule."""

    id: Identifier
    title: Words
    explanation: Words
    severity: Literal["block", "warn", "inform"]
    effective: date
    """First day of service that it applies to."""
    ends: date | None = None
    """Last day of service that it applies to."""
    claim_types: tuple[ClaimKind, ...] = ()
    """Narrower than the pack's; empty: as the pack's."""
    procedures: tuple[ScopeCode, ...] = ()
    """Only claims, and with `for_each: service_lines` only lines, with one of these codes."""
    for_each: Literal["service_lines", "diagnoses"] | None = None
    when: str
    field: str | None = None
    """Where the finding points to: a path below the claim, or below the element of `for_each`."""
    message: Words
    fix: Words
    source: Words
    tests: Annotated[tuple[RuleTest, ...], Field(min_length=2)]

    @field_validator("when")
    @classmethod
    def _is_short(cls, when: str) -> str:
        return when.strip()

    @model_validator(mode="after")
    def _agrees(self) -> "PackRule":
        if self.ends is not None and self.ends < self.effective:
            raise ValueError("ends before it is effective")
        if not any(test.found for test in self.tests) or all(test.found for test in self.tests):
            raise ValueError("tests must have a claim that breaks the rule and one that keeps it")
        return self

    @cached_property
    def condition(self) -> Condition:
        """The compiled condition. Raises ConditionError."""
        return compile_condition(self.when, self.for_each)

    def applies_on(self, day: date) -> bool:
        """Whether the rule is in force for services of a day."""
        return self.effective <= day and (self.ends is None or day <= self.ends)

    def path(self, at: int | None) -> str | None:
        """The finding's path, of the claim or of the element at an index."""
        if at is None:
            return self.field
        return f"{self.for_each}[{at}]" + (f".{self.field}" if self.field else "")


class Pack(_Document):
    """A payer's rules. `version` counts what the author released; the hash says what it holds."""

    pack: Identifier
    version: Annotated[int, Field(ge=1)]
    title: Words
    scope: Scope = Scope()
    rules: Annotated[tuple[PackRule, ...], Field(min_length=1, max_length=MAX_RULES)]

    @cached_property
    def canonical(self) -> str:
        """The pack as JSON with sorted keys: the same text for the same pack, however its YAML was
        laid out."""
        document = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the canonical text, in hex."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    @property
    def release(self) -> str:
        """Which version of which pack, for a finding: the hash tells two with one number apart."""
        return f"{self.pack}-{self.version}-{self.content_hash[:8]}"

    def finding(self, rule: PackRule, at: int | None, codes: tuple[str, ...]) -> Finding:
        """What a rule says of a claim, and of which of its codes."""
        return Finding(
            code=f"{self.pack}.{rule.id}",
            severity=rule.severity,
            path=rule.path(at),
            message=rule.message,
            hint=rule.fix,
            source=rule.source,
            rule_version=self.release,
            codes=codes,
        )


def read_pack(text: str) -> Pack:
    """The pack of a YAML document (or its canonical JSON, which is YAML too). Raises PackError."""
    if len(text.encode()) > MAX_BYTES:
        raise PackError([("$", f"the pack is larger than {MAX_BYTES} bytes")])
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 - a safe loader, made stricter
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise PackError([_yaml_problem(error)]) from None
    return pack_of(document)


def pack_of(document: object) -> Pack:
    """The pack of a document that has been parsed. Raises PackError."""
    if not isinstance(document, dict):
        raise PackError([("$", "the document is not a mapping: it begins with `pack: name`")])
    try:
        pack = Pack.model_validate(document)
    except ValidationError as error:
        raise PackError(_problems(error)) from None
    except RecursionError:
        raise PackError([("$", "the document nests too deep")]) from None
    problems = _rule_problems(pack)
    if problems:
        raise PackError(problems)
    return pack


def _rule_problems(pack: Pack) -> list[tuple[str, str]]:
    problems = []
    seen: set[str] = set()
    for at, rule in enumerate(pack.rules):
        if rule.id in seen:
            problems.append((f"rules[{at}].id", f"{rule.id} is there twice"))
        seen.add(rule.id)
        try:
            _ = rule.condition
        except ConditionError as error:
            problems.append((f"rules[{at}].when", str(error)))
    return problems


def _problems(error: ValidationError) -> list[tuple[str, str]]:
    return [
        (_path(problem["loc"]), problem["msg"].removeprefix("Value error, "))
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    ]


def _path(loc: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return path.removeprefix(".") or "$"


def _yaml_problem(error: Exception) -> tuple[str, str]:
    mark = getattr(error, "problem_mark", None)
    where = "$" if mark is None else f"line {mark.line + 1}"
    reason = getattr(error, "problem", None) or "is not YAML that can be read"
    return where, str(reason)


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases, which can make a small document a huge one, and without keys that
    are there twice, of which the first would be lost."""

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ComposerError(None, None, "aliases (*name) are not allowed", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for at, key in enumerate(keys):
            if key in keys[:at]:
                mark = node.value[at][0].start_mark
                raise ComposerError(None, None, "this key is there twice", mark)
        return super().construct_mapping(node, deep)

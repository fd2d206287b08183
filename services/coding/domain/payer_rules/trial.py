"""A pack's own tests, which must pass before it may judge anything.

It is apart because trying a pack is all that stands between an author's mistake and every claim of
a payer: the same code runs on the author's machine, at the door of the topic and at activation.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.coding.domain.payer_rules.condition import ConditionError, context_of
from services.coding.domain.payer_rules.facts import DERIVED, Projection
from services.coding.domain.payer_rules.pack import Pack, PackError, PackRule, RuleTest, read_pack
from services.coding.domain.payer_rules.ruleset import payer_rules
from services.coding.domain.rule import Case
from services.coding.domain.verdict import REFERENCE
from shared.contract.claim import Claim

_LINE: dict[str, Any] = {"charge": "100.00", "units": "1", "unit": "UN"}


def admitted(text: str) -> Pack:
    """The pack of a document, its tests passed. Raises PackError with each path and reason."""
    pack = read_pack(text)
    problems = [problem for at, rule in enumerate(pack.rules) for problem in _tried(pack, rule, at)]
    if problems:
        raise PackError(problems)
    return pack


def _tried(pack: Pack, rule: PackRule, at: int) -> list[tuple[str, str]]:
    path = f"rules[{at}]"
    problem = _on_an_empty_claim(rule)
    if problem is not None:
        return [(f"{path}.when", problem)]
    found = (_run(pack, rule, test, f"{path}.tests[{nth}]") for nth, test in enumerate(rule.tests))
    return [one for one in found if one is not None]


def _on_an_empty_claim(rule: PackRule) -> str | None:
    """What goes wrong where the claim says nothing: mostly a field in a place that has none."""
    claim = Projection(rule.condition.mentioned).empty()
    try:
        rule.condition.holds(context_of({**DERIVED, "claim": claim}))
    except ConditionError as error:
        return f"{error} on an empty claim: is every field where the claim has it?"
    return None


def _run(pack: Pack, rule: PackRule, test: RuleTest, path: str) -> tuple[str, str] | None:
    try:
        claim = test_claim(pack, rule, test)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"{path}.claim.{where}", first["msg"]
    alone = payer_rules([pack.model_copy(update={"rules": (rule,)})])
    received_on = test.received_on or rule.effective + timedelta(days=30)
    findings = alone.check(Case(claim, received_on, REFERENCE))
    paths = [finding.path or "" for finding in findings]
    if any(finding.code == "payer-rule-unanswered" for finding in findings):
        return path, f"“{test.name}”: {findings[0].message}"
    if sorted(paths) != sorted(test.found):
        return (
            path,
            f"“{test.name}”: found {paths or 'nothing'}, not {list(test.found) or 'nothing'}",
        )
    return None


def test_claim(pack: Pack, rule: PackRule, test: RuleTest) -> Claim:
    """The test's claim, with what every claim has and a test need not say: the pack's first payer,
    the rule's first day, plain lines."""
    scope = pack.scope
    kinds = rule.claim_types or scope.claim_types or ("professional",)
    document: dict[str, Any] = {
        "id": str(UUID(int=0)),
        "kind": kinds[0],
        "source": "rule-test",
        "patient_control_number": "TEST",
        "charge": "100.00",
        "filing_indicator": scope.filing_indicators[0] if scope.filing_indicators else "CI",
        "billing_provider": {},
        "subscriber": {"group_number": scope.plans[0]} if scope.plans else {},
        "payer": {"identifier": scope.payers[0] if scope.payers else "PAYER"},
        **test.claim,
    }
    day = rule.effective.isoformat()
    document["service_lines"] = [
        {"number": number, "service_from": day, **_LINE, **line}
        for number, line in enumerate(test.claim.get("service_lines") or [{}], start=1)
    ]
    return Claim.model_validate(document, strict=False)

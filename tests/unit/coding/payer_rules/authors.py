"""What an author of rules writes: packs, in pieces that a test changes one of."""

import json
from typing import Any

import yaml

from services.coding.domain.payer_rules.pack import Pack
from services.coding.domain.payer_rules.trial import admitted

WITHOUT = {"name": "without", "claim": {}, "found": ["prior_authorization"]}
WITH = {"name": "with", "claim": {"prior_authorization": "A1"}, "found": []}


def rule(**changes: Any) -> dict[str, Any]:
    """A rule about the whole claim."""
    return {
        "id": "authorization",
        "title": "an authorization",
        "explanation": "the payer asks for one",
        "severity": "block",
        "effective": "2020-01-01",
        "when": 'claim.prior_authorization == ""',
        "field": "prior_authorization",
        "message": "the authorization is missing",
        "fix": "enter the number",
        "source": "a manual",
        "tests": [WITHOUT, WITH],
    } | changes


def line_rule(when: str = '!("25" in line.procedure.modifiers)', **changes: Any) -> dict[str, Any]:
    """A rule about each line with a code."""
    kept = {"procedure": {"code": "99213", "modifiers": ["25"]}}
    broken = {"procedure": {"code": "99213"}}
    tests = [
        {
            "name": "broken",
            "claim": {"service_lines": [kept, broken]},
            "found": ["service_lines[1]"],
        },
        {"name": "kept", "claim": {"service_lines": [kept]}, "found": []},
    ]
    line: dict[str, Any] = {"id": "modifier", "for_each": "service_lines", "procedures": ["99213"]}
    return rule(when=when, field=None, tests=tests, **line) | changes


def document(*rules: dict[str, Any], **changes: Any) -> str:
    """A pack's YAML."""
    pack = {
        "pack": "test-payer",
        "version": 1,
        "title": "a payer",
        "scope": {"payers": ["PAY01"]},
        "rules": list(rules) or [rule()],
    }
    return yaml.safe_dump(json.loads(json.dumps(pack | changes)), sort_keys=False)


def pack(*rules: dict[str, Any], **changes: Any) -> Pack:
    """An admitted pack."""
    return admitted(document(*rules, **changes))

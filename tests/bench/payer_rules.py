"""Payer rules in the pure checker: claims a second as rules grow, and what loading them takes.

Claims have 5 lines and 4 diagnoses. Each payer has a pack of 50 rules: 30 about lines with certain
codes, 10 about every line, 10 about the whole claim. Every claim meets its own payer's 50.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from random import Random
from typing import Any

from services.coding.domain.payer_rules.pack import Pack, pack_of
from services.coding.domain.payer_rules.ruleset import RulePacks, from_content, payer_rules
from services.coding.domain.rule import Case
from services.coding.domain.verdict import REFERENCE, RULESET, verdict
from shared.contract.claim import Claim, Diagnosis, Payer
from tests.bench.inputs import SEED, TODAY, professional_claims
from tests.bench.report import Section
from tests.bench.timing import least

CLAIMS = 1_000
RULES_OF_A_PAYER = 50
PAYERS = (0, 2, 10, 20)
REPEATS = 5


def measure() -> Section:
    """Claims a second of one core, by processor time, the best of several."""
    rows: list[Sequence[object]] = []
    for payers in PAYERS:
        claims = bench_claims(CLAIMS, payers or 1)
        content = payer_rules(packs(payers)).content
        load_s, rules = least(partial(from_content, content), 1)
        _judge(rules, claims)  # payers' plans are made, and repeated lines known, as in a long run
        alone_s, found = least(partial(_judge, rules, claims), REPEATS)
        whole_s, _ = least(partial(_judge_whole, rules, claims), REPEATS)
        count = payers * RULES_OF_A_PAYER
        rows.append((count, CLAIMS / alone_s, CLAIMS / whole_s, found, load_s * 1000))
    return Section(
        "payer rules",
        "Payer rules on the pure checker, one core",
        (
            "rules",
            "claims/s, rules alone",
            "claims/s, with all checks in code",
            "findings",
            "load ms",
        ),
        rows,
        (f"{CLAIMS} claims of 5 lines and 4 diagnoses; {RULES_OF_A_PAYER} rules for each payer",),
    )


def bench_claims(count: int, payers: int) -> list[Claim]:
    """Claims of 5 lines and 4 diagnoses, spread over payers."""
    random = Random(SEED)
    diagnoses = tuple(
        Diagnosis(code=code, role="other" if at else "principal")
        for at, code in enumerate(("I10", "E119", "J209", "M545"))
    )
    made = []
    for number, claim in enumerate(professional_claims(count)):
        lines = [random.choice(claim.service_lines) for _ in range(5)]
        numbered = tuple(
            line.model_copy(update={"number": at, "line_control_number": f"L{at}"})
            for at, line in enumerate(lines, 1)
        )
        payer = Payer(name="PAYER", identifier=f"P{number % payers:03d}")
        changes = {"service_lines": numbered, "diagnoses": diagnoses, "payer": payer}
        made.append(claim.model_copy(update=changes))
    return made


def packs(payers: int) -> list[Pack]:
    """A pack for each payer. The tests in them are not run: admission is not what is measured."""
    return [pack_of(_document(f"P{number:03d}")) for number in range(payers)]


def _document(payer: str) -> dict[str, Any]:
    rules = [_rule(f"r{number:02d}", **_kind(number)) for number in range(RULES_OF_A_PAYER)]
    name = f"bench-{payer.lower()}"
    scope = {"payers": [payer]}
    return {"pack": name, "version": 1, "title": payer, "scope": scope, "rules": rules}


def _kind(number: int) -> dict[str, Any]:
    if number < 30:
        codes = [f"{70_000 + number * 100 + at}" for at in range(10)] + ["99213"][: number == 0]
        when = 'claim.prior_authorization == "" && !("25" in line.procedure.modifiers)'
        return {"for_each": "service_lines", "procedures": codes, "when": when}
    if number < 40:
        when = f'line.procedure.code == "9921{number - 30}" && line.units > 3'
        return {"for_each": "service_lines", "when": when}
    when = f'claim.facility_code == "{number}" && claim.accepts_assignment != "A"'
    return {"when": when}


def _rule(name: str, **fields: Any) -> dict[str, Any]:
    words = dict.fromkeys(("title", "explanation", "message", "fix", "source"), "as measured")
    tests = [
        {"name": "broken", "claim": {}, "found": ["charge"]},
        {"name": "kept", "claim": {}, "found": []},
    ]
    base = {"id": name, "severity": "block", "effective": "2020-01-01", "tests": tests}
    return base | words | fields


def _judge(rules: RulePacks, claims: Sequence[Claim]) -> int:
    return sum(len(rules.check(Case(claim, TODAY, REFERENCE))) for claim in claims)


def _judge_whole(rules: RulePacks, claims: Sequence[Claim]) -> int:
    today: date = TODAY
    return sum(len(verdict(claim, (), RULESET.reference, rules, today)) for claim in claims)


if __name__ == "__main__":
    from tests.bench.report import as_text

    print(as_text(measure()))  # noqa: T201

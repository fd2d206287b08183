"""Rule packs as they come from authors: what is admitted, and what is refused with which reason."""

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.coding.domain.payer_rules.condition import (
    ConditionError,
    compile_condition,
    context_of,
)
from services.coding.domain.payer_rules.distribution import Announcement, announcement
from services.coding.domain.payer_rules.facts import Projection
from services.coding.domain.payer_rules.pack import MAX_BYTES, PackError, read_pack
from services.coding.domain.payer_rules.ruleset import from_content, payer_rules
from services.coding.domain.payer_rules.trial import admitted
from tests.examples import examples
from tests.unit.coding.payer_rules.authors import WITH, document, line_rule, pack, rule

PACKS = sorted(Path("services/coding/packs").glob("*.yaml"))


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_a_shipped_pack_is_admitted(path: Path) -> None:
    shipped = admitted(path.read_text())
    assert shipped.pack == path.stem
    assert len(shipped.rules) >= 4


def test_there_are_packs_for_a_medicare_a_commercial_and_a_medicaid_payer() -> None:
    scopes = {admitted(path.read_text()).scope.filing_indicators for path in PACKS}
    assert scopes == {("MB",), ("CI",), ("MC",)}


def test_the_name_of_a_pack_is_of_its_content_and_not_of_its_layout() -> None:
    plain = read_pack(document())
    other = yaml.safe_dump(yaml.safe_load(document()), sort_keys=True, default_flow_style=True)
    assert read_pack(other).content_hash == plain.content_hash
    assert read_pack(plain.canonical).content_hash == plain.content_hash
    assert read_pack(document(rule(message="other words"))).content_hash != plain.content_hash


def test_a_ruleset_is_named_by_its_packs_in_whatever_order_they_come() -> None:
    one, two = pack(), pack(pack="another-payer")
    rules = payer_rules([one, two])
    assert payer_rules([two, one]).version == rules.version
    assert from_content(rules.content).version == rules.version
    assert payer_rules([one]).version != rules.version
    assert payer_rules([]).version == ""


REFUSALS: list[tuple[str, str, str]] = [
    ("{", "line 1", "expected"),
    ("- a list", "$", "not a mapping"),
    ("a: &x 1\nb: *x", "line 2", "aliases"),
    ("pack: one\npack: two", "line 2", "twice"),
    (document(pack="Upper Case"), "pack", "pattern"),
    (document(version=0), "version", "greater"),
    (document(colour="red"), "colour", "Extra inputs"),
    (document(rule(severity="fatal")), "rules[0].severity", "block"),
    (document(rule(procedures=[99213])), "rules[0].procedures[0]", "string"),
    (document(rule(ends="2019-01-01")), "rules[0]", "ends before"),
    (document(rule(tests=[WITH, WITH])), "rules[0]", "breaks the rule"),
    (document(rule(tests=[WITH])), "rules[0].tests", "at least 2"),
    (document(rule(), rule()), "rules[1].id", "twice"),
    (document(rule(when="claim.prior_auth == ''")), "rules[0].when", "no field prior_auth"),
    (document(rule(when="claim.charge >")), "rules[0].when", "cannot be read"),
    (document(rule(when="charge > 1")), "rules[0].when", "claim.charge"),
    (document(rule(when="has(claim.charge)")), "rules[0].when", "has()"),
    (document(rule(when='claim.frequency.matches("7")')), "rules[0].when", "matches()"),
    (document(rule(when="open(claim.frequency)")), "rules[0].when", "no function open"),
    (document(rule(when="claim.charge")), "rules[0].when", "neither true nor false"),
    (document(rule(when="claim.charge == claim.payer.charge")), "rules[0].when", "KeyError"),
    (document(rule(when="(" * 30 + "true" + ")" * 30)), "rules[0].when", "too deep"),
    (document(rule(when="true" + " || true" * 300)), "rules[0].when", "longer than"),
    (
        document(
            line_rule(
                "claim.service_lines.exists(a, claim.service_lines.exists(b, a.number == b.number))"
            )
        ),
        "rules[0].when",
        "nest 3 deep",
    ),
    (
        document(rule(tests=[WITH, {"name": "wrong", "claim": {}, "found": ["charge"]}])),
        "rules[0].tests[1]",
        "not ['charge']",
    ),
    (
        document(rule(tests=[WITH, {"name": "x", "claim": {"charge": "ten"}, "found": ["a"]}])),
        "rules[0].tests[1].claim.charge",
        "decimal string",
    ),
    ("pack: " + "x" * MAX_BYTES, "$", "larger than"),
]


@pytest.mark.parametrize(("text", "path", "reason"), REFUSALS, ids=range(len(REFUSALS)))
def test_a_bad_pack_is_refused_with_path_and_reason(text: str, path: str, reason: str) -> None:
    with pytest.raises(PackError) as refusal:
        admitted(text)
    assert refusal.value.problems[0][0] == path
    assert reason in refusal.value.problems[0][1]


def test_every_problem_of_a_pack_is_told_at_once() -> None:
    with pytest.raises(PackError) as refusal:
        admitted(document(rule(when="claim.a == 1"), rule(id="second", when="claim.b == 1")))
    assert [path for path, _ in refusal.value.problems] == ["rules[0].when", "rules[1].when"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b"{}"),
        (b"\xff/active", b"{}"),
        (b"pack/unheard-of", b"{}"),
        (b"pack/active", None),
        (b"pack/active", b"[1]"),
        (b"pack/active", b'{"at": "2026-01-01", "by": "a", "content": null}'),
        (b"pack/active", b'{"at": "2026-01-01T00:00:00+00:00", "by": "a", "content": 7}'),
    ],
)
def test_a_record_that_says_nothing_is_passed_over(key: Any, value: Any) -> None:
    assert announcement(key, value) is None


def test_an_announcement_says_the_same_when_it_is_read() -> None:
    said = announcement(
        b"test-payer/active", b'{"at": "2026-01-01T00:00:00+00:00", "by": "a", "content": null}'
    )
    assert said is not None
    assert announcement(said.key, said.value) == said
    assert said.admitted() is None
    content = document(pack="another-payer")
    with pytest.raises(PackError):
        Announcement("test-payer", "active", said.at, "a", content).admitted()


def test_a_rule_is_in_force_from_its_first_to_its_last_day() -> None:
    (one,) = pack(rule(effective="2025-01-01", ends="2025-12-31")).rules
    days = [date(2024, 12, 31), date(2025, 1, 1), date(2025, 12, 31), date(2026, 1, 1)]
    assert [one.applies_on(day) for day in days] == [False, True, True, False]


SIGNS = "()[]{},:?!-+*/%<>.\n\"'10"
WORDS = """claim line service_lines procedure code charge exists map filter size x in true null
99999999999999999999 "a" && || == != //"""
PIECES = st.sampled_from([*SIGNS, *WORDS.split()])


@given(st.lists(PIECES, max_size=40).map(" ".join), st.sampled_from([None, "service_lines"]))
@examples(300)
def test_no_text_does_more_than_be_refused(text: str, each: str | None) -> None:
    with suppress(ConditionError):
        condition = compile_condition(text, each)
        condition.holds(context_of({"claim": Projection(condition.mentioned).empty()}))


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=8))
@examples(20)
def test_no_document_does_more_than_be_refused(value: object) -> None:
    for text in (yaml.safe_dump(value), document(scope=value), document(rules=value)):
        with pytest.raises(PackError):
            admitted(text)

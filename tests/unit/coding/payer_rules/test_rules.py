"""What payer rules say of a claim, and of which claims they say it."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coding.domain.payer_rules.condition import (
    ConditionError,
    compile_condition,
    context_of,
)
from services.coding.domain.payer_rules.facts import Projection, field_names
from services.coding.domain.payer_rules.pack import read_pack
from services.coding.domain.payer_rules.ruleset import RulePacks, payer_rules
from services.coding.domain.rule import ALL_KINDS, Case
from services.coding.domain.verdict import REFERENCE
from shared.contract.claim import Claim, Payer, Procedure, ServiceLine
from tests.examples import examples
from tests.strategies import claims
from tests.unit.coding.payer_rules.authors import document, line_rule, pack, rule

RECEIVED = date(2025, 3, 10)
LINE_RULES = payer_rules([pack(line_rule())])


def paths(rules: RulePacks, claim: Claim, on: date = RECEIVED) -> list[str | None]:
    return [finding.path for finding in rules.check(Case(claim, on, REFERENCE))]


def with_lines(claim: Claim, *codes: str | None) -> Claim:
    lines = tuple(
        ServiceLine(
            number=number,
            charge=100,
            procedure=Procedure(code=code) if code else None,
            service_from=date(2025, 3, 3),
        )
        for number, code in enumerate(codes, 1)
    )
    return claim.model_copy(update={"service_lines": lines})


def test_a_finding_says_rule_version_codes_and_what_to_do(professional: Claim) -> None:
    one = pack(line_rule(message="needs 25", fix="add 25", source="a policy"))
    claim = with_lines(professional, "99214", "99213")
    (finding,) = payer_rules([one]).check(Case(claim, RECEIVED, REFERENCE))
    assert finding.code == "test-payer.modifier"
    assert finding.path == "service_lines[1]"
    assert finding.codes == ("99213",)
    assert (finding.message, finding.hint, finding.source) == ("needs 25", "add 25", "a policy")
    assert finding.rule_version == one.release
    assert finding.severity == "block"


@pytest.mark.parametrize(
    ("scope", "is_meant"),
    [
        ({}, True),
        ({"payers": ["PAY01"]}, True),
        ({"payers": ["OTHER"]}, False),
        ({"filing_indicators": ["CI"]}, True),
        ({"filing_indicators": ["MB"]}, False),
        ({"claim_types": ["professional", "dental"]}, True),
        ({"claim_types": ["institutional"]}, False),
        ({"plans": ["G1"]}, True),
        ({"plans": ["G2"]}, False),
        ({"payers": ["PAY01"], "filing_indicators": ["MB"]}, False),
    ],
)
def test_a_pack_speaks_of_the_claims_in_its_scope(
    scope: dict[str, Any], is_meant: bool, professional: Claim
) -> None:
    insured = professional.subscriber.model_copy(update={"group_number": "G1"})
    claim = professional.model_copy(update={"filing_indicator": "CI", "subscriber": insured})
    kinds = scope.get("claim_types", ["professional"])
    rules = payer_rules(
        [pack(rule(claim_types=[] if "claim_types" in scope else kinds), scope=scope)]
    )
    assert paths(rules, claim) == (["prior_authorization"] if is_meant else [])


def test_a_rule_goes_by_the_day_of_service(professional: Claim) -> None:
    rules = payer_rules([pack(rule(effective="2025-03-03", ends="2025-03-03"))])
    assert paths(rules, professional) == ["prior_authorization"]
    later = payer_rules([pack(rule(effective="2025-03-04"))])
    assert paths(later, professional) == []


def test_what_a_claim_lacks_is_empty_and_never_an_error(professional: Claim) -> None:
    when = (
        'claim.attending_provider.address.state == "" && claim.patient_paid == 0 && '
        'claim.accident_on == "" && !line.is_emergency && line.drug.ndc == "" && line.units > 0.5'
    )
    test_lines = [{"procedure": {"code": "99213"}, "units": "2"}]
    tests = [
        {"name": "a", "claim": {"service_lines": test_lines}, "found": ["service_lines[0]"]},
        {"name": "b", "claim": {"patient_paid": "1.00", "service_lines": test_lines}, "found": []},
    ]
    rules = payer_rules([pack(line_rule(when, procedures=[], tests=tests))])
    assert paths(rules, professional) == ["service_lines[0]", "service_lines[1]"]


def test_a_rule_that_cannot_be_asked_says_so_and_holds_nothing(professional: Claim) -> None:
    when = "size(claim.diagnoses) > 1 && claim.diagnoses[7].code == 'X'"
    tests = [
        {
            "name": "eight",
            "claim": {"diagnoses": [{"code": "A00"}] * 7 + [{"code": "X"}]},
            "found": ["prior_authorization"],
        },
        {"name": "none", "claim": {}, "found": []},
    ]
    rules = payer_rules([pack(rule(when=when, tests=tests))])
    (finding,) = rules.check(Case(professional, RECEIVED, REFERENCE))
    assert (finding.code, finding.severity) == ("payer-rule-unanswered", "inform")
    assert "IndexError" in finding.message


def test_a_claim_with_very_many_lines_is_passed_over_by_costly_rules(professional: Claim) -> None:
    when = "claim.service_lines.exists(other, other.procedure.code == 'X')"
    tests = [
        {
            "name": "a",
            "claim": {"service_lines": [{"procedure": {"code": "X"}}]},
            "found": ["service_lines[0]"],
        },
        {"name": "b", "claim": {}, "found": []},
    ]
    rules = payer_rules([pack(line_rule(when, procedures=[], tests=tests))])
    (finding,) = rules.check(Case(with_lines(professional, *["Y"] * 600), RECEIVED, REFERENCE))
    assert finding.code == "payer-rule-unanswered"
    assert paths(rules, with_lines(professional, *["Y"] * 400)) == []


def test_two_packs_of_a_payer_both_speak_in_the_order_of_their_names(professional: Claim) -> None:
    rules = payer_rules([pack(pack="zz-payer"), pack(pack="aa-payer")])
    codes = [one.code for one in rules.check(Case(professional, RECEIVED, REFERENCE))]
    assert codes == ["aa-payer.authorization", "zz-payer.authorization"]


def test_another_payers_claim_between_does_not_change_what_is_found(professional: Claim) -> None:
    rules = payer_rules([pack(line_rule())])
    claim = with_lines(professional, "99213")
    other = claim.model_copy(update={"payer": Payer(identifier="OTHER")})
    assert [paths(rules, one) for one in (claim, other, claim)] == [
        ["service_lines[0]"],
        [],
        ["service_lines[0]"],
    ]


def without_lines() -> Claim:
    return Claim.model_validate(
        {
            "id": "00000000-0000-0000-0000-000000000001",
            "kind": "professional",
            "source": "t",
            "patient_control_number": "p",
            "charge": 1,
            "billing_provider": {},
            "subscriber": {},
            "payer": {"identifier": "PAY01"},
            "service_lines": [],
        }
    )


@given(st.permutations(["99213", "99214", None, "99213", "J1885"]))
def test_the_order_of_lines_changes_no_more_than_their_paths(codes: list[str | None]) -> None:
    found = paths(LINE_RULES, with_lines(without_lines(), *codes))
    assert found == [f"service_lines[{at}]" for at, code in enumerate(codes) if code == "99213"]


@examples(15)
@given(st.sampled_from(ALL_KINDS).flatmap(claims))
def test_any_claim_can_be_asked_about_any_field(claim: Claim) -> None:
    names = field_names()
    read = Projection(names).read(claim)
    empty = Projection(names).empty()
    assert read.keys() == empty.keys()
    asked = compile_condition('claim.charge >= 0 || claim.payer.identifier == ""')
    assert asked.holds(context_of({"claim": read})) == (True,)


HEADER_CONDITIONS = (
    'claim.facility_code == "11"',
    'claim.facility_code == "22" && claim.accepts_assignment != "A"',
    'claim.filing_indicator in ["MB", "MC"] || !claim.provider_signature',
    '["11", "22"].exists(place, place == claim.facility_code)',
    "int(claim.facility_code) > 20",
)
WHOLE_CONDITIONS = (
    'claim.facility_code == "11" && claim.charge > 100',
    'claim.facility.npi == "" && claim.frequency == "1"',
    'claim.facility_code == "11" && patient_age > 17',
    'claim == claim && claim.frequency == "1"',
    'claim["kind"] == "dental" || claim.frequency == "1"',
)
CODED = {
    "facility_code": st.sampled_from((None, "11", "22", "AB")),
    "accepts_assignment": st.sampled_from((None, "A", "C")),
    "filing_indicator": st.sampled_from((None, "MB", "CI")),
    "provider_signature": st.sampled_from((None, True, False)),
}


def test_only_conditions_on_a_claims_codes_are_answered_from_memory() -> None:
    assert all(compile_condition(each).alone for each in HEADER_CONDITIONS)
    assert not any(compile_condition(each).alone for each in WHOLE_CONDITIONS)


@examples(50)
@given(st.lists(st.fixed_dictionaries(CODED), min_size=1, max_size=12))
def test_an_answer_from_memory_is_the_one_that_asking_gives(said: list[dict[str, Any]]) -> None:
    bare = without_lines()
    made = (rule(id=f"r{at}", when=when) for at, when in enumerate(HEADER_CONDITIONS))
    rules = payer_rules([read_pack(document(*made))])
    for codes in said:
        claim = bare.model_copy(update=codes)
        context = context_of({"claim": Projection(field_names()).read(claim)})
        expected = []
        for at, when in enumerate(HEADER_CONDITIONS):
            try:
                is_broken = compile_condition(when).holds(context)[0]
            except ConditionError:
                expected.append("payer-rule-unanswered")
            else:
                expected += [f"test-payer.r{at}"] * is_broken
        found = rules.check(Case(claim, date(2026, 3, 10), REFERENCE))
        assert [finding.code for finding in found] == expected

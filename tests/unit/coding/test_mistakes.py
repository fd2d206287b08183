"""The hospital twin's mistakes: coding finds each, and holds the claim for it."""

import pkgutil
from datetime import date
from importlib import import_module

import pytest

from deploy.twins.hospital import Hospital
from deploy.twins.mistakes import FAMILIES, MISTAKES, NOT_PACKED
from deploy.twins.spoiling import LARGE_DAY, Spoiler
from services.coding import domain
from services.coding.domain import checks, structural
from services.coding.domain.checks import PAYER_RULES
from services.coding.domain.verdict import NoPayerRules, verdict
from services.coding.reference.library import Library
from shared.contract.claim import Claim
from tests.unit.coding.loaded import example_rules, reference_with_the_twins_tables

TODAY = date(2026, 3, 20)
CLAIMS = Hospital(7, today=TODAY).claims(60)
REFERENCE = reference_with_the_twins_tables()
RULES = example_rules()
LISTS = {checks, structural}
"""Modules whose rules are those of others."""


def blocking(claim: Claim) -> set[str]:
    findings = verdict(claim, (), REFERENCE, RULES, TODAY)
    return {each.code for each in findings if each.severity == "block"}


@pytest.mark.parametrize("code", MISTAKES)
def test_each_mistake_is_found_and_holds_the_claim(code: str) -> None:
    mistaken = [wrong for claim in CLAIMS if (wrong := MISTAKES[code](claim)) is not None]
    assert mistaken
    for claim in mistaken:
        assert code in blocking(claim)


def test_the_claims_without_a_mistake_are_clean() -> None:
    found = [
        finding
        for claim in CLAIMS
        for finding in verdict(claim, (), REFERENCE, NoPayerRules(), TODAY)
    ]
    assert found == []
    assert {code for claim in CLAIMS for code in blocking(claim)} == set()


def test_every_module_with_rules_is_a_family_and_has_a_mistake() -> None:
    modules = [
        import_module(f"{domain.__name__}.{each.name}")
        for each in pkgutil.iter_modules(domain.__path__)
    ]
    with_rules = {one for one in modules if hasattr(one, "RULES")} - LISTS
    assert set(checks.MODULES) == with_rules
    names = {one.__name__.rpartition(".")[2] for one in with_rules}
    assert {name for name, mistakes in FAMILIES.items() if mistakes} == {*names, PAYER_RULES}


def test_a_mistake_is_of_the_family_that_it_stands_under() -> None:
    for family, mistakes in FAMILIES.items():
        assert {checks.family_of(code) for code in mistakes} == {family}


def families_of_a_day(seed: int, count: int, *, is_equipped: bool) -> set[str]:
    spoiler = Spoiler(seed, count, is_equipped=is_equipped, suits=lambda number: number[-1] != "7")
    held = set()
    for claim in Hospital(seed, today=TODAY).claims(count):
        sent, fate = spoiler.spoiled(claim, 0.5)
        found = blocking(sent)
        assert (fate == "held") == bool(found)
        assert fate == "accepted" or claim.patient_control_number[-1] != "7"
        held |= {checks.family_of(code) for code in found}
    return held


@pytest.mark.parametrize("seed", range(5))
def test_a_large_day_has_a_claim_that_breaks_each_family(seed: int) -> None:
    assert families_of_a_day(seed, LARGE_DAY, is_equipped=True) == set(FAMILIES)


def test_without_tables_a_day_has_no_mistake_that_only_they_show() -> None:
    assert families_of_a_day(1, LARGE_DAY, is_equipped=False) == set(FAMILIES) - NOT_PACKED


def test_a_small_day_has_mistakes_by_chance_only() -> None:
    assert families_of_a_day(1, LARGE_DAY - 1, is_equipped=True) == set()


def test_what_needs_no_loaded_table_is_found_without_one() -> None:
    packed = Library().current()
    for family in FAMILIES.keys() - NOT_PACKED:
        for code, mistake in FAMILIES[family].items():
            wrong = next(filter(None, map(mistake, CLAIMS)))
            found = verdict(wrong, (), packed, NoPayerRules(), TODAY)
            assert code in {each.code for each in found}

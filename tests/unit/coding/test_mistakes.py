"""The hospital twin's mistakes: coding finds each, and holds the claim for it."""

from datetime import date

import pytest

from deploy.twins.hospital import Hospital
from deploy.twins.mistakes import MISTAKES
from services.coding.domain.verdict import NoPayerRules, verdict
from services.coding.reference.library import Library

TODAY = date(2026, 3, 20)
CLAIMS = Hospital(7, today=TODAY).claims(60)
REFERENCE = Library().current()


@pytest.mark.parametrize("code", MISTAKES)
def test_each_mistake_is_found_and_holds_the_claim(code: str) -> None:
    mistaken = [wrong for claim in CLAIMS if (wrong := MISTAKES[code](claim)) is not None]
    assert mistaken
    for claim in mistaken:
        findings = verdict(claim, (), REFERENCE, NoPayerRules(), TODAY)
        assert code in {each.code for each in findings if each.severity == "block"}


def test_the_claims_without_a_mistake_are_clean() -> None:
    found = [
        finding
        for claim in CLAIMS
        for finding in verdict(claim, (), REFERENCE, NoPayerRules(), TODAY)
    ]
    assert found == []

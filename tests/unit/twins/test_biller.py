"""The biller twin knows what makes right what the hospital twin gets wrong."""

from datetime import date

import pytest

from deploy.twins.chart import corrections
from deploy.twins.hospital import Hospital
from deploy.twins.mistakes import MISTAKES
from services.coding.domain.verdict import verdict
from services.coding.domain.worklist.patching import document_of, patched
from shared.contract.claim import Claim
from shared.contract.model import Finding
from tests.unit.coding.loaded import example_rules, reference_with_the_twins_tables

TODAY = date(2026, 11, 20)
BEYOND_HELP = {"filing-limit-passed", "federal-medicare.one-year-to-file"}
ROUNDS = 5


def blocking(claim: Claim) -> list[Finding]:
    reference, rules = reference_with_the_twins_tables(), example_rules()
    findings = verdict(claim, (), reference, rules, TODAY)
    return [finding for finding in findings if finding.severity == "block"]


def corrected(claim: Claim) -> Claim:
    """What a biller makes of a claim."""
    for _ in range(ROUNDS):
        found = [one.model_dump() for one in blocking(claim)]
        patch = corrections(document_of(claim), found)
        if not patch:
            break
        claim = patched(claim, patch)
    return claim


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_hospital_is_corrected(mistake: str) -> None:
    hospital = Hospital(7, today=TODAY)
    wrong = [MISTAKES[mistake](claim) for claim in hospital.claims(60)]
    seen = [claim for claim in wrong if claim is not None]
    assert len(seen) > 3
    for claim in seen:
        found = [one.code for one in blocking(claim)]
        assert mistake in found
        left = [one.code for one in blocking(corrected(claim))]
        assert left == [code for code in found if code in BEYOND_HELP]


def test_what_a_biller_does_not_understand_is_left() -> None:
    assert corrections({"billing_provider": {}}, [{"code": "unheard-of"}]) == []
    bad = {"code": "npi-check-digit", "path": "billing_provider.npi"}
    assert corrections({"billing_provider": {"npi": "x"}}, [bad]) == []

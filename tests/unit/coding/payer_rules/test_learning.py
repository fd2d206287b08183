"""From denials to draft rules, and packs tried on past claims."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coding.domain.payer_rules.learning import CAUSES, DeniedLine, denied_lines, drafts
from services.coding.domain.payer_rules.shadow import Fate, PastClaim, Shadow
from services.coding.domain.payer_rules.trial import admitted
from shared.contract.claim import Claim
from tests.examples import examples
from tests.unit.coding.payer_rules.authors import line_rule, pack, rule

TODAY = date(2026, 3, 10)
LINE = DeniedLine(
    payer="PAY01",
    kind="professional",
    reason="197",
    code="72148",
    modifiers=("26",),
    place_of_service="11",
    diagnosis="M545",
    others=("99213",),
)


@pytest.mark.parametrize("reason", CAUSES)
def test_a_draft_for_each_reason_is_a_pack_whose_tests_pass(reason: str) -> None:
    (draft,) = drafts([replace(LINE, reason=reason)], TODAY)
    drafted = admitted(draft.document)
    assert drafted.pack == draft.pack
    assert drafted.scope.payers == ("PAY01",)
    assert drafted.rules[0].severity == "warn"
    assert draft.denials == 1


@given(
    st.text(max_size=12),
    st.sampled_from(list(CAUSES)),
    st.text(max_size=6).filter(lambda code: code not in LINE.others),
    st.tuples(st.sampled_from(["11", "22", "99", ""]), st.sampled_from(["I10", "Z0000", "M545"])),
)
@examples(60)
def test_whatever_was_denied_the_draft_is_admitted(
    payer: str, reason: str, code: str, where: tuple[str, str]
) -> None:
    place, diagnosis = where
    line = replace(LINE, payer=payer, reason=reason, code=code)
    for draft in drafts([replace(line, place_of_service=place, diagnosis=diagnosis)], TODAY):
        assert admitted(draft.document).pack == draft.pack


def test_a_reason_that_codes_cannot_show_gives_no_draft() -> None:
    unknown = replace(LINE, reason="16")
    authorized = replace(LINE, has_authorization=True)
    alone = replace(LINE, reason="97", others=())
    assert drafts([unknown, authorized, alone], TODAY) == []


def test_drafts_need_so_many_denials_and_come_by_their_number() -> None:
    other = replace(LINE, code="71260")
    found = drafts([LINE, other, other], TODAY)
    assert [(draft.code, draft.denials) for draft in found] == [("71260", 2), ("72148", 1)]
    assert [draft.code for draft in drafts([LINE, other, other], TODAY, least=2)] == ["71260"]
    assert len({draft.pack for draft in found}) == 2


def test_a_draft_holds_codes_and_nothing_of_the_patient(professional: Claim) -> None:
    lines = tuple(
        line.model_copy(update={"line_control_number": f"L{line.number}"})
        for line in professional.service_lines
    )
    claim = professional.model_copy(update={"service_lines": lines})
    learned = denied_lines(claim, {"L1": ["4"], "L9": ["4"]})
    assert [(line.code, line.reason, line.modifiers) for line in learned] == [
        ("99213", "4", ("25",))
    ]
    (draft,) = drafts(learned, TODAY)
    subscriber = claim.subscriber
    secrets = (
        subscriber.name,
        subscriber.first_name,
        subscriber.identifier,
        claim.patient_control_number,
        "1980",
        "2025-03",
        str(claim.id),
        claim.billing_provider.npi,
        "L1",
    )
    for secret in secrets:
        assert secret
        assert secret not in draft.document


ANY = "size(line.procedure.modifiers) > 0"
_LINES = [{"procedure": {"code": "99213", "modifiers": ["25"]}}]
ANY_TESTS = [
    {"name": "one", "claim": {"service_lines": _LINES}, "found": ["service_lines[0]"]},
    {"name": "none", "claim": {}, "found": []},
]


def past(claim: Claim, number: int, fate: Fate, *, authorized: bool = False) -> PastClaim:
    changes = {"id": UUID(int=number), "charge": 10_000 * number}
    if authorized:
        changes["prior_authorization"] = "A1"
    return PastClaim(claim.model_copy(update=changes), date(2025, 3, 10), fate)


def test_a_shadow_run_says_what_would_have_been_held_and_what_money_it_was(
    professional: Claim,
) -> None:
    run = Shadow(
        pack(rule(), line_rule(severity="warn", id="any-modifier", when=ANY, tests=ANY_TESTS))
    )
    run.add([past(professional, 1, "denied"), past(professional, 2, "coded", authorized=True)])
    run.add([past(professional, 3, "coded"), past(professional, 4, "held")])
    run.add([past(professional, 5, "refused", authorized=True)])
    report = run.report
    assert (report.claims, report.charge_cents) == (5, 150_000)
    assert (report.held, report.held_cents, report.held_anyway) == (3, 80_000, 1)
    assert (report.turned_down, report.turned_down_cents) == (2, 60_000)
    assert (report.caught, report.caught_cents) == (1, 10_000)
    assert report.precision == pytest.approx(1 / 3)
    tally = report.rules["test-payer.authorization"]
    assert (tally.claims, tally.cents, tally.turned_down) == (3, 80_000, 1)
    assert tally.precision == pytest.approx(1 / 3)
    warned = report.rules["test-payer.any-modifier"]
    assert (warned.claims, warned.held) == (5, 0)

"""The past as coding keeps it: verdicts judged again, packs tried on old claims, drafts from
denials."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.coding import past
from services.coding.domain.payer_rules.distribution import Announcement
from services.coding.domain.payer_rules.learning import drafts
from services.coding.domain.payer_rules.pack import Pack, read_pack
from services.coding.domain.payer_rules.trial import admitted
from services.coding.reference.library import Library
from services.coding.reproducing import UnknownRulesetError, reproduced, ruleset_of
from services.coding.rules_feed import apply
from shared.contract.claim import Claim
from shared.contract.events import ClaimDenied
from shared.contract.model import Adjustment
from tests.integration.coding.office import NOW, Office, claim, denied, event, opened, received
from tests.unit.coding.payer_rules.authors import document, rule

START = datetime(2025, 1, 1, tzinfo=UTC)
LIBRARY = Library(None)
RIGHT_TOTAL = {"op": "replace", "path": "/charge", "value": "100.00"}


@pytest.fixture(scope="module")
async def only_office(postgres: Any) -> AsyncIterator[Office]:
    async with opened(postgres, reference=LIBRARY.current) as (one,):
        yield one


@pytest.fixture
async def office(only_office: Office) -> Office:
    await only_office.clear()
    return only_office


async def activate(office: Office, content: str, days: int = 0) -> Pack:
    pack = read_pack(content)
    said = Announcement(pack.pack, "active", START + timedelta(days=days), "ada", content)
    await apply(office.pool, {said.key: said})
    return pack


async def problems(office: Office, of: Claim) -> list[str | None]:
    async with office.pool.acquire() as connection:
        return [one.problem for one in await reproduced(connection, LIBRARY, of.id)]


async def test_past_verdicts_come_out_the_same_after_the_rules_have_changed(
    office: Office,
) -> None:
    await office.take(received(claim(1, charge=1)))
    await activate(office, document(rule(severity="warn")))
    await office.fix(await office.only_entry(), RIGHT_TOTAL)
    await office.take(received(claim(2)), received(claim(3, subscriber={"identifier": "W2"})))
    await activate(office, document(rule(severity="block"), version=2), days=1)
    await office.take(received(claim(4)))
    rulesets = await office.rows("SELECT DISTINCT ruleset FROM verdict")
    assert len(rulesets) == 3
    assert await problems(office, claim(1)) == [None, None]
    # Claim 3 is the same service to the same patient again: its verdict rests on claim 2.
    ((history,),) = await office.rows(
        f"SELECT history FROM verdict WHERE claim_id = '{claim(3).id}'"
    )
    assert str(claim(2).id) in history
    for number in (2, 3, 4):
        assert await problems(office, claim(number)) == [None]


async def test_a_verdict_that_was_tampered_with_does_not_come_out_the_same(office: Office) -> None:
    await office.take(received(claim(1)))
    await office.pool.execute(
        "UPDATE verdict SET judged_on = judged_on + 1 WHERE claim_id = $1", claim(1).id
    )
    assert await problems(office, claim(1)) == ["judging again comes to another verdict"]


async def test_verdicts_outlive_the_events_that_said_them_as_far_as_the_claim_is_kept(
    office: Office,
) -> None:
    await office.take(received(claim(1, charge=1)), received(claim(2)))
    await office.fix(await office.only_entry(), RIGHT_TOTAL)
    await office.take(received(claim(2, revision=2, prior_authorization="A1")))
    await office.pool.execute("TRUNCATE event, outbox")
    assert await problems(office, claim(1)) == [None, None]
    assert await problems(office, claim(2)) == [
        "the claim of this verdict is no longer kept here",
        None,
    ]


async def test_a_ruleset_that_never_judged_here_is_told_apart_from_an_old_release(
    office: Office,
) -> None:
    async with office.pool.acquire() as connection:
        with pytest.raises(UnknownRulesetError, match="use that release"):
            await ruleset_of(connection, LIBRARY, "checks-0/tables-1")
        known = office.rulebook.ruleset.version.split("/")[0]
        with pytest.raises(UnknownRulesetError, match="never in force"):
            await ruleset_of(connection, LIBRARY, f"{known}/payer-unheard-of")


async def test_a_pack_is_tried_on_past_claims_before_it_judges(office: Office) -> None:
    await office.take(*(received(claim(number)) for number in range(1, 4)))
    await office.take(received(claim(4, prior_authorization="A1")), denied(claim(1)))
    async with office.pool.acquire() as connection:
        report = await past.shadow_run(connection, admitted(document()))
        later = await past.shadow_run(connection, admitted(document()), NOW + timedelta(days=1))
    assert (report.claims, report.held, report.held_cents) == (4, 3, 30_000)
    assert (report.turned_down, report.caught, report.caught_cents) == (1, 1, 10_000)
    assert later.claims == 0
    assert await office.rows("SELECT DISTINCT status FROM claim ORDER BY 1") == [
        ("coded",),
        ("denied",),
    ]


async def test_what_payers_deny_becomes_a_draft_that_can_be_tried(
    office: Office, tmp_path: Path
) -> None:
    claims = [claim(number) for number in range(1, 5)]
    await office.take(*(received(one) for one in claims))
    for one in claims[:2]:
        await office.take(denied_for(one, "197"))
    async with office.pool.acquire() as connection:
        lines = await past.denied(connection)
        (draft,) = drafts(lines, NOW.date(), least=2)
        report = await past.shadow_run(connection, admitted(draft.document))
    (tally,) = report.rules.values()
    assert (draft.code, draft.reason, draft.denials) == ("99213", "197", 2)
    assert (tally.claims, tally.turned_down, tally.precision) == (4, 2, 0.5)


def denied_for(sent: Claim, reason: str) -> Any:
    """A denial whose line says why."""
    data = denied(sent).data
    assert isinstance(data, ClaimDenied)
    line = {
        "line_control_number": sent.service_lines[0].line_control_number,
        "charge": 10_000,
        "paid": 0,
        "adjustments": [Adjustment(group="CO", reason=reason, amount=10_000)],
    }
    adjudication = data.adjudication.model_validate(
        data.adjudication.model_dump() | {"lines": [line]}
    )
    return event(sent, data.model_copy(update={"adjudication": adjudication}))

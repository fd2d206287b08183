"""A person at the worklist, on a real database: what goes out, what stays, and what is recorded."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.coding.desk import VersionChangedError
from services.coding.domain.verdict import CHECKS
from services.coding.domain.worklist.acting import NotAllowedError
from services.coding.domain.worklist.patching import PatchError
from shared.contract.claim import Claim
from shared.contract.events import ClaimCoded, ClaimHeld, ClaimPaid, ClaimReturned
from tests.integration.coding.office import (
    NOW,
    TRACE,
    Office,
    claim,
    denied,
    opened,
    paid_in_part,
    received,
    refused,
)

WRONG_TOTAL: dict[str, Any] = {"charge": 1}
RIGHT_TOTAL = {"op": "replace", "path": "/charge", "value": "100.00"}
REASON = "checked with the payer by telephone"


@pytest.fixture(scope="module")
async def only_office(postgres: Any) -> AsyncIterator[Office]:
    async with opened(postgres) as (one,):
        yield one


@pytest.fixture
async def office(only_office: Office) -> Office:
    await only_office.clear()
    return only_office


async def last_coded(office: Office) -> Claim:
    data = (await office.said())[-1].data
    assert isinstance(data, ClaimCoded)
    return data.claim


async def test_a_fixed_claim_goes_out_as_the_next_revision_on_its_own_trace(office: Office) -> None:
    await office.take(received(claim(**WRONG_TOTAL)))
    acted = await office.fix(await office.only_entry(), RIGHT_TOTAL)
    assert (acted.remaining, acted.has_gone_out, acted.claim_revision) == ((), True, 2)
    held, coded = await office.said()
    assert (held.type, coded.type) == ("claim.held.v1", "claim.coded.v1")
    assert coded.sequence == 2
    assert coded.traceparent is not None
    assert coded.traceparent.split("-")[1] == TRACE.split("-")[1]
    assert isinstance(coded.data, ClaimCoded)
    assert coded.data.claim == claim(revision=2)
    assert await office.worklist() == []
    assert office.told == ["claim.coded.v1"]
    assert await office.rows("SELECT revision, received_revision, status FROM claim") == [
        (2, 1, "coded")
    ]


async def test_what_a_correction_leaves_is_said_and_the_work_is_kept(office: Office) -> None:
    await office.take(received(claim(frequency="3", **WRONG_TOTAL)))
    acted = await office.fix(await office.only_entry(), RIGHT_TOTAL)
    assert [one.code for one in acted.remaining] == ["frequency"]
    entry = await office.only_entry()
    assert (entry.revision, entry.version) == (2, 2)
    assert entry.findings == acted.remaining
    said = (await office.said())[-1].data
    assert isinstance(said, ClaimHeld)
    await office.fix(entry, {"op": "replace", "path": "/frequency", "value": "1"})
    assert await last_coded(office) == claim(revision=3)


async def test_a_trial_says_what_would_remain_and_changes_nothing(office: Office) -> None:
    await office.take(received(claim(frequency="3", **WRONG_TOTAL)))
    entry = await office.only_entry()
    acted = await office.fix(entry, RIGHT_TOTAL, is_trial=True)
    assert [one.code for one in acted.remaining] == ["frequency"]
    assert await office.only_entry() == entry
    assert len(await office.said()) == 1
    assert await office.rows("SELECT count(*) FROM worklist_action") == [(0,)]


async def test_who_did_what_and_why_is_recorded_with_both_versions(office: Office) -> None:
    await office.take(received(claim(**WRONG_TOTAL)))
    await office.fix(await office.only_entry(), RIGHT_TOTAL)
    ((actor, action, revision, patch),) = await office.rows(
        "SELECT actor, action, revision, patch FROM worklist_action"
    )
    assert (actor, action, revision, json.loads(patch)) == ("ada", "fix", 2, [RIGHT_TOTAL])
    kept = await office.rows("SELECT revision, author FROM claim_revision ORDER BY revision")
    assert kept == [(1, "hospital"), (2, "ada")]


async def test_after_a_rejection_the_claim_goes_out_as_an_original(office: Office) -> None:
    await office.take(received(claim()), refused(claim()))
    entry = await office.only_entry()
    assert (entry.reason, entry.at_stake_cents) == ("refused", 10_000)
    await office.fix(entry, {"op": "replace", "path": "/subscriber/identifier", "value": "W2"})
    sent = await last_coded(office)
    assert (sent.revision, sent.frequency, sent.payer_claim_control_number) == (2, "1", None)


async def test_after_a_denial_the_claim_is_a_replacement_with_the_payers_number(
    office: Office,
) -> None:
    await office.take(received(claim()), denied(claim()))
    entry = await office.only_entry()
    assert (entry.reason, entry.at_stake_cents) == ("denied", 4_000)
    assert entry.due_on == NOW.date() + timedelta(days=180)
    add = {"op": "add", "path": "/service_lines/0/procedure/modifiers/-", "value": "25"}
    await office.fix(entry, add)
    sent = await last_coded(office)
    assert (sent.revision, sent.frequency, sent.payer_claim_control_number) == (2, "7", "PAYER-77")
    assert sent.service_lines[0].procedure is not None
    assert sent.service_lines[0].procedure.modifiers == ("25",)


async def test_what_was_denied_of_a_claim_that_was_paid_in_part_can_be_replaced(
    office: Office,
) -> None:
    await office.take(received(claim()), paid_in_part(claim()))
    entry = await office.only_entry()
    assert (entry.reason, entry.at_stake_cents) == ("denied", 4_000)
    assert [one.code for one in entry.findings] == ["denial-bundling"]
    assert await office.rows("SELECT status FROM claim") == [("coded",)]
    add = {"op": "add", "path": "/service_lines/0/procedure/modifiers/-", "value": "25"}
    await office.fix(entry, add)
    sent = await last_coded(office)
    assert (sent.frequency, sent.payer_claim_control_number) == ("7", "PAYER-77")


async def test_what_was_paid_in_full_is_passed_over(office: Office) -> None:
    part = paid_in_part(claim())
    assert isinstance(part.data, ClaimPaid)
    whole = part.data.model_copy(update={"outcome": "paid", "findings": ()})
    outcome = await office.take(received(claim()), replace(part, data=whole))
    assert outcome.trail == [True, True]
    assert await office.worklist() == []


@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_a_claim_is_on_the_worklist_once_with_what_was_said_last(
    is_one_batch: bool, office: Office
) -> None:
    events = [received(claim()), denied(claim(), cents=1_000), denied(claim(), "PAYER-78")]
    for batch in [events] if is_one_batch else [[each] for each in events]:
        await office.take(*batch)
    entry = await office.only_entry()
    assert (entry.reason, entry.at_stake_cents) == ("denied", 4_000)
    await office.desk.void(entry.event_id, entry.version, "ada", NOW, REASON)
    assert (await last_coded(office)).payer_claim_control_number == "PAYER-78"


async def test_a_rejected_replacement_stays_a_replacement(office: Office) -> None:
    await office.take(received(claim()), denied(claim()))
    identifier = {"op": "replace", "path": "/subscriber/identifier", "value": "W2"}
    await office.fix(await office.only_entry(), identifier)
    await office.take(refused(await last_coded(office)))
    await office.fix(await office.only_entry(), {**identifier, "value": "W3"})
    sent = await last_coded(office)
    assert (sent.revision, sent.frequency, sent.payer_claim_control_number) == (3, "7", "PAYER-77")


async def test_a_release_goes_over_the_findings_and_says_so(office: Office) -> None:
    await office.take(received(claim(**WRONG_TOTAL)))
    entry = await office.only_entry()
    await office.desk.release(entry.event_id, entry.version, "ada", NOW, REASON)
    data = (await office.said())[-1].data
    assert isinstance(data, ClaimCoded)
    assert data.claim == claim(**WRONG_TOTAL)
    assert [(one.code, one.severity) for one in data.findings] == [
        ("claim-total", "warn"),
        ("released-by-hand", "inform"),
    ]
    assert await office.rows("SELECT actor, text FROM worklist_action") == [("ada", REASON)]


async def test_a_void_takes_back_what_the_payer_adjudicated(office: Office) -> None:
    await office.take(received(claim()), denied(claim()))
    entry = await office.only_entry()
    await office.desk.void(entry.event_id, entry.version, "ada", NOW, REASON)
    sent = await last_coded(office)
    assert (sent.revision, sent.frequency, sent.payer_claim_control_number) == (2, "8", "PAYER-77")
    assert await office.rows("SELECT status FROM claim") == [("voided",)]


async def test_what_was_never_adjudicated_cannot_be_voided(office: Office) -> None:
    await office.take(received(claim()), refused(claim()))
    entry = await office.only_entry()
    with pytest.raises(NotAllowedError) as refusal:
        await office.desk.void(entry.event_id, entry.version, "ada", NOW, REASON)
    assert refusal.value.code == "never-adjudicated"
    assert await office.only_entry() == entry


async def test_a_returned_claim_is_the_hospitals_turn(office: Office) -> None:
    await office.take(received(claim(**WRONG_TOTAL)))
    entry = await office.only_entry()
    await office.desk.give_back(entry.event_id, entry.version, "ada", NOW, REASON)
    data = (await office.said())[-1].data
    assert isinstance(data, ClaimReturned)
    assert (data.source, data.patient_control_number, data.note) == ("test", "PCN-1", REASON)
    assert await office.worklist() == []
    await office.take(received(claim(revision=2)))
    assert (await last_coded(office)).revision == 2


async def test_a_denial_is_dismissed_and_a_held_claim_is_not(office: Office) -> None:
    await office.take(received(claim()), denied(claim()))
    entry = await office.only_entry()
    await office.desk.dismiss(entry.event_id, entry.version, "ada", NOW, REASON)
    assert await office.worklist() == []
    await office.take(received(claim(2, **WRONG_TOTAL)))
    entry = await office.only_entry()
    with pytest.raises(NotAllowedError):
        await office.desk.dismiss(entry.event_id, entry.version, "ada", NOW, REASON)


async def test_of_two_fixes_at_once_one_is_told_that_the_other_was_quicker(office: Office) -> None:
    await office.take(received(claim(frequency="7", **WRONG_TOTAL)))
    entry = await office.only_entry()
    frequency = {"op": "replace", "path": "/frequency", "value": "1"}
    outcomes = await asyncio.gather(
        office.fix(entry, RIGHT_TOTAL), office.fix(entry, frequency), return_exceptions=True
    )
    assert sum(isinstance(one, VersionChangedError) for one in outcomes) == 1
    assert await office.rows("SELECT count(*) FROM worklist_action") == [(1,)]


async def test_a_fix_of_what_the_hospital_has_replaced_is_refused_and_nothing_is_lost(
    office: Office,
) -> None:
    await office.take(received(claim(**WRONG_TOTAL)))
    entry = await office.only_entry()
    await office.take(received(claim(revision=2)))
    with pytest.raises(VersionChangedError) as changed:
        await office.fix(entry, RIGHT_TOTAL)
    assert changed.value.entry.resolution == "superseded"
    assert (await last_coded(office)).revision == 2


async def test_a_hospitals_version_without_a_persons_correction_is_held_to_be_compared(
    office: Office,
) -> None:
    await office.take(received(claim(**WRONG_TOTAL)))
    await office.fix(await office.only_entry(), RIGHT_TOTAL)
    changed = claim(revision=2, subscriber={"name": "DOE", "identifier": "W9"}, **WRONG_TOTAL)
    await office.take(received(changed))
    entry = await office.only_entry()
    assert [one.code for one in entry.findings] == ["edited-by-hand", "claim-total"]
    assert entry.revision == 3
    await office.fix(entry, RIGHT_TOTAL)
    sent = await last_coded(office)
    assert (sent.revision, sent.charge, sent.subscriber.identifier) == (4, 10_000, "W9")


async def test_a_hospitals_version_with_the_correction_goes_out_behind_it(office: Office) -> None:
    await office.take(received(claim(**WRONG_TOTAL)))
    await office.fix(await office.only_entry(), RIGHT_TOTAL)
    await office.take(received(claim(revision=2, prior_authorization="A1")))
    sent = await last_coded(office)
    assert (sent.revision, sent.prior_authorization) == (3, "A1")
    assert await office.worklist() == []
    assert await office.rows("SELECT revision, received_revision FROM claim") == [(3, 2)]


async def test_the_same_version_of_the_hospital_again_does_not_undo_a_correction(
    office: Office,
) -> None:
    await office.take(received(claim(**WRONG_TOTAL)))
    await office.fix(await office.only_entry(), RIGHT_TOTAL)
    again = received(claim(prior_authorization="A1", **WRONG_TOTAL))
    await office.take(again)
    assert (await last_coded(office)).revision == 2
    assert await office.rows("SELECT edited IS NOT NULL FROM claim") == [(True,)]


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ({"op": "replace", "path": "/id", "value": "x"}, "/id"),
        ({"op": "replace", "path": "/patient_control_number", "value": "x"}, None),
        ({"op": "replace", "path": "/nowhere/else", "value": "x"}, "/nowhere/else"),
        ({"op": "add", "path": "/chrage", "value": "1.00"}, "/chrage"),
        ({"op": "replace", "path": "/charge", "value": "ten"}, "/charge"),
        ({"op": "copy", "from": "/service_lines", "path": "/diagnoses"}, "[0].op"),
        ({"op": "test", "path": "/charge", "value": "7.00"}, "/charge"),
        ({"op": "remove", "path": ""}, ""),
    ],
)
async def test_a_patch_that_leaves_no_claim_is_refused_with_its_path(
    operation: dict[str, Any], path: str | None, office: Office
) -> None:
    await office.take(received(claim(**WRONG_TOTAL)))
    entry = await office.only_entry()
    with pytest.raises(PatchError) as refusal:
        await office.fix(entry, operation)
    assert refusal.value.path == (operation["path"] if path is None else path)
    assert "ten" not in str(refusal.value).split()
    assert await office.only_entry() == entry


async def test_the_list_has_the_most_money_times_urgency_first(office: Office) -> None:
    soon = "2024-03-12"
    line = claim().service_lines[0]

    def held(number: int, cents: int, served: str) -> Claim:
        lines = (line.model_copy(update={"charge": 1, "service_from": date.fromisoformat(served)}),)
        return claim(number, charge=cents, service_lines=lines, filing_indicator="MB")

    await office.take(
        received(held(1, 100_000, "2025-03-03")),
        received(held(2, 8_000, soon)),
        received(held(3, 5_000, "2025-03-03")),
    )
    ranked = await office.worklist()
    assert [entry.claim_id.int for entry in ranked] == [2, 1, 3]
    assert [entry.score for entry in ranked] == [160_000, 100_000, 5_000]
    assert [e.claim_id.int for e in await office.worklist(at_least_cents=8_000)] == [2, 1]
    assert [e.claim_id.int for e in await office.worklist(due_before=date(2025, 3, 31))] == [2]
    assert await office.worklist(payer="OTHER") == []
    assert len(await office.worklist(rule="claim-total", payer="PAY01", reason="held")) == 3
    assert await office.worklist(rule="npi-check-digit") == []


async def test_assignment_and_notes_are_kept(office: Office) -> None:
    await office.take(received(claim(**WRONG_TOTAL)))
    entry = await office.only_entry()
    changed = await office.desk.assign(entry.event_id, entry.version, "ada", NOW, "ben")
    assert (changed.assigned_to, changed.version) == ("ben", 2)
    await office.desk.note(entry.event_id, "ben", NOW, "asked the ward")
    assert await office.worklist(assigned_to="ben") == [await office.only_entry()]
    assert await office.rows("SELECT actor, action, text FROM worklist_action ORDER BY id") == [
        ("ada", "assign", "ben"),
        ("ben", "note", "asked the ward"),
    ]


async def test_each_verdict_is_proved_a_persons_too(office: Office) -> None:
    await office.take(received(claim(**WRONG_TOTAL)))
    await office.fix(await office.only_entry(), RIGHT_TOTAL)
    rows = await office.rows("SELECT revision, ruleset, proof FROM verdict ORDER BY revision")
    assert [row[:2] for row in rows] == [(1, CHECKS), (2, CHECKS)]
    assert len({row[2] for row in rows}) == 2
    assert all(len(row[2]) == 32 for row in rows)

"""What a worklist entry asks for happens without a person: it closes, and says through whom."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from shared.contract.claim import Claim, OtherCoverage, Payer
from shared.contract.envelope import Event
from shared.contract.events import (
    AcknowledgementEvidence,
    ClaimAcknowledged,
    ClaimDenied,
    ClaimPaid,
    ClaimRefused,
    ClaimReversed,
)
from tests.integration.coding.office import (
    PAYERS_REASON,
    Office,
    claim,
    denied,
    event,
    opened,
    paid_in_part,
    received,
    refused,
)

EVIDENCE = AcknowledgementEvidence(transaction="277CA")
CLOSED = """
SELECT w.reason, w.resolution, w.version, a.actor, a.action, a.revision, a.text
FROM worklist w LEFT JOIN worklist_action a USING (event_id)
WHERE w.closed_at IS NOT NULL ORDER BY a.id
"""


@pytest.fixture(scope="module")
async def only_office(postgres: Any) -> AsyncIterator[Office]:
    async with opened(postgres) as (one,):
        yield one


@pytest.fixture
async def office(only_office: Office) -> Office:
    await only_office.clear()
    return only_office


def acknowledged(sent: Claim, stage: str = "payer", payer_sequence: str = "P") -> Event:
    told = {"revision": sent.revision, "stage": stage, "payer_sequence": payer_sequence}
    return event(sent, ClaimAcknowledged.model_validate({**told, "evidence": EVIDENCE}))


def refused_by_the_second(sent: Claim) -> Event:
    reasons = (PAYERS_REASON,)
    data = ClaimRefused(
        revision=sent.revision, findings=reasons, evidence=EVIDENCE, payer_sequence="S"
    )
    return event(sent, data)


def adjudicated(sent: Claim, kind: type[ClaimPaid | ClaimReversed], **changes: Any) -> Event:
    told = denied(sent).data
    assert isinstance(told, ClaimDenied)
    amounts = {"denied": 0, "paid": 10_000, "status": "1"}
    if kind is ClaimReversed:
        amounts = {"denied": -4_000, "paid": 0, "status": "22"}
    adjudication = told.adjudication.model_copy(update={**amounts, **changes})
    if kind is ClaimReversed:
        return event(sent, ClaimReversed(adjudication=adjudication))
    return event(sent, ClaimPaid(adjudication=adjudication, outcome="paid"))


def paid(sent: Claim, **changes: Any) -> Event:
    return adjudicated(sent, ClaimPaid, **changes)


def reversed_(sent: Claim, **changes: Any) -> Event:
    return adjudicated(sent, ClaimReversed, **changes)


async def status(office: Office, number: int = 1) -> str:
    rows = await office.rows(f"SELECT status FROM claim WHERE claim_id = '{UUID(int=number)}'")
    ((found,),) = rows
    return str(found)


async def test_a_refused_claim_that_the_payer_takes_after_all_needs_nobody(office: Office) -> None:
    await office.take(received(claim()), refused(claim()))
    await office.take(acknowledged(claim(), stage="clearinghouse"))
    assert len(await office.worklist()) == 1
    await office.take(acknowledged(claim()))
    assert await office.worklist() == []
    assert await office.rows(CLOSED) == [
        ("refused", "resolved", 2, "payer", "resolve", 1, "claim.acknowledged.v1")
    ]
    assert await status(office) == "coded"


async def test_what_comes_in_one_batch_closes_only_what_came_before_it(office: Office) -> None:
    other, third = claim(2), claim(3)
    await office.take(received(claim()), received(other), received(third))
    await office.take(
        *(refused(claim()), acknowledged(claim())),
        *(acknowledged(other), refused(other)),
        *(denied(third), paid(third), denied(third, cents=3_000)),
    )
    assert {one.claim_id for one in await office.worklist()} == {other.id, third.id}
    assert (await status(office), await status(office, 2)) == ("coded", "refused")
    assert await status(office, 3) == "denied"


async def test_one_payers_answer_does_not_close_what_another_refused(office: Office) -> None:
    second = OtherCoverage(sequence="S", payer=Payer(identifier="PAY02"))
    sent = claim(other_coverages=(second,))
    await office.take(received(sent), refused_by_the_second(sent))
    assert (await office.only_entry()).payer_identifier == "PAY02"
    await office.take(acknowledged(sent), paid(sent))
    assert len(await office.worklist()) == 1
    await office.take(acknowledged(sent, payer_sequence="S"))
    assert await office.worklist() == []


async def test_a_refused_claim_that_is_paid_needs_nobody(office: Office) -> None:
    await office.take(received(claim()), refused(claim()))
    await office.take(paid(claim()))
    assert [row[1:7:5] for row in await office.rows(CLOSED)] == [("resolved", "claim.paid.v1")]


async def test_a_denied_claim_whose_decision_is_taken_back_and_paid_needs_nobody(
    office: Office,
) -> None:
    await office.take(received(claim()), denied(claim()))
    await office.take(reversed_(claim()), paid(claim()))
    assert await office.rows(CLOSED) == [
        ("denied", "resolved", 2, "payer", "resolve", 1, "claim.reversed.v1")
    ]
    assert await status(office) == "coded"


async def test_a_denial_that_is_corrected_to_a_denial_has_one_entry_with_the_new_amount(
    office: Office,
) -> None:
    await office.take(received(claim()), denied(claim()))
    await office.take(reversed_(claim()), denied(claim(), cents=2_500))
    assert (await office.only_entry()).at_stake_cents == 2_500
    assert await status(office) == "denied"


async def test_a_denied_claim_that_is_paid_whole_needs_nobody(office: Office) -> None:
    await office.take(received(claim()), denied(claim()), received(claim(2)), denied(claim(2)))
    await office.take(paid(claim()), paid(claim(2)))
    assert await office.worklist() == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(paid(claim(), charge=6_000), id="a part of the claim, split by the payer"),
        pytest.param(paid(claim(), payer_identifier="PAY02"), id="another payer"),
        pytest.param(reversed_(claim(), payer_identifier="PAY02"), id="another payer's reversal"),
        pytest.param(acknowledged(claim()), id="a late acknowledgement"),
        pytest.param(paid_in_part(claim()), id="a part, with the rest denied"),
    ],
)
async def test_a_denial_stays_open_when_what_is_settled_is_something_else(
    office: Office, answer: Event
) -> None:
    await office.take(received(claim()), denied(claim()))
    await office.take(answer)
    assert [one.reason for one in await office.worklist()] == ["denied"]


async def test_an_answer_to_an_older_version_leaves_a_persons_work_alone(office: Office) -> None:
    await office.take(received(claim()), refused(claim()))
    wrong = {"op": "replace", "path": "/charge", "value": "99.00"}
    acted = await office.fix(await office.only_entry(), wrong)
    assert acted.remaining
    await office.take(acknowledged(claim()), paid(claim()))
    assert (await office.only_entry()).revision == 2


@pytest.mark.parametrize(("charge", "left"), [(10_000, 0), (9_999, 1)])
async def test_what_the_hospital_sends_anew_closes_what_was_held(
    office: Office, charge: int, left: int
) -> None:
    await office.take(received(claim(charge=1)))
    await office.take(received(claim(revision=2, charge=charge)))
    assert len(await office.worklist()) == left
    verdict = "held" if left else "coded"
    assert await office.rows(CLOSED) == [
        ("held", "superseded", 2, "hospital", "supersede", 2, verdict)
    ]


async def test_an_answer_that_finds_nothing_open_is_not_read(office: Office) -> None:
    await office.take(received(claim()))
    outcome = await office.take(acknowledged(claim()), paid(claim()), reversed_(claim()))
    assert (outcome.parked, outcome.trail) == ([], [True, True, True])
    assert await office.rows(CLOSED) == []

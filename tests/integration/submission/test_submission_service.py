"""From coded claims to acknowledged ones, on a real database, with the payer twin."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.twins.payer import Outcome, expected_outcome
from shared.contract.claim import Claim
from shared.contract.envelope import from_headers, text_headers
from shared.contract.events import (
    AcknowledgementOverdue,
    ClaimRefused,
    ClaimSubmitted,
)
from shared.messaging.handler import Record

Desk = Any
"""tests/integration/submission/conftest.py"""
MakeClaim = Callable[..., Claim]
SEED = 7

STATUS_OF = {
    Outcome.REFUSED: "refused",
    Outcome.SILENT: "accepted",
}


def _data(record: Record) -> Any:
    return from_headers(text_headers(record.headers), record.value or b"").data


async def test_a_day_of_claims_ends_where_the_payer_left_each(
    desk: Desk, claim: MakeClaim, payer: Callable[[], None]
) -> None:
    numbers = range(1, 121)
    await desk.code(*(claim(number) for number in numbers))
    await desk.round()
    payer()
    await desk.round()
    await desk.take_answers()
    expected = {n: expected_outcome(f"PCN{n:05d}", SEED) for n in numbers}
    assert await desk.statuses() == {
        n: STATUS_OF.get(outcome, "acknowledged") for n, outcome in expected.items()
    }
    assert await desk.subjects("claim.submitted.v1") == list(numbers)
    assert await desk.subjects("claim.refused.v1") == [
        n for n, outcome in expected.items() if outcome is Outcome.REFUSED
    ]
    unrelated = "SELECT count(*) FROM acknowledgement WHERE relates_to IN ('nothing', 'several')"
    assert await desk.rows(unrelated) == [(0,)]


async def test_the_submitted_event_carries_the_claim_and_its_place(
    desk: Desk, claim: MakeClaim
) -> None:
    await desk.code(claim(1))
    await desk.round()
    (record,) = await desk.said("claims.submission", "claim.submitted.v1")
    data = _data(record)
    assert isinstance(data, ClaimSubmitted)
    assert data.claim == claim(1)
    assert data.interchange.interchange_control_number == "000000001"
    assert data.interchange.transaction_control_number == "0001"
    assert data.interchange.payer == "clearinghouse"


async def test_answers_that_come_twice_change_nothing_more(
    desk: Desk, claim: MakeClaim, payer: Callable[[], None]
) -> None:
    await desk.code(*(claim(number) for number in range(1, 41)))
    await desk.round()
    payer()
    await desk.round()
    await desk.take_answers()
    before = Counter(record.key for record in await desk.said("claims.submission"))
    for path in sorted((desk.mailbox / "done").iterdir()):
        copy = desk.mailbox / "from-payer" / f"again-{path.name}"
        copy.write_bytes(path.read_bytes().replace(b"*0*P*:~", b"*0*P*:~\n", 1))
    await desk.round()
    await desk.take_answers()
    await desk.take_answers()
    after = Counter(record.key for record in await desk.said("claims.submission"))
    refused_again = {key: after[key] - before[key] for key in after if after[key] != before[key]}
    assert set(refused_again.values()) <= {1}, "only the interchange's own answers are read again"
    assert await desk.subjects("claim.acknowledged.v1") == sorted(
        set(await desk.subjects("claim.acknowledged.v1"))
    )


async def test_the_same_file_in_the_mailbox_again_is_published_once(
    desk: Desk, claim: MakeClaim, payer: Callable[[], None]
) -> None:
    await desk.code(claim(1))
    await desk.round()
    payer()
    await desk.round()
    published = len(await desk.said("payers.inbound"))
    for path in sorted((desk.mailbox / "done").iterdir()):
        (desk.mailbox / "from-payer" / path.name).write_bytes(path.read_bytes())
    await desk.round()
    assert len(await desk.said("payers.inbound")) == published
    assert list((desk.mailbox / "from-payer").iterdir()) == []


async def test_an_835_goes_onto_the_topic_untouched(
    desk: Desk, claim: MakeClaim, payer: Callable[[], None], fated: Callable[[Outcome], int]
) -> None:
    await desk.code(claim(fated(Outcome.PAID)))
    await desk.round()
    payer()
    (path,) = (desk.mailbox / "from-payer").glob("*.835")
    content = path.read_bytes()
    await desk.round()
    values = [record.value for record in await desk.said("payers.inbound")]
    assert content in values


async def test_a_large_delivery_travels_as_a_claim_check(desk: Desk, claim: MakeClaim) -> None:
    folder = desk.mailbox / "from-payer"
    folder.mkdir(parents=True)
    head = b"ISA*00*          *00*          *ZZ*A              *ZZ*B              *250101*1230*^"
    head += b"*00501*000000001*0*P*:~GS*HP*A*B*20250101*1230*1*X*005010X221A1~ST*835*0001~"
    (folder / "large.835").write_bytes(head + b"REF*EV*X~" * 150_000)
    await desk.round()
    (record,) = await desk.said("payers.inbound")
    assert record.value == b""
    assert record.header("x12-transactions") == b"835"
    reference = (record.header("ce_dataref") or b"").decode()
    assert desk.context.blobs.get(reference).startswith(head)


async def test_answers_before_the_send_is_recorded_are_not_taken_back(
    desk: Desk, claim: MakeClaim, payer: Callable[[], None], fated: Callable[[Outcome], int]
) -> None:
    number = fated(Outcome.PAID)
    await desk.code(claim(number))
    await desk.round()
    payer()
    await desk.round()
    await desk.pool.execute("UPDATE interchange SET state = 'sending', sent_at = NULL")
    await desk.pool.execute("UPDATE claim SET status = 'formed'")
    await desk.take_answers()
    assert await desk.statuses() == {number: "acknowledged"}
    await desk.round()
    assert await desk.statuses() == {number: "acknowledged"}
    assert await desk.rows("SELECT state FROM interchange") == [("sent",)]


async def test_a_rejected_set_refuses_its_claims_and_no_others(
    desk: Desk, claim: MakeClaim
) -> None:
    await desk.code(*(claim(number) for number in range(1, 121)))
    await desk.round()
    head = "ISA*00*          *00*          *ZZ*CLEARINGHOUSE  *ZZ*CLAIMWIRE      *250310*1200*^"
    body = (
        "*00501*000000009*0*P*:~GS*FA*CLEARINGHOUSE*CLAIMWIRE*20250310*1200*9*X*005010X231A1~"
        "ST*999*0001*005010X231A1~AK1*HC*1*005010X222A1~AK2*837*0001*005010X222A1~IK5*R*5~"
        "AK2*837*0002*005010X222A1~IK5*A~AK9*P*2*2*1~SE*8*0001~GE*1*9~IEA*1*000000009~"
    )
    folder = desk.mailbox / "from-payer"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "answer.999").write_text(head + body)
    await desk.round()
    await desk.take_answers()
    statuses = await desk.statuses()
    assert {statuses[number] for number in range(1, 101)} == {"refused"}
    assert {statuses[number] for number in range(101, 121)} == {"accepted"}
    (record, *_) = await desk.said("claims.submission", "claim.refused.v1")
    data = _data(record)
    assert isinstance(data, ClaimRefused)
    assert data.evidence.transaction == "999"
    assert data.findings[0].code == "999-ik5-5"


async def test_an_answer_to_nothing_of_ours_is_kept(
    desk: Desk, claim: MakeClaim, samples: Path
) -> None:
    folder = desk.mailbox / "from-payer"
    folder.mkdir(parents=True)
    for path in ("999/cosyte_x12__ack__999-accept.edi", "277CA/cosyte_x12__golden__277ca.edi"):
        content = (samples / path).read_bytes()
        (folder / Path(path).name).write_bytes(content)
    await desk.round()
    await desk.take_answers()
    kept = await desk.rows("SELECT DISTINCT transaction, relates_to FROM acknowledgement")
    assert ("999", "nothing") in kept
    assert ("277CA", "nothing") in kept


async def test_a_claim_no_837_can_say_is_refused_and_its_neighbours_go(
    desk: Desk, claim: MakeClaim
) -> None:
    await desk.code(claim(1), claim(2, frequency="7"), claim(3))
    await desk.round()
    assert await desk.statuses() == {1: "sent", 2: "unwritable", 3: "sent"}
    assert await desk.subjects("claim.refused.v1") == [2]
    await desk.code(claim(2, revision=2))
    await desk.round()
    assert (await desk.statuses())[2] == "sent"
    assert desk.sent_numbers() == ["PCN00001", "PCN00002", "PCN00003"]


async def test_control_numbers_are_not_spent_on_nothing(desk: Desk, claim: MakeClaim) -> None:
    await desk.code(claim(1, frequency="7"))
    await desk.round()
    await desk.code(claim(2))
    await desk.round()
    assert await desk.rows("SELECT control_number FROM interchange") == [(1,)]


async def test_only_the_newest_revision_is_sent(desk: Desk, claim: MakeClaim) -> None:
    await desk.code(claim(1), claim(1, revision=2, medical_record_number="B"))
    await desk.round()
    assert desk.sent_numbers() == ["PCN00001"]
    rows = await desk.rows("SELECT revision, status FROM claim ORDER BY revision")
    assert rows == [(1, "superseded"), (2, "sent")]


async def test_an_answer_that_is_overdue_is_said_once(
    desk: Desk, claim: MakeClaim, payer: Callable[[], None], fated: Callable[[Outcome], int]
) -> None:
    paid, silent = fated(Outcome.PAID), fated(Outcome.SILENT)
    await desk.code(claim(paid), claim(silent))
    await desk.round()
    await desk.round(desk.settings.watchdog_999_s - 10)
    assert await desk.subjects("acknowledgement.overdue.v1") == []
    await desk.round(20)
    assert await desk.subjects("acknowledgement.overdue.v1") == sorted((paid, silent))
    payer()
    await desk.round()
    await desk.take_answers()
    for _ in range(2):
        await desk.round(desk.settings.watchdog_277ca_s)
    records = await desk.said("claims.submission", "acknowledgement.overdue.v1")
    said = [(record.key, _data(record)) for record in records]
    assert all(isinstance(data, AcknowledgementOverdue) for _, data in said)
    of_277ca = [key for key, data in said if data.expected == "277CA"]
    assert of_277ca == [str(claim(silent).id).encode()]
    assert len(said) == 3


async def test_full_interchanges_close_without_waiting_for_the_window(
    pool: Any, tmp_path: Path, claim: MakeClaim, desk: Desk
) -> None:
    slow = type(desk)(pool, tmp_path / "slow", interchange_max_claims=3)
    slow.courier.limits = type(slow.courier.limits)(3, 10**9, window_s=3_600)
    await slow.code(*(claim(number) for number in range(1, 8)))
    for _ in range(4):
        await slow.round()
    assert await slow.rows("SELECT claim_count FROM interchange") == [(3,), (3,)]
    assert Counter((await slow.statuses()).values()) == {"sent": 6, "pending": 1}


async def test_another_process_leaves_a_leased_payer_alone(desk: Desk, claim: MakeClaim) -> None:
    from shared.database import lease

    await desk.code(claim(1))
    async with lease(desk.pool, "payer/clearinghouse") as is_ours:
        assert is_ours
        await desk.round()
        assert desk.sent_numbers() == []
    await desk.round()
    assert desk.sent_numbers() == ["PCN00001"]

"""What happens to a claim after it went: the next payer's turn, replacements, 835s, questions, and
clocks that run out."""

from collections.abc import Callable
from datetime import date, time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from services.submission.domain.profile import Profile
from services.submission.domain.terms import Cutoff, Filing, StatusInquiry
from services.submission.keeping import content_of
from services.submission.vault import NoKeyError, Vault
from shared.contract.acknowledgement import StatusLevel
from shared.contract.claim import Claim, Insured, LineAdjudication, OtherCoverage, Payer
from shared.contract.events import (
    AcknowledgementOverdue,
    ClaimAcknowledged,
    ClaimFilingDue,
    ClaimRefused,
    ClaimSubmitted,
)
from shared.contract.model import Adjustment
from shared.database import Pool
from shared.messaging.handler import Record
from shared.sealing import SealError
from shared.x12.answers.acknowledgements import read_acknowledgements
from shared.x12.claims.reading import ReadClaim, read_claims
from tests.integration.submission.conftest import Desk

MakeClaim = Callable[..., Claim]
DAY_S = 86_400.0
HEAD = (
    "ISA*00*          *00*          *ZZ*CLEARINGHOUSE  *ZZ*CLAIMWIRE      *250310*1200*^*00501*"
    "{number:09d}*0*P*:~"
)


def _answer(functional_id: str, version: str, segments: str, number: int = 900) -> str:
    """One transaction set of a payer's, `segments` between ST and SE."""
    rows = segments.strip("~").split("~")
    code = "999" if functional_id == "FA" else "277"
    return (
        HEAD.format(number=number)
        + f"GS*{functional_id}*CLEARINGHOUSE*CLAIMWIRE*20250310*1200*{number}*X*{version}~"
        + f"ST*{code}*0001*{version}~"
        + "".join(f"{row}~" for row in rows)
        + f"SE*{len(rows) + 2}*0001~GE*1*{number}~IEA*1*{number:09d}~"
    )


def _put(desk: Desk, name: str, content: str) -> None:
    folder = desk.mailbox / "from-payer"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)


def _accepted(batch: str, *numbers: str, payer_number: str = "") -> str:
    """A payer's 277CA that takes these claims into adjudication."""
    levels = "".join(
        f"HL*{at}*3*PT~NM1*QC*1*DOE*JANE~TRN*2*{number}~STC*A2:20:PR*20250310*WQ*100~"
        + (f"REF*1K*{payer_number}~" if payer_number else "")
        for at, number in enumerate(numbers, 4)
    )
    return _answer(
        "HN",
        "005010X214",
        "BHT*0085*08*1*20250310*1200*TH~HL*1**20*1~NM1*PR*2*PAYER*****PI*PAY01~TRN*1*1~"
        f"HL*2*1*21*1~NM1*41*2*US*****46*CLAIMWIRE~TRN*2*{batch}~HL*3*2*19*1~"
        f"NM1*85*2*CLINIC*****XX*1234567893~{levels}",
    )


def _data(record: Record, model: Any) -> Any:
    return model.model_validate_json(record.value or b"")


def _second_payers(claim: Claim) -> Claim:
    """The claim as remittance gives it on after the first payer's 835."""
    line = claim.service_lines[0]
    paid = claim.charge - 3_000
    decided = LineAdjudication(
        payer_identifier="PAY01",
        paid=paid,
        procedure=line.procedure,
        units=line.units,
        adjustments=(
            Adjustment(group="CO", reason="45", amount=1_000),
            Adjustment(group="PR", reason="2", amount=2_000),
        ),
        adjudicated_on=date(2025, 3, 20),
    )
    subscriber = Insured(
        is_person=True, name="DOE", first_name="JANE", identifier_qualifier="MI", identifier="S1"
    )
    return claim.model_copy(
        update={
            "payer": Payer(name="SECOND", identifier_qualifier="PI", identifier="PAY02"),
            "payer_sequence": "S",
            "filing_indicator": "CI",
            "other_coverages": (
                OtherCoverage(
                    sequence="P",
                    relationship="18",
                    filing_indicator="CI",
                    paid=paid,
                    benefits_assigned="Y",
                    release_of_information="Y",
                    subscriber=subscriber,
                    payer=Payer(name="TEST PAYER", identifier_qualifier="PI", identifier="PAY01"),
                ),
            ),
            "service_lines": (line.model_copy(update={"adjudications": (decided,)}),),
        }
    )


def _sent(desk: Desk) -> list[Claim]:
    """The claims in all files, in the order of their control numbers."""
    paths = sorted(
        (desk.mailbox / "to-payer").glob("*.837"), key=lambda path: path.read_bytes()[90:99]
    )
    return [
        part.claim
        for path in paths
        for part in read_claims(BytesIO(path.read_bytes()), source="test")
        if isinstance(part, ReadClaim) and part.claim is not None
    ]


async def test_the_next_payers_turn_goes_as_a_claim_of_its_own(
    desk: Desk, claim: MakeClaim
) -> None:
    first = claim(1)
    await desk.code(first)
    await desk.round()
    await desk.paid(first)
    assert await desk.statuses() == {1: "adjudicated"}
    await desk.secondary_due(_second_payers(first))
    await desk.secondary_due(_second_payers(first))
    await desk.round()
    rows = await desk.rows("SELECT payer_sequence, status FROM claim ORDER BY payer_sequence")
    assert rows == [("P", "adjudicated"), ("S", "sent")]
    primary, secondary = _sent(desk)
    assert (primary.payer_sequence, secondary.payer_sequence) == ("P", "S")
    assert secondary.payer.identifier == "PAY02"
    assert secondary.other_coverages[0].paid == first.charge - 3_000
    assert secondary.service_lines[0].adjudications[0].adjudicated_on == date(2025, 3, 20)
    said = await desk.said("claims.submission", "claim.submitted.v1")
    turns = [_data(record, ClaimSubmitted).claim.payer_sequence for record in said]
    assert turns == ["P", "S"]


async def test_an_answer_to_the_second_sending_moves_the_second_leg(
    desk: Desk, claim: MakeClaim
) -> None:
    first = claim(1)
    await desk.code(first)
    await desk.round()
    await desk.paid(first)
    await desk.secondary_due(_second_payers(first))
    await desk.round()
    _put(desk, "x.277ca", _accepted("0000000020001", "PCN00001"))
    await desk.round()
    await desk.take_answers()
    rows = await desk.rows("SELECT payer_sequence, status FROM claim ORDER BY payer_sequence")
    assert rows == [("P", "adjudicated"), ("S", "acknowledged")]
    (record,) = await desk.said("claims.submission", "claim.acknowledged.v1")
    said = _data(record, ClaimAcknowledged)
    assert said.payer_sequence == "S"
    assert said.evidence.path == "HL[4]/2200D"
    await desk.paid(_second_payers(first), clp_status="2")
    rows = await desk.rows("SELECT DISTINCT status FROM claim")
    assert rows == [("adjudicated",)]


async def test_a_secondary_claim_that_does_not_add_up_is_not_sent(
    desk: Desk, claim: MakeClaim
) -> None:
    due = _second_payers(claim(1))
    off = due.other_coverages[0].model_copy(update={"paid": 1})
    await desk.secondary_due(due.model_copy(update={"other_coverages": (off,)}))
    await desk.round()
    (record,) = await desk.said("claims.submission", "claim.refused.v1")
    said = _data(record, ClaimRefused)
    assert said.payer_sequence == "S"
    assert [finding.code for finding in said.findings] == ["earlier-decision-unbalanced-claim"]
    assert desk.sent_numbers() == []


@pytest.mark.parametrize("frequency", ["7", "8"])
async def test_a_replacement_carries_the_number_that_the_payer_gave(
    desk: Desk, claim: MakeClaim, frequency: str
) -> None:
    await desk.code(claim(1), claim(2))
    await desk.round()
    _put(desk, "x.277ca", _accepted("0000000010001", "PCN00001", payer_number="FROM277"))
    await desk.round()
    await desk.take_answers()
    await desk.paid(claim(2))
    again = {"revision": 2, "frequency": frequency}
    await desk.code(claim(1, **again), claim(2, **again), claim(3, **again))
    await desk.round()
    numbers = {one.patient_control_number: one.payer_claim_control_number for one in _sent(desk)}
    assert numbers == {"PCN00001": "FROM277", "PCN00002": "ICN2"}
    assert await desk.subjects("claim.refused.v1") == [3], "this payer never gave a number"


async def test_a_claim_without_an_835_is_asked_about_and_the_277_read(
    pool: Pool, tmp_path: Path, claim: MakeClaim
) -> None:
    profile = Profile(status_inquiry=StatusInquiry(after_days=(14, 30)))
    desk = Desk(pool, tmp_path, profile)
    await desk.code(claim(1), claim(2))
    await desk.round()
    await desk.paid(claim(2))
    await desk.round(13 * DAY_S)
    assert list((desk.mailbox / "to-payer").glob("*.276")) == []
    await desk.round(DAY_S)
    await desk.round()
    (path,) = (desk.mailbox / "to-payer").glob("*.276")
    levels = [
        part
        for part in read_acknowledgements(BytesIO(path.read_bytes()))
        if isinstance(part, StatusLevel)
    ]
    assert [level.code for level in levels] == ["20", "21", "19", "22"]
    trace = levels[-1].traces[0]
    assert trace.reference("EJ") == "PCN00001"
    assert await desk.rows("SELECT trace, answered_at FROM inquiry") == [(trace.number, None)]
    _put(
        desk,
        "x.277",
        _answer(
            "HN",
            "005010X212",
            "BHT*0010*08*1*20250310*1200*DG~HL*1**20*1~NM1*PR*2*PAYER*****PI*PAY01~"
            "HL*2*1*21*1~NM1*41*2*US*****46*CLAIMWIRE~HL*3*2*19*1~"
            "NM1*1P*2*CLINIC*****XX*1234567893~HL*4*3*22*0~NM1*IL*1*DOE*JANE****MI*W1~"
            f"TRN*2*{trace.number}~STC*P1:20*20250324**100~REF*1K*NUMBER7~",
        ),
    )
    await desk.round()
    await desk.take_answers()
    assert await desk.statuses() == {1: "acknowledged", 2: "adjudicated"}
    assert await desk.rows("SELECT answered_at IS NOT NULL FROM inquiry") == [(True,)]
    assert await desk.rows(
        "SELECT payer_claim_control_number FROM claim WHERE status = 'acknowledged'"
    ) == [("NUMBER7",)]
    await desk.round(20 * DAY_S)
    await desk.round()
    assert len(list((desk.mailbox / "to-payer").glob("*.276"))) == 2
    await desk.round(300 * DAY_S)
    assert len(list((desk.mailbox / "to-payer").glob("*.276"))) == 2, "the schedule is over"


async def test_days_that_passed_while_nothing_ran_are_asked_once(
    pool: Pool, tmp_path: Path, claim: MakeClaim
) -> None:
    profile = Profile(status_inquiry=StatusInquiry(after_days=(1, 2, 3, 50)))
    desk = Desk(pool, tmp_path, profile)
    await desk.code(claim(1))
    await desk.round()
    for _ in range(3):
        await desk.round(10 * DAY_S)
    assert len(list((desk.mailbox / "to-payer").glob("*.276"))) == 1


async def test_an_835_that_does_not_come_is_overdue(desk: Desk, claim: MakeClaim) -> None:
    await desk.code(claim(1), claim(2))
    await desk.round()
    _put(desk, "x.277ca", _accepted("0000000010001", "PCN00001", "PCN00002"))
    await desk.round()
    await desk.take_answers()
    await desk.paid(claim(2))
    await desk.round(desk.settings.watchdog_835_s)
    records = await desk.said("claims.submission", "acknowledgement.overdue.v1")
    said = [(_data(record, AcknowledgementOverdue).expected, record.key) for record in records]
    assert said == [("835", str(claim(1).id).encode())]


async def test_the_time_for_filing_is_counted_down_for_what_is_not_in_adjudication(
    pool: Pool, tmp_path: Path, claim: MakeClaim
) -> None:
    """Served on 3 March with 100 days to file: half is left on 22 April, a quarter on 17 May, a
    tenth on 1 June; the last day is 11 June."""
    desk = Desk(pool, tmp_path, Profile(filing=Filing(days=100)))
    await desk.code(claim(1), claim(2, frequency="7"), claim(3))
    await desk.round()
    _put(desk, "x.277ca", _accepted("0000000010001", "PCN00001"))
    await desk.round()
    await desk.take_answers()
    await desk.code(claim(4))  # is sent, and answered by nothing
    await desk.round()
    heard: list[tuple[int, int, date]] = []
    for _ in range(110):
        await desk.round(DAY_S)
        records = await desk.said("claims.submission", "claim.filing-due.v1")
        for record in records[len(heard) :]:
            said = _data(record, ClaimFilingDue)
            heard.append((int((record.key or b"")[-4:]), said.percent_left, desk.now.date()))
            assert said.last_day == date(2025, 6, 11)
    unwritable = [(percent, day) for number, percent, day in heard if number == 2]
    assert unwritable == [
        (50, date(2025, 4, 22)),
        (25, date(2025, 5, 17)),
        (10, date(2025, 6, 1)),
        (0, date(2025, 6, 12)),
    ]
    assert {number for number, _, _ in heard} == {2, 3, 4}, "the first was filed in time"


async def test_what_was_just_sent_is_given_its_time_to_be_answered(
    pool: Pool, tmp_path: Path, claim: MakeClaim
) -> None:
    desk = Desk(pool, tmp_path, Profile(filing=Filing(days=10)))
    await desk.code(claim(1))
    await desk.round()
    await desk.round(3600)
    assert await desk.subjects("claim.filing-due.v1") == []
    await desk.round(desk.settings.watchdog_277ca_s)
    assert await desk.subjects("claim.filing-due.v1") == [1]


async def test_bytes_are_sealed_where_there_is_a_key_and_sent_as_they_were_written(
    pool: Pool, tmp_path: Path, claim: MakeClaim
) -> None:
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    desk = Desk(pool, tmp_path, blob_key=key)
    await desk.code(claim(1))
    await desk.round()
    ((identity, content, is_sealed),) = await desk.rows(
        "SELECT interchange_id, content, is_sealed FROM interchange"
    )
    assert is_sealed
    assert b"ISA" not in content
    assert desk.sent_numbers() == ["PCN00001"]
    async with pool.acquire() as connection:
        opened = await content_of(connection, identity, desk.courier.vault)
        (path,) = (desk.mailbox / "to-payer").iterdir()
        assert opened == path.read_bytes()
        with pytest.raises(NoKeyError):
            await content_of(connection, identity, Vault())
        with pytest.raises(SealError):
            await content_of(connection, identity, Vault(b"x" * 32))


async def test_an_835_of_a_claim_that_is_not_here_is_nothing(desk: Desk, claim: MakeClaim) -> None:
    await desk.paid(claim(9))
    assert await desk.statuses() == {}


async def test_the_answer_that_comes_before_the_835_late_does_not_take_it_back(
    desk: Desk, claim: MakeClaim
) -> None:
    await desk.code(claim(1))
    await desk.round()
    await desk.paid(claim(1))
    _put(desk, "x.277ca", _accepted("0000000010001", "PCN00001"))
    await desk.round()
    await desk.take_answers()
    assert await desk.statuses() == {1: "adjudicated"}


async def test_before_a_cut_off_an_interchange_closes_sooner(
    pool: Pool, tmp_path: Path, claim: MakeClaim
) -> None:
    cutoff = Cutoff(times=(time(12, 30),), margin_s=600)
    desk = Desk(pool, tmp_path, Profile(cutoff=cutoff, interchange_window_s=7200))
    await desk.code(claim(1))
    await desk.round(1199)
    assert desk.sent_numbers() == []
    await desk.round(2)
    assert desk.sent_numbers() == ["PCN00001"]

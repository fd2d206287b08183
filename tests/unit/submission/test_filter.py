"""The filters: 837 files from coded claims, events from payers' answers."""

from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest

from services.submission.filter import ack, submit
from shared.contract.claim import Claim, Payer
from shared.contract.envelope import Event
from shared.contract.events import (
    AcknowledgementRead,
    ClaimCoded,
    ClaimHeld,
    ClaimRefused,
    ClaimSubmitted,
    MessageRejected,
)
from shared.x12.claims.reading import ReadClaim, read_claims

MakeClaim = Callable[..., Claim]


def _coded(claim: Claim, now: datetime) -> Event:
    data = ClaimCoded(claim=claim, ruleset="2025.1")
    return Event(UUID(int=claim.id.int + 99), "coding", str(claim.id), now, data)


def _numbers(path: Path) -> list[str | None]:
    with path.open("rb") as file:
        found = list(read_claims(file, source="general"))
    return [one.patient_control_number for one in found if isinstance(one, ReadClaim)]


def test_coded_claims_become_one_file_and_an_event_each(
    make_claim: MakeClaim, now: datetime, tmp_path: Path
) -> None:
    events = [_coded(make_claim(number), now) for number in (1, 2)]
    said = list(submit(events, tmp_path, now=now))
    (path,) = tmp_path.iterdir()
    assert _numbers(path) == ["PCN00001", "PCN00002"]
    assert [event.subject for event in said] == [event.subject for event in events]
    assert [event.causation_id for event in said] == [event.id for event in events]
    assert all(isinstance(event.data, ClaimSubmitted) for event in said)


def test_a_file_closes_at_its_size_and_numbers_go_on_in_the_next_run(
    make_claim: MakeClaim, now: datetime, tmp_path: Path
) -> None:
    events = [_coded(make_claim(number), now) for number in (1, 2, 3)]
    list(submit(events, tmp_path, now=now, claims_per_file=2))
    list(submit([_coded(make_claim(4), now)], tmp_path, now=now))
    paths = sorted(tmp_path.iterdir())
    assert [path.stem[-9:] for path in paths] == ["000000001", "000000002", "000000003"]
    assert [_numbers(path)[0] for path in paths] == ["PCN00001", "PCN00003", "PCN00004"]


def test_a_claim_that_cannot_be_written_is_refused_and_leaves_no_file(
    make_claim: MakeClaim, now: datetime, tmp_path: Path
) -> None:
    (said,) = submit([_coded(make_claim(frequency="7"), now)], tmp_path, now=now)
    assert isinstance(said.data, ClaimRefused)
    assert said.data.evidence.transaction == "837"
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_coded_claim_passes_through(
    make_claim: MakeClaim, now: datetime, tmp_path: Path
) -> None:
    data = ClaimHeld(claim=make_claim(), ruleset="2025.1", findings=())
    held = Event(UUID(int=5), "coding", "x", now, data)
    assert list(submit([held], tmp_path, now=now)) == [held]


def test_claims_for_any_payer_share_the_default_profiles_file(
    make_claim: MakeClaim, now: datetime, tmp_path: Path
) -> None:
    other = make_claim(2, payer=Payer(name="OTHER", identifier="OTHER"))
    list(submit([_coded(make_claim(1), now), _coded(other, now)], tmp_path, now=now))
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("folder", "name", "transaction", "outcome"),
    [
        ("999", "cosyte_x12__ack__999-accept.edi", "999", "accepted"),
        ("999", "imsweb_x12-parser__837_5010__x12_999_rejected.txt", "999", "rejected"),
        ("TA1", "cosyte_x12__ack__ta1-accept.edi", "TA1", "accepted"),
        ("TA1", "cosyte_x12__ack__ta1-reject-control-mismatch.edi", "TA1", "rejected"),
        ("277CA", "imsweb_x12-parser__277_5010__x12_277CA_accepted.txt", "277CA", "accepted"),
    ],
)
def test_each_kind_of_answer_is_read(
    samples: Path, now: datetime, folder: str, name: str, transaction: str, outcome: str
) -> None:
    with (samples / folder / name).open("rb") as file:
        (said,) = ack(file, now=now)
    assert isinstance(said.data, AcknowledgementRead)
    assert (said.data.transaction, said.data.outcome) == (transaction, outcome)


def test_what_cannot_be_read_is_said(now: datetime) -> None:
    (said,) = ack(BytesIO(b"no x12"), now=now)
    assert isinstance(said.data, MessageRejected)

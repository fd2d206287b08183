"""What strangers put on `claims.inbound`, with a client that knows nothing of us: each is answered,
none takes another down with it, and none is too large."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import KafkaException, Producer

from deploy.local.stack import Stack
from deploy.twins.hospital import X12, render_x12
from shared.contract.claim import Claim, FileInformation
from shared.contract.envelope import business_id
from shared.contract.model import to_wire
from shared.contract.topics import CLAIMS_INBOUND
from shared.x12.claims.writing import InterchangeEnvelope, write_interchange
from tests.integration.cli.conftest import TODAY, Claimwire, ask, until

Make = Callable[[int], list[Claim]]

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
STRANGER = "stranger"
MEBIBYTE = 1024 * 1024
Header = tuple[str, str | bytes | None]


class Sender:
    """Puts records on one partition, so that all of them meet in the same batches."""

    def __init__(self, stack: Stack) -> None:
        self._producer = Producer(
            {"bootstrap.servers": stack.kafka, "message.max.bytes": 20 * MEBIBYTE}
        )
        self.refused = 0

    def send(self, value: bytes | None, *headers: Header, message: str | None = None) -> UUID:
        """Sends one record under an id of its own; returns the id that intake gives it."""
        message = message or uuid4().hex
        named: list[Header] = [("source", STRANGER.encode()), ("message-id", message.encode())]
        chosen = {name for name, _ in headers}
        all_headers = [*headers, *(one for one in named if one[0] not in chosen)]
        try:
            self._producer.produce(
                CLAIMS_INBOUND, value, partition=3, headers=all_headers, callback=self._delivered
            )
        except KafkaException:
            self.refused += 1
        return business_id("message", STRANGER, message)

    def _delivered(self, error: object, _: object) -> None:
        self.refused += error is not None

    def finish(self) -> None:
        """Waits until the broker has said yes or no to each."""
        assert self._producer.flush(60) == 0
        del self._producer  # or its threads look for the broker until the end of the session


def answers(stack: Stack) -> list[dict[str, Any]]:
    """What intake said of strangers' messages: each event's type and data."""
    rows = ask(
        stack, "SELECT type, value FROM intake.event WHERE topic = 'claims.intake' ORDER BY seq"
    )
    events = [{"type": row["type"], **json.loads(row["value"])} for row in rows]
    return [one for one in events if one["origin"]["source"] in (STRANGER, "hospital")]


def test_each_broken_record_is_answered_and_good_ones_around_it_are_untouched(
    stack: Stack, claimwire: Claimwire, professional: Make
) -> None:
    sender = Sender(stack)
    claims = iter(professional(20))
    whole = render_x12(professional(3), TODAY, number=1)
    good: list[str] = []

    def send_good() -> None:
        claim = next(claims)
        good.append(str(business_id("claim", STRANGER, claim.patient_control_number)))
        sender.send(to_wire(claim), ("content-type", b"application/json"))

    broken: dict[UUID, tuple[bytes | None, list[Header]]] = {}
    cases: list[tuple[bytes | None, list[Header]]] = [
        (None, []),
        (b"", []),
        (b"hello", [("content-type", b"application/pdf")]),
        (b"\xff\xfe" * 475_000, []),
        (b'{"kind": "' + b"x" * 950_000, [("content-type", b"application/json")]),
        (whole[: len(whole) // 3], [("content-type", X12.encode())]),
        (whole[:90], [("content-type", X12.encode())]),
        (to_wire(next(claims)), [("content-type", X12.encode())]),
    ]
    send_good()
    for value, headers in cases:
        broken[sender.send(value, *headers)] = (value, headers)
        send_good()
    sender.send(to_wire(next(claims)), ("source", b"\xff\xfeclinic"))
    sender.send(to_wire(next(claims)), ("content-type", b"\xff"))
    send_good()
    sender.finish()

    said = until(
        lambda: (
            (found := answers(stack))
            and sum(one["type"] == "claim.received.v1" for one in found) >= len(good)
            and sum(one["type"] != "claim.received.v1" for one in found) >= len(cases) + 2
            and found
        )
    )
    accepted = [one["claim"]["id"] for one in said if one["type"] == "claim.received.v1"]
    assert set(good) <= set(accepted)
    rejections = [one for one in said if one["type"] != "claim.received.v1"]
    assert {one["type"] for one in rejections} <= {"message.rejected.v1", "claim.rejected.v1"}
    assert all(one["findings"] for one in rejections)
    answered = {UUID(one["origin"]["message_id"]) for one in rejections}
    assert broken.keys() <= answered
    paths = {finding.get("path") for one in rejections for finding in one["findings"]}
    assert {"headers.source", "headers.content-type"} <= paths

    listed = claimwire("parked", "list", "--json").document
    assert not any(listed.values()), "what cannot be read at the door is refused, not parked"
    until(lambda: claimwire("status", "--json").document["services"]["intake"]["consumer_lag"] == 0)
    assert claimwire("status").status == 0


def test_ten_megabytes_in_one_record_are_the_brokers_to_refuse_or_ours(
    stack: Stack, professional: Make
) -> None:
    sender = Sender(stack)
    (claim,) = professional(1)
    large = sender.send(b"\x00" * (10 * MEBIBYTE))
    small = sender.send(to_wire(claim), ("content-type", b"application/json"))
    sender.finish()

    def messages() -> Counter[str]:
        found = Counter[str]()
        for one in answers(stack):
            if UUID(one["origin"]["message_id"]) in (large, small):
                found[one["type"]] += 1
        return found

    expected = {"claim.received.v1": 1}
    if not sender.refused:
        expected["message.rejected.v1"] = 1
    assert until(lambda: (found := messages()) == expected and found)


# A file of 100 MB

LARGE_BYTES = 100 * MEBIBYTE
CLAIM_BYTES = 7_400
PEAK_MEBIBYTES = 250
ENVELOPE = InterchangeEnvelope(
    sender="GENHOSP",
    receiver="CLAIMWIRE",
    control_number=1,
    created_at=datetime(2026, 11, 20, tzinfo=UTC),
    usage="T",
)


def many(claim: Claim, count: int) -> Iterator[Claim]:
    """Professional claims, each of about `CLAIM_BYTES` in an 837. All have the same fault, so that
    they end with coding and the test does not wait for a payer."""
    filling = tuple(FileInformation(text=f"{number}" + "PADDING " * 9) for number in range(10))
    line = claim.service_lines[0].model_copy(update={"file_information": filling})
    lines = tuple(line.model_copy(update={"number": number}) for number in range(1, 9))
    for number in range(count):
        changed = {
            "patient_control_number": f"L{number:07d}",
            "charge": 8 * line.charge + 1,
            "file_information": filling,
            "service_lines": lines,
        }
        yield claim.model_copy(update=changed)


def peak_mebibytes(pid: int | None) -> float:
    """The most memory that a process has had so far."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("the system does not say what a process's memory was at its most")
    (line,) = [one for one in status.read_text().splitlines() if one.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def test_a_file_of_100_megabytes_goes_through_without_being_held_in_memory(
    stack: Stack, claimwire: Claimwire, professional: Make, tmp_path: Path
) -> None:
    path, count = tmp_path / "large.837", LARGE_BYTES // CLAIM_BYTES
    with path.open("wb") as file:
        write_interchange(many(professional(1)[0], count), ENVELOPE, file)
    assert path.stat().st_size > 0.95 * LARGE_BYTES
    already = ask(stack, "SELECT count(*) AS n FROM intake.claim")[0]["n"]
    said = claimwire("publish", path, "--source", "large", "--json")
    assert said.status == 0
    assert any(stack.folder.blob_dir.rglob("*.bin")), "a large body waits in the blob store"

    def is_read() -> bool:
        tally = ask(
            stack,
            "SELECT accepted, records FROM intake.message WHERE message_id = $1",
            UUID(said.document[0]["message"]),
        )
        return bool(tally) and tally[0]["records"] == tally[0]["accepted"] == count

    until(is_read, timeout_s=180.0)
    assert ask(stack, "SELECT count(*) AS n FROM intake.claim")[0]["n"] == already + count
    for service in ("intake", "coding"):
        assert peak_mebibytes(stack.services[service].pid) < PEAK_MEBIBYTES, service

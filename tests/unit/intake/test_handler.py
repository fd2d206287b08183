"""intake's side of the kernel: any record becomes units, none an exception."""

from collections.abc import Callable, Iterator
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest

from services.intake.domain.arrival import AcceptedClaim, Arrival, Unreadable
from services.intake.domain.known import State
from services.intake.filter import read
from services.intake.handlers import IntakeHandler
from shared.contract.envelope import business_id
from shared.contract.events import MessageRejected
from shared.messaging.handler import RawMessage, Record, Unit

Numbered = Callable[[int], bytes]


def record(value: bytes | None, **headers: bytes) -> Record:
    return Record(
        topic="claims.inbound",
        partition=0,
        offset=0,
        key=None,
        value=value,
        headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()),
        timestamp_ms=0,
    )


def units(value: bytes | None, **headers: bytes) -> list[Unit[Arrival]]:
    decoded = list(IntakeHandler("default").decode(record(value, **headers)))
    assert all(isinstance(unit, Unit) for unit in decoded)
    return [unit for unit in decoded if isinstance(unit, Unit)]


def refusal(value: bytes | None, **headers: bytes) -> list[tuple[str, str | None]]:
    (unit,) = units(value, **headers)
    assert isinstance(unit.body.outcome, Unreadable)
    return [(finding.code, finding.path) for finding in unit.body.outcome.findings]


def test_each_claim_of_a_record_is_a_unit_under_its_claims_id(numbered: Numbered) -> None:
    body = numbered(1) + b"\n" + numbered(2)
    first, second = units(
        body,
        source=b"general",
        message_id=b"m-1",
        content_type=b"application/x-ndjson",
        traceparent=b"00-aa-bb-01",
    )
    assert (first.part, second.part) == (0, 1)
    assert first.event_id == second.event_id
    assert isinstance(first.body.outcome, AcceptedClaim)
    assert first.key == str(first.body.outcome.claim.id)
    assert first.key != second.key
    assert first.traceparent == "00-aa-bb-01"
    assert first.body.origin.source == "general"
    assert first.body.origin.message_id == business_id("message", "general", "m-1")


def test_a_decision_is_about_the_claim_also_where_its_number_is_another_claims_already(
    numbered: Numbered, now: datetime
) -> None:
    first = numbered(1)
    second = first.replace(b"2025-03-03", b"2025-04-07")
    handler = IntakeHandler("default")
    states: dict[str, State] = {}
    said = []
    for unit in units(first + b"\n" + second, content_type=b"application/x-ndjson"):
        decision = handler.decide(states, unit, now)
        states.update(decision.states)
        (event,) = decision.events
        assert isinstance(event, RawMessage)
        said.append((unit.key, event.key, decision.claim_id))
    (key, one, about_one), (same_key, other, about_other) = said
    assert key == same_key == one == about_one
    assert one != other == about_other


def test_a_sender_who_does_not_say_its_name_gets_the_default(numbered: Numbered) -> None:
    (unit,) = units(numbered(1), source=b" ")
    assert unit.body.origin.source == "default"


@pytest.mark.parametrize("value", [None, b""])
def test_a_tombstone_or_an_empty_record_is_a_rejected_message(value: bytes | None) -> None:
    assert refusal(value) == [("message-empty", "$")]


@pytest.mark.parametrize("name", ["source", "message_id", "content_type"])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"x" * 81, b"a\x00b"])
def test_a_header_that_we_need_and_cannot_read_rejects_the_message(
    name: str, value: bytes, numbered: Numbered
) -> None:
    header = f"headers.{name.replace('_', '-')}"
    assert refusal(numbered(1), **{name: value}) == [("header-unreadable", header)]


def test_messages_with_different_unreadable_headers_are_different_messages(
    numbered: Numbered,
) -> None:
    ids = {units(numbered(1), source=source)[0].event_id for source in (b"\xff", b"\xfe", b"\xff")}
    assert len(ids) == 2


def test_headers_that_are_none_of_ours_may_be_anything(numbered: Numbered) -> None:
    (unit,) = units(numbered(1), x_other=b"\xff\xfe\xfd")
    assert isinstance(unit.body.outcome, AcceptedClaim)


@pytest.mark.parametrize(
    "body",
    [b"\x00" * 10_000_000, b"[" * 10_000_000, b'{"a":"' + b"x" * 10_000_000, b"ISA*" * 2_500_000],
    ids=["zeros", "brackets", "string", "x12"],
)
def test_ten_megabytes_of_nonsense_are_rejected_and_not_raised(body: bytes) -> None:
    outcomes = [unit.body.outcome for unit in units(body)]
    assert all(isinstance(outcome, Unreadable) for outcome in outcomes)
    assert outcomes


def test_claims_of_a_large_record_are_read_one_at_a_time(
    numbered: Numbered, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"\n".join(numbered(number) for number in range(5_000))
    opened: list[BytesIO] = []

    def open_record(_: Record) -> BytesIO:
        opened.append(BytesIO(body))
        return opened[-1]

    monkeypatch.setattr(Record, "open", open_record)
    decoding = IntakeHandler("default").decode(record(b"elsewhere"))
    first = next(decoding)
    assert isinstance(first, Unit)
    assert opened[-1].tell() < len(body) / 100


class Unseekable(BytesIO):
    """A stream that can be read only once, as a pipe."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: Any) -> int:
        raise OSError

    def tell(self) -> int:
        raise OSError


@pytest.mark.parametrize("count", [3, 2_000])
@pytest.mark.parametrize("stream_of", [BytesIO, Unseekable])
def test_the_filter_reads_files_and_pipes_alike(
    stream_of: Callable[[bytes], BytesIO], count: int, numbered: Numbered, now: datetime
) -> None:
    body = b"\n".join(numbered(number) for number in range(count))
    events = read(stream_of(body), source="cli", now=now)
    assert isinstance(events, Iterator)
    assert [event.type for event in events] == ["claim.received.v1"] * count


def test_the_filter_knows_duplicates_within_a_file_and_across_files(
    numbered: Numbered, now: datetime
) -> None:
    states: dict[str, Any] = {}
    twice = BytesIO(b"[" + numbered(1) + b"," + numbered(1) + b"]")
    first = [event.type for event in read(twice, source="cli", now=now, states=states)]
    second = [
        event.type for event in read(BytesIO(numbered(1)), source="cli", now=now, states=states)
    ]
    assert first == ["claim.received.v1", "claim.duplicated.v1"]
    assert second == ["claim.duplicated.v1"]


def test_the_filter_rejects_an_empty_file(now: datetime) -> None:
    (event,) = read(BytesIO(b""), source="cli", now=now)
    assert isinstance(event.data, MessageRejected)

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from shared.contract.envelope import (
    EnvelopeError,
    Event,
    business_id,
    from_headers,
    from_structured,
    text_headers,
    to_headers,
    to_structured,
)
from shared.contract.events import ClaimDuplicated, MessageOrigin
from shared.contract.model import to_wire

WHEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
DATA = ClaimDuplicated(origin=MessageOrigin(message_id=uuid4(), source="general"), revision=2)
EVENT = Event(
    id=uuid4(),
    source="claimwire/intake",
    subject=str(uuid4()),
    time=WHEN,
    data=DATA,
    sequence=2,
    traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    causation_id=uuid4(),
)


def test_an_event_reads_back_from_its_kafka_record() -> None:
    assert from_headers(text_headers(to_headers(EVENT)), to_wire(DATA)) == EVENT


def test_an_event_reads_back_from_its_line_of_ndjson() -> None:
    line = to_structured(EVENT)
    assert b"\n" not in line
    assert from_structured(line) == EVENT


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_source", "ce_subject", "ce_time"])
def test_a_missing_header_is_named(name: str) -> None:
    headers = text_headers(to_headers(EVENT))
    del headers[name]
    with pytest.raises(EnvelopeError) as error:
        from_headers(headers, to_wire(DATA))
    assert error.value.path == f"headers.{name}"


@pytest.mark.parametrize(
    ("name", "value"), [("ce_id", "1"), ("ce_time", "noon"), ("ce_sequence", "one")]
)
def test_a_malformed_header_is_an_error_that_does_not_repeat_it(name: str, value: str) -> None:
    headers = text_headers(to_headers(EVENT)) | {name: value}
    with pytest.raises(EnvelopeError) as error:
        from_headers(headers, to_wire(DATA))
    assert value not in str(error.value).split()


def test_an_unknown_type_is_told_from_a_missing_one() -> None:
    headers = text_headers(to_headers(EVENT)) | {"ce_type": "claim.dreamt.v1"}
    with pytest.raises(EnvelopeError) as error:
        from_headers(headers, to_wire(DATA))
    assert error.value.path == "headers.ce_type"
    assert "no event type" in error.value.reason


def test_a_header_that_is_not_utf8_is_named() -> None:
    with pytest.raises(EnvelopeError) as error:
        text_headers([("ce_id", b"ok"), ("ce_source", b"\xff\xfe")])
    assert error.value.path == "headers.ce_source"


def test_data_that_does_not_fit_its_type_never_shows_its_values() -> None:
    with pytest.raises(ValidationError) as error:
        from_headers(text_headers(to_headers(EVENT)), b'{"revision":"SECRETVALUE"}')
    assert "SECRETVALUE" not in str(error.value)


@pytest.mark.parametrize("line", [b"", b"[]", b"{", b'{"id":"x"}', b'"text"'])
def test_a_line_that_is_no_cloudevent_is_an_envelope_error(line: bytes) -> None:
    with pytest.raises(EnvelopeError):
        from_structured(line)


def test_the_same_business_key_gives_the_same_id_and_parts_do_not_run_together() -> None:
    assert business_id("claim", "a", "bc") == business_id("claim", "a", "bc")
    assert business_id("claim", "ab", "c") != business_id("claim", "a", "bc")
    assert isinstance(business_id(1), UUID)

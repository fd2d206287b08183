"""Records become units or Bad, whatever they hold; nothing raises but the blob store's outage."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, BinaryIO
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.blobs import BlobError, BlobStoreUnavailableError
from shared.contract.envelope import Event, Headers, to_headers
from shared.contract.events import ClaimDuplicated, MessageOrigin
from shared.contract.model import to_wire
from shared.messaging.batch import Pending, Whole
from shared.messaging.decoding import MAX_INLINE_BYTES, decode_events, unfold
from shared.messaging.handler import Bad, Record, Unit

WANTED = {"claim.duplicated.v1"}
SUBJECT = str(UUID(int=7))


def an_event() -> Event:
    data = ClaimDuplicated(origin=MessageOrigin(message_id=UUID(int=1), source="mercy"), revision=2)
    return Event(UUID(int=9), "intake", SUBJECT, datetime(2026, 1, 1, tzinfo=UTC), data)


def a_record(event: Event | None = None, **changes: Any) -> Record:
    event = event or an_event()
    record = Record(
        "claims.intake", 3, 42, event.subject.encode(), to_wire(event.data), to_headers(event), 0
    )
    return replace(record, **changes)


def with_header(headers: Headers, name: str, value: bytes) -> Headers:
    return (*((n, v) for n, v in headers if n != name), (name, value))


def decoded(record: Record, wanted: set[str] | None = None) -> list[Unit[Event] | Bad]:
    return list(decode_events(record, WANTED if wanted is None else wanted))


class Shelf:
    """A blob store with one body, or with a fault."""

    def __init__(self, body: bytes | Exception) -> None:
        self._body = body

    def get(self, ref: str, sha256: str | None = None) -> bytes:  # noqa: ARG002
        if isinstance(self._body, Exception):
            raise self._body
        return self._body

    def open(self, ref: str, sha256: str | None = None) -> BinaryIO:
        return BytesIO(self.get(ref, sha256))


def test_a_wanted_event_is_one_unit_under_its_subject_with_its_trace() -> None:
    event = replace(an_event(), traceparent=f"00-{'1' * 32}-{'2' * 16}-01")
    (unit,) = decoded(a_record(event))
    assert isinstance(unit, Unit)
    assert (unit.event_id, unit.key, unit.part) == (event.id, SUBJECT, 0)
    assert unit.traceparent == event.traceparent
    assert unit.body == event


def test_a_type_of_the_contract_that_is_not_wanted_is_no_unit() -> None:
    assert decoded(a_record(), {"claim.received.v1"}) == []


def test_a_type_outside_the_contract_parks_the_claim_of_the_key() -> None:
    record = a_record(headers=with_header(a_record().headers, "ce_type", b"claim.forgotten.v1"))
    (bad,) = decoded(record)
    assert isinstance(bad, Bad)
    assert (bad.error, bad.key, bad.event_id) == ("bad-envelope", SUBJECT, UUID(int=9))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"value": None}, "tombstone"),
        ({"value": b"{"}, "bad-data"),
        ({"value": b'{"revision": "many"}'}, "bad-data"),
        ({"value": b"x" * (MAX_INLINE_BYTES + 1)}, "too-large"),
        ({"headers": ()}, "bad-envelope"),
    ],
)
def test_what_is_wrong_with_a_record_parks_the_claim_of_its_key(
    changes: dict[str, Any], error: str
) -> None:
    (bad,) = decoded(a_record(**changes))
    assert isinstance(bad, Bad)
    assert (bad.error, bad.key) == (error, SUBJECT)


def test_a_header_that_is_not_utf8_still_gives_key_and_id() -> None:
    record = a_record(headers=with_header(a_record().headers, "ce_source", b"\xff\xfe"))
    (bad,) = decoded(record)
    assert bad == Bad("bad-header", "headers.ce_source: is not UTF-8", SUBJECT, UUID(int=9))


def test_an_id_that_is_none_parks_the_whole_record() -> None:
    record = a_record(headers=with_header(a_record().headers, "ce_id", b"not a uuid"))
    (bad,) = decoded(record)
    assert isinstance(bad, Bad)
    assert (bad.event_id, bad.key) == (None, SUBJECT)


def test_a_key_that_is_not_utf8_parks_alone() -> None:
    (bad,) = decoded(a_record(key=b"\xff", value=None))
    assert isinstance(bad, Bad)
    assert bad.key is None


def test_what_a_validation_says_holds_paths_and_no_values() -> None:
    (bad,) = decoded(a_record(value=b'{"origin": "Jane Roe", "revision": "Jane Roe"}'))
    assert isinstance(bad, Bad)
    assert "Roe" not in bad.detail
    assert "revision: int_parsing" in bad.detail


def claim_checked(body: bytes | Exception) -> Record:
    extra = (("ce_dataref", b"ab/c"), ("ce_datasize", b"10"), ("ce_datahash", b"0" * 64))
    return a_record(value=b"", headers=(*a_record().headers, *extra), blobs=Shelf(body))


def test_a_claim_check_is_redeemed() -> None:
    (unit,) = decoded(claim_checked(to_wire(an_event().data)))
    assert isinstance(unit, Unit)
    assert unit.body == an_event()


def test_a_claim_check_that_cannot_be_honoured_is_bad() -> None:
    (bad,) = decoded(claim_checked(BlobError("dataref: there is no such blob")))
    assert isinstance(bad, Bad)
    assert (bad.error, bad.key) == ("bad-claim-check", SUBJECT)


def test_a_claim_check_larger_than_memory_should_hold_is_bad() -> None:
    headers = (*a_record().headers, ("ce_dataref", b"ab/c"), ("ce_datasize", b"99999999999"))
    (bad,) = decoded(a_record(headers=(*headers, ("ce_datahash", b"0")), blobs=Shelf(b"")))
    assert isinstance(bad, Bad)
    assert bad.error == "bad-claim-check"


@given(
    headers=st.lists(
        st.tuples(
            st.one_of(st.sampled_from(["ce_type", "ce_id", "ce_time", "ce_dataref"]), st.text()),
            st.one_of(st.binary(), st.just(b"claim.duplicated.v1")),
        )
    ),
    value=st.none() | st.binary(),
    key=st.none() | st.binary(),
)
def test_no_record_makes_the_decoder_raise(
    headers: list[tuple[str, bytes]], value: bytes | None, key: bytes | None
) -> None:
    for unit in decoded(a_record(headers=tuple(headers), value=value, key=key)):
        assert isinstance(unit, Bad)


# unfold


class Raw:
    """A handler that gives what it was told to, and then may raise."""

    def __init__(self, units: list[Unit[None] | Bad], error: Exception | None = None) -> None:
        self._units = units
        self._error = error

    def decode(self, record: Record) -> Iterator[Unit[None] | Bad]:  # noqa: ARG002
        yield from self._units
        if self._error is not None:
            raise self._error


def unfolded(handler: Any, record: Record) -> list[Pending]:
    return list(unfold(handler, record))


RAW = Record("claims.inbound", 0, 1, b"k", b"ISA", (("ce_id", str(UUID(int=5)).encode()),), 0)


def test_a_raw_record_with_an_id_ends_with_the_mark_that_it_is_whole() -> None:
    units: list[Unit[None] | Bad] = [Unit(uuid4(), "a", None), Unit(uuid4(), "b", None)]
    *first, last = unfolded(Raw(units), RAW)
    assert [pending.unit for pending in first] == units
    assert last.unit == Whole(UUID(int=5))
    assert last.identity == (UUID(int=5), -1)


def test_an_event_of_the_contract_needs_no_such_mark() -> None:
    unit = Unit(UUID(int=9), SUBJECT, None)
    assert [pending.unit for pending in unfolded(Raw([unit]), a_record())] == [unit]


def test_a_decoder_that_raises_parks_the_rest_of_its_record() -> None:
    unit = Unit(uuid4(), "a", None)
    first, last = unfolded(Raw([unit], ZeroDivisionError("Jane Roe")), RAW)
    assert first.unit == unit
    assert isinstance(last.unit, Bad)
    assert (last.unit.error, last.unit.key, last.unit.event_id) == ("ZeroDivisionError", "k", None)
    assert "Roe" not in last.unit.detail


def test_the_blob_stores_outage_is_not_the_records_fault() -> None:
    with pytest.raises(BlobStoreUnavailableError):
        unfolded(Raw([], BlobStoreUnavailableError("away")), RAW)


def test_a_record_without_identity_is_told_from_its_like_by_place_time_and_content() -> None:
    bad = Bad("bad", "", "k")
    seen = {
        Pending(record, bad).identity
        for record in (
            RAW,
            replace(RAW, offset=2),
            replace(RAW, timestamp_ms=2),
            replace(RAW, value=b"GS"),
            replace(RAW, partition=2),
        )
    }
    assert len(seen) == 5
    assert Pending(replace(RAW), bad).identity in seen

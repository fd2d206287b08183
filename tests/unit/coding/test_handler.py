"""coding's side of the kernel: which records become units, and what is kept of a claim."""

from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO
from uuid import UUID

from services.coding.handlers import PAID, Body, CodingHandler, Heard, Unread
from shared.contract.claim import Claim
from shared.contract.envelope import Event, to_headers
from shared.contract.events import (
    Adjudication,
    ClaimDuplicated,
    ClaimPaid,
    ClaimReceived,
    MessageOrigin,
)
from shared.contract.model import Model, to_wire
from shared.messaging.handler import Bad, Decision, Record, Unit

ORIGIN = MessageOrigin(message_id=UUID(int=1), source="test")


class Blobs:
    """A blob store in memory."""

    def __init__(self, **bodies: bytes) -> None:
        self._bodies = bodies

    def get(self, ref: str, sha256: str | None = None) -> bytes:
        body = self._bodies[ref]
        assert sha256 in (None, hash_of(body))
        return body

    def open(self, ref: str, sha256: str | None = None) -> BinaryIO:
        return BytesIO(self.get(ref, sha256))


def hash_of(body: bytes) -> str:
    return sha256(body).hexdigest()


def record_of(data: Model, claim: Claim, at: datetime) -> Record:
    event = Event(UUID(int=5), "test", str(claim.id), at, data)
    return Record(
        topic=event.topic,
        partition=0,
        offset=0,
        key=event.subject.encode(),
        value=to_wire(data),
        headers=to_headers(event),
        timestamp_ms=0,
    )


def received(claim: Claim, at: datetime) -> Record:
    return record_of(ClaimReceived(claim=claim, origin=ORIGIN, received_at=at), claim, at)


def decode(record: Record) -> Unit[Body] | Bad:
    (unit,) = CodingHandler().decode(record)
    return unit


def test_a_received_claim_is_kept_as_it_came(professional: Claim, received_at: datetime) -> None:
    record = received(professional, received_at)
    unit = decode(record)
    assert isinstance(unit, Unit)
    assert unit.key == str(professional.id)
    assert isinstance(unit.body, Heard)
    assert unit.body.value == record.value


def test_a_claim_that_travelled_by_claim_check_is_kept_whole(
    professional: Claim, received_at: datetime
) -> None:
    direct = received(professional, received_at)
    assert direct.value is not None
    checked = replace(
        direct,
        value=b"",
        headers=(
            *direct.headers,
            ("ce_dataref", b"large"),
            ("ce_datasize", str(len(direct.value)).encode()),
            ("ce_datahash", hash_of(direct.value).encode()),
        ),
        blobs=Blobs(large=direct.value),
    )
    unit = decode(checked)
    assert isinstance(unit, Unit)
    assert isinstance(unit.body, Heard)
    assert unit.body.value == direct.value


def test_other_events_are_passed_over(professional: Claim, received_at: datetime) -> None:
    duplicate = ClaimDuplicated(origin=ORIGIN, revision=1)
    assert list(CodingHandler().decode(record_of(duplicate, professional, received_at))) == []


def test_a_record_that_is_no_event_is_bad_under_its_key(
    professional: Claim, received_at: datetime
) -> None:
    bad = decode(replace(received(professional, received_at), value=b"{}"))
    assert isinstance(bad, Bad)
    assert bad.key == str(professional.id)


def test_a_claim_that_was_paid_in_full_is_taken_in_without_being_read(
    professional: Claim, received_at: datetime
) -> None:
    amounts = dict.fromkeys(("charge", "paid", "contractual", "patient", "other", "denied"), 0)
    adjudication = Adjudication(
        revision=1, remittance_id=UUID(int=9), payer_identifier="P", status="1", **amounts
    )
    paid = ClaimPaid(adjudication=adjudication, outcome="paid")
    record = record_of(paid, professional, received_at)
    trace = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    unit = decode(replace(record, headers=(*record.headers, ("traceparent", trace.encode()))))
    assert isinstance(unit, Unit)
    assert (unit.event_id, unit.key) == (UUID(int=5), str(professional.id))
    assert unit.traceparent == trace
    assert isinstance(unit.body, Unread)
    assert CodingHandler().decide({}, unit, received_at) == Decision()
    in_part = paid.model_copy(update={"outcome": "partly_paid"})
    unit = decode(record_of(in_part, professional, received_at))
    assert isinstance(unit, Unit)
    assert isinstance(unit.body, Heard)
    unreadable = replace(record_of(paid, professional, received_at), headers=(("ce_type", PAID),))
    assert isinstance(decode(unreadable), Bad)

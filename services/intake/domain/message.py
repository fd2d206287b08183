"""One message from a sender, of any format, read lazily into arrivals to decide on.

The one place where reader, rules of the door and identity meet. Every door of intake ends here.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import BinaryIO
from uuid import UUID

from services.intake.domain import acceptance
from services.intake.domain.arrival import (
    AcceptedClaim,
    Arrival,
    ClaimRefusal,
    Outcome,
    Reading,
    Unreadable,
)
from services.intake.domain.encounter import EncounterNews, encounter_id, patient_id
from services.intake.domain.fhir.reading import read_fhir
from services.intake.domain.hl7.reading import read_hl7
from services.intake.domain.identity import claim_id, fingerprint, identify
from services.intake.domain.json_claims import read_json, read_ndjson
from services.intake.domain.profile import BUILT_IN, SourceProfile, SourceProfiles
from services.intake.domain.receipt import Acknowledgement
from services.intake.domain.sniff import HEAD_BYTES, detect, unknown_format
from services.intake.domain.x12_claims import read_x12
from shared.contract.claim import Claim
from shared.contract.envelope import business_id
from shared.contract.events import Format, MessageOrigin
from shared.contract.model import Finding
from shared.light import dataclass

READERS: Mapping[
    Format, Callable[[BinaryIO, SourceProfile], Iterator[Reading | Acknowledgement]]
] = {
    "x12": lambda stream, _: read_x12(stream),
    "json": lambda stream, _: read_json(stream),
    "ndjson": lambda stream, _: read_ndjson(stream),
    "hl7v2": read_hl7,
    "fhir": read_fhir,
}
_HASH_CHUNK = 1 << 20

Opener = Callable[[], AbstractContextManager[BinaryIO]]
"""Gives a message's bytes from their start, each time it is called."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it came through a door."""

    source: str
    open: Opener
    message: str | None = None
    """The sender's own id of the message; its content's hash stands in where there is none."""
    content_type: str | None = None


def read_delivery(delivery: Delivery, profiles: SourceProfiles = BUILT_IN) -> Iterator[Arrival]:
    """An arrival for each record of the message, at least one. Holds one record at a time."""
    content_hash, head = _digest(delivery.open)
    message_id = business_id("message", delivery.source, delivery.message or content_hash)
    message_format = detect(delivery.content_type, head)
    profile = profiles.of(delivery.source)
    readings = _readings(message_format, head, delivery.open, profile)
    return _arrivals(
        readings,
        source=delivery.source,
        message_id=message_id,
        # The same id with other content is a sender's mistake that must not lose its claims.
        delivery_id=business_id("delivery", message_id, content_hash),
        message_format=message_format,
    )


def unreadable_delivery(source: str, message: str, finding: Finding) -> Arrival:
    """The one arrival of a message whose envelope already cannot be read."""
    message_id = business_id("message", source, message)
    return Arrival(
        key=str(message_id),
        origin=MessageOrigin(message_id=message_id, source=source),
        delivery_id=message_id,
        outcome=Unreadable((finding,)),
        is_last=True,
    )


def _digest(open_stream: Opener) -> tuple[str, bytes]:
    digest = hashlib.sha256()
    with open_stream() as stream:
        head = stream.read(HEAD_BYTES)
        digest.update(head)
        while chunk := stream.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest(), head


def _readings(
    message_format: Format | None, head: bytes, open_stream: Opener, profile: SourceProfile
) -> Iterator[Reading | Acknowledgement]:
    if not head.strip():
        yield Unreadable((_empty(),))
    elif message_format is None:
        yield Unreadable((unknown_format(),))
    else:
        with open_stream() as stream:
            readings = READERS[message_format](stream, profile)
            first = next(readings, None)
            if first is None or isinstance(first, Acknowledgement):
                yield Unreadable((_empty(),))
            if first is not None:
                yield first
            yield from readings


def _empty() -> Finding:
    return Finding(
        code="message-empty",
        path="$",
        message="the message holds no claim",
        hint="Check that the export wrote its claims before it was sent.",
    )


def _arrivals(
    readings: Iterator[Reading | Acknowledgement],
    *,
    source: str,
    message_id: UUID,
    delivery_id: UUID,
    message_format: Format | None,
) -> Iterator[Arrival]:
    ahead = next(readings, None)
    for position in itertools.count():
        if ahead is None:
            return
        reading, ahead = ahead, next(readings, None)
        assert not isinstance(reading, Acknowledgement)  # it comes behind the last record
        acknowledgement = None
        if isinstance(ahead, Acknowledgement):
            ahead, acknowledgement = None, ahead
        outcome = admit(reading, source)
        yield Arrival(
            key=_key(outcome, source, message_id),
            origin=MessageOrigin(
                message_id=message_id, source=source, format=message_format, position=position
            ),
            delivery_id=delivery_id,
            outcome=outcome,
            is_last=ahead is None,
            acknowledgement=acknowledgement,
        )


def admit(reading: Reading, source: str) -> Outcome:
    """The rules of the door, and, for a claim that passes them, its identity."""
    if isinstance(reading, ClaimRefusal | Unreadable | EncounterNews):
        return reading
    sent, notes = (reading, ()) if isinstance(reading, Claim) else (reading.claim, reading.notes)
    findings = acceptance.findings_of(sent)
    if not findings:
        claim = identify(sent, source)
        digest, wire = fingerprint(claim)
        findings = acceptance.control_characters(claim, wire)
        if not findings:
            return AcceptedClaim(claim, digest, notes, wire)
    return ClaimRefusal(findings, sent.patient_control_number, sent.charge)


def _key(outcome: Outcome, source: str, message_id: UUID) -> str:
    match outcome:
        case AcceptedClaim(claim):
            return str(claim.id)
        case EncounterNews(account=str(account)) if account:
            return str(encounter_id(source, account))
        case EncounterNews(meaning="merge", medical_record_number=str(number)):
            return str(patient_id(source, number))
        case ClaimRefusal(patient_control_number=str(number)) if number.strip():
            return str(claim_id(source, number))
        case _:
            return str(message_id)

"""The envelope: CloudEvents 1.0, binary mode on Kafka, structured JSON in files and pipes.

Routing, deduplication and tracing read headers only and never open the data.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any
from uuid import UUID

from shared.contract.events import TYPE_BY_MODEL, TYPE_BY_NAME
from shared.contract.model import Model, to_wire
from shared.light import dataclass

Headers = tuple[tuple[str, bytes], ...]

NAMESPACE = UUID("6f1d3b0c-5b0e-5c43-9a3e-0d8a3d1c7e11")
"""The root of every UUIDv5 that is made from a business key."""
_NAMESPACE_BYTES = NAMESPACE.bytes


_REQUIRED = ("ce_id", "ce_type", "ce_source", "ce_subject", "ce_time")


class EnvelopeError(ValueError):
    """A record's headers are not a CloudEvent's. `path` is the header, `reason` never its value."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def business_id(*parts: object) -> UUID:
    """The UUIDv5 of a business key: the same parts give the same id, on every retry."""
    name = "\x1f".join(map(str, parts)).encode()
    digest = sha1(_NAMESPACE_BYTES + name, usedforsecurity=False).digest()
    return UUID(bytes=digest[:16], version=5)  # uuid5, in half its time: once per claim and event


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. `subject` is the claim id (or the message's or remittance's, where no claim is
    meant) and the Kafka key; `sequence` the claim's revision."""

    id: UUID
    source: str
    subject: str
    time: datetime
    data: Model
    sequence: int = 1
    traceparent: str | None = None
    causation_id: UUID | None = None
    """The event that led to this one; travels as the extension `ce_causationid`."""

    @property
    def type(self) -> str:
        return TYPE_BY_MODEL[type(self.data)].name

    @property
    def topic(self) -> str:
        return TYPE_BY_MODEL[type(self.data)].topic


def to_headers(event: Event, *, dataref: str | None = None) -> Headers:
    """Kafka headers of the binary mode, in a fixed order."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event.id).encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.type.encode()),
        ("ce_time", event.time.isoformat().encode()),
        ("ce_subject", event.subject.encode()),
        ("ce_sequence", str(event.sequence).encode()),
        ("content-type", b"application/json"),
    ]
    if event.traceparent is not None:
        headers.append(("traceparent", event.traceparent.encode()))
    if event.causation_id is not None:
        headers.append(("ce_causationid", str(event.causation_id).encode()))
    if dataref is not None:
        headers.append(("ce_dataref", dataref.encode()))
    return tuple(headers)


def text_headers(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Headers as text; EnvelopeError names the first that is not UTF-8."""
    texts = {}
    for name, value in headers:
        try:
            texts[name.lower()] = value.decode()
        except UnicodeDecodeError:
            raise EnvelopeError(f"headers.{name}", "is not UTF-8") from None
    return texts


def from_headers(headers: Mapping[str, str], value: bytes) -> Event:
    """The event of a record in binary mode.

    Raises EnvelopeError for missing or malformed headers or an unknown type, and
    pydantic.ValidationError (inputs hidden) where the data does not fit the type.
    """
    for name in _REQUIRED:
        if name not in headers:
            raise EnvelopeError(f"headers.{name}", "is missing")
    event_type = TYPE_BY_NAME.get(headers["ce_type"])
    if event_type is None:
        raise EnvelopeError("headers.ce_type", "is no event type of this contract")
    try:
        identity = UUID(headers["ce_id"])
        time = datetime.fromisoformat(headers["ce_time"])
        sequence = int(headers.get("ce_sequence", "1"))
        causation = headers.get("ce_causationid")
        causation_id = UUID(causation) if causation else None
    except ValueError:
        raise EnvelopeError("headers", "hold a malformed id, time or sequence") from None
    return Event(
        id=identity,
        source=headers["ce_source"],
        subject=headers["ce_subject"],
        time=time if time.tzinfo else time.replace(tzinfo=UTC),
        data=event_type.model.model_validate_json(value),
        sequence=sequence,
        traceparent=headers.get("traceparent"),
        causation_id=causation_id,
    )


def to_structured(event: Event) -> bytes:
    """One CloudEvent as a line of JSON, without the newline: what the filters write."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": event.source,
        "type": event.type,
        "time": event.time.isoformat(),
        "subject": event.subject,
        "sequence": str(event.sequence),
        "datacontenttype": "application/json",
    }
    if event.traceparent is not None:
        attributes["traceparent"] = event.traceparent
    if event.causation_id is not None:
        attributes["causationid"] = str(event.causation_id)
    head = json.dumps(attributes, separators=(",", ":")).encode()
    return head[:-1] + b',"data":' + to_wire(event.data) + b"}"


def from_structured(line: bytes) -> Event:
    """The event of one line of NDJSON. Raises as `from_headers` does."""
    try:
        document = json.loads(line)
    except ValueError:
        raise EnvelopeError("$", "is not JSON") from None
    if not isinstance(document, dict) or "data" not in document:
        raise EnvelopeError("$", "is not a CloudEvent in structured mode")
    headers = {
        f"ce_{name}": value
        for name, value in document.items()
        if isinstance(value, str) and name not in ("traceparent", "data")
    }
    if isinstance(document.get("traceparent"), str):
        headers["traceparent"] = document["traceparent"]
    return from_headers(headers, json.dumps(document["data"]).encode())

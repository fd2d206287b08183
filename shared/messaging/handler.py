"""What a service and the kernel say to each other. Everything else of the kernel is behind this.

A service gives the kernel a `Handler`. The kernel turns records into units, finds out which are
new, asks the handler for states, decides each unit in offset order, and saves the decisions,
the inbox, the outbox and what was parked in one transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO, Generic, Protocol, TypeVar
from uuid import UUID

from shared.contract.envelope import Event, Headers
from shared.light import dataclass

DATAREF = "ce_dataref"
"""The header of a claim check: where the value's bytes are, when they do not travel themselves."""
DATAHASH = "ce_datahash"
"""The SHA-256 of those bytes, in hex."""

Body = TypeVar("Body")
State = TypeVar("State")
Row = TypeVar("Row")


class BlobReader(Protocol):
    """The part of `shared.blobs.Blobs` that a record needs."""

    def get(self, ref: str, sha256: str | None = None) -> bytes: ...

    def open(self, ref: str, sha256: str | None = None) -> BinaryIO: ...


@dataclass(frozen=True, slots=True)
class Record:
    """What the broker handed over, untouched. `value` is None for a tombstone."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    blobs: BlobReader | None = field(default=None, repr=False, compare=False)

    def header(self, name: str) -> bytes | None:
        """The first header of this (lower-case) name, as bytes: it need not be UTF-8."""
        for header, value in self.headers:
            if header == name or header.lower() == name:
                return value
        return None

    @property
    def traceparent(self) -> str | None:
        """The trace that the record came with, whatever its header holds: tracing passes over what
        is no traceparent."""
        raw = self.header("traceparent")
        return raw.decode("ascii", "replace") if raw else None

    def open(self) -> BinaryIO:
        """The value as a stream: from memory, or from the blob store for a claim check.

        Raises LookupError where the value is elsewhere and cannot be had from here, and what the
        blob store raises; let its OSError pass, the record is then tried again.
        """
        reference = self.header(DATAREF)
        if reference is None:
            return BytesIO(self.value or b"")
        if self.blobs is None:
            raise LookupError("the record's value is in a blob store and none is configured")
        sha256 = self.header(DATAHASH)
        return self.blobs.open(
            reference.decode("utf-8", "replace"),
            None if sha256 is None else sha256.decode("utf-8", "replace"),
        )


@dataclass(frozen=True, slots=True)
class Unit(Generic[Body]):
    """One thing to decide on: an event, or one claim of a file.

    `event_id` and `part` are the inbox key; a file with many claims gives units with one event id
    and parts 0, 1, 2... `key` is what state, order and parking go by: the claim id where one is
    known, else the message's id.
    """

    event_id: UUID
    key: str
    body: Body
    part: int = 0
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Bad:
    """What cannot be decoded. Parks its claim. `error` is a stable class, `detail` holds no PHI."""

    error: str
    detail: str
    key: str | None = None
    event_id: UUID | None = None
    part: int = 0


@dataclass(frozen=True, slots=True)
class RawMessage:
    """Bytes to publish as they are: what a payer's mailbox held, a 999 to a sender."""

    id: UUID
    topic: str
    key: str
    value: bytes
    headers: Headers
    traceparent: str | None = None
    type: str | None = None
    """The event type, where the bytes are an event's data and the headers its envelope: one that
    was made without its model, on a hot path."""


@dataclass(frozen=True, slots=True)
class Decision(Generic[State, Row]):
    """The outcome of one unit: the states it changed by key, what it says, rows to write."""

    states: Mapping[str, State] = field(default_factory=dict)
    events: tuple[Event | RawMessage, ...] = ()
    rows: tuple[Row, ...] = ()
    trace_links: tuple[str, ...] = ()
    """Traceparents of other traces this answers: an 835's decision links to its claim's."""
    claim_id: str | None = None
    """The claim it came to be about, where the unit's key is another: traces find it by this."""


class Handler(Protocol[Body, State, Row]):
    """A service's side. `connection` is an asyncpg connection inside the batch's transaction."""

    def decode(self, record: Record) -> Iterator[Unit[Body] | Bad]:
        """The record's units, lazily; a record of no interest gives none. Must not raise: whatever
        it raises parks the record under the error's class."""

    async def load(self, connection: Any, units: Sequence[Unit[Body]]) -> dict[str, State]:
        """States by key for these units, their rows locked in key order (FOR UPDATE). One query
        per table, whatever the batch's size."""

    def decide(
        self, states: Mapping[str, State], unit: Unit[Body], now: datetime
    ) -> Decision[State, Row]:
        """Pure. `states` already holds what earlier units of the batch decided. What it raises
        parks the unit."""

    async def save(
        self,
        connection: Any,
        states: Mapping[str, State],
        rows: Sequence[Row],
    ) -> None:
        """Writes the changed states and all rows; one statement per table."""

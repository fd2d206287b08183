"""What a service says, written in the transaction in which it decides to say it.

`event` keeps every message once, for as long as its retention; `outbox` points at those that the
relay has not sent yet. `append` can be called inside any transaction of the service; wake the
relay after the commit. Per claim the order of sequence numbers is the order of commits as long as
the claim's row is locked before: the handler's `load` sees to that.

What is to be sent, and in which order, only the table says. The bytes the relay mostly has at hand
(`Said`): reading every message back from the database cost as much as writing it.
"""

import asyncio
from collections.abc import Iterable, Sequence
from uuid import UUID

from shared.contract.envelope import Event, Headers, to_headers
from shared.contract.model import to_wire
from shared.database import Connection
from shared.light import dataclass
from shared.messaging.handler import DATAREF, RawMessage
from shared.messaging.wire import Blobs, claim_check, pack_headers, unpack_headers

CLAIM_CHECK_BYTES = 900_000
_INSERT = """
WITH logged AS (
    INSERT INTO event (event_id, type, topic, key, headers, value)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[])
    ON CONFLICT (event_id) DO NOTHING
    RETURNING seq, event_id
), queued AS (
    INSERT INTO outbox (seq) SELECT seq FROM logged
)
SELECT seq, event_id FROM logged
"""
_UNSENT = "SELECT seq FROM outbox ORDER BY seq LIMIT $1"
_READ = "SELECT seq, topic, key, headers, value FROM event WHERE seq = ANY($1::bigint[])"
_DEPTH = """
SELECT count(*) AS depth,
       coalesce(extract(epoch FROM now() - (SELECT created_at FROM event WHERE seq = min(o.seq))),
                0)::float8 AS age_s
FROM outbox o
"""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as the relay reads it. `seq` is its place in the order of what was said."""

    seq: int
    topic: str
    key: str
    headers: Headers
    value: bytes


@dataclass(frozen=True, slots=True)
class _Row:
    event_id: UUID
    type: str | None
    topic: str
    key: str
    headers: Headers
    value: bytes


class ClaimCheck:
    """Where values above `limit` bytes go instead of the broker. Set once, at a process's start."""

    blobs: Blobs | None = None
    limit: int = CLAIM_CHECK_BYTES


claim_checks = ClaimCheck()

SAID_BYTES = 16_000_000


class Said:
    """Messages that this process committed last, for its own relay. Nothing rests on it: what is
    not in it is read from the database. What was not committed must never be in it: a database that
    crashed may give the same numbers again."""

    def __init__(self, limit_bytes: int = SAID_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._messages: dict[int, Outgoing] = {}

    def keep(self, message: Outgoing) -> None:
        """Keeps a message until it is taken, or newer ones need its place."""
        self._messages[message.seq] = message
        self._bytes += len(message.value)
        while self._bytes > self._limit_bytes:
            self.take(next(iter(self._messages)))

    def take(self, seq: int) -> Outgoing | None:
        message = self._messages.pop(seq, None)
        if message is not None:
            self._bytes -= len(message.value)
        return message


async def append(connection: Connection, messages: Sequence[Event | RawMessage]) -> list[Outgoing]:
    """Writes messages to the event log and the outbox, in order; returns those that were new.

    A message whose id was said before is skipped: it is the same one again. Must run inside a
    transaction. Raises ValueError where a value is too large and no blob store is configured.
    """
    if not messages:
        return []
    rows = [await _checked(row) for row in map(_row, messages)]
    new = await connection.fetch(
        _INSERT,
        [row.event_id for row in rows],
        [row.type for row in rows],
        [row.topic for row in rows],
        [row.key for row in rows],
        [pack_headers(row.headers) for row in rows],
        [row.value for row in rows],
    )
    # Of the same id twice, the first was written.
    by_id = {row.event_id: row for row in reversed(rows)}
    return [_outgoing(seq, by_id[event_id]) for seq, event_id in new]


def _outgoing(seq: int, row: _Row) -> Outgoing:
    return Outgoing(seq, row.topic, row.key, row.headers, row.value)


def _row(message: Event | RawMessage) -> _Row:
    if isinstance(message, Event):
        headers = to_headers(message)
        value = to_wire(message.data)
        return _Row(message.id, message.type, message.topic, message.subject, headers, value)
    headers = raw_headers(message)
    return _Row(message.id, message.type, message.topic, message.key, headers, message.value)


def raw_headers(message: RawMessage) -> Headers:
    """A raw message's headers, with its id and trace where it does not carry them itself."""
    present = {name for name, _ in message.headers}
    headers = message.headers
    if "ce_id" not in present:
        headers = (*headers, ("ce_id", str(message.id).encode()))
    if message.traceparent is not None and "traceparent" not in present:
        headers = (*headers, ("traceparent", message.traceparent.encode()))
    return headers


async def _checked(row: _Row) -> _Row:
    """The row itself, or a claim check in its place where its value is too large to travel."""
    if len(row.value) <= claim_checks.limit:
        return row
    if claim_checks.blobs is None:
        raise ValueError(f"a value of {len(row.value)} bytes, and no blob store is configured")
    if any(name == DATAREF for name, _ in row.headers):
        raise ValueError("a claim check's own value is too large")
    kept = await asyncio.to_thread(claim_checks.blobs.put, row.value)
    headers = (*row.headers, *claim_check(kept))
    return _Row(row.event_id, row.type, row.topic, row.key, headers, b"")


# What the relay needs


async def unsent(connection: Connection, limit: int, said: Said) -> list[Outgoing]:
    """The oldest messages that are not sent, in order; those in `said` are taken from it."""
    wanted = [row[0] for row in await connection.fetch(_UNSENT, limit)]
    found = {seq: message for seq in wanted if (message := said.take(seq)) is not None}
    missing = [seq for seq in wanted if seq not in found]
    if missing:
        for seq, topic, key, headers, value in await connection.fetch(_READ, missing):
            found[seq] = Outgoing(seq, topic, key, unpack_headers(headers), value)
    return [found[seq] for seq in wanted if seq in found]


async def forget(connection: Connection, sent: Iterable[int]) -> None:
    """Takes what the broker has acknowledged off the outbox."""
    await connection.execute("DELETE FROM outbox WHERE seq = ANY($1::bigint[])", list(sent))


async def depth(connection: Connection) -> tuple[int, float]:
    """How many messages wait for the relay, and the age of the oldest in seconds."""
    row = await connection.fetchrow(_DEPTH)
    return (row["depth"], row["age_s"]) if row is not None else (0, 0.0)

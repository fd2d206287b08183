"""What a payer left for us goes onto payers.inbound as it came, whatever it is, and is put away.

The same bytes from the same mailbox are the same message: a file that comes twice, or that a crash
left in the mailbox after it was taken, is published once. Must run under the payer's lease.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO, Protocol
from uuid import UUID

from services.submission.sending import Connect
from services.submission.transport import Delivery, Transport
from shared.blobs import BlobRef
from shared.contract import topics
from shared.contract.envelope import Headers, business_id
from shared.messaging import outbox
from shared.messaging.handler import RawMessage
from shared.messaging.wire import claim_check
from shared.telemetry import names
from shared.telemetry.tracing import Attribute, Tracing
from shared.x12.answers.sniff import transactions_of

FILES_AT_ONCE = 20
FILES_AT_MOST = 2_000
"""In one visit: the rest is for the next, after what there is to send."""
INLINE_BYTES = 900_000
"""Larger files go into the blob store as a stream, never whole into memory."""
_SNIFF_BYTES = 1_000_000
_OVERLAP = 16

_TAKE = """
INSERT INTO mailbox_message (message_id, payer, file_name, size_bytes, taken_at)
SELECT new.message_id, $2, new.file_name, new.size_bytes, $5
FROM unnest($1::uuid[], $3::text[], $4::bigint[]) AS new (message_id, file_name, size_bytes)
ON CONFLICT DO NOTHING RETURNING message_id
"""


class BlobStore(Protocol):
    """The part of `shared.blobs.Blobs` that a large file needs."""

    def put(self, body: bytes | BinaryIO) -> BlobRef: ...


async def collect(
    connect: Connect,
    transport: Transport,
    payer: str,
    blobs: BlobStore,
    *,
    tracing: Tracing,
    now: datetime,
) -> int:
    """Publishes what is in a payer's mailbox, a few files to a transaction; returns how many
    messages were new. Raises OSError where the mailbox cannot be reached."""
    taken, seen = 0, set[str]()
    while True:
        # Some payers hand out one answer at a time, and the next once it is settled.
        deliveries = [one for one in await transport.deliveries() if one.name not in seen]
        if not deliveries or len(seen) >= FILES_AT_MOST:
            return taken
        for start in range(0, len(deliveries), FILES_AT_ONCE):
            some = deliveries[start : start + FILES_AT_ONCE]
            about: dict[str, Attribute] = {names.PAYER_PROFILE: payer, names.BATCH_SIZE: len(some)}
            with tracing.span(names.SPAN_MAILBOX, attributes=about) as span:
                messages = [
                    replace(
                        await _message(transport, payer, one, blobs), traceparent=span.traceparent
                    )
                    for one in some
                ]
                taken += await _publish(connect, payer, some, messages, now)
            for delivery in some:
                await transport.settle(delivery.name)
        seen.update(one.name for one in deliveries)


async def _publish(
    connect: Connect,
    payer: str,
    deliveries: Sequence[Delivery],
    messages: Sequence[RawMessage],
    now: datetime,
) -> int:
    async with connect() as connection, connection.transaction():
        rows = await connection.fetch(
            _TAKE,
            [message.id for message in messages],
            payer,
            [delivery.name for delivery in deliveries],
            [delivery.size for delivery in deliveries],
            now,
        )
        new = {row[0] for row in rows}
        await outbox.append(connection, [message for message in messages if message.id in new])
    return len(new)


async def _message(
    transport: Transport, payer: str, delivery: Delivery, blobs: BlobStore
) -> RawMessage:
    stream = await transport.open(delivery.name)
    with stream:
        if delivery.size <= INLINE_BYTES:
            content = await asyncio.to_thread(stream.read)
            digest = sha256(content).hexdigest()
            return _raw(payer, digest, content, transactions_of(content))
        present = await asyncio.to_thread(_transactions, stream)
        stream.seek(0)
        kept = await asyncio.to_thread(blobs.put, stream)
        return _raw(payer, kept.sha256, b"", present, claim_check(kept))


def _raw(
    payer: str, digest: str, content: bytes, present: frozenset[str], check: Headers = ()
) -> RawMessage:
    identity: UUID = business_id("payer-message", payer, digest)
    return RawMessage(
        id=identity,
        topic=topics.PAYERS_INBOUND,
        key=str(identity),
        value=content,
        headers=(
            ("ce_id", str(identity).encode()),
            ("content-type", b"application/edi-x12"),
            (topics.PAYER_HEADER, payer.encode()),
            (topics.TRANSACTIONS_HEADER, ",".join(sorted(present)).encode()),
            *check,
        ),
    )


def _transactions(stream: BinaryIO) -> frozenset[str]:
    """The transaction sets of a file of any size, looked at piece by piece."""
    head = stream.read(4)
    found: set[str] = set()
    rest = b""
    while piece := stream.read(_SNIFF_BYTES):
        found |= transactions_of(head + rest + piece)
        rest = piece[-_OVERLAP:]
    return frozenset(found)

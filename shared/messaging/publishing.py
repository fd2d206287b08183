"""Publishing to `claims.inbound` as an integration engine does: the headers that are the rules of
the door, and a claim check for what is larger than a broker takes.

It is apart because the command line, the hospital twin and the benchmark publish the same way.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aiokafka import AIOKafkaProducer

from shared.blobs import Blobs
from shared.contract.envelope import Headers
from shared.contract.topics import CLAIMS_INBOUND
from shared.messaging.wire import claim_check

_IN_FLIGHT = 1000


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message: bytes, or the path of a file that may be of any size."""

    message_id: str
    source: str
    content: bytes | Path
    content_type: str | None = None
    traceparent: str | None = None
    key: str | None = None
    """Messages of one key keep their order; without one each goes by its own id."""
    is_submission: bool = False
    """Whether intake is to keep what becomes of each record, for its sender to ask."""

    def headers(self) -> Headers:
        headers: list[tuple[str, bytes]] = [
            ("source", self.source.encode()),
            ("message-id", self.message_id.encode()),
        ]
        if self.content_type is not None:
            headers.append(("content-type", self.content_type.encode()))
        if self.traceparent is not None:
            headers.append(("traceparent", self.traceparent.encode()))
        if self.is_submission:
            headers.append(("submission", b"1"))
        return tuple(headers)


async def publish(
    producer: AIOKafkaProducer,
    messages: Iterable[Inbound],
    *,
    blobs: Blobs | None = None,
    claim_check_bytes: int,
    topic: str = CLAIMS_INBOUND,
) -> int:
    """Sends the messages, keyed by their ids; returns how many the broker has acknowledged.

    Raises KafkaError where the broker does not take one, ValueError where one is too large and no
    blob store is given, OSError where a file cannot be read.
    """
    count = 0
    waiting: list[asyncio.Future[object]] = []
    for message in messages:
        content = message.content
        if isinstance(content, bytes) and len(content) <= claim_check_bytes:
            headers, value = message.headers(), content
        else:
            headers, value = await asyncio.to_thread(_fetched, message, blobs, claim_check_bytes)
        waiting.append(
            await producer.send(
                topic,
                value=value,
                key=(message.key or message.message_id).encode(),
                headers=list(headers),
            )
        )
        count += 1
        if len(waiting) >= _IN_FLIGHT:
            await asyncio.gather(*waiting)
            waiting.clear()
    await asyncio.gather(*waiting)
    return count


def _fetched(message: Inbound, blobs: Blobs | None, limit: int) -> tuple[Headers, bytes]:
    """What is sent for a file, or for bytes too large to travel."""
    headers = message.headers()
    if isinstance(message.content, bytes):
        return _checked(headers, message.content, blobs)
    if message.content.stat().st_size <= limit:
        return headers, message.content.read_bytes()
    with message.content.open("rb") as stream:
        return _checked(headers, stream, blobs)


def _checked(
    headers: Headers, body: bytes | BinaryIO, blobs: Blobs | None
) -> tuple[Headers, bytes]:
    if blobs is None:
        raise ValueError("the message is larger than a broker takes, and no blob store is given")
    kept = blobs.put(body)
    return (*headers, *claim_check(kept)), b""

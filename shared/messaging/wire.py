"""Headers as they are kept in a bytea column, and the claim check of values too large to travel.

It is apart because the outbox, the parking table and the command line must agree on both.
"""

from typing import Protocol

from pydantic_core import from_json, to_json

from shared.contract.envelope import Headers
from shared.messaging.handler import DATAHASH, DATAREF, BlobReader, Record

DATASIZE = "ce_datasize"


class Kept(Protocol):
    """What a blob store says of a value it has taken (`shared.blobs.BlobRef`)."""

    @property
    def ref(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...


class Blobs(BlobReader, Protocol):
    """What the kernel asks of `shared.blobs.Blobs`."""

    def put(self, body: bytes) -> Kept: ...


class ClaimCheckError(ValueError):
    """A claim check that cannot be redeemed: its headers are malformed, or it is too large."""


def pack_headers(headers: Headers) -> bytes:
    """JSON of [[name, value], ...]; each byte of a value is one character, whatever it means."""
    return to_json([(name, value.decode("latin-1")) for name, value in headers])


def unpack_headers(packed: bytes) -> Headers:
    """The headers that `pack_headers` was given."""
    return tuple([(name, value.encode("latin-1")) for name, value in from_json(packed)])


def claim_check(kept: Kept) -> Headers:
    """The headers that stand for a value kept in the blob store. The value beside them is empty."""
    return (
        (DATAREF, kept.ref.encode()),
        (DATASIZE, str(kept.size).encode()),
        (DATAHASH, kept.sha256.encode()),
    )


def redeem(record: Record, max_bytes: int) -> bytes:
    """The value that a claim check stands for, verified against its hash.

    Raises ClaimCheckError, or what the blob store raises when it does not have the value.
    """
    ref, size, sha256 = (record.header(name) for name in (DATAREF, DATASIZE, DATAHASH))
    if ref is None or size is None or sha256 is None or not size.isdigit():
        raise ClaimCheckError("ce_dataref needs ce_datasize and ce_datahash beside it")
    if int(size) > max_bytes:
        raise ClaimCheckError(f"the value is larger than {max_bytes} bytes")
    if record.blobs is None:
        raise LookupError("the record's value is in a blob store and none is configured")
    return record.blobs.get(_text(ref), _text(sha256))


def _text(header: bytes) -> str:
    return header.decode("utf-8", "replace")


def plain_text(text: str) -> str:
    """Text that a database column takes: no NUL, no lone surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")

"""Events that carry a whole claim, put together from the claim's JSON where that is at hand.

It is apart because it is a short cut on the path of every claim: a service that changes nothing of
a claim passes its bytes on, and does not write them anew from the model.
"""

from contextlib import suppress
from uuid import UUID

from pydantic_core import from_json

from shared.contract.envelope import Event, Headers, to_headers
from shared.messaging.handler import RawMessage

_HEAD = b'{"claim":'
_CLAIM = {"claim"}


def claim_json(value: bytes, following: str) -> bytes | None:
    """The bytes that stand for the claim at the head of an event's data, where the field
    `following` comes right after it, as our own writer puts them; None where it cannot be told."""
    at = value.rfind(f',"{following}":'.encode())
    if at < 0 or not value.startswith(_HEAD):
        return None
    with suppress(ValueError):
        # What is left is an object by itself only if the cut is at the top level.
        rest = from_json(b"{" + value[at + 1 :])
        return None if "claim" in rest else value[len(_HEAD) : at]
    return None


def with_claim(event: Event, claim: bytes, cause: UUID) -> RawMessage:
    """The event as it is published, its claim being `claim`: the JSON of `event.data.claim`, with
    nothing in it that the model does not say. `cause` is the event that led to it."""
    data = event.data
    rest = data.__pydantic_serializer__.to_json(data, exclude_defaults=True, exclude=_CLAIM)
    headers: Headers = to_headers(event)
    if event.causation_id is None:
        headers = (*headers, ("ce_causationid", str(cause).encode()))
    value = b"%b%b%b%b" % (_HEAD, claim, b"," if len(rest) > 2 else b"", rest[1:])
    return RawMessage(
        event.id, event.topic, event.subject, value, headers, event.traceparent, event.type
    )

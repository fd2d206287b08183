"""From records to units. Whatever a record holds, this never raises: what is wrong comes out as
`Bad`, with the key that it parks, where one can be told.

`decode_events` is the ready-made decoder of topics that carry our own events.
"""

from collections.abc import Collection, Iterator
from uuid import UUID

from pydantic import ValidationError

from shared.blobs import BlobError
from shared.contract.envelope import EnvelopeError, Event, from_headers, text_headers
from shared.contract.events import TYPE_BY_NAME
from shared.messaging.batch import AnyHandler, Pending, Whole
from shared.messaging.faults import error_class, error_detail
from shared.messaging.handler import DATAREF, Bad, Record, Unit
from shared.messaging.wire import ClaimCheckError, redeem

MAX_INLINE_BYTES = 4_000_000
"""Above what any publisher of ours sends: those use a claim check from 900 KB on."""
MAX_EVENT_BYTES = 64_000_000
"""The largest event that is fetched from the blob store."""
SHOWN_ERRORS = 5


def unfold(handler: AnyHandler, record: Record) -> Iterator[Pending]:
    """The record's units, in order, lazily. A decoder that raises parks what it left undecoded.

    Raises only a blob store's transient fault: the record is fine, and is to be tried again.
    """
    count = 0
    try:
        for unit in handler.decode(record):
            count += 1
            yield Pending(record, unit)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - a decoder's error is the record's, whatever it is
        yield Pending(record, Bad(error_class(error), error_detail(error), record_key(record)))
        return
    whole = _whole_of(record)
    if whole is not None:
        yield Pending(record, whole)


def record_key(record: Record) -> str | None:
    """The record's key as text; None where it has none or it is not UTF-8."""
    try:
        return record.key.decode() if record.key else None
    except UnicodeDecodeError:
        return None


def _whole_of(record: Record) -> Whole | None:
    """The mark behind a record that carries an id but is no event of ours: however many units it
    has, none of them says that it was read to its end."""
    event_type = record.header("ce_type")
    if event_type is not None and event_type.decode("utf-8", "replace") in TYPE_BY_NAME:
        return None
    event_id = _uuid(record.header("ce_id"))
    return None if event_id is None else Whole(event_id)


def _uuid(header: bytes | None) -> UUID | None:
    try:
        return None if header is None else UUID(header.decode())
    except ValueError:
        return None


def decode_events(record: Record, wanted: Collection[str]) -> Iterator[Unit[Event] | Bad]:
    """The event a record carries, where its type is one of `wanted`; nothing where it is another
    of the contract's types; Bad for everything else.

    The unit's key is the event's subject, its id the event's. May raise what the blob store raises.
    """
    type_header = record.header("ce_type")
    if type_header is not None:
        name = type_header.decode("utf-8", "replace")
        if name not in wanted and name in TYPE_BY_NAME:
            return
    yield _decode_event(record)


def _decode_event(record: Record) -> Unit[Event] | Bad:
    def bad(error: str, detail: str) -> Bad:
        event_id = _uuid(record.header("ce_id"))
        return Bad(error, detail, key=record_key(record), event_id=event_id)

    try:
        headers = text_headers(record.headers)
    except EnvelopeError as error:
        return bad("bad-header", str(error))
    if record.value is None:
        return bad("tombstone", "the record has no value")
    if len(record.value) > MAX_INLINE_BYTES:
        return bad("too-large", f"the value is larger than {MAX_INLINE_BYTES} bytes")
    try:
        value = redeem(record, MAX_EVENT_BYTES) if DATAREF in headers else record.value
        event = from_headers(headers, value)
    except EnvelopeError as error:
        return bad("bad-envelope", str(error))
    except ValidationError as error:
        return bad("bad-data", validation_detail(error))
    except (ClaimCheckError, BlobError, LookupError) as error:
        return bad("bad-claim-check", str(error))
    return Unit(event.id, event.subject, event, traceparent=event.traceparent)


def validation_detail(error: ValidationError) -> str:
    """The paths and the kinds of a validation's first errors, without any value."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    parts = [f"{_path(one['loc'])}: {one['type']}" for one in found[:SHOWN_ERRORS]]
    more = f" and {len(found) - SHOWN_ERRORS} more" if len(found) > SHOWN_ERRORS else ""
    return "; ".join(parts) + more


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location) or "$"

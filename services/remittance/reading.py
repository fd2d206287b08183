"""Records and files into what remittance decides on.

It is apart from the handler because the command line's filter reads files the same way. An 835 is
read twice where it is large: the first time only adds up, so that every claim is decided on with
the verdict over its whole transaction set, and no more than a thousand are ever in memory.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO
from uuid import UUID

from pydantic import ValidationError

from services.remittance.domain.accounts import number_key
from services.remittance.domain.incoming import (
    ClaimRead,
    Closing,
    ContentHash,
    Incoming,
    Numbered,
    Opening,
    Registration,
    claim_read,
    claim_to_json,
    opening_of,
)
from services.remittance.domain.registration import Submitted
from shared.contract.envelope import EnvelopeError, business_id, text_headers
from shared.contract.events import TYPE_BY_NAME
from shared.contract.model import Model
from shared.contract.remittance import (
    RemittanceClaim,
    RemittanceHeader,
    RemittancePart,
    RemittanceProblem,
    RemittanceTrailer,
)
from shared.contract.topics import TRANSACTIONS_HEADER
from shared.messaging.decoding import MAX_EVENT_BYTES, record_key, validation_detail
from shared.messaging.handler import DATAREF, Bad, Record, Unit
from shared.messaging.wire import ClaimCheckError, redeem
from shared.x12.answers.remittances import read_remittances
from shared.x12.answers.sniff import transactions_of

CLAIMS_HELD = 1_000
"""Claims of a set that are kept from the first reading; a larger set is read again."""

_SUBMITTED, _ACKNOWLEDGED = "claim.submitted.v1", "claim.acknowledged.v1"

Transaction = Opening | ClaimRead | Closing | RemittanceProblem


class _Evidence(Model):
    transaction: str = "277CA"
    control_number: str | None = None
    received_at: datetime | None = None
    status_codes: tuple[str, ...] = ()


class _Acknowledged(Model):
    stage: str | None = None
    payer_claim_control_number: str | None = None
    evidence: _Evidence = _Evidence()


# claims.submission


def read_submission(record: Record) -> Iterator[Unit[Incoming] | Bad]:
    """A submitted claim, or the number a payer gave one; nothing for other events of the contract,
    Bad for what is none."""
    type_header = record.header("ce_type")
    name = type_header.decode("utf-8", "replace") if type_header else ""
    if name not in (_SUBMITTED, _ACKNOWLEDGED) and name in TYPE_BY_NAME:
        return
    key = record_key(record)
    try:
        headers = text_headers(record.headers)
        identity, subject = UUID(headers["ce_id"]), UUID(headers["ce_subject"])
    except (EnvelopeError, KeyError, ValueError):
        yield Bad("bad-envelope", "the headers are not those of an event", key)
        return
    if name not in (_SUBMITTED, _ACKNOWLEDGED) or record.value is None:
        yield Bad("bad-envelope", "no event of this contract, or one without data", key, identity)
        return
    trace = headers.get("traceparent")
    try:
        value = redeem(record, MAX_EVENT_BYTES) if DATAREF in headers else record.value
        at = datetime.fromisoformat(headers["ce_time"]) if "ce_time" in headers else None
        body = _body_of(name, subject, value, trace, at)
    except ClaimCheckError as error:
        yield Bad("bad-claim-check", str(error), key, identity)
    except ValidationError as error:
        yield Bad("bad-data", validation_detail(error), key, identity)
    else:
        if body is not None:
            yield Unit(identity, str(subject), body, traceparent=trace)


def _body_of(
    name: str, claim_id: UUID, value: bytes, trace: str | None, at: datetime | None
) -> Registration | Numbered | None:
    if name == _SUBMITTED:
        claim = Submitted.model_validate_json(value).claim
        return Registration(claim, number_key(claim.patient_control_number), trace, value)
    said = _Acknowledged.model_validate_json(value)
    if said.stage != "payer":
        number = said.payer_claim_control_number
        return Numbered(claim_id, number) if number else None
    evidence = said.evidence
    parts = (evidence.transaction, evidence.control_number, *evidence.status_codes)
    told = " ".join(part for part in parts if part)
    return Numbered(claim_id, said.payer_claim_control_number, evidence.received_at or at, told)


# payers.inbound


def read_payer_message(record: Record) -> Iterator[Unit[Incoming] | Bad]:
    """The 835s of a payer's message, claim by claim; nothing for a message that holds none."""
    if not _holds_remittance(record):
        return
    message_id = _message_id(record)
    trace = record.traceparent
    for part, body in enumerate(read_transactions(record.open)):
        if isinstance(body, RemittanceProblem):
            if body.is_blocking:
                codes = ", ".join(sorted({finding.code for finding in body.findings}))
                yield Bad("remittance-unreadable", codes, None, message_id, part)
            continue
        key = body.number_key if isinstance(body, ClaimRead) else str(_remittance_id(body))
        yield Unit(message_id, key, body, part, trace)


def read_transactions(open_stream: Callable[[], BinaryIO]) -> Iterator[Transaction]:
    """Each 835 of a file: its opening with the verdict over the whole set, its claims, its closing.

    `open_stream` gives the file from its start; it is called again where a set has more than
    `CLAIMS_HELD` claims. Never raises for what the file holds.
    """
    with ExitStack() as streams:
        again: Iterator[RemittancePart] | None = None
        parts = read_remittances(streams.enter_context(open_stream()))
        for part in parts:
            if isinstance(part, RemittanceProblem):
                yield part
                continue
            if not isinstance(part, RemittanceHeader):
                continue
            opening, held = _read_through(part, parts)
            yield opening
            if held is not None:
                yield from (claim_read(opening, claim, content) for claim, content in held)
            else:
                if again is None:
                    again = read_remittances(streams.enter_context(open_stream()))
                for claim in _claims_of(part.position, again):
                    yield claim_read(opening, claim, claim_to_json(claim))
            yield Closing(opening)


def _read_through(
    header: RemittanceHeader, parts: Iterator[RemittancePart]
) -> tuple[Opening, list[tuple[RemittanceClaim, bytes]] | None]:
    """Reads to the end of the set; its claims too, unless there are more than can be held."""
    content_hash = ContentHash(header)
    held: list[tuple[RemittanceClaim, bytes]] | None = []
    for part in parts:
        if isinstance(part, RemittanceTrailer):
            return opening_of(header, part, content_hash), held
        if isinstance(part, RemittanceClaim):
            content = claim_to_json(part)
            content_hash.add(content)
            if held is not None:
                held.append((part, content))
                if len(held) > CLAIMS_HELD:
                    held = None
    raise EOFError("the reader ends every transaction set with its trailer")


def _claims_of(position: int, parts: Iterator[RemittancePart]) -> Iterator[RemittanceClaim]:
    is_open = False
    for part in parts:
        if isinstance(part, RemittanceHeader):
            is_open = part.position == position
        elif is_open and isinstance(part, RemittanceClaim):
            yield part
        elif is_open and isinstance(part, RemittanceTrailer):
            return


def _remittance_id(body: Opening | Closing) -> UUID:
    return body.remittance_id if isinstance(body, Opening) else body.opening.remittance_id


def _holds_remittance(record: Record) -> bool:
    """Whether there is an 835 in it. What is no X12 at all is for submission to set aside."""
    named = record.header(TRANSACTIONS_HEADER)
    if named is not None:
        return b"835" in named.split(b",")
    if record.header(DATAREF) is not None:
        return True
    return record.value is not None and "835" in transactions_of(record.value)


def _message_id(record: Record) -> UUID:
    """The record's own id, or one of its content: the same bytes are the same message."""
    identity = record.header("ce_id")
    with suppress(ValueError):
        return UUID((identity or b"").decode("utf-8", "replace"))
    if record.value:
        return business_id("payer-message", sha256(record.value).hexdigest())
    return business_id("payer-message", record.topic, record.partition, record.offset)

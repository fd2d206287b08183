"""Records to what submission decides on: claims to send, 835 decisions, and the answers in a
payer's message.

It is apart from the handler because it is the hot path: a coded claim is checked for what
submission goes by and otherwise left as the bytes it is, since those are what it passes on.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal
from uuid import UUID

from pydantic import ValidationError

from services.submission.domain.acknowledgement import answered_control_number
from services.submission.domain.changes import CodedClaim
from services.submission.domain.profile import Profiles
from shared.contract.claim import ClaimKind, Code
from shared.contract.envelope import EnvelopeError, business_id, text_headers
from shared.contract.events import TYPE_BY_NAME, AcknowledgementRead, ClaimAnswer
from shared.contract.model import Model
from shared.contract.topics import PAYER_HEADER, TRANSACTIONS_HEADER
from shared.messaging.decoding import MAX_EVENT_BYTES, record_key, validation_detail
from shared.messaging.handler import DATAREF, Bad, Record, Unit
from shared.messaging.wire import ClaimCheckError, redeem
from shared.money import Cents
from shared.x12.answers.acknowledgements import read_acknowledgements
from shared.x12.answers.meaning import answer_events
from shared.x12.answers.sniff import transactions_of

OURS = frozenset({"TA1", "999", "997", "277"})
ANSWERS_PER_UNIT = 20
"""Claims of a 277CA that are decided together: a unit costs more than an answer in it."""

_CODED, _SECONDARY = b"claim.coded.v1", b"claim.secondary-due.v1"
_ADJUDICATED = (b"claim.paid.v1", b"claim.denied.v1")
_WHOLE_CLAIMS = (_CODED, _SECONDARY)
_HEAD, _TAIL = b'{"claim":', b',"ruleset":"'


class _Identified(Model):
    identifier: Code | None = None
    npi: Code | None = None


class _Claim(Model):
    id: UUID
    revision: int = 1
    kind: ClaimKind
    patient_control_number: Code
    charge: Cents
    payer_sequence: Code = "P"
    payer: _Identified
    billing_provider: _Identified


class _Coded(Model):
    claim: _Claim


class _Decision(Model):
    revision: int
    payer_identifier: Code
    payer_claim_control_number: Code | None = None
    status: Code


class _Adjudicated(Model):
    adjudication: _Decision


@dataclass(frozen=True, slots=True)
class AdjudicatedClaim:
    """What an 835 decided on, as far as submission goes by it. `clp_status` is CLP02."""

    claim_id: UUID
    revision: int
    payer_identifier: str
    payer_claim_control_number: str | None
    clp_status: str


@dataclass(frozen=True, slots=True)
class ListedAnswers:
    """Some of the claims that a 277CA or 277 lists. `batch_number`: of the interchange it names."""

    message_id: UUID
    payer: str | None
    transaction: Literal["TA1", "999", "277CA", "277"]
    control_number: str | None
    batch_number: int | None
    answers: tuple[ClaimAnswer, ...]


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """What is said of an interchange, a set or a batch as a whole. `read` lists no claims."""

    message_id: UUID
    payer: str | None
    control_number: int | None
    read: AcknowledgementRead


Body = CodedClaim | AdjudicatedClaim | ListedAnswers | WholeAnswer


def read_event(record: Record, profiles: Profiles) -> Iterator[Unit[Body] | Bad]:
    """The claim of a `claim.coded` or `claim.secondary-due`, or what an 835 decided on one; nothing
    for what else the contract knows, Bad for the rest."""
    event_type = record.header("ce_type")
    is_wanted = event_type in _WHOLE_CLAIMS or event_type in _ADJUDICATED
    if not is_wanted and _text(event_type) in TYPE_BY_NAME:
        return
    key = record_key(record)
    try:
        headers = text_headers(record.headers)
        identity = UUID(headers["ce_id"])
        subject = UUID(headers["ce_subject"])
    except (EnvelopeError, KeyError, ValueError):
        yield Bad("bad-envelope", "the headers are not those of an event", key)
        return
    if not is_wanted or record.value is None:
        yield Bad("bad-envelope", "no event of this contract, or one without data", key, identity)
        return
    trace = headers.get("traceparent")
    try:
        value = redeem(record, MAX_EVENT_BYTES) if DATAREF in headers else record.value
        body = (
            _claim_to_send(value, identity, trace, profiles)
            if event_type in _WHOLE_CLAIMS
            else _adjudicated(value, subject)
        )
    except ClaimCheckError as error:
        yield Bad("bad-claim-check", str(error), key, identity)
        return
    except ValidationError as error:
        yield Bad("bad-data", validation_detail(error), key, identity)
        return
    yield Unit(event_id=identity, key=str(body.claim_id), body=body, traceparent=trace)


def _claim_to_send(
    value: bytes, event_id: UUID, traceparent: str | None, profiles: Profiles
) -> CodedClaim:
    claim = _Coded.model_validate_json(value).claim
    return CodedClaim(
        claim_id=claim.id,
        revision=claim.revision,
        payer_sequence=claim.payer_sequence,
        payer=profiles.serving(claim.payer.identifier).name,
        kind=claim.kind,
        patient_control_number=claim.patient_control_number,
        charge_cents=claim.charge,
        billing_npi=claim.billing_provider.npi,
        payer_identifier=claim.payer.identifier,
        content=claim_json(value),
        coded_event_id=event_id,
        traceparent=traceparent,
    )


def _adjudicated(value: bytes, claim_id: UUID) -> AdjudicatedClaim:
    decision = _Adjudicated.model_validate_json(value).adjudication
    return AdjudicatedClaim(
        claim_id,
        decision.revision,
        decision.payer_identifier,
        decision.payer_claim_control_number,
        decision.status,
    )


def claim_json(value: bytes) -> bytes:
    """What stands for the claim in the value of a `claim.coded`: `{"claim":<this>}` is JSON, and
    its claim is the claim. Cut out where it is where coding writes it, else written anew. Fields
    that a later coding may put between claim and ruleset stay behind it and do no harm."""
    at = value.rfind(_TAIL)
    if at > 0 and value.startswith(_HEAD):
        # The rest is a whole object by itself only if the cut is at the top level.
        with suppress(ValueError):
            json.loads(b"{" + value[at + 1 :])
            return value[len(_HEAD) : at]
    return json.dumps(json.loads(value)["claim"], separators=(",", ":")).encode()


def answer_bodies(record: Record) -> Iterator[Unit[Body] | Bad]:
    """The answers of a payer's message, a few claims at a time; nothing for an 835 alone."""
    message_id = _message_id(record)
    named = record.header(TRANSACTIONS_HEADER)
    if named is not None:
        present = frozenset(named.decode("ascii", "replace").split(","))
    elif record.value:
        present = transactions_of(record.value)
    else:
        present = OURS
    if not present or present == {""}:
        yield Bad("not-x12", "the message holds no transaction set", str(message_id), message_id)
        return
    if OURS.isdisjoint(present):
        return
    payer = _text(record.header(PAYER_HEADER))
    trace = record.traceparent
    part = 0
    with record.open() as stream:
        for read in answer_events(read_acknowledgements(stream), max_claims=ANSWERS_PER_UNIT):
            key = f"{message_id}/{part}"
            if not isinstance(read, AcknowledgementRead):
                blocking = {f.code for f in read.findings if f.severity == "block"}
                if blocking:
                    detail = ", ".join(sorted(blocking))
                    yield Bad("answer-unreadable", detail, key, message_id, part)
                    part += 1
                continue
            for body in _bodies(message_id, payer, read):
                yield Unit(message_id, f"{message_id}/{part}", body, part, trace)
                part += 1


def _bodies(message_id: UUID, payer: str | None, read: AcknowledgementRead) -> Iterator[Body]:
    control_number = answered_control_number(read)
    if read.claims:
        yield ListedAnswers(
            message_id,
            payer,
            read.transaction,
            read.batch_reference,
            control_number,
            read.claims,
        )
    if not read.claims or read.refuses_batch or read.refused_providers:
        whole = read.model_copy(update={"claims": ()})
        yield WholeAnswer(message_id, payer, control_number, whole)


def _message_id(record: Record) -> UUID:
    """The record's own id, or one of its content: the same bytes are the same message."""
    with suppress(ValueError):
        return UUID(_text(record.header("ce_id")) or "")
    if record.value:
        return business_id("payer-message", sha256(record.value).hexdigest())
    return business_id("payer-message", record.topic, record.partition, record.offset)


def _text(header: bytes | None) -> str | None:
    return header.decode("utf-8", "replace") if header else None

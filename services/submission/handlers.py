"""submission's side of the kernel: claims to send and payers' answers in, decisions out."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.submission import store
from services.submission.domain import acknowledgement as domain
from services.submission.domain.changes import (
    AnswerKept,
    Change,
    ClaimRecord,
    CodedClaim,
    InquiryAnswered,
    InterchangeAnswered,
    Leg,
    Moved,
    Relation,
    SentInterchange,
    SetsAccepted,
    Submission,
)
from services.submission.domain.moving import Moves
from services.submission.domain.profile import Profiles
from services.submission.domain.queueing import queue
from services.submission.domain.status import Happening
from services.submission.loading import State, candidates_key, load_states, trace_key
from services.submission.reading import (
    AdjudicatedClaim,
    Body,
    ListedAnswers,
    WholeAnswer,
    answer_bodies,
    read_event,
)
from shared.contract import topics
from shared.contract.envelope import Event, business_id
from shared.contract.events import ClaimAnswer
from shared.messaging.handler import Bad, Decision, Record, Unit

TOPICS = (topics.CLAIMS_CODING, topics.CLAIMS_REMITTANCE, topics.PAYERS_INBOUND)
EVENT_TYPES = (
    "claim.coded.v1",
    "claim.secondary-due.v1",
    "claim.paid.v1",
    "claim.denied.v1",
)

Decided = Decision[State, Change]

MAX_LINKS = 128
"""Claims' traces that the span of one answer links to."""


class SubmissionHandler:
    """The service's `Handler`."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles

    def decode(self, record: Record) -> Iterator[Unit[Body] | Bad]:
        """A unit for a claim to send, for what an 835 decided on one, for a few answers of a 277CA,
        for a TA1 or a 999; none for an 835 itself."""
        if record.topic == topics.PAYERS_INBOUND:
            return answer_bodies(record)
        return read_event(record, self._profiles)

    async def load(self, connection: Any, units: Sequence[Unit[Body]]) -> dict[str, State]:
        return await load_states(connection, units)

    def decide(self, states: Mapping[str, State], unit: Unit[Body], now: datetime) -> Decided:
        body = unit.body
        if isinstance(body, CodedClaim):
            return _decide_coded(states, body, now)
        if isinstance(body, AdjudicatedClaim):
            return _decide_adjudicated(states, body, now)
        if isinstance(body, ListedAnswers):
            return _decide_listed(states, body, unit.part, now)
        return _decide_whole(states, unit.key, body, unit.part, now)

    async def save(
        self,
        connection: Any,
        states: Mapping[str, State],  # noqa: ARG002 - whatever changed is also a row
        rows: Sequence[Change],
    ) -> None:
        await store.save(connection, rows)


def _decide_coded(states: Mapping[str, State], coded: CodedClaim, now: datetime) -> Decided:
    key = str(coded.claim_id)
    queued = queue(_record(states, key), coded, now)
    if queued is None:
        return Decision()
    record, changes = queued
    return Decision(states={key: record}, rows=changes)


def _decide_adjudicated(
    states: Mapping[str, State], body: AdjudicatedClaim, now: datetime
) -> Decided:
    """The payer has decided: its number for the claim is known, and nothing more is awaited."""
    key = str(body.claim_id)
    record = _record(states, key)
    legs = list(record.legs.values()) if record else []
    paid = domain.adjudicated_leg(legs, body.revision, body.clp_status, body.payer_identifier)
    if record is None or paid is None:
        return Decision()
    after = domain.moved(paid, Happening.ADJUDICATE) or paid
    row = Moved(after.leg, after.status, now, body.payer_claim_control_number)
    return Decision(states={key: ClaimRecord({**record.legs, after.leg: after})}, rows=(row,))


def _decide_listed(
    states: Mapping[str, State], body: ListedAnswers, part: int, now: datetime
) -> Decided:
    evidence = domain.Evidence(body.message_id, body.transaction, body.control_number, now)
    moves = Moves(lambda claim_id: _record(states, str(claim_id)), evidence)
    rows: list[Change] = []
    for position, answer in enumerate(body.answers):
        relation, submission = _related(states, moves, body, answer)
        happening = domain.happening_of(answer)
        has_moved = False
        if submission is not None and happening is not None:
            has_moved = moves.move(submission, happening, answer)
        if submission is not None and _asked(states, answer) is not None:
            rows.append(InquiryAnswered(answer.inquiry_trace or "", now))
        rows.append(
            AnswerKept(
                event_id=body.message_id,
                part=part,
                position=position,
                payer=body.payer,
                transaction=body.transaction,
                outcome=answer.outcome,
                relates_to=relation,
                at=now,
                interchange_id=submission.interchange_id if submission else None,
                leg=submission.leg if submission else None,
                has_moved_claim=has_moved,
                control_number=body.control_number,
                status_codes=answer.status_codes,
                findings=answer.findings,
                path=answer.path,
            )
        )
    return _decision(moves, rows)


def _related(
    states: Mapping[str, State], moves: Moves, body: ListedAnswers, answer: ClaimAnswer
) -> tuple[Relation, Submission | None]:
    """By our own question where the answer echoes one, else by what it repeats of the claim."""
    asked = _asked(states, answer)
    if asked is not None:
        found = moves.listed((asked,))
        return ("claim", found[0]) if found else ("nothing", None)
    candidates = states.get(candidates_key(body, answer))
    ids = candidates.claim_ids if isinstance(candidates, store.Candidates) else ()
    return domain.relate(answer, moves.legs(ids), body.batch_number)


def _asked(states: Mapping[str, State], answer: ClaimAnswer) -> Leg | None:
    found = states.get(trace_key(answer.inquiry_trace)) if answer.inquiry_trace else None
    return found if isinstance(found, Leg) else None


def _decide_whole(
    states: Mapping[str, State], key: str, body: WholeAnswer, part: int, now: datetime
) -> Decided:
    read = body.read
    interchange = states.get(key)
    sent = interchange if isinstance(interchange, SentInterchange) else None
    evidence = domain.Evidence(body.message_id, read.transaction, _control_number(body), now)
    moves = Moves(lambda claim_id: _record(states, str(claim_id)), evidence)
    rows: list[Change] = []
    if sent is not None:
        happening = Happening.REFUSE if read.transaction == "277CA" else Happening.SYNTAX_REJECTED
        for submission in moves.listed(sent.claims):
            moves.move(submission, happening, findings=domain.findings_for(read, submission))
        sets = domain.accepted_sets(read)
        if sets is None or sets:
            rows.append(SetsAccepted(sent.interchange_id, sets, now))
        if read.transaction in ("TA1", "999"):
            rows.append(
                InterchangeAnswered(
                    sent.interchange_id, "TA1" if read.transaction == "TA1" else "999", read.outcome
                )
            )
    rows.append(
        AnswerKept(
            event_id=body.message_id,
            part=part,
            position=0,
            payer=body.payer,
            transaction=read.transaction,
            outcome=read.outcome,
            relates_to="interchange" if sent else "nothing",
            at=now,
            interchange_id=sent.interchange_id if sent else None,
            has_moved_claim=bool(moves.events),
            control_number=_control_number(body),
            findings=read.findings,
        )
    )
    said = Event(
        id=business_id("acknowledgement.read", body.message_id, part),
        source=domain.SOURCE,
        subject=str(sent.interchange_id if sent else body.message_id),
        time=now,
        data=read,
    )
    return _decision(moves, rows, said)


def _decision(moves: Moves, rows: Sequence[Change], *more: Event) -> Decided:
    links = [event.traceparent for event in moves.events if event.traceparent]
    return Decision(
        states={str(claim_id): record for claim_id, record in moves.records.items()},
        events=(*moves.events, *more),
        rows=(*moves.rows, *rows),
        trace_links=tuple(links[:MAX_LINKS]),
    )


def _record(states: Mapping[str, State], key: str) -> ClaimRecord | None:
    found = states.get(key)
    return found if isinstance(found, ClaimRecord) else None


def _control_number(body: WholeAnswer) -> str | None:
    read = body.read
    return read.interchange_control_number or read.group_control_number or read.batch_reference

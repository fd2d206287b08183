"""intake's side of the kernel: a record of `claims.inbound` in, decisions on its claims out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias

from services.intake import encounter_store, store, submissions
from services.intake.domain.answer import answer
from services.intake.domain.arrival import AcceptedClaim, Arrival
from services.intake.domain.decide import ClaimState, MessageCount
from services.intake.domain.encounter import Encounter, EncounterNews
from services.intake.domain.identity import whole_json
from services.intake.domain.known import PatientMerge, Siblings, State
from services.intake.domain.message import Delivery, read_delivery, unreadable_delivery
from services.intake.domain.profile import BUILT_IN, SourceProfiles
from services.intake.domain.receipt import Acknowledgement
from services.intake.domain.submission import RecordOutcome, X12Answer, outcome_of
from shared.contract.envelope import Event, business_id
from shared.contract.events import ClaimReceived
from shared.contract.model import Finding
from shared.contract.topics import CLAIMS_ACKNOWLEDGEMENTS, TRANSACTIONS_HEADER
from shared.messaging.handler import Bad, Decision, RawMessage, Record, Unit
from shared.messaging.verbatim import with_claim

SOURCE_HEADER = "source"
MESSAGE_ID_HEADER = "message-id"
CONTENT_TYPE_HEADER = "content-type"
SUBMISSION_HEADER = "submission"
"""Says, with any value, that what becomes of each record is to be kept for its sender."""
MAX_HEADER_CHARACTERS = 80
"""Of the sender's name and its message id."""

Row: TypeAlias = MessageCount | RecordOutcome | X12Answer


class HeaderError(ValueError):
    """A header that we need cannot be used. `name` is the header, `reason` never its value."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class IntakeHandler:
    """The service's `Handler`. A record may be a file: its claims come one at a time."""

    def __init__(self, default_source: str, profiles: SourceProfiles = BUILT_IN) -> None:
        self._default_source = default_source
        self._profiles = profiles

    def decode(self, record: Record) -> Iterator[Unit[Arrival] | Bad]:
        """A unit for each record of the message, each under its claim's id; parts count from 0."""
        traceparent = record.traceparent
        is_submitted = record.header(SUBMISSION_HEADER) is not None
        for each in self._arrivals(record):
            arrival = replace(each, is_submitted=True) if is_submitted else each
            yield Unit(
                event_id=arrival.delivery_id,
                key=arrival.key,
                body=arrival,
                part=arrival.origin.position,
                traceparent=traceparent,
            )

    def _arrivals(self, record: Record) -> Iterator[Arrival]:
        try:
            delivery = Delivery(
                source=_header(record, SOURCE_HEADER) or self._default_source,
                open=record.open,
                message=_header(record, MESSAGE_ID_HEADER),
                content_type=_header(record, CONTENT_TYPE_HEADER),
            )
        except HeaderError as error:
            return iter((self._bad_header(record, error),))
        return read_delivery(delivery, self._profiles)

    def _bad_header(self, record: Record, error: HeaderError) -> Arrival:
        finding = Finding(
            code="header-unreadable",
            path=f"headers.{error.name}",
            message=error.reason,
            hint="Send headers as short, plain UTF-8 text.",
            source="claims.inbound",
        )
        headers = repr(sorted(record.headers)).encode()
        content = sha256(headers + (record.value or b"")).hexdigest()
        return unreadable_delivery(self._default_source, content, finding)

    async def load(self, connection: Any, units: Sequence[Unit[Arrival]]) -> dict[str, State]:
        """Encounters first, then claims, each in the order of their keys."""
        news = [unit.body for unit in units if isinstance(unit.body.outcome, EncounterNews)]
        states = await encounter_store.load(connection, news) if news else {}
        keys = {unit.key for unit in units}
        # Of an account whose encounter is not kept any more only its claim knows.
        keys |= set(map(str, encounter_store.accounts_of(news)))
        keys |= {
            str(identity)
            for one in states.values()
            if isinstance(one, Encounter)
            for identity in (one.id, one.merged_into)
            if identity is not None
        }
        return states | await store.load(connection, keys)

    def decide(
        self, states: Mapping[str, State], unit: Unit[Arrival], now: datetime
    ) -> Decision[State, Row]:
        made = answer(states, unit.body, self._profiles, now, unit.traceparent)
        events: tuple[Event | RawMessage, ...] = tuple(
            _message(event, unit, made.accepted) for event in made.events
        )
        rows: tuple[Row, ...] = (made.count,)
        if unit.body.is_submitted:
            rows = (*rows, outcome_of(made.events, unit.body.origin))
        if unit.body.acknowledgement is not None:
            answers = tuple(_answers(unit.body, unit.body.acknowledgement, now))
            events = (*events, *answers)
            if unit.body.is_submitted:
                rows = (*rows, *(_kept(unit.body, answer) for answer in answers))
        # A number may be another claim's already: then the claim's id is not the unit's key.
        claim_id = made.events[0].subject if made.events else None
        return Decision(states=made.states, events=events, rows=rows, claim_id=claim_id)

    async def save(
        self,
        connection: Any,
        states: Mapping[str, State],
        rows: Sequence[Row],
    ) -> None:
        await encounter_store.save(
            connection,
            [state for state in states.values() if isinstance(state, Encounter)],
            [state for state in states.values() if isinstance(state, PatientMerge)],
        )
        await store.save_claims(connection, claims_in(states.values()))
        await store.save_counts(connection, [row for row in rows if isinstance(row, MessageCount)])
        outcomes = [row for row in rows if isinstance(row, RecordOutcome)]
        await submissions.save_outcomes(connection, outcomes)
        answers = [row for row in rows if isinstance(row, X12Answer)]
        await submissions.save_answers(connection, answers)


def claims_in(states: Iterable[State]) -> Iterator[ClaimState]:
    """The claims among the states."""
    for state in states:
        if isinstance(state, ClaimState):
            yield state
        elif isinstance(state, Siblings):
            yield from state.claims


def _message(
    event: Event, unit: Unit[Arrival], accepted: AcceptedClaim | None
) -> Event | RawMessage:
    """The event, its claim in the JSON that was made to fingerprint it."""
    if isinstance(event.data, ClaimReceived) and accepted is not None:
        claim = whole_json(event.data.claim, accepted.wire)
        return with_claim(event, claim, unit.event_id)
    return event


def _answers(
    arrival: Arrival, acknowledgement: Acknowledgement, now: datetime
) -> Iterator[RawMessage]:
    """The 999s and TA1s for the sender, whose message-id is the id of the message they answer."""
    message_id = str(arrival.origin.message_id)
    written = acknowledgement.written(arrival.delivery_id, now)
    for place, (kind, content) in enumerate(written):
        yield RawMessage(
            business_id("acknowledgement", arrival.delivery_id, place),
            CLAIMS_ACKNOWLEDGEMENTS,
            message_id,
            content,
            (
                ("content-type", b"application/edi-x12"),
                (TRANSACTIONS_HEADER, kind.encode()),
                (SOURCE_HEADER, arrival.origin.source.encode()),
                (MESSAGE_ID_HEADER, message_id.encode()),
            ),
        )


def _kept(arrival: Arrival, answer: RawMessage) -> X12Answer:
    kind = dict(answer.headers)[TRANSACTIONS_HEADER].decode()
    return X12Answer(arrival.origin.message_id, answer.id, kind, answer.value)


def _header(record: Record, name: str) -> str | None:
    raw = record.header(name)
    if raw is None or not raw.strip():
        return None
    try:
        text = raw.decode().strip()
    except UnicodeDecodeError:
        raise HeaderError(name, "the header is not UTF-8") from None
    if len(text) > MAX_HEADER_CHARACTERS or not text.isprintable():
        raise HeaderError(
            name, f"the header is longer than {MAX_HEADER_CHARACTERS} characters or not plain text"
        )
    return text

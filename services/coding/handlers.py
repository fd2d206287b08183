"""coding's side of the kernel: events of other services in, verdicts and worklist entries out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from services.coding import store
from services.coding.domain.decide import ClaimState, days_with, decide, history_of, settle
from services.coding.domain.history import ClaimDay, PatientDay, days_of
from services.coding.domain.proof import StoredVerdict, stored_verdict
from services.coding.domain.worklist.closing import OpenEntries, Resolved, open_key, opened
from services.coding.domain.worklist.opening import WorklistEntry
from services.coding.rulebook import Rulebook
from shared.contract.envelope import Event
from shared.contract.events import ClaimCoded, ClaimHeld, ClaimReceived
from shared.contract.model import to_wire
from shared.light import dataclass
from shared.messaging.decoding import decode_events
from shared.messaging.handler import DATAREF, Bad, Decision, RawMessage, Record, Unit
from shared.messaging.verbatim import claim_json, with_claim

State: TypeAlias = ClaimState | PatientDay | OpenEntries
Row: TypeAlias = WorklistEntry | StoredVerdict | Resolved

PAID, IN_PART = b"claim.paid.v1", b'"partly_paid"'
SETTLING = frozenset((PAID, b"claim.acknowledged.v1", b"claim.reversed.v1"))
WANTED = frozenset(
    ("claim.received.v1", "claim.refused.v1", "claim.denied.v1", *map(bytes.decode, SETTLING))
)


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, the JSON of its claim where it brings one, and that claim's days by their names."""

    event: Event
    value: bytes | None
    days: Mapping[bytes, ClaimDay] = field(default_factory=dict)


class UnreadableAnswerError(ValueError):
    """A payer's answer that is no event; the text names paths and never values."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A payer's answer that settles what is open of its claim. Most claims have nothing open, so it
    is read only then."""

    record: Record


Body: TypeAlias = Heard | Unread


class CodingHandler:
    """The service's `Handler`. One ruleset serves all of a batch: it is looked up as the batch's
    states are loaded, so that every process of the service goes by the same payer rules, and new
    tables and rules take effect without a restart."""

    def __init__(self, rulebook: Rulebook | None = None, patient_hash_key: bytes = b"") -> None:
        self.rulebook = rulebook or Rulebook()
        self._patient_hash_key = patient_hash_key
        self._recorded: set[str] = set()
        self.ruleset = self.rulebook.ruleset

    def decode(self, record: Record) -> Iterator[Unit[Body] | Bad]:
        taken = _unread(record)
        if taken is not None:
            yield taken
            return
        for unit in decode_events(record, WANTED):
            if isinstance(unit, Bad):
                yield unit
            else:
                data = unit.body.data
                days = (
                    days_of(data.claim, self._patient_hash_key)
                    if isinstance(data, ClaimReceived)
                    else {}
                )
                yield Unit(
                    unit.event_id,
                    unit.key,
                    Heard(unit.body, _received_value(record, unit.body), days),
                    traceparent=unit.traceparent,
                )

    async def load(self, connection: Any, units: Sequence[Unit[Body]]) -> dict[str, State]:
        self.ruleset = await self.rulebook.refresh(connection)
        heard = [unit for unit in units if isinstance(unit.body, Heard)]
        answered = {unit.key for unit in units if not _is_received(unit.body)}
        entries = await store.load_open(connection, answered)
        asked = {unit.key for unit in heard} | {str(claim_id) for claim_id in entries}
        claims = await store.load(connection, asked, answered) if asked else {}
        names = {name for unit in heard if isinstance(unit.body, Heard) for name in unit.body.days}
        days = await store.load_days(connection, names)
        others = {str(claim) for day in days.values() for claim in day.claims} - claims.keys()
        beside = await store.look_at(connection, others - asked)
        still_open = {open_key(claim_id): found for claim_id, found in entries.items()}
        return {**beside, **claims, **days, **still_open}

    def decide(
        self, states: Mapping[str, State], unit: Unit[Body], now: datetime
    ) -> Decision[State, Row]:
        settled = self._settled(states, unit, now)
        if isinstance(unit.body, Unread):
            return settled
        decided = self._decided(states, unit, unit.body, now)
        return decided if decided.rows or decided.states else settled

    def _settled(
        self, states: Mapping[str, State], unit: Unit[Body], now: datetime
    ) -> Decision[State, Row]:
        """What the answer closes, if anything of its claim is open."""
        known_open = states.get(open_key(unit.key))
        if not isinstance(known_open, OpenEntries):
            return Decision()
        answer = unit.body.event if isinstance(unit.body, Heard) else _read(unit.body)
        known = states.get(unit.key)
        claim = known if isinstance(known, ClaimState) else None
        state, resolved = settle(claim, known_open, answer, now)
        return Decision(states={unit.key: state} if state else {}, rows=resolved)

    def _decided(
        self, states: Mapping[str, State], unit: Unit[Body], heard: Heard, now: datetime
    ) -> Decision[State, Row]:
        known = states.get(unit.key)
        claim_id = UUID(unit.key)
        history = history_of(states, claim_id, heard.days)
        decided = decide(
            known if isinstance(known, ClaimState) else None,
            heard.event,
            now,
            self.ruleset,
            heard.value,
            history,
        )
        changed: dict[str, State] = {}
        if decided.state:
            told = days_with(states, claim_id, heard.days, decided.state.revision)
            changed = {unit.key: decided.state, **told}
        rows: list[Row] = []
        if decided.entry is not None:
            rows.append(replace(decided.entry, traceparent=unit.traceparent))
            changed[open_key(unit.key)] = opened(decided.entry)
        events: tuple[Event | RawMessage, ...] = ()
        if decided.event is not None:
            claim = _claim_bytes(decided.event, heard)
            rows.append(stored_verdict(decided.event, claim, heard.event, history, now))
            events = (with_claim(decided.event, claim, heard.event.id),)
        return Decision(states=changed, events=events, rows=tuple(rows))

    async def save(
        self,
        connection: Any,
        states: Mapping[str, State],
        rows: Sequence[Row],
    ) -> None:
        claims = [state for state in states.values() if isinstance(state, ClaimState)]
        days = [state for state in states.values() if isinstance(state, PatientDay)]
        version = self.ruleset.version
        # What this very transaction records may still be rolled back with it.
        if version not in self._recorded and await store.record_ruleset(connection, self.ruleset):
            self._recorded.add(version)
        await store.save_claims(connection, claims)
        await store.save_days(connection, days)
        entries = [row for row in rows if isinstance(row, WorklistEntry)]
        await store.open_entries(connection, entries)
        await store.keep_verdicts(connection, [r for r in rows if isinstance(r, StoredVerdict)])
        await store.close_outdated(connection, claims)
        await store.resolve(connection, [row for row in rows if isinstance(row, Resolved)])


def _unread(record: Record) -> Unit[Body] | None:
    """The unit of an answer that can only settle what is open: a claim that is in adjudication, was
    paid in full, or whose decision the payer took back. None for every other record."""
    event_type = record.header("ce_type")
    if event_type not in SETTLING or not record.value:
        return None
    if event_type == PAID and IN_PART in record.value:
        return None
    try:
        event_id = UUID((record.header("ce_id") or b"").decode())
        claim_id = UUID((record.header("ce_subject") or b"").decode())
        return Unit(event_id, str(claim_id), Unread(record), traceparent=record.traceparent)
    except ValueError:
        return None


def _read(unread: Unread) -> Event:
    """The event. Raises UnreadableAnswerError, which parks it."""
    for unit in decode_events(unread.record, WANTED):
        if isinstance(unit, Unit):
            return unit.body
        raise UnreadableAnswerError(unit.detail)
    raise UnreadableAnswerError("the record is none of ours")


def _is_received(body: Body) -> bool:
    return isinstance(body, Heard) and isinstance(body.event.data, ClaimReceived)


def _claim_bytes(event: Event, heard: Heard) -> bytes:
    """The JSON of the claim that an event says, in the bytes in which it came where nothing of it
    changed: coding numbers a claim anew only after a person has."""
    if heard.value and event.sequence == heard.event.sequence:
        claim = claim_json(heard.value, "origin")
        if claim is not None:
            return claim
    assert isinstance(event.data, ClaimCoded | ClaimHeld)
    return to_wire(event.data.claim)


def _received_value(record: Record, event: Event) -> bytes | None:
    if not isinstance(event.data, ClaimReceived):
        return None
    if record.value and record.header(DATAREF) is None:
        return record.value
    return to_wire(event.data)

"""coding's side of the kernel: events of other services in, verdicts and worklist entries out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from services.coding import store
from services.coding.domain.decide import ClaimState, days_with, decide, history_of
from services.coding.domain.history import ClaimDay, PatientDay, days_of
from services.coding.domain.proof import StoredVerdict, stored_verdict
from services.coding.domain.worklist.opening import WorklistEntry
from services.coding.rulebook import Rulebook
from shared.contract.envelope import Event
from shared.contract.events import ClaimCoded, ClaimHeld, ClaimReceived
from shared.contract.model import to_wire
from shared.light import dataclass
from shared.messaging.decoding import decode_events
from shared.messaging.handler import DATAREF, Bad, Decision, RawMessage, Record, Unit
from shared.messaging.verbatim import claim_json, with_claim

State: TypeAlias = ClaimState | PatientDay
Row: TypeAlias = WorklistEntry | StoredVerdict

WANTED = frozenset(("claim.received.v1", "claim.refused.v1", "claim.denied.v1"))


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, the JSON of its claim where it brings one, and that claim's days by their names."""

    event: Event
    value: bytes | None
    days: Mapping[bytes, ClaimDay] = field(default_factory=dict)


class CodingHandler:
    """The service's `Handler`. One ruleset serves all of a batch: it is looked up as the batch's
    states are loaded, so that every process of the service goes by the same payer rules, and new
    tables and rules take effect without a restart."""

    def __init__(self, rulebook: Rulebook | None = None, patient_hash_key: bytes = b"") -> None:
        self.rulebook = rulebook or Rulebook()
        self._patient_hash_key = patient_hash_key
        self.ruleset = self.rulebook.ruleset

    def decode(self, record: Record) -> Iterator[Unit[Heard] | Bad]:
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

    async def load(self, connection: Any, units: Sequence[Unit[Heard]]) -> dict[str, State]:
        self.ruleset = await self.rulebook.refresh(connection)
        answered = {u.key for u in units if not isinstance(u.body.event.data, ClaimReceived)}
        claims = await store.load(connection, {unit.key for unit in units}, answered)
        names = {name for unit in units for name in unit.body.days}
        days = await store.load_days(connection, names)
        others = {str(claim) for day in days.values() for claim in day.claims} - claims.keys()
        beside = await store.look_at(connection, others - {unit.key for unit in units})
        return {**beside, **claims, **days}

    def decide(
        self, states: Mapping[str, State], unit: Unit[Heard], now: datetime
    ) -> Decision[State, Row]:
        heard = unit.body
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
        await store.record_ruleset(connection, self.ruleset)
        await store.save_claims(connection, claims)
        await store.save_days(connection, days)
        entries = [row for row in rows if isinstance(row, WorklistEntry)]
        await store.open_entries(connection, entries)
        await store.keep_verdicts(connection, [r for r in rows if isinstance(r, StoredVerdict)])
        await store.close_outdated(connection, claims)


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

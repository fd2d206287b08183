"""coding's side of the kernel: events of other services in, verdicts and worklist entries out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from services.coding import store
from services.coding.domain.decide import (
    ClaimState,
    WorklistEntry,
    days_with,
    decide,
    history_of,
)
from services.coding.domain.history import ClaimDay, PatientDay, days_of
from services.coding.domain.verdict import RULESET, Ruleset
from shared.contract.envelope import Event
from shared.contract.events import ClaimReceived
from shared.contract.model import to_wire
from shared.light import dataclass
from shared.messaging.decoding import decode_events
from shared.messaging.handler import DATAREF, Bad, Decision, RawMessage, Record, Unit
from shared.messaging.verbatim import claim_json, with_claim

State: TypeAlias = ClaimState | PatientDay

WANTED = frozenset(("claim.received.v1", "claim.refused.v1", "claim.denied.v1"))


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, the JSON of its claim where it brings one, and that claim's days by their names."""

    event: Event
    value: bytes | None
    days: Mapping[bytes, ClaimDay] = field(default_factory=dict)


class CodingHandler:
    """The service's `Handler`. One ruleset serves all of a batch: `rulesets` is asked once a batch,
    so that new tables and rules take effect without a restart."""

    def __init__(
        self, rulesets: Callable[[], Ruleset] = lambda: RULESET, patient_hash_key: bytes = b""
    ) -> None:
        self._rulesets = rulesets
        self._patient_hash_key = patient_hash_key
        self._recorded: set[str] = set()
        self.ruleset = rulesets()

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
        self.ruleset = self._rulesets()
        claims = await store.load(connection, {unit.key for unit in units})
        names = {name for unit in units for name in unit.body.days}
        days = await store.load_days(connection, names)
        others = {str(claim) for day in days.values() for claim in day.claims} - claims.keys()
        beside = await store.look_at(connection, others - {unit.key for unit in units})
        return {**beside, **claims, **days}

    def decide(
        self, states: Mapping[str, State], unit: Unit[Heard], now: datetime
    ) -> Decision[State, WorklistEntry]:
        heard = unit.body
        known = states.get(unit.key)
        claim_id = UUID(unit.key)
        decided = decide(
            known if isinstance(known, ClaimState) else None,
            heard.event,
            now,
            self.ruleset,
            heard.value,
            history_of(states, claim_id, heard.days),
        )
        changed: dict[str, State] = {}
        if decided.state:
            changed = {unit.key: decided.state, **days_with(states, claim_id, heard.days)}
        return Decision(
            states=changed,
            events=(_passed_on(decided.event, heard),) if decided.event else (),
            rows=(decided.entry,) if decided.entry else (),
        )

    async def save(
        self,
        connection: Any,
        states: Mapping[str, State],
        rows: Sequence[WorklistEntry],
    ) -> None:
        claims = [state for state in states.values() if isinstance(state, ClaimState)]
        days = [state for state in states.values() if isinstance(state, PatientDay)]
        if self.ruleset.version not in self._recorded:
            await store.record_ruleset(connection, self.ruleset)
            self._recorded.add(self.ruleset.version)
        await store.save_claims(connection, claims)
        await store.save_days(connection, days)
        await store.open_entries(connection, rows)
        await store.close_outdated(connection, claims)


def _passed_on(event: Event, heard: Heard) -> Event | RawMessage:
    """The event, its claim in the bytes in which it came: coding changes nothing of a claim."""
    claim = claim_json(heard.value, "origin") if heard.value else None
    return event if claim is None else with_claim(event, claim, heard.event.id)


def _received_value(record: Record, event: Event) -> bytes | None:
    if not isinstance(event.data, ClaimReceived):
        return None
    if record.value and record.header(DATAREF) is None:
        return record.value
    return to_wire(event.data)

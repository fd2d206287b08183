"""coding's side of the kernel: events of other services in, verdicts and worklist entries out."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.coding import store
from services.coding.domain.decide import ClaimState, WorklistEntry, decide
from services.coding.domain.verdict import RULESET, Ruleset
from shared.contract.envelope import Event
from shared.contract.events import ClaimReceived
from shared.contract.model import to_wire
from shared.light import dataclass
from shared.messaging.decoding import decode_events
from shared.messaging.handler import DATAREF, Bad, Decision, RawMessage, Record, Unit
from shared.messaging.verbatim import claim_json, with_claim

WANTED = frozenset(("claim.received.v1", "claim.refused.v1", "claim.denied.v1"))


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and the JSON of its claim where it brings one."""

    event: Event
    value: bytes | None


class CodingHandler:
    """The service's `Handler`. One ruleset serves all of a batch, and is swapped as a whole."""

    def __init__(self, ruleset: Ruleset = RULESET) -> None:
        self.ruleset = ruleset

    def decode(self, record: Record) -> Iterator[Unit[Heard] | Bad]:
        for unit in decode_events(record, WANTED):
            if isinstance(unit, Bad):
                yield unit
            else:
                yield Unit(
                    unit.event_id,
                    unit.key,
                    Heard(unit.body, _received_value(record, unit.body)),
                    traceparent=unit.traceparent,
                )

    async def load(self, connection: Any, units: Sequence[Unit[Heard]]) -> dict[str, ClaimState]:
        return await store.load(connection, {unit.key for unit in units})

    def decide(
        self, states: Mapping[str, ClaimState], unit: Unit[Heard], now: datetime
    ) -> Decision[ClaimState, WorklistEntry]:
        heard = unit.body
        known = states.get(unit.key)
        decided = decide(known, heard.event, now, self.ruleset, heard.value)
        return Decision(
            states={unit.key: decided.state} if decided.state else {},
            events=(_passed_on(decided.event, heard),) if decided.event else (),
            rows=(decided.entry,) if decided.entry else (),
        )

    async def save(
        self,
        connection: Any,
        states: Mapping[str, ClaimState],
        rows: Sequence[WorklistEntry],
    ) -> None:
        await store.save_claims(connection, states.values())
        await store.open_entries(connection, rows)
        await store.close_outdated(connection, states.values())


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

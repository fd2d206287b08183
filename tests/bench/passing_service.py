"""The ceiling: a service on our kernel that decides nothing.

It reads an event, keeps one row of state, and passes an event of the same bytes on: what remains is
what the hops and their durability cost, and no line of four services can be faster than four of it.

`python -m tests.bench.passing_service NAME FROM_TOPIC TO_TOPIC`
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.contract.envelope import business_id
from shared.messaging.handler import Bad, Decision, RawMessage, Record, Unit
from shared.service import Service, main
from shared.settings import Settings

_SAVE = """
INSERT INTO passed (claim_id) SELECT * FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class PassingHandler:
    """The kernel's `Handler` of a service without a domain."""

    name: str
    target: str

    def decode(self, record: Record) -> Iterator[Unit[Record] | Bad]:
        event_id = record.header("ce_id")
        if event_id is None or record.key is None:
            yield Bad("bad-envelope", "no id or no key")
            return
        yield Unit(UUID(event_id.decode()), record.key.decode(), record)

    async def load(self, connection: Any, units: Sequence[Unit[Record]]) -> dict[str, None]:
        del connection, units
        return {}

    def decide(
        self, states: Mapping[str, None], unit: Unit[Record], now: datetime
    ) -> Decision[None, UUID]:
        del states, now
        own_id = business_id(self.name, unit.event_id)
        headers = tuple(
            (name, str(own_id).encode() if name == "ce_id" else value)
            for name, value in unit.body.headers
            if name != "traceparent"
        )
        message = RawMessage(own_id, self.target, unit.key, unit.body.value or b"", headers)
        return Decision(events=(message,), rows=(UUID(unit.key),))

    async def save(self, connection: Any, states: Mapping[str, None], rows: Sequence[UUID]) -> None:
        del states
        await connection.execute(_SAVE, sorted(rows))


def service(name: str, source: str, target: str, settings: Settings) -> Service:
    """One hop."""
    return Service(
        name=name,
        topics=(source,),
        handler=PassingHandler(name, target),
        schema_dir=Path(__file__).parent / "passing_schema",
    )


if __name__ == "__main__":
    called, reads, says = sys.argv[1:4]
    main(partial(service, called, reads, says), [])

"""A service's own handler with a witness: a row for each unit whose decision was committed.

What services write is idempotent in itself, so that a unit decided twice often cannot be told from
one decided once. The witness can: its rows have no key, and are written in the transaction that
decides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from shared.messaging.handler import Bad, Decision, Handler, Record, Unit
from shared.service import Service
from shared.settings import Settings

TABLE = """
CREATE TABLE witness (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    event_id uuid NOT NULL,
    part integer NOT NULL,
    key text NOT NULL,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id()
)
"""
_INSERT = """
INSERT INTO witness (event_id, part, key) SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[])
"""


@dataclass(frozen=True, slots=True)
class _Mark:
    event_id: UUID
    part: int
    key: str


class Witnessed:
    """A `Handler` that adds a mark to each decision of another."""

    def __init__(self, handler: Handler[Any, Any, Any]) -> None:
        self._handler = handler

    def decode(self, record: Record) -> Iterator[Unit[Any] | Bad]:
        return self._handler.decode(record)

    async def load(self, connection: Any, units: Sequence[Unit[Any]]) -> dict[str, Any]:
        return await self._handler.load(connection, units)

    def decide(
        self, states: Mapping[str, Any], unit: Unit[Any], now: datetime
    ) -> Decision[Any, Any]:
        decision = self._handler.decide(states, unit, now)
        mark = _Mark(unit.event_id, unit.part, unit.key)
        return replace(decision, rows=(*decision.rows, mark))

    async def save(self, connection: Any, states: Mapping[str, Any], rows: Sequence[Any]) -> None:
        marks = [row for row in rows if isinstance(row, _Mark)]
        theirs = [row for row in rows if not isinstance(row, _Mark)]
        if states or theirs:
            await self._handler.save(connection, states, theirs)
        await connection.execute(
            _INSERT,
            [mark.event_id for mark in marks],
            [mark.part for mark in marks],
            [mark.key for mark in marks],
        )


def witnessed(name: str, settings: Settings) -> Service:
    """The service of this name, as its process makes it, with a witness."""
    made: Service = import_module(f"services.{name}.app").service(settings)
    return replace(made, handler=Witnessed(made.handler))

"""Carries out commands: each in a transaction of its own, through the same load, decide, save and
outbox as an event.

It is apart from the handler because nobody retries a command but the one who gave it: a refusal is
the answer. The HTTP API, the command line and the worker that judges what was held all come here.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from services.remittance import saving
from services.remittance.domain.commands import Command, Released, ReleaseEnded
from services.remittance.domain.incoming import claim_from_json
from services.remittance.domain.state import Place
from services.remittance.domain.variance import Fee
from services.remittance.domain.worklist import DenialDecided, DenialState
from services.remittance.handlers import RemittanceHandler
from services.remittance.statements import changes
from services.remittance.statements.store import lock_account
from shared.contract.envelope import Event
from shared.database import Connection, leased
from shared.messaging import outbox
from shared.messaging.handler import Unit
from shared.service import Context, Worker, clock

RELEASED_AT_ONCE = 500
LOOK_S = 5.0

_HELD = """
SELECT position, number_id, content FROM remittance_claim
WHERE remittance_id = $1 AND state = 'held' ORDER BY position LIMIT $2
"""
_TO_RELEASE = """
SELECT DISTINCT remittance_id FROM remittance_claim JOIN remittance ON remittance.id = remittance_id
WHERE state = 'held' AND remittance.status = 'accepted' LIMIT 100
"""
_DENIAL = """
SELECT claim_id, account_id FROM denial JOIN claim ON claim.id = claim_id
WHERE remittance_id = $1 AND position = $2 AND number = $3
"""
_FEES = """
INSERT INTO fee (payer_identifier, code, modifier, effective_from, effective_through, amount_cents)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (payer_identifier, code, modifier, effective_from) DO UPDATE SET
    effective_through = excluded.effective_through, amount_cents = excluded.amount_cents
"""
_REJECTED = """
UPDATE remittance_claim SET state = 'rejected' WHERE remittance_id = $1 AND state = 'held'
"""


async def act(
    connection: Connection, handler: RemittanceHandler, commands: Sequence[Command], now: datetime
) -> list[Event]:
    """Carries these commands out, all or none, and returns what they said; wake the relay after
    it. Raises RefusedError."""
    units: list[Unit[Any]] = [Unit(uuid4(), "", command) for command in commands]
    async with connection.transaction():
        states = await handler.load(connection, units)
        changed: dict[str, Any] = {}
        events: list[Event] = []
        rows: list[Any] = []
        for unit in units:
            decision = handler.decide(states, unit, now)
            states |= decision.states
            changed |= decision.states
            events += [one for one in decision.events if isinstance(one, Event)]
            rows += decision.rows
        await handler.save(connection, changed, rows)
        await outbox.append(connection, events)
    return events


async def release(
    connection: Connection, handler: RemittanceHandler, remittance_id: UUID, now: datetime
) -> int:
    """Judges every claim that was held with a remittance which is accepted now, some hundreds at a
    time; returns how many. Begun again after a crash, it goes on where it stopped."""
    count = 0
    while held := await connection.fetch(_HELD, remittance_id, RELEASED_AT_ONCE):
        commands = [
            Released(
                (remittance_id, row["position"]),
                claim_from_json(row["content"]),
                str(row["number_id"]),
                row["content"].encode(),
            )
            for row in held
        ]
        await act(connection, handler, commands, now)
        count += len(held)
    if count:
        await act(connection, handler, [ReleaseEnded(remittance_id)], now)
    return count


async def decide_denial(
    connection: Connection,
    handler: RemittanceHandler,
    place: Place,
    number: int,
    state: DenialState,
    by: str,
    note: str | None,
    now: datetime,
) -> UUID | None:
    """Writes down what is done about a denial, and what that changes for the patient; returns its
    claim, or None where there is no such; wake the relay after it. That its money is given up is a
    command of its own (`WriteOff`), which writes the state too."""
    async with connection.transaction():
        row = await connection.fetchrow(_DENIAL, *place, number)
        if row is None:
            return None
        claim_id: UUID = row["claim_id"]
        if state != "written_off":
            account_id: UUID = row["account_id"]
            await lock_account(connection, account_id)
            decided = DenialDecided(place, number, state, by, note)
            await saving.close_denials(connection, (), (decided,))
            await changes.refresh(connection, [account_id], handler.rules, now)
        return claim_id


async def load_fees(connection: Connection, rows: Sequence[Fee]) -> None:
    """Loads rows of payers' fee schedules; a row of the same day replaces the one before."""
    await connection.executemany(_FEES, rows)


async def close_rejected(connection: Connection, remittance_id: UUID) -> None:
    """The claims of a remittance that was rejected are rejected with it."""
    await connection.execute(_REJECTED, remittance_id)


def releaser(handler: RemittanceHandler) -> Worker:
    """A worker that goes on judging what was held where the process that began it did not end."""

    async def run(context: Context) -> None:
        while not context.stopping.is_set():
            async with (
                context.pool.acquire() as connection,
                leased(connection, "remittance releaser") as is_ours,
            ):
                if is_ours:
                    for (remittance_id,) in await connection.fetch(_TO_RELEASE):
                        await release(connection, handler, remittance_id, clock())
                        context.wake_relay()
            with suppress(TimeoutError):
                await asyncio.wait_for(context.stopping.wait(), LOOK_S)

    return run

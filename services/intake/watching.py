"""The watch over encounters: holds that are over make claims, charges that wait too long are said,
and what was billed long ago is deleted.

Must run under a lease: one process at a time looks, so that none waits for another's locks. What it
decides, the very functions decide that decide on messages.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from services.intake import encounter_store, store
from services.intake.domain.answer import states_of
from services.intake.domain.claiming import Ruling
from services.intake.domain.encounter import Encounter
from services.intake.domain.encounters import decide_due
from services.intake.domain.known import Known, State
from services.intake.domain.profile import SourceProfiles
from services.intake.handlers import claims_in
from shared.contract.envelope import Event
from shared.database import Connection, Pool, lease
from shared.messaging import outbox
from shared.messaging.retention import in_chunks
from shared.service import Context, Prune, Worker, clock
from shared.telemetry import names
from shared.telemetry.tracing import Batch, Tracing

AT_ONCE = 200
"""Encounters in one transaction."""
AGAIN_AFTER = timedelta(hours=6)

logger = logging.getLogger("claimwire.intake")


def watcher(profiles: SourceProfiles, poll_s: float) -> Worker:
    """The worker that looks every so many seconds."""

    async def watch_encounters(context: Context) -> None:
        while not context.stopping.is_set():
            async with lease(context.pool, "encounters") as is_ours:
                if is_ours:
                    await _round(context, profiles)
            with suppress(TimeoutError):
                await asyncio.wait_for(context.stopping.wait(), poll_s)

    return watch_encounters


async def _round(context: Context, profiles: SourceProfiles) -> None:
    while not context.stopping.is_set():
        async with context.pool.acquire() as connection:
            said = await watch(connection, profiles, context.tracing, clock())
        if said is None:
            return
        context.metrics.decided([event.type for event in said])
        context.wake_relay()


async def watch(
    connection: Connection, profiles: SourceProfiles, tracing: Tracing, now: datetime
) -> list[Event] | None:
    """What time alone makes of the encounters that are due, some of them at once, in one
    transaction; None where none is."""
    with tracing.batch(names.SPAN_ENCOUNTERS) as trace:
        async with connection.transaction():
            states = await encounter_store.load_due(connection, now, AT_ONCE)
            due = [state for state in states.values() if isinstance(state, Encounter)]
            if not due:
                return None
            states |= await store.load(connection, {str(one.id) for one in due})
            changed: dict[str, State] = {}
            said: list[Event] = []
            for encounter in due:
                ruling = _ruling(Known(states), encounter, profiles, now)
                changed |= states_of(ruling)
                said += ruling.events
            encounters = [state for state in changed.values() if isinstance(state, Encounter)]
            await encounter_store.save(connection, encounters, [])
            await store.save_claims(connection, claims_in(changed.values()))
            await outbox.append(connection, [_traced(event, trace) for event in said])
            return said


def purger(retention_days: int) -> Prune:
    """What deletes the encounters of claims made long ago."""

    async def purge_encounters(pool: Pool, now: datetime) -> int:
        before = now - timedelta(days=retention_days)
        return await in_chunks(
            pool, lambda one: encounter_store.purge(one, before, now, AT_ONCE), AT_ONCE
        )

    return purge_encounters


def _ruling(known: Known, encounter: Encounter, profiles: SourceProfiles, now: datetime) -> Ruling:
    """What becomes of one encounter. One that cannot be decided on must not keep the others from
    it: it is looked at again later."""
    try:
        return decide_due(known, encounter, profiles.of(encounter.source), now)
    except Exception as error:
        logger.exception(
            "an encounter could not be decided on",
            extra={"claim_id": str(encounter.id), "error": type(error).__name__},
        )
        return Ruling((), (encounter.model_copy(update={"due_at": now + AGAIN_AFTER}),))


def _traced(event: Event, trace: Batch) -> Event:
    traceparent = trace.claim(
        event.traceparent,
        claim_id=event.subject,
        outcomes=(event.type,),
        name=names.SPAN_ENCOUNTERS,
    )
    return replace(event, traceparent=traceparent)

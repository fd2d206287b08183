"""The worker that makes the bills that are due and declares refunds: one process at a time, by a
lease."""

import asyncio
from contextlib import suppress

from services.remittance.handlers import RemittanceHandler
from services.remittance.statements.office import BATCH, StatementOffice
from services.remittance.statements.refunds import declare_refunds
from shared.database import leased
from shared.service import Context, Worker, clock


def statement_maker(handler: RemittanceHandler, poll_s: float) -> Worker:
    """Looks for due bills and settled credits every so many seconds."""

    async def run(context: Context) -> None:
        office = StatementOffice(context.pool, handler.rules)
        while not context.stopping.is_set():
            async with (
                context.pool.acquire() as connection,
                leased(connection, "patient statements") as is_ours,
            ):
                while is_ours and not context.stopping.is_set():
                    made = await office.make_due(clock())
                    refunds = await declare_refunds(context.pool, handler, clock())
                    context.wake_relay()
                    if max(made, refunds) < BATCH:
                        break
            with suppress(TimeoutError):
                await asyncio.wait_for(context.stopping.wait(), poll_s)

    return run

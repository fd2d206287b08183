"""One courier for each payer profile: it forms, sends and collects, in that order, and alone.

All of a payer's work is one after the other under one lease, so that a send is always recorded
before the payer's answers to it are taken from the mailbox, and so that any number of processes
share the payers between them. A payer that is down stops its own courier only: while its circuit is
open its claims wait, and nothing of the process waits for it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.submission import channel_state
from services.submission.domain.batching import Limits
from services.submission.domain.circuit import Circuit, after_failure
from services.submission.domain.profile import Profile
from services.submission.domain.watchdog import Allowance
from services.submission.filing import count_down
from services.submission.gathering import MAX_BYTES, gather
from services.submission.inquiring import inquire
from services.submission.leases import Leases
from services.submission.mailbox import collect
from services.submission.saying import FILING_DUE, OVERDUE, SUBMITTED
from services.submission.sending import Fate, Outbound, send, unsent
from services.submission.transport import Transport, TransportError
from services.submission.vault import Vault
from services.submission.watching import watch
from shared.database import Connection
from shared.service import Context, clock
from shared.settings import Settings

SHORTEST_REST_S = 0.05
LONGEST_REST_S = 0.5


class DatabaseAwayError(Exception):
    """Our own database cannot be reached. No payer is to blame."""


@dataclass(slots=True)
class Courier:
    """The work for one payer. `turns` bounds how many couriers hold a connection at once."""

    profile: Profile
    transport: Transport
    limits: Limits
    allowance: Allowance
    mailbox_poll: timedelta
    watchdog_poll: timedelta
    vault: Vault
    turns: asyncio.Semaphore
    leases: Leases
    _next_mailbox: datetime | None = None
    _next_watch: datetime | None = None
    _is_busy: bool = field(default=False)

    async def run(self, context: Context) -> None:
        """Rounds until the process stops. A round that finds work is followed by another."""
        try:
            while not context.stopping.is_set():
                await self.round(context, clock())
                await _rest(context.stopping, SHORTEST_REST_S if self._is_busy else LONGEST_REST_S)
        finally:
            await self.transport.close()

    async def round(self, context: Context, now: datetime) -> None:
        """Everything there is to do for this payer now, unless another process is at it."""
        self._is_busy = False
        async with self.leases.holding(context.pool, self._lease) as is_ours:
            if not is_ours:
                return
            await self._watch(context, now)
            async with self._connection(context) as connection:
                circuit = await channel_state.read(connection, self.profile.name)
            if circuit.is_open(now):
                return
            if not circuit.failures:  # else what waits can still be replaced: reach the payer first
                await self._form(context, now)
            try:
                await self._exchange(context, circuit, now)
            except OSError as error:
                await self._failed(context, circuit, error, now)

    @property
    def _lease(self) -> str:
        return f"payer/{self.profile.name}"

    @asynccontextmanager
    async def _connection(self, context: Context) -> AsyncIterator[Connection]:
        """Raises DatabaseAwayError: an OSError would be taken for the payer's."""
        async with self.turns, AsyncExitStack() as borrowed:
            try:
                connection = await borrowed.enter_async_context(context.pool.acquire())
            except OSError as error:
                raise DatabaseAwayError from error
            yield connection

    async def _form(self, context: Context, now: datetime) -> None:
        async with self._connection(context) as connection:
            formed = await gather(connection, self.profile, self.limits, self.vault, now)
            asked = await inquire(connection, self.profile, self.vault, now)
        unwritable = sum(one.unwritable for one in formed)
        if unwritable:
            context.metrics.decided(["claim.refused.v1"] * unwritable)
        self._did(context, len(formed) + asked)

    async def _exchange(self, context: Context, circuit: Circuit, now: datetime) -> None:
        """Sends what is formed, as the payer's pace allows, and takes its answers."""
        out = Outbound(
            self.profile,
            self.transport,
            lambda: self._connection(context),
            self.vault,
            context.tracing,
        )
        async with self._connection(context) as connection:
            waiting = await unsent(connection, self.profile.name)
        for interchange in waiting if circuit.may_send(self.profile.pacing, now) else ():
            if not self.leases.holds(self._lease):
                return
            fate, claims = await send(out, interchange, now)
            context.metrics.decided([SUBMITTED] * claims)
            context.logger.info(
                "interchange sent" if fate is Fate.SENT else "interchange not sent",
                extra={
                    "interchange_id": str(interchange.interchange_id),
                    "payer_profile": self.profile.name,
                    "state": fate.value,
                    "count": claims,
                },
            )
            self._did(context, 1)
            if fate is Fate.SENT:
                async with self._connection(context) as connection:
                    await channel_state.keep_sending(connection, self.profile.name, now)
                circuit = Circuit(last_sent_at=now)
                if not circuit.may_send(self.profile.pacing, now):
                    break
        await self._collect(context, circuit, now)

    async def _collect(self, context: Context, circuit: Circuit, now: datetime) -> None:
        if self._next_mailbox is not None and now < self._next_mailbox:
            return
        self._next_mailbox = now + self.mailbox_poll
        taken = await collect(
            lambda: self._connection(context),
            self.transport,
            self.profile.name,
            context.blobs,
            tracing=context.tracing,
            now=now,
        )
        if circuit.failures:
            async with self._connection(context) as connection:
                await channel_state.keep_contact(connection, self.profile.name, now)
        self._did(context, taken + circuit.failures)

    async def _failed(
        self, context: Context, circuit: Circuit, error: OSError, now: datetime
    ) -> None:
        code = error.code if isinstance(error, TransportError) else type(error).__name__
        after = after_failure(circuit, code, self.profile.pacing, now)
        async with self._connection(context) as connection:
            await channel_state.keep_failure(connection, self.profile.name, after, now)
        context.logger.warning(
            "a payer cannot be reached",
            extra={
                "payer_profile": self.profile.name,
                "error": code,
                "attempt": after.failures,
            },
        )
        await self.transport.close()

    async def _watch(self, context: Context, now: datetime) -> None:
        if self._next_watch is not None and now < self._next_watch:
            return
        self._next_watch = now + self.watchdog_poll
        name = self.profile.name
        async with self._connection(context) as connection:
            late = await watch(connection, name, self.allowance, context.tracing, now)
            filing = await count_down(
                connection, self.profile, self.allowance, context.tracing, now
            )
        said = [(OVERDUE, f"no-{expected}", count) for expected, count in late.items()]
        for event_type, state, count in (*said, (FILING_DUE, "filing-due", filing)):
            if count:
                context.metrics.decided([event_type] * count)
                context.logger.warning(
                    "a payer's time is over",
                    extra={"payer_profile": name, "state": state, "count": count},
                )
                self._did(context, count)

    def _did(self, context: Context, count: int) -> None:
        if count:
            self._is_busy = True
            context.wake_relay()


def courier_for(
    profile: Profile,
    transport: Transport,
    settings: Settings,
    turns: asyncio.Semaphore,
    leases: Leases,
) -> Courier:
    """A payer's courier; what its profile leaves open comes from the settings."""
    window_s = profile.interchange_window_s
    deadlines = profile.deadlines
    return Courier(
        profile=profile,
        transport=transport,
        limits=Limits(
            max_claims=profile.interchange_max_claims or settings.interchange_max_claims,
            max_bytes=MAX_BYTES,
            window_s=settings.interchange_window_s if window_s is None else window_s,
        ),
        allowance=Allowance(
            syntax_s=deadlines.syntax_s or settings.watchdog_999_s,
            acceptance_s=deadlines.acceptance_s or settings.watchdog_277ca_s,
            payment_s=deadlines.payment_s or settings.watchdog_835_s,
        ),
        mailbox_poll=timedelta(seconds=settings.mailbox_poll_s),
        watchdog_poll=timedelta(seconds=settings.watchdog_poll_s),
        vault=Vault.from_settings(settings),
        turns=turns,
        leases=leases,
    )


async def _rest(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return

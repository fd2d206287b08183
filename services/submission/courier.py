"""One courier for each payer profile: it forms, sends and collects, in that order, and alone.

All of a payer's work is one after the other under one lease, so that a send is always recorded
before the payer's answers to it are taken from the mailbox, and so that any number of processes
share the payers between them. A payer that is down stops its own courier only.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.submission.domain.batching import Limits
from services.submission.domain.profile import Profile
from services.submission.domain.watchdog import Allowance
from services.submission.gathering import MAX_BYTES, gather
from services.submission.mailbox import collect
from services.submission.saying import SUBMITTED
from services.submission.sending import send, unsent
from services.submission.transport import Transport
from services.submission.watching import watch
from shared.database import Connection, leased
from shared.service import Context, clock
from shared.settings import Settings

SHORTEST_REST_S = 0.05
LONGEST_REST_S = 0.5
BACKOFF_S = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Rests after a payer could not be reached: once, twice, ... in a row."""


@dataclass(slots=True)
class Courier:
    """The work for one payer. `turns` bounds how many couriers hold a connection at once."""

    profile: Profile
    transport: Transport
    limits: Limits
    allowance: Allowance
    mailbox_poll: timedelta
    watchdog_poll: timedelta
    turns: asyncio.Semaphore
    _failures: int = 0
    _next_mailbox: datetime | None = None
    _next_watch: datetime | None = None
    _is_busy: bool = field(default=False)

    async def run(self, context: Context) -> None:
        """Rounds until the process stops. A round that finds work is followed by another."""
        while not context.stopping.is_set():
            try:
                await self.round(context, clock())
                self._failures = 0
                rest = SHORTEST_REST_S if self._is_busy else LONGEST_REST_S
            except OSError as error:
                rest = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
                self._failures += 1
                context.logger.warning(
                    "a payer's transport failed",
                    extra={"payer_profile": self.profile.name, "error": type(error).__name__},
                )
            await _rest(context.stopping, rest)

    async def round(self, context: Context, now: datetime) -> None:
        """Everything there is to do for this payer now, unless another process is at it."""
        async with (
            self.turns,
            context.pool.acquire() as connection,
            leased(connection, f"payer/{self.profile.name}") as is_ours,
        ):
            self._is_busy = False
            if not is_ours:
                return
            steps: tuple[Callable[[Context, Connection, datetime], Awaitable[int]], ...] = (
                self._form,
                self._send,
                self._collect,
                self._watch,
            )
            for step in steps:
                if await step(context, connection, now):
                    self._is_busy = True
                    context.wake_relay()

    async def _form(self, context: Context, connection: Connection, now: datetime) -> int:
        formed = await gather(connection, self.profile, self.limits, now)
        unwritable = sum(one.unwritable for one in formed)
        if unwritable:
            context.metrics.decided(["claim.refused.v1"] * unwritable)
        return len(formed)

    async def _send(self, context: Context, connection: Connection, now: datetime) -> int:
        claims = 0
        for interchange in await unsent(connection, self.profile.name):
            count = await send(connection, self.transport, interchange, context.tracing, now)
            context.metrics.decided([SUBMITTED] * count)
            context.wake_relay()
            context.logger.info(
                "interchange sent" if count else "interchange held: nobody knows if it was sent",
                extra={
                    "interchange_id": str(interchange.interchange_id),
                    "payer_profile": self.profile.name,
                    "count": count,
                },
            )
            claims += count
        return claims

    async def _collect(self, context: Context, connection: Connection, now: datetime) -> int:
        if self._next_mailbox is not None and now < self._next_mailbox:
            return 0
        self._next_mailbox = now + self.mailbox_poll
        return await collect(
            connection,
            self.transport,
            self.profile.name,
            context.blobs,
            tracing=context.tracing,
            now=now,
        )

    async def _watch(self, context: Context, connection: Connection, now: datetime) -> int:
        if self._next_watch is not None and now < self._next_watch:
            return 0
        self._next_watch = now + self.watchdog_poll
        name = self.profile.name
        late = await watch(connection, name, self.allowance, context.tracing, now)
        for expected, count in late.items():
            if count:
                context.metrics.decided(["acknowledgement.overdue.v1"] * count)
                context.logger.warning(
                    "acknowledgements are overdue",
                    extra={"payer_profile": name, "state": f"no-{expected}", "count": count},
                )
        return sum(late.values())


def courier_for(
    profile: Profile, transport: Transport, settings: Settings, turns: asyncio.Semaphore
) -> Courier:
    """A payer's courier; what its profile leaves open comes from the settings."""
    window_s = profile.interchange_window_s
    return Courier(
        profile=profile,
        transport=transport,
        limits=Limits(
            max_claims=profile.interchange_max_claims or settings.interchange_max_claims,
            max_bytes=MAX_BYTES,
            window_s=settings.interchange_window_s if window_s is None else window_s,
        ),
        allowance=Allowance(
            syntax_s=profile.deadlines.syntax_s or settings.watchdog_999_s,
            acceptance_s=profile.deadlines.acceptance_s or settings.watchdog_277ca_s,
        ),
        mailbox_poll=timedelta(seconds=settings.mailbox_poll_s),
        watchdog_poll=timedelta(seconds=settings.watchdog_poll_s),
        turns=turns,
    )


async def _rest(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return

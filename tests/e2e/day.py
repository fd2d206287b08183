"""A hospital's day on a running stack, for tests: publish, disturb, settle, judge."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import date

import asyncpg
from rich.console import Console

from deploy.local.stack import Stack
from deploy.twins import hospital
from deploy.twins.daybook import Daybook
from deploy.twins.hospital import Message
from deploy.twins.payer.scenario import DEFAULT_SEED
from services.commands.demo import books
from services.commands.demo_events import listening, send, settle
from shared.database import connect

TODAY = date(2026, 11, 20)
QUIET = Console(quiet=True)

Disturbance = Callable[[Stack, Daybook], Coroutine[None, None, None]]


@dataclass(slots=True)
class Day:
    """What a day came to: the hospital's book, and what the ledger and the audit say."""

    book: Daybook
    problems: list[str]


async def live(
    stack: Stack,
    count: int,
    *,
    seed: int,
    run: str,
    disturb: Disturbance | None = None,
    timeout_s: float = 150.0,
    from_stores: bool = False,
) -> Day:
    """Publishes a day while it is disturbed, waits until it is settled and holds the books."""
    print(f"seed {seed}, run {run}")  # noqa: T201 - a failure is to be reproduced
    book = Daybook(DEFAULT_SEED)
    day = list(hospital.day(seed, count, today=TODAY, run=run))
    for message in day:
        book.published(message)
    trouble = asyncio.create_task(disturb(stack, book)) if disturb else None
    async with listening(stack.settings) as consumer:
        await asyncio.gather(
            _send_slowly(stack, day),
            *([] if from_stores else [settle(consumer, book, QUIET, timeout_s)]),
        )
    if from_stores:
        await _settle_from_stores(stack, book, timeout_s)
    if trouble is not None:
        await trouble
    _, problems = await books(stack, book)
    return Day(book, problems)


_ENDS = (
    ("coding", "SELECT claim_id FROM claim WHERE status = 'held'", "held"),
    ("coding", "SELECT claim_id FROM claim", "accepted"),
    (
        "submission",
        "SELECT claim_id FROM claim WHERE status IN ('sent', 'accepted', 'forwarded')",
        "submitted",
    ),
    ("submission", "SELECT claim_id FROM claim WHERE status = 'acknowledged'", "acknowledged"),
    ("submission", "SELECT claim_id FROM claim WHERE status = 'refused'", "refused_by_payer"),
    (
        "remittance",
        "SELECT id AS claim_id FROM claim WHERE status IN ('paid', 'partly_paid')",
        "paid",
    ),
    ("remittance", "SELECT id AS claim_id FROM claim WHERE status = 'denied'", "denied"),
)


async def _settle_from_stores(stack: Stack, book: Daybook, timeout_s: float) -> None:
    """As listening does, from the services' stores: for a broker that forgets what it said."""
    deadline = time.monotonic() + timeout_s
    while not book.is_settled and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await _read_stores(stack, book)


async def _read_stores(stack: Stack, book: Daybook) -> None:
    async with AsyncExitStack() as opened_ones:
        connected = {}
        for name in ("intake", "coding", "submission", "remittance"):
            connected[name] = await connect(stack.dsn_of(name), name)
            opened_ones.push_async_callback(connected[name].close)
        for service, query, state in _ENDS:
            for row in await connected[service].fetch(query):
                book.advance(str(row["claim_id"]), state)
        tally = await connected["intake"].fetchrow(
            "SELECT coalesce(sum(rejected), 0)::int AS rejected, "
            "coalesce(sum(duplicated), 0)::int AS duplicated FROM message"
        )
        assert tally is not None
        book.rejections, book.duplicates = tally["rejected"], tally["duplicated"]


async def _send_slowly(stack: Stack, day: list[Message]) -> None:
    """In ten parts, so that whatever disturbs the line meets claims that flow."""
    step = max(1, len(day) // 10)
    for start in range(0, len(day), step):
        await send(stack.settings, day[start : start + step])
        await asyncio.sleep(0.3)


async def interrupted(stack: Stack, count: int, *, seed: int, run: str) -> Day:
    """Publishes a day and stops the stack at once, cleanly; then starts it again and settles."""
    print(f"seed {seed}, run {run}")  # noqa: T201 - a failure is to be reproduced
    book = Daybook(DEFAULT_SEED)
    day = list(hospital.day(seed, count, today=TODAY, run=run))
    for message in day:
        book.published(message)
    await send(stack.settings, day)
    await asyncio.to_thread(stack.stop)
    await asyncio.to_thread(stack.start)
    await _settle_from_stores(stack, book, 150.0)
    _, problems = await books(stack, book)
    return Day(book, problems)


async def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Waits for a condition; fails when it does not come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for did not come"
        await asyncio.sleep(0.1)

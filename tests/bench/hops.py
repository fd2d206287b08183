"""Each service alone: what it reads lies ready, it is started, and timed until it is through.

Beside them (a), one ordinary FastStream service on claims as intake says them. What lies ready is
what a run of the whole line has left on the topics.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local.roster import ROSTER, Program
from deploy.local.stack import Stack
from shared.contract import topics
from tests.bench.flows import HOPS, TIMEOUT_S, preload, stack_in, taken_in
from tests.bench.inputs import Message, received_events
from tests.bench.line import COUNTED, PLAIN_SHARE, SETTLED, Ran
from tests.bench.report import Section, ratio


@dataclass(frozen=True, slots=True)
class Hop:
    """A service alone, and the topics that it reads."""

    service: str
    reads: Sequence[str]
    what: str


HOPS_ALONE = (
    Hop("intake", (topics.CLAIMS_INBOUND,), "files and JSON to claims received"),
    Hop("coding", (topics.CLAIMS_INTAKE,), "claims received to coded or held"),
    Hop("submission", (topics.CLAIMS_CODING,), "claims coded to 837s and submitted"),
    Hop(
        "remittance",
        (topics.CLAIMS_SUBMISSION, topics.PAYERS_INBOUND),
        "claims submitted and 835s to paid or denied, and postings",
    ),
)


def measure(folder: Path, kafka: str, ran: Ran) -> Section:
    """Claims a second of each service alone, and their ratios to (a)."""
    plain = _plain(folder, kafka, received_events(ran.claims // PLAIN_SHARE))
    rows: list[tuple[str, str, int | None, float, str | None]] = []
    for hop in HOPS_ALONE:
        claims, seconds = _alone(folder, kafka, hop, ran)
        rate = claims / seconds
        rows.append((hop.service, hop.what, claims, rate, ratio(rate, plain)))
    rows.append(("(a)", "a plain FastStream service, a message a transaction", None, plain, None))
    return Section(
        "hops",
        "each service alone",
        ("service", "what", "claims", "claims/s", "is, of (a)"),
        rows,
        notes=("from its first transaction until all is decided and its outbox is empty",),
    )


def _alone(folder: Path, kafka: str, hop: Hop, ran: Ran) -> tuple[int, float]:
    program = next(one for one in ROSTER if one.name == hop.service)
    with stack_in(folder / f"hop-{hop.service}", kafka, (program,)) as stack:
        return asyncio.run(_timed(stack, hop, ran))


async def _timed(stack: Stack, hop: Hop, ran: Ran) -> tuple[int, float]:
    """Claims and seconds, by the database's clock."""
    member = stack.services[hop.service]
    await asyncio.to_thread(member.stop)
    for topic in hop.reads:
        await preload(stack.settings, topic, ran.records[topic])
    connection = await asyncpg.connect(stack.dsn_of(hop.service))
    try:
        await asyncio.to_thread(member.start)
        deadline = time.monotonic() + TIMEOUT_S
        claims = ran.outcomes[hop.service]
        types = list(SETTLED[hop.service])
        while await connection.fetchval(COUNTED, types) < claims:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{hop.service} alone is not through")
            await asyncio.sleep(0.05)
        return claims, await taken_in(connection, 0, deadline)
    finally:
        await connection.close()


def _plain(folder: Path, kafka: str, events: Sequence[Message]) -> float:
    program = Program("hop1", "tests.bench.plain_service", ("hop1", *HOPS[:2]))
    with stack_in(folder / "hop-plain", kafka, (program,)) as stack:
        return len(events) / asyncio.run(_timed_plain(stack, events))


async def _timed_plain(stack: Stack, events: Sequence[Message]) -> float:
    member = stack.services["hop1"]
    await asyncio.to_thread(member.stop)
    await preload(stack.settings, HOPS[0], events)
    connection = await asyncpg.connect(stack.dsn_of("hop1"))
    try:
        await asyncio.to_thread(member.start)
        return await taken_in(connection, len(events), time.monotonic() + TIMEOUT_S)
    finally:
        await connection.close()

"""The whole line, timed from the first publish until every claim is settled, beside two others.

(a) is four ordinary FastStream services, (b) four services on our kernel that decide nothing: the
same broker, the same database, the same topics, events of the same bytes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from deploy.local.stack import Stack
from shared.contract import topics
from tests.bench.flows import (
    ENVIRONMENT,
    chain_roster,
    day_of,
    everything_on,
    line_roster,
    run_chain,
    run_day,
    stack_in,
)
from tests.bench.inputs import Message, received_events
from tests.bench.report import Section, ratio
from tests.bench.watch import Usage, Watch

WARM_UP_CLAIMS = 300
PLAIN_SHARE = 8
"""(a) is given one claim in so many: its rate does not depend on how many there are."""
KEPT = (
    topics.CLAIMS_INBOUND,
    topics.CLAIMS_INTAKE,
    topics.CLAIMS_CODING,
    topics.CLAIMS_SUBMISSION,
    topics.PAYERS_INBOUND,
)
"""Topics whose records are kept of a run, to be read again by one service alone."""

SETTLED = {
    "intake": ("claim.received.v1", "claim.duplicated.v1"),
    "coding": ("claim.coded.v1", "claim.held.v1"),
    "submission": ("claim.submitted.v1",),
    "remittance": ("claim.paid.v1", "claim.denied.v1"),
}
"""The event types by which each service is through with a claim."""
COUNTED = "SELECT count(*) FROM event WHERE type = ANY($1::text[])"

Records = Mapping[str, Sequence[Message]]


@dataclass(slots=True)
class Ran:
    """What one run of the line left behind."""

    claims: int
    seconds: float
    cpu_s: float
    """Processor time of the line: services, payer twin, traces, broker and database."""
    unsettled: int
    usage: Mapping[str, Usage]
    records: Records = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """By service, how many claims came out of it: `SETTLED` counted at the end."""


def run_line(folder: Path, kafka: str, claims: int) -> Ran:
    """Starts the line, warms it up, and puts a day through it."""
    before, measured = day_of(WARM_UP_CLAIMS, "W"), day_of(claims, "B")
    with stack_in(folder / "line", kafka, line_roster()) as stack:
        warm_up = run_day(stack, before)
        if warm_up.unsettled:
            raise RuntimeError(
                f"the line does not settle claims: {warm_up.unsettled} are under way"
            )
        with Watch(stack) as watch:
            day = run_day(stack, measured)
        records = asyncio.run(everything_on(stack.settings, KEPT))
        outcomes = asyncio.run(_outcomes(stack))
    return Ran(day.claims, day.seconds, watch.cpu_s, day.unsettled, watch.usage, records, outcomes)


async def _outcomes(stack: Stack) -> dict[str, int]:
    counts = {}
    for service, types in SETTLED.items():
        connection = await asyncpg.connect(stack.dsn_of(service))
        try:
            counts[service] = await connection.fetchval(COUNTED, list(types))
        finally:
            await connection.close()
    return counts


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast claims went through four services, and what each took of the processor."""

    per_second: float
    cpu_us: float


def run_four(folder: Path, kafka: str, module: str, records: Sequence[Message]) -> Pace:
    """The pace of four services of a kind, warmed up with a few claims."""
    warm_up, measured = records[:WARM_UP_CLAIMS], records[WARM_UP_CLAIMS:]
    with stack_in(folder / module.rpartition(".")[2], kafka, chain_roster(module)) as stack:
        asyncio.run(run_chain(stack, warm_up))
        with Watch(stack) as watch:
            seconds = asyncio.run(run_chain(stack, measured, len(warm_up)))
    count = len(measured)
    return Pace(count / seconds, watch.cpu_s / count * 1e6)


def measure(folder: Path, kafka: str, ran: Ran) -> Section:
    """The line's pace, and its ratios to (a) and (b)."""
    line = Pace(ran.claims / ran.seconds, ran.cpu_s / ran.claims * 1e6)
    events = received_events(WARM_UP_CLAIMS + ran.claims)
    plain = run_four(
        folder,
        kafka,
        "tests.bench.plain_service",
        events[: WARM_UP_CLAIMS + ran.claims // PLAIN_SHARE],
    )
    passing = run_four(folder, kafka, "tests.bench.passing_service", events)
    settings = ", ".join(f"{name} {value}" for name, value in ENVIRONMENT.items())
    notes = [
        f"the line: {ran.claims:,} claims in {ran.seconds:.1f} s, after a warm-up; broker: {kafka}",
        f"its settings: {settings}; traces as shipped; the payer twin runs on the same cores",
        f"(a) and (b): {len(events[0].value or b''):,} bytes and more in an event",
        "cpu: of all processes but the benchmark's own; it depends less on what else the cores do",
    ]
    if ran.unsettled:
        notes.append(f"{ran.unsettled:,} claims were NOT settled")
    return Section(
        "line",
        "four services, from the first publish until the last claim is settled",
        ("what", "claims/s", "claimwire is", "cpu us/claim", "claimwire takes"),
        (
            _row("claimwire, the whole line", line),
            _row("(a) four plain FastStream services, a message a transaction", plain, line),
            _row("(b) four services on the kernel that decide nothing", passing, line),
        ),
        notes,
    )


def _row(what: str, pace: Pace, line: Pace | None = None) -> tuple[object, ...]:
    if line is None:
        return (what, pace.per_second, None, pace.cpu_us, None)
    return (
        what,
        pace.per_second,
        ratio(line.per_second, pace.per_second),
        pace.cpu_us,
        ratio(line.cpu_us, pace.cpu_us),
    )


def memory(ran: Ran) -> Section:
    """Who used what while the day went through."""
    rows = [
        (name, usage.peak_mib, usage.cpu_s, f"{usage.cpu_s / ran.claims * 1e6:.0f}")
        for name, usage in ran.usage.items()
    ]
    return Section(
        "memory",
        "processes of the line under this load",
        ("program", "peak MiB", "cpu s", "cpu us/claim"),
        (*rows, ("all of the line", None, ran.cpu_s, f"{ran.cpu_s / ran.claims * 1e6:.0f}")),
        notes=(
            "peak resident memory; of PostgreSQL's processes, shared pages counted once",
            "`benchmark` publishes and watches, and is no part of the line",
        ),
    )

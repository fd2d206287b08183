"""`claimwire claim` and `claimwire trace`: one claim's way through all services."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from deploy.local.spans import Span, spans_of_claim
from deploy.local.waterfall import render
from services.commands.failures import CommandError
from services.commands.output import columns, complain, show
from services.commands.payer_status import print_standing
from services.commands.stack_access import Connections, Line, answered, connections
from services.submission import looking
from shared.messaging import parking

_SAID = """
SELECT e.event_id, coalesce(e.type, 'raw message') AS type, e.topic, e.created_at,
       EXISTS (SELECT 1 FROM outbox o WHERE o.seq = e.seq) AS waits
FROM event e WHERE e.key = $1 ORDER BY e.seq
"""
_TAKEN = """
SELECT event_id, received_at, partition, "offset" FROM inbox
WHERE event_id = ANY($1::uuid[]) AND part <= 0
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """A service that took an event in, and where it read it."""

    service: str
    at: datetime
    partition: int | None
    offset: int | None


@dataclass(slots=True)
class Step:
    """One event of a claim."""

    at: datetime
    service: str
    event: str
    event_id: UUID
    topic: str
    outcome: str
    """sent, or waits in the outbox."""
    read_by: list[Reading] = field(default_factory=list)


def claim(var_dir: Path, claim_id: UUID, *, as_json: bool) -> int:
    """Prints a claim's journey; 1 where no service knows it."""
    steps, parked, standing = answered(var_dir, lambda line: _journey(line, claim_id))
    if as_json:
        events = [asdict(step) for step in steps]
        show({"claim": claim_id, "events": events, "parked": parked, "payers": standing})
    elif steps or parked:
        _print(steps, parked)
        if standing is not None:
            print_standing(standing)
    if steps or parked:
        return 0
    complain(f"no service knows claim {claim_id}")
    return 1


def trace(var_dir: Path, claim_id: UUID, *, as_json: bool) -> int:
    """Prints a claim's traces as a waterfall; 1 where none was kept."""
    found = answered(var_dir, lambda line: _spans(line, claim_id))
    if as_json:
        show([asdict(span) for span in found])
    elif found:
        print(render(found))
    if found:
        return 0
    complain(
        f"no span of claim {claim_id} was kept: it was not sampled "
        "(CLAIMWIRE_TRACE_SAMPLE_RATIO), or is not known"
    )
    return 1


async def _spans(line: Line, claim_id: UUID) -> list[Span]:
    if line.traces_dsn is None:
        raise CommandError("traces of a line elsewhere are in its own trace store")
    connection = await asyncpg.connect(line.traces_dsn)
    try:
        return await spans_of_claim(connection, claim_id)
    finally:
        await connection.close()


async def _journey(
    line: Line, claim_id: UUID
) -> tuple[list[Step], list[dict[str, Any]], dict[str, Any] | None]:
    key = str(claim_id)
    async with connections(line) as connected:
        steps: list[Step] = []
        for service, connection in connected.items():
            for row in await connection.fetch(_SAID, key):
                outcome = "waits in the outbox" if row["waits"] else "sent"
                steps.append(
                    Step(
                        row["created_at"],
                        service,
                        row["type"],
                        row["event_id"],
                        row["topic"],
                        outcome,
                    )
                )
        steps.sort(key=lambda step: step.at)
        await _add_readings(connected, {step.event_id: step for step in steps})
        standing = await looking.claim(connected["submission"], claim_id)
        return steps, await _parked(connected, key), standing


async def _add_readings(connected: Connections, by_id: Mapping[UUID, Step]) -> None:
    for service, connection in connected.items():
        for row in await connection.fetch(_TAKEN, list(by_id)):
            by_id[row["event_id"]].read_by.append(
                Reading(service, row["received_at"], row["partition"], row["offset"])
            )


async def _parked(connected: Connections, key: str) -> list[dict[str, Any]]:
    return [
        {"service": service, **asdict(row)}
        for service, connection in connected.items()
        for row in await parking.listed(connection, key=key)
    ]


def _print(steps: Sequence[Step], parked: Sequence[Mapping[str, Any]]) -> None:
    columns(
        ("time", "said by", "event", "topic", "read by (partition/offset)"),
        (
            (
                f"{step.at:%Y-%m-%d %H:%M:%S.%f}"[:-3],
                step.service,
                step.event if step.outcome == "sent" else f"{step.event} ({step.outcome})",
                step.topic,
                ", ".join(f"{one.service} ({one.partition}/{one.offset})" for one in step.read_by),
            )
            for step in steps
        ),
    )
    for row in parked:
        print(f"{row['state']} in {row['service']}: {row['error']}: {row['detail']}")

"""`claimwire claim` and `claimwire trace`: one claim's way through all services."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import typer

from services.commands.output import columns, show
from services.commands.stack_access import (
    AsJson,
    Connections,
    Line,
    NoStackError,
    VarDir,
    connections,
    opened,
)

ClaimId = Annotated[UUID, typer.Argument(help="The claim's id, as events carry it.")]

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


def claim(claim_id: ClaimId, var: VarDir = Path("var"), as_json: AsJson = False) -> None:
    """Print a claim's journey: each event, who said it when, and who read it where."""
    steps, parked = _run(var, lambda line: _journey(line, str(claim_id)))
    if as_json:
        show({"claim": claim_id, "events": [asdict(step) for step in steps], "parked": parked})
    else:
        _print(steps, parked)
    if not steps and not parked:
        typer.echo(f"claimwire: no service knows claim {claim_id}", err=True)
        raise typer.Exit(1)


def trace(claim_id: ClaimId, var: VarDir = Path("var"), as_json: AsJson = False) -> None:
    """Print a claim's trace as a waterfall, from the local stack's span store."""
    from deploy.local.spans import spans_of_claim
    from deploy.local.waterfall import render

    async def spans(line: Line) -> Any:
        if line.traces_dsn is None:
            raise NoStackError("traces of a line elsewhere are in its own trace store")
        connection = await asyncpg.connect(line.traces_dsn)
        try:
            return await spans_of_claim(connection, claim_id)
        finally:
            await connection.close()

    found = _run(var, spans)
    if as_json:
        show([asdict(span) for span in found])
    elif found:
        typer.echo(render(found))
    if not found:
        typer.echo(
            f"claimwire: no span of claim {claim_id} was kept: it was not sampled "
            "(CLAIMWIRE_TRACE_SAMPLE_RATIO), or is not known",
            err=True,
        )
        raise typer.Exit(1)


def _run(var: Path, question: Any) -> Any:
    try:
        with opened(var) as line:
            return asyncio.run(question(line))
    except NoStackError as error:
        typer.echo(f"claimwire: {error}", err=True)
        raise typer.Exit(2) from None


async def _journey(line: Line, key: str) -> tuple[list[Step], list[dict[str, Any]]]:
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
        return steps, await _parked(connected, key)


async def _add_readings(connected: Connections, by_id: Mapping[UUID, Step]) -> None:
    for service, connection in connected.items():
        for row in await connection.fetch(_TAKEN, list(by_id)):
            by_id[row["event_id"]].read_by.append(
                Reading(service, row["received_at"], row["partition"], row["offset"])
            )


async def _parked(connected: Connections, key: str) -> list[dict[str, Any]]:
    from shared.messaging import parking

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
        typer.echo(f"{row['state']} in {row['service']}: {row['error']}: {row['detail']}")

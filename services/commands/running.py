"""`claimwire up`, `status`, `recover` and `twin`: the line as something that runs."""

import asyncio
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from services.commands.output import columns, show
from services.commands.stack_access import (
    AsJson,
    Line,
    NoStackError,
    VarDir,
    connections,
    opened,
)

Kafka = Annotated[
    str | None,
    typer.Option(help="embedded, apache, apache3 or external; default: embedded, or external."),
]


def up(var: VarDir = Path("var"), kafka: Kafka = None) -> None:
    """Run the whole line on this machine until Ctrl-C."""
    from deploy.local.child import StartError
    from deploy.local.stack import up as run
    from deploy.local.stack_folder import StackBusyError

    try:
        run(var, kafka, typer.echo)
    except (StartError, StackBusyError, ValueError) as error:
        typer.echo(f"claimwire: {error}", err=True)
        raise typer.Exit(1) from None


def status(var: VarDir = Path("var"), as_json: AsJson = False) -> None:
    """Print addresses, process ids, consumer lag, outbox depth and parked counts."""
    from deploy.local.stack_folder import StackFolder

    try:
        description = StackFolder(var).read()
    except FileNotFoundError:
        typer.echo(f"claimwire: no stack has run in {var}", err=True)
        raise typer.Exit(2) from None
    if not description["running"]:
        typer.echo("claimwire: the stack is stopped", err=True)
        raise typer.Exit(1)
    with opened(var) as line:
        document = asyncio.run(_status(line))
    if as_json:
        show(document)
    else:
        _print(document)


async def _status(line: Line) -> dict[str, Any]:
    from shared.messaging import outbox, parking

    described = line.description
    document: dict[str, Any] = {
        "kafka": {
            "address": described["kafka"]["bootstrap_servers"],
            "kind": described["kafka"]["kind"],
            "pids": described["kafka"]["pids"],
        },
        "postgres": {
            "address": described["postgres"]["admin_dsn"].rpartition("@")[2],
            "pid": described["postgres"]["pid"],
        },
        "services": {},
    }
    async with connections(line) as connected:
        for name, connection in connected.items():
            row = described["services"][name]
            depth, age_s = await outbox.depth(connection)
            document["services"][name] = {
                "http": row["http"],
                "pid": row["pid"],
                "ready": await asyncio.to_thread(_is_ready, row["http"]),
                "consumer_lag": await asyncio.to_thread(_lag, row["http"]),
                "outbox_depth": depth,
                "outbox_age_s": round(age_s, 3),
                "parked": await parking.counts(connection),
            }
    return document


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _lag(url: str) -> int | None:
    """Records not yet settled, over all partitions, from the service's own metrics."""
    from shared.telemetry.names import CONSUMER_LAG

    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=2) as answer:  # noqa: S310
            lines = answer.read().decode().splitlines()
    except (OSError, urllib.error.URLError):
        return None
    name = CONSUMER_LAG.name
    return sum(
        int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(f"{name}{{")
    )


def _print(document: Mapping[str, Any]) -> None:
    rows = []
    for server in ("kafka", "postgres"):
        row = document[server]
        pids = row.get("pids") or [row.get("pid")]
        rows.append((server, row["address"], ",".join(map(str, pids)), "", "", "", "", ""))
    for name, row in document["services"].items():
        parked = row["parked"]
        ready = "yes" if row["ready"] else "NO"
        queues = (row["consumer_lag"], row["outbox_depth"], parked["parked"], parked["waiting"])
        rows.append((name, row["http"], row["pid"], ready, *queues))
    columns(("", "address", "pid", "ready", "lag", "outbox", "parked", "waiting"), rows)


def recover(
    var: VarDir = Path("var"),
    everything: Annotated[
        bool,
        typer.Option(
            "--republish-payments", help="Also say all of payments.posted again, from its start."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """After a broker lost its data: publish again what the next service has not taken in."""
    from services.commands.audit import participants
    from shared.contract.topics import PAYMENTS_POSTED
    from shared.messaging.recover import recover as run

    async def work(line: Line) -> Mapping[str, int]:
        async with connections(line) as connected:
            again = (PAYMENTS_POSTED,) if everything else ()
            found = await run(participants(connected), republish=again)
            return found.by_topic

    try:
        with opened(var) as line:
            by_topic = asyncio.run(work(line))
    except NoStackError as error:
        typer.echo(f"claimwire: {error}", err=True)
        raise typer.Exit(2) from None
    if as_json:
        show({"republished": dict(by_topic)})
        return
    for topic, count in by_topic.items():
        typer.echo(f"{topic}: {count} published again")
    if not by_topic:
        typer.echo("nothing is missing")


twin = typer.Typer(
    name="twin", help="A hospital and a payer to test against.", no_args_is_help=True
)


@twin.command("payer", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def payer(context: typer.Context) -> None:
    """Answer the 837s of a transport folder, as a payer does; all options are the twin's own."""
    arguments = [sys.executable, "-m", "deploy.twins.payer", *context.args]
    raise typer.Exit(subprocess.run(arguments, check=False).returncode)

"""`claimwire parked`: what the services could not decide, and what a person does with it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.commands.output import columns
from services.commands.output import show as show_json
from services.commands.stack_access import AsJson, NoStackError, VarDir, opened
from shared.database import connect
from shared.messaging import parking

if TYPE_CHECKING:
    from shared.database import Connection
    from shared.messaging.parking import Parked

app = typer.Typer(name="parked", help="Work what was parked, in any service.", no_args_is_help=True)

ServiceName = Annotated[str, typer.Argument(help="intake, coding, submission or remittance.")]
Ids = Annotated[list[int] | None, typer.Argument(help="Ids from `parked list`.")]
Key = Annotated[str | None, typer.Option(help="All of this claim.")]
OnlyService = Annotated[str | None, typer.Option("--service", help="One service only.")]


@app.command("list")
def list_parked(
    service: OnlyService = None, var: VarDir = Path("var"), as_json: AsJson = False
) -> None:
    """List what is parked and what waits behind it. No record's content is shown."""

    async def rows(connection: "Connection") -> "list[Parked]":
        return await parking.listed(connection)

    found = {name: _ask(var, name, rows) for name in _names(var, service)}
    if as_json:
        show_json({name: [asdict(row) for row in ones] for name, ones in found.items()})
        return
    columns(
        ("service", "id", "state", "claim", "error", "detail", "behind", "parked at"),
        (
            (
                name,
                row.id,
                row.state,
                row.key or "-",
                row.error,
                row.detail,
                row.waiting_behind,
                f"{row.parked_at:%Y-%m-%d %H:%M:%S}",
            )
            for name, ones in found.items()
            for row in ones
        ),
    )


@app.command("show")
def show_parked(
    service: ServiceName,
    parked_id: Annotated[int, typer.Argument(help="Id from `parked list`.")],
    content: Annotated[
        bool, typer.Option("--content", help="Also print the record, which holds PHI.")
    ] = False,
    var: VarDir = Path("var"),
) -> None:
    """Show one parked unit: where it came from, what was wrong, and on demand its bytes."""

    async def row(connection: "Connection") -> Any:
        return await parking.shown(connection, parked_id)

    found = _ask(var, service, row)
    if found is None:
        _fail(f"{service} has parked nothing under id {parked_id}")
    parked, record = found
    document = asdict(parked)
    if content:
        document["content"] = (record.value or b"").decode("utf-8", "replace")
    show_json(document)


@app.command()
def release(
    service: ServiceName, ids: Ids = None, key: Key = None, var: VarDir = Path("var")
) -> None:
    """Let parked units be tried again, in order, with what waits behind them."""

    async def move(connection: "Connection") -> int:
        return await parking.release(connection, ids or (), key=key)

    _moved("released", _ask(var, service, move))


@app.command()
def discard(
    service: ServiceName, ids: Ids = None, key: Key = None, var: VarDir = Path("var")
) -> None:
    """Drop parked units for good; what waits behind them goes on."""

    async def move(connection: "Connection") -> int:
        return await parking.discard(connection, ids or (), key=key)

    _moved("discarded", _ask(var, service, move))


def _moved(verb: str, count: int) -> None:
    typer.echo(f"{count} {verb}")
    if not count:
        raise typer.Exit(1)


def _names(var: Path, service: str | None) -> list[str]:
    try:
        with opened(var) as line:
            names = list(line.dsns)
    except NoStackError as error:
        _fail(str(error))
    return [service] if service else names


def _ask(
    var: Path, service: str, question: "Callable[[Connection], Coroutine[Any, Any, Any]]"
) -> Any:
    try:
        with opened(var) as line:
            if service not in line.dsns:
                _fail(f"there is no service {service}: one of {', '.join(line.dsns)}")
            return asyncio.run(_asked(line.dsns[service], service, question))
    except NoStackError as error:
        _fail(str(error))


async def _asked(
    dsn: str, service: str, question: "Callable[[Connection], Coroutine[Any, Any, Any]]"
) -> Any:
    connection = await connect(dsn, service)
    try:
        return await question(connection)
    finally:
        await connection.close()


def _fail(reason: str) -> Any:
    typer.echo(f"claimwire: {reason}", err=True)
    raise typer.Exit(2)

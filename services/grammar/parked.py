"""`claimwire parked`: work what a service could not decide."""

from typing import Annotated

import typer

from services.grammar.options import VAR, AsJson, Var, family

parked = family("Work what was parked, in any service.")
ServiceName = Annotated[str, typer.Argument(help="intake, coding, submission or remittance.")]
Ids = Annotated[list[int] | None, typer.Argument(help="Ids from `parked list`.")]
Key = Annotated[str | None, typer.Option(help="All of this claim.")]


@parked.command("list")
def list_parked(
    service: Annotated[str | None, typer.Option(help="One service only.")] = None,
    var: Var = VAR,
    as_json: AsJson = False,
) -> None:
    """List what is parked and what waits behind it. No record's content is shown."""
    from services.commands.parked import list_parked as run

    raise typer.Exit(run(var, service, as_json=as_json))


@parked.command("show")
def show_parked(
    service: ServiceName,
    parked_id: Annotated[int, typer.Argument(help="Id from `parked list`.")],
    content: Annotated[
        bool, typer.Option("--content", help="Also print the record, which holds PHI.")
    ] = False,
    var: Var = VAR,
) -> None:
    """Show one parked unit: where it came from, what was wrong, and on demand its bytes."""
    from services.commands.parked import show_parked as run

    raise typer.Exit(run(var, service, parked_id, with_content=content))


@parked.command()
def release(
    service: ServiceName, ids: Ids = None, key: Key = None, var: Var = VAR, as_json: AsJson = False
) -> None:
    """Let parked units be tried again, in order, with what waits behind them."""
    from services.commands.parked import release as run

    raise typer.Exit(run(var, service, ids or (), key, as_json=as_json))


@parked.command()
def discard(
    service: ServiceName, ids: Ids = None, key: Key = None, var: Var = VAR, as_json: AsJson = False
) -> None:
    """Drop parked units for good; what waits behind them goes on."""
    from services.commands.parked import discard as run

    raise typer.Exit(run(var, service, ids or (), key, as_json=as_json))

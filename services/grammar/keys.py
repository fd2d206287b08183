"""`claimwire key`: who may use a service's HTTP."""

from typing import Annotated

import typer

from services.grammar.options import VAR, AsJson, Var, family

key = family("Who may use a service's HTTP.")
KeysOf = Annotated[str, typer.Option("--service", help="intake, coding, submission or remittance.")]


@key.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What people call the key.")],
    service: KeysOf,
    scope: Annotated[
        list[str], typer.Option(help="What it may do, such as claims:write; * for everything.")
    ],
    source: Annotated[
        str | None, typer.Option(help="The sender or person it speaks for; default: its name.")
    ] = None,
    per_minute: Annotated[int, typer.Option(min=1, help="Requests a minute, at most.")] = 600,
    var: Var = VAR,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    from services.commands.keys import create as run

    raise typer.Exit(run(var, service, name, source, scope, per_minute, as_json=as_json))


@key.command("list")
def list_keys(service: KeysOf, var: Var = VAR, as_json: AsJson = False) -> None:
    """List a service's keys, the revoked among them."""
    from services.commands.keys import listing as run

    raise typer.Exit(run(var, service, as_json=as_json))


@key.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="Its id from `key list`.")],
    service: KeysOf,
    var: Var = VAR,
) -> None:
    """End a key for good; running services follow within seconds."""
    from services.commands.keys import revoke as run

    raise typer.Exit(run(var, service, key_id))

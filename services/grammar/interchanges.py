"""`claimwire interchange`: what was sent to payers."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from services.grammar.options import VAR, AsJson, Var, family

interchange = family("What was sent to payers, and what you decide about it.")
InterchangeId = Annotated[UUID, typer.Argument(help="Id from `interchange list`.")]


@interchange.command("list")
def list_interchanges(
    payer: Annotated[str | None, typer.Option(help="Of one payer profile.")] = None,
    state: Annotated[str | None, typer.Option(help="formed, sending, sent or held.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    var: Var = VAR,
    as_json: AsJson = False,
) -> None:
    """List what was formed and sent, newest first."""
    from services.commands.interchange import list_interchanges as run

    raise typer.Exit(run(var, payer, state, limit, as_json=as_json))


@interchange.command("show")
def show_interchange(
    interchange_id: InterchangeId,
    content: Annotated[
        bool, typer.Option("--content", help="Also print the bytes, which hold PHI.")
    ] = False,
    var: Var = VAR,
) -> None:
    """Show one interchange: where it stands, its claims by status, who decided what."""
    from services.commands.interchange import show_interchange as run

    raise typer.Exit(run(var, interchange_id, with_content=content))


@interchange.command("hold")
def hold_interchange(
    interchange_id: InterchangeId, var: Var = VAR, as_json: AsJson = False
) -> None:
    """Keep back one that is not sent."""
    from services.commands.interchange import act as run

    raise typer.Exit(run(var, interchange_id, "hold", as_json=as_json))


@interchange.command("release")
def release_interchange(
    interchange_id: InterchangeId, var: Var = VAR, as_json: AsJson = False
) -> None:
    """Let a held one go on where it was."""
    from services.commands.interchange import act as run

    raise typer.Exit(run(var, interchange_id, "release", as_json=as_json))


@interchange.command("resend")
def resend_interchange(
    interchange_id: InterchangeId,
    again: Annotated[
        bool, typer.Option("--again", help="Also one that is recorded as sent.")
    ] = False,
    var: Var = VAR,
    as_json: AsJson = False,
) -> None:
    """Send the same bytes again: you know that the payer does not have them."""
    from services.commands.interchange import act as run

    raise typer.Exit(run(var, interchange_id, "resend", again=again, as_json=as_json))


@interchange.command("confirm")
def confirm_interchange(
    interchange_id: InterchangeId, var: Var = VAR, as_json: AsJson = False
) -> None:
    """Record a held one as sent: you know that the payer has it."""
    from services.commands.interchange import act as run

    raise typer.Exit(run(var, interchange_id, "confirm", as_json=as_json))


@interchange.command()
def payers(var: Var = VAR, as_json: AsJson = False) -> None:
    """Print the way to each payer: when it was reached, and what waits for it."""
    from services.commands.interchange import payers as run

    raise typer.Exit(run(var, as_json=as_json))


@interchange.command()
def profiles(
    file: Annotated[Path, typer.Argument(help="JSON or TOML.", exists=True, dir_okay=False)],
) -> None:
    """Check a file of payer profiles, and print what it comes to."""
    from services.commands.interchange import check_profiles as run

    raise typer.Exit(run(file))

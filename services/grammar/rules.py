"""`claimwire rules`: payers' rule packs."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from services.grammar.options import VAR, AsJson, Var, family

rules = family("Payers' rule packs: check, try, put in force.")
Packs = Annotated[
    list[Path], typer.Argument(help="Rule packs in YAML.", exists=True, dir_okay=False)
]
PackName = Annotated[str, typer.Argument(help="The pack's name.")]
By = Annotated[str | None, typer.Option(help="Who does it; default: the login name.")]
Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only claims from this day on.")
]


@rules.command("check")
def check_rules(files: Packs) -> None:
    """Read packs and run the tests in them; exit 1 with path and reason where one is refused."""
    from services.commands.rules import check as run

    raise typer.Exit(run(files))


@rules.command("publish")
def publish_rules(files: Packs, by: By = None, var: Var = VAR) -> None:
    """Make packs known to every process of coding; they judge nothing until activated."""
    from services.commands.rules import publish as run

    raise typer.Exit(run(var, files, by))


@rules.command("activate")
def activate_rules(pack: PackName, by: By = None, var: Var = VAR) -> None:
    """Put a published pack in force for every claim from the next batch on."""
    from services.commands.rules import activate as run

    raise typer.Exit(run(var, pack, by))


@rules.command("withdraw")
def withdraw_rules(pack: PackName, by: By = None, var: Var = VAR) -> None:
    """Take a pack out of force."""
    from services.commands.rules import withdraw as run

    raise typer.Exit(run(var, pack, by))


@rules.command("list")
def list_rules(var: Var = VAR, as_json: AsJson = False) -> None:
    """List packs: published, in force, refused and why."""
    from services.commands.rules import listing as run

    raise typer.Exit(run(var, as_json=as_json))


@rules.command("shadow")
def shadow_rules(
    pack: Annotated[str, typer.Argument(help="A pack's file, or the name of a published one.")],
    since: Since = None,
    var: Var = VAR,
    as_json: AsJson = False,
) -> None:
    """Run a pack over past claims: what it would have held, and what money that was."""
    from services.commands.rules import shadow as run

    raise typer.Exit(run(var, pack, since.date() if since else None, as_json=as_json))


@rules.command("learn")
def learn_rules(
    out: Annotated[Path, typer.Option(help="Folder for the drafts.", file_okay=False)],
    least: Annotated[int, typer.Option(min=1, help="Denials that a draft needs.")] = 2,
    since: Since = None,
    var: Var = VAR,
    as_json: AsJson = False,
) -> None:
    """Draft packs from denials, each tried on past claims; a person activates what convinces."""
    from services.commands.rules import learn as run

    raise typer.Exit(run(var, out, least, since.date() if since else None, as_json=as_json))

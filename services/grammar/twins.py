"""`claimwire twin`: a hospital and a payer to test against."""

from pathlib import Path
from typing import Annotated

import typer

from services.grammar.options import AsJson, Seed, family

twin = family("A hospital and a payer to test against.")


@twin.command()
def hospital(
    out: Annotated[Path, typer.Option(help="Folder for the day's files.", file_okay=False)],
    claims: Annotated[int, typer.Option(min=1, help="How many claims the day has.")] = 100,
    seed: Seed = 20261122,
    with_hl7: Annotated[
        bool, typer.Option("--hl7", help="A third of the claims as HL7 v2 encounters.")
    ] = False,
    with_fhir: Annotated[
        bool, typer.Option("--fhir", help="Also FHIR: claims, bundles, and visits as charges.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a hospital's day into files, as an integration engine would publish them."""
    from services.commands.twins import hospital as run

    raise typer.Exit(
        run(out, claims, seed, as_json=as_json, with_hl7=with_hl7, with_fhir=with_fhir)
    )


@twin.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def payer(context: typer.Context) -> None:
    """Answer the 837s of a transport folder, as a payer does; the options are the twin's own."""
    from services.commands.twins import payer as run

    raise typer.Exit(run(context.args))


@twin.command()
def clock(
    root: Annotated[Path, typer.Option(help="Folder of the payers' mailboxes.", file_okay=False)],
    advance: Annotated[
        str | None, typer.Option(help="Move the payer twin's time on: 31d, 12h, 90s.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=0, help="How many times as fast as real it runs.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the payer twin's time, or change it, so that a month passes in seconds."""
    from services.commands.twins import clock as run

    raise typer.Exit(run(root, advance, speed, as_json=as_json))

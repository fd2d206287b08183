"""`claimwire reference`: load and list coding's tables."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from services.grammar.options import AsJson, family

reference = family("Load and list coding's reference tables.")


@reference.command("load")
def load_reference(
    kind: Annotated[
        str,
        typer.Argument(
            help="ncci-ptp, ncci-mue, add-on, hcpcs, icd10cm, icd10pcs, cpt, pos, coverage, "
            "filing-limit or dispute-limit."
        ),
    ],
    files: Annotated[
        list[Path],
        typer.Argument(
            help="The official file, zipped or not; all of them where it comes in parts.",
            exists=True,
            dir_okay=False,
        ),
    ],
    table_set: Annotated[
        str | None,
        typer.Option("--set", help="NCCI: practitioner, outpatient or dme; else by the name."),
    ] = None,
    effective: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day it holds; else by the file's name."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Where the file is from; else its name.")] = (
        None
    ),
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Load the rest where lines are refused.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load an official file as an edition of a table; all of it, or nothing and exit 1."""
    from services.commands.reference import load_reference as run

    day = effective.date() if effective else None
    raise typer.Exit(
        run(
            kind,
            files,
            table_set,
            day,
            source,
            skip_refused=skip_refused,
            as_json=as_json,
        )
    )


@reference.command("list")
def list_reference(as_json: AsJson = False) -> None:
    """List the editions at hand, packed in and loaded, and the version they make together."""
    from services.commands.reference import list_reference as run

    raise typer.Exit(run(as_json=as_json))

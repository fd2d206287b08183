"""Options and arguments that more than one family of commands takes."""

from pathlib import Path
from typing import Annotated

import typer

VAR = Path("var")

Var = Annotated[
    Path, typer.Option("--var", envvar="CLAIMWIRE_VAR_DIR", help="Folder of the local stack.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Seed = Annotated[int, typer.Option(help="Seed of the hospital's day.")]


def family(words: str) -> typer.Typer:
    """A family of subcommands; `words` say what they are for."""
    return typer.Typer(help=words, no_args_is_help=True, rich_markup_mode=None)

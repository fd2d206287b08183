"""The `claimwire` command: the composition root over all services.

It is the one module that may know every service; the services do not know it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from services.commands import audit, demo, filters, journey, parked, publish, running

app = typer.Typer(
    name="claimwire",
    help="Medical claims from what a hospital publishes to posted payments.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_LINE, _FILTERS = "The line", "Filters: files or stdin to CloudEvents, no broker, no database"
_COMMANDS: tuple[Callable[..., None], ...] = (
    running.up,
    running.status,
    demo.demo,
    publish.publish,
    journey.claim,
    journey.trace,
    audit.audit,
    running.recover,
)
_PIPED: tuple[Callable[..., None], ...] = (
    filters.intake,
    filters.code,
    filters.submit,
    filters.ack,
    filters.remit,
)
for command in _COMMANDS:
    app.command(rich_help_panel=_LINE)(command)
for command in _PIPED:
    app.command(rich_help_panel=_FILTERS)(command)
app.add_typer(parked.app, rich_help_panel=_LINE)
app.add_typer(running.twin, rich_help_panel=_LINE)


@app.callback()
def configured(
    env_file: Annotated[
        Path | None, typer.Option(help="File with CLAIMWIRE_ settings.", dir_okay=False)
    ] = None,
) -> None:
    """Reads the env file, if one is named, before any command looks at its settings."""
    if env_file is not None:
        import os

        from dotenv import dotenv_values

        for name, text in dotenv_values(env_file).items():
            if text is not None:
                os.environ.setdefault(name, text)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()

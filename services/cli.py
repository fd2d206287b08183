"""The `claimwire` command: its grammar, and the one place that knows every service.

What is typed stands here and, for families of subcommands, in `services/grammar`: names, options,
help. What is done stands in `services/commands`, a module a family, imported when its command
runs, so that help and completion come at once. Each command gives back its exit status: 0 for yes,
1 for an answer that is no; what could not be done at all is raised, put into words by
`services.commands.failures`, and ends in 2.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from services.commands.sections import Sections
from services.grammar import (
    bills,
    interchanges,
    keys,
    money,
    parked,
    reference,
    rules,
    twins,
    worklist,
)
from services.grammar.options import VAR, AsJson, Seed, Var

LINE = "The line"
MONEY = "Money"
FILTERS = "Filters (files or stdin to CloudEvents, no broker, no database)"

KafkaKind = Annotated[
    str | None,
    typer.Option(help="embedded, apache, apache3 or external; default: embedded, or external."),
]
Source = Annotated[str, typer.Option(help="The sender's configured name.")]
ClaimId = Annotated[UUID, typer.Argument(help="The claim's id, as events carry it.")]
ToRead = Annotated[
    list[Path] | None,
    typer.Argument(help="Files to read; stdin where none is named or the name is -."),
]

app = typer.Typer(
    name="claimwire",
    help="Medical claims from what a hospital publishes to posted payments.",
    cls=Sections,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main() -> None:
    """Entry point of the console script."""
    try:
        app(prog_name="claimwire")
    except Exception as error:
        from services.commands.failures import explanation

        reason = explanation(error)
        if reason is None:
            raise
        typer.echo(f"claimwire: {reason}", err=True)
        sys.exit(2)


@app.callback()
def configured(
    env_file: Annotated[
        Path | None,
        typer.Option(help="File with CLAIMWIRE_ settings.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Reads the env file, if one is named, before any command looks at its settings. What the
    environment holds already stays, and what is started inherits both."""
    if env_file is not None:
        import os

        from dotenv import dotenv_values

        for name, text in dotenv_values(env_file).items():
            if text is not None:
                os.environ.setdefault(name, text)


# The line


@app.command(rich_help_panel=LINE)
def up(var: Var = VAR, kafka: KafkaKind = None) -> None:
    """Run the whole line on this machine until Ctrl-C."""
    from deploy.local.stack import up as run

    run(var, kafka, typer.echo)


@app.command(rich_help_panel=LINE)
def status(var: Var = VAR, as_json: AsJson = False) -> None:
    """Print addresses, process ids, consumer lag, outbox depth and parked counts."""
    from services.commands.status import status as run

    raise typer.Exit(run(var, as_json=as_json))


@app.command(rich_help_panel=LINE)
def demo(
    claims: Annotated[int, typer.Option(min=1, help="How many claims the day has.")] = 600,
    seed: Seed = 20261122,
    kafka: KafkaKind = None,
    var: Annotated[Path, typer.Option(help="Folder of its stack and report; made anew.")] = Path(
        "var/demo"
    ),
) -> None:
    """Run a hospital's day through the whole line, and check that every cent adds up."""
    from services.commands.demo import demo as run

    raise typer.Exit(run(claims, seed, kafka, var))


@app.command(rich_help_panel=LINE)
def publish(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files to publish.", exists=True, dir_okay=False)
    ] = None,
    source: Source = "cli",
    content_type: Annotated[
        str | None, typer.Option("--type", help="x12, json, ndjson, hl7v2 or fhir; else detected.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait, and say what became of each claim.")
    ] = False,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait.")] = 30.0,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--watch",
            help="Publish what is dropped into this folder until Ctrl-C: done/ and failed/.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    is_once: Annotated[
        bool, typer.Option("--once", help="With --watch: end when nothing is left.")
    ] = False,
    var: Var = VAR,
    as_json: AsJson = False,
) -> None:
    """Send files to claims.inbound. With --wait, exit 1 unless every claim was submitted."""
    if folder is not None:
        from services.commands.publish import publish_dropped

        raise typer.Exit(
            publish_dropped(var, folder, source, content_type, typer.echo, is_once=is_once)
        )
    if not files:
        raise typer.BadParameter("name files to publish, or a folder to --watch")
    from services.commands.publish import publish as run

    raise typer.Exit(
        run(
            var, files, source, content_type, timeout_s=timeout_s if wait else None, as_json=as_json
        )
    )


@app.command(rich_help_panel=LINE)
def claim(claim_id: ClaimId, var: Var = VAR, as_json: AsJson = False) -> None:
    """Print a claim's journey: each event, who said it when, and who read it where."""
    from services.commands.journey import claim as run

    raise typer.Exit(run(var, claim_id, as_json=as_json))


@app.command(rich_help_panel=LINE)
def trace(claim_id: ClaimId, var: Var = VAR, as_json: AsJson = False) -> None:
    """Print a claim's trace as a waterfall, from the local stack's span store."""
    from services.commands.journey import trace as run

    raise typer.Exit(run(var, claim_id, as_json=as_json))


@app.command(rich_help_panel=LINE)
def audit(var: Var = VAR, as_json: AsJson = False) -> None:
    """Check the invariants of a running or stopped stack; exit 1 with the offending ids."""
    from services.commands.audit import audit as run

    raise typer.Exit(run(var, as_json=as_json))


@app.command(rich_help_panel=LINE)
def recover(
    var: Var = VAR,
    unread: Annotated[
        bool,
        typer.Option(
            help="Also what no service of ours reads, such as payments.posted, from its start."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """After a broker lost its data: publish again what the next service has not taken in, and
    payers' rule packs."""
    from services.commands.recover import recover as run

    raise typer.Exit(run(var, unread=unread, as_json=as_json))


@app.command(rich_help_panel=LINE)
def prove(claim_id: ClaimId, var: Var = VAR, as_json: AsJson = False) -> None:
    """Judge a claim's past verdicts again, by what judged then; exit 1 where one differs."""
    from services.commands.proving import prove as run

    raise typer.Exit(run(var, claim_id, as_json=as_json))


@app.command(rich_help_panel=MONEY)
def denials(
    by_step: Annotated[bool, typer.Option("--by-step", help="Sums by next step.")] = False,
    var: Var = VAR,
    as_json: AsJson = False,
) -> None:
    """List denied amounts as work to do, the nearest deadline first."""
    from services.commands.remittances import list_denials as run

    raise typer.Exit(run(var, by_step=by_step, as_json=as_json))


# Families of subcommands

app.add_typer(parked.parked, name="parked", rich_help_panel=LINE)
app.add_typer(keys.key, name="key", rich_help_panel=LINE)
app.add_typer(reference.reference, name="reference", rich_help_panel=LINE)
app.add_typer(rules.rules, name="rules", rich_help_panel=LINE)
app.add_typer(worklist.worklist, name="worklist", rich_help_panel=LINE)
app.add_typer(interchanges.interchange, name="interchange", rich_help_panel=LINE)
app.add_typer(money.ledger, name="ledger", rich_help_panel=MONEY)
app.add_typer(money.remittances, name="remittances", rich_help_panel=MONEY)
app.add_typer(money.deposits, name="deposits", rich_help_panel=MONEY)
app.add_typer(money.export, name="export", rich_help_panel=MONEY)
app.add_typer(bills.bill, name="bill", rich_help_panel=MONEY)
app.add_typer(twins.twin, name="twin", rich_help_panel=LINE)


# Filters


@app.command(rich_help_panel=FILTERS)
def intake(files: ToRead = None, source: Source = "cli") -> None:
    """Read 837, HL7 v2, canonical JSON or NDJSON into claim events."""
    from services.commands.filters import intake as run

    raise typer.Exit(run(files, source))


@app.command(rich_help_panel=FILTERS)
def code(
    files: ToRead = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Judge as if claims had come on this day."),
    ] = None,
    ruleset: Annotated[
        str | None,
        typer.Option(help="A past ruleset, as verdicts name it; needs coding's database."),
    ] = None,
    var: Var = VAR,
) -> None:
    """Check received claims; each comes out coded or held."""
    from services.commands.filters import code as run

    raise typer.Exit(run(files, as_of.date() if as_of else None, ruleset, var))


@app.command(rich_help_panel=FILTERS)
def submit(
    out: Annotated[Path, typer.Option(help="Folder for the 837 interchanges.", file_okay=False)],
    files: ToRead = None,
) -> None:
    """Write coded claims into 837 interchanges, one file per payer and kind."""
    from services.commands.filters import submit as run

    raise typer.Exit(run(files, out))


@app.command(rich_help_panel=FILTERS)
def ack(files: ToRead = None) -> None:
    """Read TA1, 999, 277CA and 277 files."""
    from services.commands.filters import ack as run

    raise typer.Exit(run(files))


@app.command(rich_help_panel=FILTERS)
def remit(files: ToRead = None) -> None:
    """Read 835 files, check that they balance and say what each claim came to."""
    from services.commands.filters import remit as run

    raise typer.Exit(run(files))


if __name__ == "__main__":
    main()

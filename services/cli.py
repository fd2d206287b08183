"""The `claimwire` command: its grammar, and the one place that knows every service.

What is typed stands here: names, options, help. What is done stands in `services/commands`, a
module a family, imported when its command runs, so that help and completion come at once. Each
command gives back its exit status: 0 for yes, 1 for an answer that is no; what could not be done
at all is raised, put into words by `services.commands.failures`, and ends in 2.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from services.commands.sections import Sections

LINE = "The line"
MONEY = "Money"
FILTERS = "Filters (files or stdin to CloudEvents, no broker, no database)"
VAR = Path("var")
DAY = ["%Y-%m-%d"]

Var = Annotated[
    Path, typer.Option("--var", envvar="CLAIMWIRE_VAR_DIR", help="Folder of the local stack.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
KafkaKind = Annotated[
    str | None,
    typer.Option(help="embedded, apache, apache3 or external; default: embedded, or external."),
]
Seed = Annotated[int, typer.Option(help="Seed of the hospital's day.")]
Source = Annotated[str, typer.Option(help="The sender's configured name.")]
ClaimId = Annotated[UUID, typer.Argument(help="The claim's id, as events carry it.")]
ToRead = Annotated[
    list[Path] | None,
    typer.Argument(help="Files to read; stdin where none is named or the name is -."),
]
ServiceName = Annotated[str, typer.Argument(help="intake, coding, submission or remittance.")]
Ids = Annotated[list[int] | None, typer.Argument(help="Ids from `parked list`.")]
Key = Annotated[str | None, typer.Option(help="All of this claim.")]

OnDay = Annotated[
    datetime | None, typer.Option(formats=DAY, help="At the end of this day; default: today.")
]
AsExport = Annotated[str | None, typer.Option("--export", help="csv, or json (one a line).")]
RemittanceId = Annotated[UUID, typer.Argument(help="The remittance's id, from `held`.")]
Note = Annotated[str | None, typer.Option(help="Why, kept with the decision.")]

app = typer.Typer(
    name="claimwire",
    help="Medical claims from what a hospital publishes to posted payments.",
    cls=Sections,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
parked = typer.Typer(
    help="Work what was parked, in any service.", no_args_is_help=True, rich_markup_mode=None
)
key = typer.Typer(help="Who may use a service's HTTP.", no_args_is_help=True, rich_markup_mode=None)
ledger = typer.Typer(
    help="What the ledger says, on any day.", no_args_is_help=True, rich_markup_mode=None
)
remittances = typer.Typer(
    help="Work the remittances that wait.", no_args_is_help=True, rich_markup_mode=None
)
deposits = typer.Typer(
    help="Banks' deposits beside remittances.", no_args_is_help=True, rich_markup_mode=None
)
export = typer.Typer(help="Extracts for analysis.", no_args_is_help=True, rich_markup_mode=None)
twin = typer.Typer(
    help="A hospital and a payer to test against.", no_args_is_help=True, rich_markup_mode=None
)


rules = typer.Typer(
    help="Payers' rule packs: check, try, put in force.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
worklist = typer.Typer(
    help="Work what needs a person.", no_args_is_help=True, rich_markup_mode=None
)
reference = typer.Typer(
    help="Load and list coding's reference tables.", no_args_is_help=True, rich_markup_mode=None
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
    """After a broker lost its data: publish again what the next service has not taken in."""
    from services.commands.recover import recover as run

    raise typer.Exit(run(var, unread=unread, as_json=as_json))


# Parked records

app.add_typer(parked, name="parked", rich_help_panel=LINE)


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


# API keys

app.add_typer(key, name="key", rich_help_panel=LINE)
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


# Reference tables

app.add_typer(reference, name="reference", rich_help_panel=LINE)


@reference.command("load")
def load_reference(
    kind: Annotated[
        str,
        typer.Argument(
            help="ncci-ptp, ncci-mue, add-on, hcpcs, icd10cm, icd10pcs, cpt, pos, coverage or "
            "filing-limit."
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(help="The official file, zipped or not.", exists=True, dir_okay=False),
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
            file,
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


# Payer rules

app.add_typer(rules, name="rules", rich_help_panel=LINE)
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


# The worklist

app.add_typer(worklist, name="worklist", rich_help_panel=LINE)
EntryId = Annotated[UUID, typer.Argument(help="The entry's id from `worklist list`.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with who and when.")]
Url = Annotated[str | None, typer.Option(help="coding's HTTP; default: the local stack's.")]
ApiKey = Annotated[
    str | None, typer.Option("--key", envvar="CLAIMWIRE_API_KEY", help="An API key.")
]


@worklist.command("list")
def list_worklist(
    payer: Annotated[str | None, typer.Option(help="One payer only.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only with a finding of this code.")] = None,
    reason: Annotated[str | None, typer.Option(help="held, refused or denied.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Rows, at most.")] = 50,
    var: Var = VAR,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List what needs a person, the most money times urgency first."""
    from services.commands.worklist import api_of, listing

    filters = {"payer": payer, "rule": rule, "reason": reason}
    raise typer.Exit(listing(api_of(var, url, key), filters, limit, as_json=as_json))


@worklist.command("show")
def show_entry(entry: EntryId, var: Var = VAR, url: Url = None, key: ApiKey = None) -> None:
    """Show one entry with its claim, which holds PHI, and all that was done to it."""
    from services.commands.worklist import api_of, shown

    raise typer.Exit(shown(api_of(var, url, key), entry))


@worklist.command("fix")
def fix_entry(
    entry: EntryId,
    patch: Annotated[str, typer.Argument(help="JSON Patch on the claim, or @file.")],
    trial: Annotated[bool, typer.Option("--trial", help="Only say what would remain.")] = False,
    var: Var = VAR,
    url: Url = None,
    key: ApiKey = None,
) -> None:
    """Correct a claim; it goes out if nothing blocks, else exit 1 with what remains."""
    from services.commands.worklist import api_of, fix

    raise typer.Exit(fix(api_of(var, url, key), entry, patch, is_trial=trial))


def _acts(verb: str, summary: str) -> None:
    """A command for each thing that is done with a reason and nothing else."""

    def run(
        entry: EntryId, reason: Why, var: Var = VAR, url: Url = None, key: ApiKey = None
    ) -> None:
        from services.commands.worklist import act, api_of

        raise typer.Exit(act(api_of(var, url, key), entry, verb, reason))

    worklist.command(verb, help=summary)(run)


_acts("release", "Let a claim go as it is.")
_acts("void", "Take back what a payer has adjudicated (frequency 8).")
_acts("return", "Return a claim to the hospital.")
_acts("dismiss", "Take a refused or denied claim off the worklist.")


# Money

app.add_typer(ledger, name="ledger", rich_help_panel=MONEY)
app.add_typer(remittances, name="remittances", rich_help_panel=MONEY)
app.add_typer(deposits, name="deposits", rich_help_panel=MONEY)
app.add_typer(export, name="export", rich_help_panel=MONEY)


@ledger.command("trial-balance")
def trial_balance(on: OnDay = None, var: Var = VAR, as_json: AsJson = False) -> None:
    """Print debits, credits and balances by account and payer; exit 1 if they do not balance."""
    from services.commands.ledger import trial_balance as run

    raise typer.Exit(run(var, on and on.date(), as_json=as_json))


@ledger.command("account")
def ledger_account(
    code: Annotated[
        str, typer.Argument(help="Account code, or how it begins: `cash_clearing|PAY01`.")
    ],
    on: OnDay = None,
    as_export: AsExport = None,
    var: Var = VAR,
) -> None:
    """Write every posting on an account, with the balance after each."""
    from services.commands.ledger import account as run

    raise typer.Exit(run(var, code, on and on.date(), as_export))


@ledger.command()
def journal(
    since: Annotated[datetime | None, typer.Option(formats=DAY, help="First day.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=DAY, help="Last day.")] = None,
    as_export: AsExport = None,
    var: Var = VAR,
) -> None:
    """Write every posting of these days, in order."""
    from services.commands.ledger import journal as run

    raise typer.Exit(run(var, since and since.date(), until and until.date(), as_export))


@remittances.command()
def held(var: Var = VAR, as_json: AsJson = False) -> None:
    """List transaction sets that wait for a person, and by how much they are off."""
    from services.commands.remittances import held as run

    raise typer.Exit(run(var, as_json=as_json))


@remittances.command()
def waiting(
    state: Annotated[
        str | None, typer.Option(help="unmatched, waiting or quarantined; default: all.")
    ] = None,
    var: Var = VAR,
    as_json: AsJson = False,
) -> None:
    """List claims of remittances that wait, with their differences or scored candidates."""
    from services.commands.remittances import waiting as run

    raise typer.Exit(run(var, state, as_json=as_json))


@remittances.command()
def accept(remittance_id: RemittanceId, note: Note = None, var: Var = VAR) -> None:
    """Accept a held transaction set as it is: post its cash, judge its claims."""
    from services.commands.remittances import decide as run

    raise typer.Exit(run(var, remittance_id, accept=True, note=note))


@remittances.command()
def reject(remittance_id: RemittanceId, note: Note = None, var: Var = VAR) -> None:
    """Reject a held transaction set: it posts nothing."""
    from services.commands.remittances import decide as run

    raise typer.Exit(run(var, remittance_id, accept=False, note=note))


@remittances.command()
def resolve(
    remittance_id: RemittanceId,
    position: Annotated[int, typer.Argument(help="Which of its claims, from `waiting`.")],
    resolution: Annotated[str, typer.Argument(help="match, accept, reject or return.")],
    claim_id: Annotated[UUID | None, typer.Option("--claim", help="Our claim, by its id.")] = None,
    note: Note = None,
    var: Var = VAR,
) -> None:
    """Decide on one claim that waits."""
    from services.commands.remittances import resolve as run

    raise typer.Exit(run(var, remittance_id, position, resolution, claim_id, note))


@deposits.command("import")
def import_deposits(
    files: Annotated[list[Path], typer.Argument(help="CSV or BAI2.", exists=True, dir_okay=False)],
    var: Var = VAR,
    as_json: AsJson = False,
) -> None:
    """Take in a bank's statement and reconcile it with the remittances by trace number."""
    from services.commands.remittances import import_deposits as run

    raise typer.Exit(run(var, files, as_json=as_json))


@deposits.command("list")
def list_deposits(var: Var = VAR, as_json: AsJson = False) -> None:
    """List deposits without a remittance, and remittances without a deposit."""
    from services.commands.remittances import list_deposits as run

    raise typer.Exit(run(var, as_json=as_json))


@app.command(rich_help_panel=MONEY)
def denials(
    by_step: Annotated[bool, typer.Option("--by-step", help="Sums by next step.")] = False,
    var: Var = VAR,
    as_json: AsJson = False,
) -> None:
    """List denied amounts as work to do, the nearest deadline first."""
    from services.commands.remittances import list_denials as run

    raise typer.Exit(run(var, by_step=by_step, as_json=as_json))


@export.command("claims")
def export_claims(
    out: Annotated[Path, typer.Option(help="File to write.", dir_okay=False)],
    as_format: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    var: Var = VAR,
) -> None:
    """Write a row per final claim and line, in the columns of Tuva's medical_claim."""
    from services.commands.extract import claims as run

    raise typer.Exit(run(var, out, as_format))


# Twins

app.add_typer(twin, name="twin", rich_help_panel=LINE)


@twin.command()
def hospital(
    out: Annotated[Path, typer.Option(help="Folder for the day's files.", file_okay=False)],
    claims: Annotated[int, typer.Option(min=1, help="How many claims the day has.")] = 100,
    seed: Seed = 20261122,
    as_json: AsJson = False,
) -> None:
    """Write a hospital's day into files, as an integration engine would publish them."""
    from services.commands.twins import hospital as run

    raise typer.Exit(run(out, claims, seed, as_json=as_json))


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


# Filters


@app.command(rich_help_panel=FILTERS)
def intake(files: ToRead = None, source: Source = "cli") -> None:
    """Read 837, canonical JSON or NDJSON into claim events."""
    from services.commands.filters import intake as run

    raise typer.Exit(run(files, source))


@app.command(rich_help_panel=FILTERS)
def code(files: ToRead = None) -> None:
    """Check received claims; each comes out coded or held."""
    from services.commands.filters import code as run

    raise typer.Exit(run(files))


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

"""`claimwire ledger`, `remittances`, `deposits` and `export`: what remittance keeps."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from services.grammar.options import VAR, AsJson, Var, family

ledger = family("What the ledger says, on any day.")
remittances = family("Work the remittances that wait.")
deposits = family("Banks' deposits beside remittances.")
export = family("Extracts for analysis.")
DAY = ["%Y-%m-%d"]
OnDay = Annotated[
    datetime | None, typer.Option(formats=DAY, help="At the end of this day; default: today.")
]
AsExport = Annotated[str | None, typer.Option("--export", help="csv, or json (one a line).")]
RemittanceId = Annotated[UUID, typer.Argument(help="The remittance's id, from `held`.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with who and when.")]
Note = Annotated[str | None, typer.Option(help="Why, kept with the decision.")]


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


@export.command("claims")
def export_claims(
    out: Annotated[Path, typer.Option(help="File to write.", dir_okay=False)],
    as_format: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    var: Var = VAR,
) -> None:
    """Write a row per final claim and line, in the columns of Tuva's medical_claim."""
    from services.commands.extract import claims as run

    raise typer.Exit(run(var, out, as_format))

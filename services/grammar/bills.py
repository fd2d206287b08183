"""`claimwire bill`: what patients owe and their bills, over remittance's HTTP."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from services.grammar.options import VAR, AsJson, Var, family

bill = family("What patients owe, and their bills.")
StatementId = Annotated[UUID, typer.Argument(help="The bill's id from `bill list --status`.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with who and when.")]
Url = Annotated[str | None, typer.Option(help="remittance's HTTP; default: the local stack's.")]
ApiKey = Annotated[
    str | None, typer.Option("--key", envvar="CLAIMWIRE_API_KEY", help="An API key.")
]


@bill.command("list")
def list_bills(
    status: Annotated[
        str | None, typer.Option(help="Bills: ready, held or superseded; else accounts to bill.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Rows, at most.")] = 50,
    var: Var = VAR,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List patient accounts with something to bill, or the bills of one status."""
    from services.commands.bills import listing, remittance_api

    raise typer.Exit(listing(remittance_api(var, url, key), status, limit, as_json=as_json))


@bill.command("show")
def show_account(
    account: Annotated[UUID, typer.Argument(help="The account's id from `bill list`.")],
    var: Var = VAR,
    url: Url = None,
    key: ApiKey = None,
) -> None:
    """Show an account claim by claim: what may be billed, and what is open and why."""
    from services.commands.bills import remittance_api, shown

    raise typer.Exit(shown(remittance_api(var, url, key), account))


@bill.command("write")
def write_bill(
    out: Annotated[Path, typer.Option(help="Folder for the bills.", file_okay=False)],
    account: Annotated[
        UUID | None, typer.Argument(help="The account's id; else the one with most to bill.")
    ] = None,
    var: Var = VAR,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Write a patient's bill as HTML and PDF, in English and Spanish; it holds PHI."""
    from services.commands.bills import remittance_api, write

    raise typer.Exit(write(remittance_api(var, url, key), out, account, as_json=as_json))


@bill.command("estimate")
def load_estimates(
    file: Annotated[Path, typer.Argument(help="JSON.", exists=True, dir_okay=False)],
    var: Var = VAR,
    url: Url = None,
    key: ApiKey = None,
) -> None:
    """Load good-faith estimates; a bill $400 or more above one waits for a person."""
    from services.commands.bills import estimate, remittance_api

    raise typer.Exit(estimate(remittance_api(var, url, key), file))


def _decides(verb: str, summary: str) -> None:
    """A command for each thing that is done to a bill with a reason."""

    def run(
        statement: StatementId,
        reason: Why,
        var: Var = VAR,
        url: Url = None,
        key: ApiKey = None,
    ) -> None:
        from services.commands.bills import decide, remittance_api

        raise typer.Exit(decide(remittance_api(var, url, key), statement, verb, reason))

    bill.command(verb, help=summary)(run)


_decides("hold", "Keep a bill back.")
_decides("release", "Let a held bill go out.")

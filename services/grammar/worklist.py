"""`claimwire worklist`: what needs a person, over coding's HTTP."""

from typing import Annotated
from uuid import UUID

import typer

from services.grammar.options import VAR, AsJson, Var, family

worklist = family("Work what needs a person.")
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

"""`claimwire ledger`: what the ledger says at the end of any day, for people and spreadsheets."""

import csv
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from services.commands.output import columns, show
from services.commands.stack_access import Line, answered
from services.remittance import questions
from shared.database import Connection, connect

Export = str | None
_LEG_COLUMNS = (
    *("posted_on", "entry_id", "kind", "account", "amount", "claim_id", "remittance_id", "group"),
    *("reason", "reverses", "business_key"),
)


def trial_balance(var_dir: Path, on: date | None, *, as_json: bool) -> int:
    """Prints debits, credits and balances; 1 where they do not sum to zero."""
    day = on or today()
    rows = asked(var_dir, lambda connection: questions.trial_balance(connection, day))
    total = sum(int(row["balance"].replace(".", "")) for row in rows)
    if as_json:
        show({"on": day.isoformat(), "balanced": total == 0, "accounts": rows})
    else:
        columns(
            ("account", "payer", "debit", "credit", "balance"),
            [
                (row["kind"], row["payer"] or "-", row["debit"], row["credit"], row["balance"])
                for row in rows
            ],
        )
        print(f"as of {day}: {'in balance' if total == 0 else 'OUT OF BALANCE'}")
    return 0 if total == 0 else 1


def account(var_dir: Path, code: str, on: date | None, export: Export) -> int:
    """Writes every leg on an account, or on all whose codes begin so, with the running balance."""
    day = on or today()
    return _written(
        var_dir,
        lambda connection: questions.account(connection, code, day),
        (*_LEG_COLUMNS, "balance"),
        export,
    )


def journal(var_dir: Path, since: date | None, until: date | None, export: Export) -> int:
    """Writes every leg of every entry of these days."""
    first, last = since or date(1970, 1, 1), until or today()
    return _written(
        var_dir,
        lambda connection: questions.journal(connection, first, last),
        _LEG_COLUMNS,
        export,
    )


def today() -> date:
    return datetime.now(UTC).date()


def asked(var_dir: Path, question: Callable[[Connection], Awaitable[Any]]) -> Any:
    """What a question to remittance's schema comes to."""

    async def ask(line: Line) -> Any:
        connection = await connect(line.dsn_of("remittance"), "remittance")
        try:
            return await question(connection)
        finally:
            await connection.close()

    return answered(var_dir, ask)


def _written(
    var_dir: Path,
    rows: Callable[[Connection], AsyncIterator[dict[str, Any]]],
    heading: Sequence[str],
    export: Export,
) -> int:
    """Rows as they come: CSV with a heading, one JSON object a line, or columns for a person."""

    async def write(connection: Connection) -> int:
        if export == "csv":
            out = csv.DictWriter(sys.stdout, heading)
            out.writeheader()
            async for row in rows(connection):
                out.writerow(row)
        elif export == "json":
            async for row in rows(connection):
                sys.stdout.write(json.dumps(row) + "\n")
        else:
            shown = [name for name in heading if name not in ("entry_id", "business_key")]
            found = [row async for row in rows(connection)]
            columns(shown, [[row[name] or "-" for name in shown] for row in found])
        return 0

    status: int = asked(var_dir, write)
    return status

"""`claimwire remittances`, `deposits`, `denials`: what waits for a person, and what is decided.

The same questions and commands as remittance's HTTP API, on the database, for whoever looks after
the line. Who decided is the user of the operating system.
"""

import getpass
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

from services.commands.failures import CommandError
from services.commands.ledger import asked
from services.commands.output import columns, show
from services.remittance import acting, questions
from services.remittance.app import handler_of
from services.remittance.domain.bank import StatementError, deposits_of
from services.remittance.domain.commands import (
    Command,
    DecideRemittance,
    RefusedError,
    Resolution,
    ResolveClaim,
)
from shared import settings
from shared.database import Connection
from shared.service import clock

RESOLUTIONS = ("match", "accept", "reject", "return")


def held(var_dir: Path, *, as_json: bool) -> int:
    """Prints the transaction sets that wait."""
    rows = asked(var_dir, questions.held)
    if as_json:
        show(rows)
        return 0
    columns(
        ("remittance", "payer", "trace number", "amount", "off by", "claims", "why"),
        [
            (
                row["remittance_id"],
                row["payer"],
                row["trace_number"] or "-",
                row["amount"],
                row["difference"],
                row["claims"],
                ", ".join(finding["code"] for finding in row["findings"]),
            )
            for row in rows
        ],
    )
    return 0


def waiting(var_dir: Path, state: str | None, *, as_json: bool) -> int:
    """Prints the claims of remittances that wait, with the best candidates of those unmatched."""
    weights = handler_of(settings.load()).policy.match
    rows = asked(var_dir, lambda connection: questions.waiting(connection, weights, state))
    if as_json:
        show(rows)
        return 0
    columns(
        ("remittance", "position", "state", "charge", "paid", "off by", "why or which"),
        [
            (
                row["remittance_id"],
                row["position"],
                row["state"],
                row["charge"],
                row["paid"],
                row["difference"],
                ", ".join(
                    [finding["code"] for finding in row["findings"]]
                    or [f"{one['claim_id']} ({one['score']})" for one in row["candidates"][:3]]
                )
                or "no candidate",
            )
            for row in rows
        ],
    )
    return 0


def decide(var_dir: Path, remittance_id: UUID, *, accept: bool, note: str | None) -> int:
    """Accepts or rejects a held transaction set, and judges its claims."""
    handler = handler_of(settings.load())
    command = DecideRemittance(remittance_id, accept, getpass.getuser(), note)

    async def carry_out(connection: Connection) -> Counter[str]:
        said = await _act(connection, [command])
        if accept:
            await acting.release(connection, handler, remittance_id, clock())
        else:
            await acting.close_rejected(connection, remittance_id)
        return said

    asked(var_dir, carry_out)
    print("accepted" if accept else "rejected")
    return 0


def resolve(
    var_dir: Path,
    remittance_id: UUID,
    position: int,
    resolution: str,
    claim_id: UUID | None,
    note: str | None,
) -> int:
    """Matches, accepts, rejects or returns one claim that waits, and says what was posted."""
    if resolution not in RESOLUTIONS:
        raise CommandError(f"a resolution is one of {', '.join(RESOLUTIONS)}")
    command = ResolveClaim(
        (remittance_id, position),
        cast("Resolution", resolution),
        getpass.getuser(),
        claim_id,
        note,
    )
    said = asked(var_dir, lambda connection: _act(connection, [command]))
    show(dict(said))
    return 0


def import_deposits(var_dir: Path, files: Sequence[Path], *, as_json: bool) -> int:
    """Takes in banks' statements; a line that is known is passed over."""
    found = []
    for path in files:
        try:
            found += deposits_of(path.read_text(encoding="utf-8"))
        except (StatementError, UnicodeDecodeError) as error:
            reason = str(error) if isinstance(error, StatementError) else "it is not UTF-8"
            raise CommandError(f"{path.name}: {reason}") from None

    async def carry_out(connection: Connection) -> Counter[str]:
        said: Counter[str] = Counter()
        for deposit in found:
            said.update(await _act(connection, [deposit]))
        return said

    said = asked(var_dir, carry_out)
    if as_json:
        show({"deposits": len(found), "events": dict(said)})
    else:
        reconciled = said["deposit.reconciled.v1"]
        print(f"{len(found)} deposits, {reconciled} reconciled now")
    return 0


def list_deposits(var_dir: Path, *, as_json: bool) -> int:
    """Prints deposits without a remittance and remittances without a deposit."""
    found: dict[str, list[dict[str, Any]]] = asked(var_dir, questions.deposits)
    if as_json:
        show(found)
        return 0
    for name, rows in found.items():
        print(name.replace("_", " ") + ":")
        columns(
            ("trace number", "amount", "day", "payer"),
            [
                (
                    row["trace_number"] or "-",
                    row["amount"],
                    row.get("deposited_on") or row.get("payment_date") or "-",
                    row.get("payer_name") or row.get("payer") or "-",
                )
                for row in rows
            ],
        )
    return 0


def list_denials(var_dir: Path, *, by_step: bool, as_json: bool) -> int:
    """Prints denied amounts as work, or what is open by next step."""
    if by_step:
        rows = asked(var_dir, questions.denials_by_step)
    else:
        rows = asked(var_dir, questions.denials)
    if as_json:
        show(rows)
        return 0
    names: tuple[Literal["denials", "claim_id"], ...] = ("denials",) if by_step else ("claim_id",)
    heading = ("amount", "due_on", "kind", *names, "next_step")
    columns(
        [name.replace("_", " ") for name in heading],
        [[row[name] if row[name] is not None else "-" for name in heading] for row in rows],
    )
    return 0


async def _act(connection: Connection, commands: Sequence[Command]) -> Counter[str]:
    try:
        events = await acting.act(connection, handler_of(settings.load()), commands, clock())
    except RefusedError as error:
        raise CommandError(f"{error.message} ({error.code})") from None
    return Counter(event.type or "" for event in events)

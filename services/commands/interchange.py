"""`claimwire interchange`: what was sent to payers, and what a person decides about it."""

import getpass
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from services.commands.failures import CommandError
from services.commands.output import columns, show
from services.commands.stack_access import Answer, answered
from services.submission import looking
from services.submission.deciding import Action, DecisionError, decide
from services.submission.domain.profile import ProfileError, load_profiles
from services.submission.keeping import content_of
from services.submission.vault import Vault
from shared.database import Connection, connect
from shared.settings import load

SERVICE = "submission"


def list_interchanges(
    var_dir: Path, payer: str | None, state: str | None, limit: int, *, as_json: bool
) -> int:
    """Prints interchanges, newest first."""
    found = _asked(var_dir, lambda one: looking.interchanges(one, limit, payer=payer, state=state))
    if as_json:
        show(found)
        return 0
    columns(
        ("interchange", "payer", "kind", "number", "claims", "state", "TA1", "999", "sent", "why"),
        (
            (
                row["interchange_id"],
                row["payer"],
                row["kind"],
                row["control_number"],
                row["claim_count"],
                row["state"],
                row["envelope_outcome"] or "-",
                row["syntax_outcome"] or "-",
                f"{row['sent_at']:%Y-%m-%d %H:%M:%S}" if row["sent_at"] else "-",
                (row["hold"] or {}).get("code", ""),
            )
            for row in found
        ),
    )
    return 0


def show_interchange(var_dir: Path, interchange_id: UUID, *, with_content: bool) -> int:
    """Prints one interchange as JSON; with its bytes on demand, which hold PHI."""

    async def question(connection: Connection) -> dict[str, Any]:
        found = await looking.interchange(connection, interchange_id)
        if found is None:
            raise CommandError("there is no such interchange")
        if with_content:
            vault = Vault.from_settings(load())
            content = await content_of(connection, interchange_id, vault)
            found["content"] = content.decode("ascii")
        return found

    show(_asked(var_dir, question))
    return 0


def act(
    var_dir: Path, interchange_id: UUID, action: Action, *, again: bool = False, as_json: bool
) -> int:
    """Decides about one interchange. Raises CommandError where it is in no state for that."""

    async def question(connection: Connection) -> dict[str, Any] | None:
        try:
            await decide(
                connection,
                interchange_id,
                action,
                getpass.getuser(),
                datetime.now(UTC),
                is_again=again,
            )
        except DecisionError as error:
            hint = (
                " (--again, if the payer says that it never came)" if error.state == "sent" else ""
            )
            raise CommandError(f"{error}{hint}") from None
        return await looking.interchange(connection, interchange_id)

    found = _asked(var_dir, question)
    assert found is not None
    if as_json:
        show(found)
    else:
        print(f"{interchange_id} is {found['state']}")
    return 0


def payers(var_dir: Path, *, as_json: bool) -> int:
    """Prints the way to each payer: when it was reached, and what waits for it."""
    found = _asked(var_dir, looking.channels)
    if as_json:
        show(found)
        return 0
    columns(
        ("payer", "failures", "error", "tried again", "last sent", "unsent", "held"),
        (
            (
                row["payer"],
                row["failures"],
                row["error"] or "-",
                f"{row['retry_at']:%H:%M:%S}" if row["retry_at"] else "-",
                f"{row['last_sent_at']:%Y-%m-%d %H:%M:%S}" if row["last_sent_at"] else "-",
                row["unsent"],
                row["held"],
            )
            for row in found
        ),
    )
    return 0


def check_profiles(path: Path) -> int:
    """Says whether a file of payer profiles can be used. Raises CommandError with every fault."""
    try:
        profiles = load_profiles(path)
    except ProfileError as error:
        raise CommandError(f"{path.name}\n{error}") from None
    columns(
        ("profile", "payers", "receiver", "transport"),
        (
            (
                profile.name,
                " ".join(profile.payer_identifiers) or "every other",
                profile.receiver.identifier,
                profile.transport.kind,
            )
            for profile in profiles.all()
        ),
    )
    return 0


def _asked(var_dir: Path, question: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    async def ask(line: Any) -> Answer:
        connection = await connect(line.dsn_of(SERVICE), SERVICE)
        try:
            return await question(connection)
        finally:
            await connection.close()

    return answered(var_dir, ask)

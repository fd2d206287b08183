"""`claimwire key`: who may use a service's HTTP."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import asyncpg

from services.commands.failures import CommandError
from services.commands.output import columns, complain, show
from services.commands.stack_access import Line, answered
from shared.database import Connection, connect
from shared.http import keys

Answer = TypeVar("Answer")


def create(
    var_dir: Path,
    service: str,
    name: str,
    source: str | None,
    scopes: Sequence[str],
    per_minute: int,
    *,
    as_json: bool,
) -> int:
    """Makes a key and prints it, this once."""
    key = keys.new_key()
    _ask(
        var_dir,
        service,
        lambda connection: keys.create(
            connection,
            key,
            name=name,
            source=source or name,
            scopes=scopes,
            requests_per_minute=per_minute,
        ),
    )
    if as_json:
        show({"service": service, "name": name, "key": key})
    else:
        print(key)
        complain("keep it now: only its hash is kept here, and it is not shown again")
    return 0


def listing(var_dir: Path, service: str, *, as_json: bool) -> int:
    """Prints the keys of a service; the secrets are nowhere."""
    found = _ask(var_dir, service, keys.listed)
    if as_json:
        show([asdict(key) for key in found])
        return 0
    columns(
        ("key", "name", "source", "scopes", "per minute", "made at", "revoked at"),
        (
            (
                key.key_id,
                key.name,
                key.source,
                ",".join(key.scopes),
                key.requests_per_minute,
                f"{key.created_at:%Y-%m-%d %H:%M}",
                f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "-",
            )
            for key in found
        ),
    )
    return 0


def revoke(var_dir: Path, service: str, key_id: str) -> int:
    """Ends a key; 1 where none is active under this id."""
    is_done = _ask(var_dir, service, lambda connection: keys.revoke(connection, key_id))
    print("revoked" if is_done else "no active key has this id")
    return 0 if is_done else 1


def _ask(
    var_dir: Path, service: str, question: Callable[[Connection], Awaitable[Answer]]
) -> Answer:
    async def asked(line: Line) -> Answer:
        connection = await connect(line.dsn_of(service), service)
        try:
            return await question(connection)
        except asyncpg.UndefinedTableError:
            raise CommandError(f"{service} has no keys yet: start it once, it makes them") from None
        finally:
            await connection.close()

    return answered(var_dir, asked)

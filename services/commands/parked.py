"""`claimwire parked`: what the services could not decide, and what a person does with it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from deploy.local.roster import SERVICES
from services.commands.failures import CommandError
from services.commands.output import columns, show
from services.commands.stack_access import Answer, Line, answered
from shared.blobs import Blobs
from shared.database import Connection, connect
from shared.messaging import parking
from shared.messaging.handler import Record
from shared.messaging.parking import Parked


def list_parked(var_dir: Path, service: str | None, *, as_json: bool) -> int:
    """Prints what is parked, of all services or of one."""

    async def question(line: Line) -> dict[str, list[Parked]]:
        names = line.dsns or SERVICES if service is None else (service,)
        return {name: await _asked(line, name, parking.listed) for name in names}

    found = answered(var_dir, question)
    if as_json:
        show({name: [asdict(row) for row in rows] for name, rows in found.items()})
        return 0
    columns(
        ("service", "id", "state", "claim", "error", "detail", "behind", "parked at"),
        (
            (
                name,
                row.id,
                row.state,
                row.key or "-",
                row.error,
                row.detail,
                row.waiting_behind,
                f"{row.parked_at:%Y-%m-%d %H:%M:%S}",
            )
            for name, rows in found.items()
            for row in rows
        ),
    )
    return 0


def show_parked(var_dir: Path, service: str, parked_id: int, *, with_content: bool) -> int:
    """Prints one parked unit as JSON."""

    async def question(line: Line) -> dict[str, Any]:
        found = await _asked(line, service, lambda one: parking.shown(one, parked_id))
        if found is None:
            raise CommandError(f"{service} has parked nothing under id {parked_id}")
        parked, record = found
        document = asdict(parked)
        if with_content:
            document["content"] = _content(line, record)
        return document

    show(answered(var_dir, question))
    return 0


def _content(line: Line, record: Record) -> str:
    """The record's value, fetched from the blob store where it is too large to travel."""
    settings = line.settings
    blobs = Blobs.from_settings(settings) if settings is not None else None
    with replace(record, blobs=blobs).open() as stream:
        return stream.read().decode("utf-8", "replace")


def release(
    var_dir: Path, service: str, ids: Sequence[int], key: str | None, *, as_json: bool
) -> int:
    """Lets parked units be tried again; 1 where none was there."""
    return _moved(
        var_dir,
        service,
        "released",
        lambda one: parking.release(one, ids, key=key),
        as_json=as_json,
    )


def discard(
    var_dir: Path, service: str, ids: Sequence[int], key: str | None, *, as_json: bool
) -> int:
    """Drops parked units for good; 1 where none was there."""
    return _moved(
        var_dir,
        service,
        "discarded",
        lambda one: parking.discard(one, ids, key=key),
        as_json=as_json,
    )


def _moved(
    var_dir: Path,
    service: str,
    verb: str,
    move: Callable[[Connection], Awaitable[int]],
    *,
    as_json: bool,
) -> int:
    count = answered(var_dir, lambda line: _asked(line, service, move))
    if as_json:
        show({verb: count})
    else:
        print(f"{count} {verb}")
    return 0 if count else 1


async def _asked(
    line: Line, service: str, question: Callable[[Connection], Awaitable[Answer]]
) -> Answer:
    connection = await connect(line.dsn_of(service), service)
    try:
        return await question(connection)
    finally:
        await connection.close()

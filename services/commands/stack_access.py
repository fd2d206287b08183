"""Where the line is: the local stack's `stack.json`, or the addresses in the environment.

Every command that looks into services goes through here, so that it works the same on a local
stack that runs, on one that is stopped (its database is started for the time of the command), and
on servers elsewhere (`CLAIMWIRE_POSTGRES_ADMIN_DSN`, `CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS`).
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer

from deploy.local.roster import SERVICES
from deploy.local.stack_folder import StackFolder
from shared.database import connect, service_dsn
from shared.service import Service
from shared.settings import PREFIX, Settings, load

VarDir = Annotated[
    Path, typer.Option("--var", envvar="CLAIMWIRE_VAR_DIR", help="Folder of the local stack.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

Connections = Mapping[str, "asyncpg.Connection[asyncpg.Record]"]


class NoStackError(RuntimeError):
    """There is no stack to look into; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """Addresses of a line. `settings` is None where no broker runs."""

    dsns: Mapping[str, str]
    traces_dsn: str | None
    settings: Settings | None
    description: Mapping[str, Any]


@contextmanager
def opened(var_dir: Path) -> Iterator[Line]:
    """The line of this folder, or of the environment. Raises NoStackError."""
    admin_dsn = os.environ.get("CLAIMWIRE_POSTGRES_ADMIN_DSN")
    folder = StackFolder(var_dir)
    try:
        description = folder.read()
    except FileNotFoundError:
        if admin_dsn is None:
            raise NoStackError(
                f"no stack has run in {var_dir}: start one with `claimwire up`, or set "
                "CLAIMWIRE_POSTGRES_ADMIN_DSN and CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS"
            ) from None
        yield Line(dict.fromkeys(SERVICES, admin_dsn), None, load(), {})
        return
    if description["running"]:
        dsns = {name: row["postgres_dsn"] for name, row in description["services"].items()}
        traces = description["traces"]["postgres_dsn"]
        yield Line(dsns, traces, _client_settings(description), description)
        return
    yield from _stopped(folder, description)


def _stopped(folder: StackFolder, description: Mapping[str, Any]) -> Iterator[Line]:
    from deploy.local.postgres import EmbeddedPostgres
    from deploy.local.preparation import DATABASE, TRACES

    folder.lock()
    server = EmbeddedPostgres(folder.path / "postgres")
    try:
        server.start()
        base = server.dsn.rpartition("/")[0] + f"/{DATABASE}"
        dsns = {
            name: service_dsn(base, name, folder.secret(f"{name}_password").read_text())
            for name in (*SERVICES, TRACES)
        }
        traces = dsns.pop(TRACES)
        yield Line(dsns, traces, None, description)
    finally:
        server.stop()
        folder.unlock()


def _client_settings(description: Mapping[str, Any]) -> Settings:
    kafka = description["kafka"]
    fields = {name.removeprefix(PREFIX).lower(): value for name, value in kafka["settings"].items()}
    fields["kafka_bootstrap_servers"] = kafka["bootstrap_servers"]
    fields["blob_url"] = description["blob_url"]
    return Settings(**(load().model_dump(exclude_unset=True) | fields))


@asynccontextmanager
async def connections(line: Line) -> AsyncIterator[Connections]:
    """A connection to each service's schema, closed at the end of the block."""
    async with AsyncExitStack() as stack:
        opened_ones = {}
        for name, dsn in line.dsns.items():
            connection = await connect(dsn, name)
            stack.push_async_callback(connection.close)
            opened_ones[name] = connection
        yield opened_ones


def services(settings: Settings) -> list[Service]:
    """Every service, in the order of the line."""
    from services.coding.app import service as coding
    from services.intake.app import service as intake
    from services.remittance.app import service as remittance
    from services.submission.app import service as submission

    makers: tuple[Callable[[Settings], Service], ...] = (intake, coding, submission, remittance)
    return [make(settings) for make in makers]

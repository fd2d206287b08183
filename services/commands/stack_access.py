"""Where the line is: the local stack's `stack.json`, or the addresses in the environment.

Every command that looks into services goes through here, so that it works the same on a local
stack that runs, on one that is stopped (its database is started for the time of the command), and
on servers elsewhere (`CLAIMWIRE_POSTGRES_ADMIN_DSN`, `CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS`).
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import asyncpg

from deploy.local.roster import SERVICES
from deploy.local.stack_folder import StackFolder
from services.commands.failures import CommandError
from shared.database import connect, service_dsn

if TYPE_CHECKING:
    from shared.service import Service
    from shared.settings import Settings

Connections: TypeAlias = Mapping[str, "asyncpg.Connection[asyncpg.Record]"]
Answer = TypeVar("Answer")

ADMIN_DSN = "CLAIMWIRE_POSTGRES_ADMIN_DSN"
BOOTSTRAP_SERVERS = "CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS"


class NoStackError(CommandError):
    """There is no stack to look into; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """Addresses of a line. `description` is empty for one that is not a local stack."""

    dsns: Mapping[str, str]
    traces_dsn: str | None
    has_broker: bool
    description: Mapping[str, Any]

    def dsn_of(self, service: str) -> str:
        """The database address of a service. Raises CommandError where there is none."""
        if not self.dsns:
            raise NoStackError("this needs the line's database: set " + ADMIN_DSN)
        if service not in self.dsns:
            raise CommandError(f"there is no service {service}: one of {', '.join(self.dsns)}")
        return self.dsns[service]

    @property
    def settings(self) -> "Settings | None":
        """Those of a client of the line's broker; None where no broker runs."""
        if not self.has_broker:
            return None
        from shared.settings import PREFIX, Settings, load

        given = load()
        if not self.description:
            return given
        kafka = self.description["kafka"]
        fields = {
            name.removeprefix(PREFIX).lower(): value for name, value in kafka["settings"].items()
        }
        fields["kafka_bootstrap_servers"] = kafka["bootstrap_servers"]
        fields["blob_url"] = self.description["blob_url"]
        return Settings(**(given.model_dump(exclude_unset=True) | fields))


@contextmanager
def opened(var_dir: Path) -> Iterator[Line]:
    """The line that runs in this folder, else the one that the environment names, else the one that
    has run here, its database up for as long. Raises NoStackError."""
    folder = StackFolder(var_dir)
    try:
        description = folder.read()
    except FileNotFoundError:
        yield _elsewhere(var_dir)
        return
    if not description["running"] and ADMIN_DSN in os.environ:
        yield _elsewhere(var_dir)
        return
    if description["running"]:
        dsns = {name: row["postgres_dsn"] for name, row in description["services"].items()}
        yield Line(dsns, description["traces"]["postgres_dsn"], True, description)
        return
    yield from _stopped(folder, description)


def _elsewhere(var_dir: Path) -> Line:
    """Servers that the environment names: the broker alone is enough to publish."""
    admin_dsn = os.environ.get(ADMIN_DSN)
    if admin_dsn is None and BOOTSTRAP_SERVERS not in os.environ:
        raise NoStackError(
            f"no stack has run in {var_dir}: start one with `claimwire up`, or set "
            f"{ADMIN_DSN} and {BOOTSTRAP_SERVERS}"
        )
    dsns = dict.fromkeys(SERVICES, admin_dsn) if admin_dsn else {}
    return Line(dsns, None, True, {})


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
        yield Line(dsns, traces, False, description)
    finally:
        server.stop()
        folder.unlock()


@asynccontextmanager
async def connections(line: Line) -> AsyncIterator[Connections]:
    """A connection to each service's schema, closed at the end of the block."""
    async with AsyncExitStack() as stack:
        opened_ones = {}
        for name in line.dsns or SERVICES:
            connection = await connect(line.dsn_of(name), name)
            stack.push_async_callback(connection.close)
            opened_ones[name] = connection
        yield opened_ones


def answered(var_dir: Path, question: Callable[[Line], Coroutine[Any, Any, Answer]]) -> Answer:
    """What a question to the line of this folder comes to. Raises NoStackError."""
    with opened(var_dir) as line:
        return asyncio.run(question(line))


def services(settings: "Settings") -> "list[Service]":
    """Every service, in the order of the line."""
    from services.coding.app import service as coding
    from services.intake.app import service as intake
    from services.remittance.app import service as remittance
    from services.submission.app import service as submission

    makers: tuple[Callable[[Settings], Service], ...] = (intake, coding, submission, remittance)
    return [make(settings) for make in makers]

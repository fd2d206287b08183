"""PostgreSQL: roles and schemas, the migrations of each, pools, and leases.

It is apart because the services, the command line and the local stack must agree on who may read
what: each service has a schema and a role of its own name, and cannot see another's.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:  # asyncpg's classes take no parameters at run time
    Connection = asyncpg.Connection | PoolConnectionProxy
    Pool = asyncpg.Pool

KERNEL_SCHEMA = Path(__file__).parent / "messaging" / "schema"


class MigrationError(RuntimeError):
    """The schema and the migrations of this release disagree; the text says which file."""


def role_of(service: str) -> str:
    """The role that owns a service's schema: `claimwire_intake`."""
    return f"claimwire_{service}"


def service_dsn(admin_dsn: str, service: str, password: str) -> str:
    """The administrator's address with a service's role and password in place of its own."""
    parts = urlsplit(admin_dsn)
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(role_of(service), safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{place}"))


def new_password() -> str:
    """A password for a role, from the system's randomness."""
    return secrets.token_urlsafe(24)


async def create_pool(dsn: str, service: str, *, max_size: int = 6, min_size: int = 1) -> Pool:
    """Connections of one service: its schema is all they see without asking for more."""
    return await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        server_settings=_session_settings(service),
        command_timeout=60,
    )


async def connect(dsn: str, service: str) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection of a service, for what needs no pool."""
    return await asyncpg.connect(dsn, server_settings=_session_settings(service))


def _session_settings(service: str) -> dict[str, str]:
    # Compiling plans of short unnest queries costs more than it ever gives back.
    return {"search_path": service, "application_name": f"claimwire-{service}", "jit": "off"}


# Roles and schemas


async def bootstrap(admin_dsn: str, services: Sequence[str], passwords: Mapping[str, str]) -> None:
    """Creates each service's role and schema, or brings them in line; any number of times.

    The role owns its schema and may do nothing elsewhere: what PUBLIC may do by default on the
    database and on `public` is taken away.
    """
    connection = await asyncpg.connect(admin_dsn)
    try:
        for attempt in range(5):
            try:
                async with connection.transaction():
                    await _bootstrap(connection, services, passwords)
                return
            except asyncpg.InternalServerError:
                # Roles belong to the whole cluster and the lock to one database: two databases
                # that are set up at once can meet in pg_authid ("tuple concurrently updated").
                if attempt == 4:
                    raise
                await asyncio.sleep(0.1 * (attempt + 1))
    finally:
        await connection.close()


async def _bootstrap(
    connection: Connection, services: Sequence[str], passwords: Mapping[str, str]
) -> None:
    await _lock(connection, "bootstrap")
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    for service in services:
        schema, role, password = await connection.fetchrow(  # type: ignore[misc]
            "SELECT quote_ident($1), quote_ident($2), quote_literal($3)",
            service,
            role_of(service),
            passwords[service],
        )
        known = await connection.fetchval(
            "SELECT true FROM pg_roles WHERE rolname = $1", role_of(service)
        )
        verb = "ALTER" if known else "CREATE"
        await connection.execute(
            f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT "
            f"PASSWORD {password}"
        )
        # Who creates a role need not be a superuser, but must be in it to give it a schema.
        await connection.execute(f"GRANT {role} TO CURRENT_USER")
        await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {role}")
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {role}")
        await connection.execute(f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC")
        await connection.execute(
            f"ALTER ROLE {role} IN DATABASE {database} SET search_path = {schema}"
        )


# Migrations


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered SQL file. `name` is `kernel/0001_kernel.sql` or `<service>/0001_....sql`."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_of(service: str, schema_dir: Path | None) -> tuple[Migration, ...]:
    """The kernel's migrations and then the service's, each in the order of its numbers."""
    folders = [("kernel", KERNEL_SCHEMA)]
    if schema_dir is not None:
        folders.append((service, schema_dir))
    return tuple(
        Migration(f"{origin}/{path.name}", path.read_text(encoding="utf-8"))
        for origin, folder in folders
        for path in sorted(folder.glob("[0-9]*.sql"))
    )


async def migrate(pool: Pool, service: str, schema_dir: Path | None) -> list[str]:
    """Applies what is missing to the service's schema and returns the names of what it applied.

    Any number of processes may start at once: the first does the work in one transaction, the
    others wait and find it done. Raises MigrationError where an applied file was changed since.
    """
    wanted = migrations_of(service, schema_dir)
    async with pool.acquire() as connection, connection.transaction():
        await _lock(connection, f"migrate {service}")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, "
            "checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        missing = _missing(wanted, await _applied(connection))
        for migration in missing:
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO migration (name, checksum) VALUES ($1, $2)",
                migration.name,
                migration.checksum,
            )
    return [migration.name for migration in missing]


async def is_current(connection: Connection, service: str, schema_dir: Path | None) -> bool:
    """Whether the schema has every migration of this release. Raises as `migrate` does."""
    if not await connection.fetchval("SELECT to_regclass('migration') IS NOT NULL"):
        return False
    return not _missing(migrations_of(service, schema_dir), await _applied(connection))


async def _applied(connection: Connection) -> dict[str, str]:
    return {
        row[0]: row[1] for row in await connection.fetch("SELECT name, checksum FROM migration")
    }


def _missing(wanted: Sequence[Migration], applied: Mapping[str, str]) -> list[Migration]:
    for migration in wanted:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"{migration.name} was changed after it was applied: add a new file instead"
            )
    return [migration for migration in wanted if migration.name not in applied]


# Locks and leases


async def _lock(connection: Connection, name: str) -> None:
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"claimwire {name}"
    )


@asynccontextmanager
async def lease(pool: Pool, name: str) -> AsyncIterator[bool]:
    """Holds the lease of this name in this service's schema for the time of the block.

    Yields False, at once, where another process has it. The lease is a session's advisory lock on a
    connection of its own: it ends with that connection, so a process that dies gives it back. Work
    under a lease that may outlive its connection must be idempotent.
    """
    async with pool.acquire() as connection, leased(connection, name) as is_ours:
        yield is_ours


@asynccontextmanager
async def leased(connection: Connection, name: str) -> AsyncIterator[bool]:
    """A lease on a connection that the caller has and goes on using inside the block."""
    key = "hashtextextended(current_schema() || ':' || $1, 0)"
    is_ours = bool(await connection.fetchval(f"SELECT pg_try_advisory_lock({key})", name))
    try:
        yield is_ours
    finally:
        if is_ours and not connection.is_closed():
            await connection.execute(f"SELECT pg_advisory_unlock({key})", name)

"""A database with two services' schemas, for what the kernel does on PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from shared.database import Pool, bootstrap, create_pool, migrate, service_dsn

SERVICES = ("alpha", "beta")
PASSWORD = "of the kernel's tests"


@dataclass(frozen=True)
class Schemas:
    """The administrator's address, and a migrated pool for each of two services."""

    admin_dsn: str
    alpha: Pool
    beta: Pool

    def dsn(self, service: str) -> str:
        return service_dsn(self.admin_dsn, service, PASSWORD)


@pytest.fixture(scope="package")
def admin_dsn(postgres: Any) -> str:
    """One database for all of these tests: a schema is made anew much faster than a database."""
    return str(postgres.fresh_database())


@pytest.fixture
async def schemas(admin_dsn: str) -> AsyncIterator[Schemas]:
    await _drop_schemas(admin_dsn)
    await bootstrap(admin_dsn, SERVICES, dict.fromkeys(SERVICES, PASSWORD))
    pools = {}
    for name in SERVICES:
        pools[name] = await create_pool(service_dsn(admin_dsn, name, PASSWORD), name)
        await migrate(pools[name], name, None)
    yield Schemas(admin_dsn, **pools)
    for pool in pools.values():
        await pool.close()


async def _drop_schemas(admin_dsn: str) -> None:
    connection = await asyncpg.connect(admin_dsn)
    try:
        for name in SERVICES:
            await connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
    finally:
        await connection.close()

"""A database with two services' schemas, for what the kernel does on PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from shared.database import Pool, bootstrap, create_pool, migrate, service_dsn

PASSWORD = "of the kernel's tests"


@dataclass(frozen=True)
class Schemas:
    """The administrator's address, and a migrated pool for each of two services."""

    admin_dsn: str
    alpha: Pool
    beta: Pool

    def dsn(self, service: str) -> str:
        return service_dsn(self.admin_dsn, service, PASSWORD)


@pytest.fixture
async def schemas(postgres: Any) -> AsyncIterator[Schemas]:
    admin_dsn = postgres.fresh_database()
    names = ("alpha", "beta")
    await bootstrap(admin_dsn, names, dict.fromkeys(names, PASSWORD))
    pools = {}
    for name in names:
        pools[name] = await create_pool(service_dsn(admin_dsn, name, PASSWORD), name)
        await migrate(pools[name], name, None)
    yield Schemas(admin_dsn, **pools)
    for pool in pools.values():
        await pool.close()

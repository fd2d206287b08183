"""Roles see their own schema only; migrations are applied once, whoever starts; leases are held by
one at a time and given back by the dead."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from shared.database import (
    MigrationError,
    bootstrap,
    connect,
    create_pool,
    is_current,
    lease,
    leased,
    migrate,
    role_of,
)
from tests.integration.kernel.conftest import PASSWORD, Schemas


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM beta.inbox",
        "INSERT INTO beta.outbox VALUES (1)",
        "CREATE TABLE beta.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE TEMP TABLE mine (a int)",
        "CREATE ROLE mine",
    ],
)
async def test_a_services_role_may_do_nothing_outside_its_schema(
    schemas: Schemas, statement: str
) -> None:
    connection = await connect(schemas.dsn("alpha"), "alpha")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_bootstrap_again_keeps_everything_and_takes_a_new_password(schemas: Schemas) -> None:
    await schemas.alpha.execute("INSERT INTO outbox VALUES (1)")
    passwords = {"alpha": "another 'one", "beta": PASSWORD}
    await bootstrap(schemas.admin_dsn, ["alpha", "beta"], passwords)
    try:
        connection = await asyncpg.connect(
            schemas.admin_dsn, user=role_of("alpha"), password="another 'one"
        )
        # Its role alone leads it to its schema.
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 1
        await connection.close()
    finally:
        await bootstrap(
            schemas.admin_dsn, ["alpha", "beta"], dict.fromkeys(["alpha", "beta"], PASSWORD)
        )


async def test_processes_that_start_together_apply_a_migration_once(
    schemas: Schemas, tmp_path: Path
) -> None:
    (tmp_path / "0001_count.sql").write_text("CREATE TABLE tally (a int); SELECT pg_sleep(0.2)")
    (tmp_path / "0002_more.sql").write_text("ALTER TABLE tally ADD COLUMN b int")
    pools = [await create_pool(schemas.dsn("alpha"), "alpha") for _ in range(4)]
    try:
        applied = await asyncio.gather(*(migrate(pool, "alpha", tmp_path) for pool in pools))
        assert sorted(map(len, applied)) == [0, 0, 0, 2]
        async with pools[0].acquire() as connection:
            assert await is_current(connection, "alpha", tmp_path)
    finally:
        await asyncio.gather(*(pool.close() for pool in pools))


async def test_a_schema_that_lacks_a_migration_is_not_current(
    schemas: Schemas, tmp_path: Path
) -> None:
    (tmp_path / "0001_count.sql").write_text("CREATE TABLE tally (a int)")
    async with schemas.alpha.acquire() as connection:
        assert not await is_current(connection, "alpha", tmp_path)


async def test_a_failing_migration_leaves_nothing_behind(schemas: Schemas, tmp_path: Path) -> None:
    (tmp_path / "0001_good.sql").write_text("CREATE TABLE tally (a int)")
    (tmp_path / "0002_bad.sql").write_text("CREATE TABLE oops (a nonsense)")
    with pytest.raises(asyncpg.UndefinedObjectError):
        await migrate(schemas.alpha, "alpha", tmp_path)
    assert await schemas.alpha.fetchval("SELECT to_regclass('tally')") is None


async def test_a_migration_changed_after_it_was_applied_is_refused(
    schemas: Schemas, tmp_path: Path
) -> None:
    file = tmp_path / "0001_count.sql"
    file.write_text("CREATE TABLE tally (a int)")
    await migrate(schemas.alpha, "alpha", tmp_path)
    file.write_text("CREATE TABLE tally (a bigint)")
    with pytest.raises(MigrationError, match=r"alpha/0001_count\.sql"):
        await migrate(schemas.alpha, "alpha", tmp_path)


async def test_a_lease_is_one_processs_until_its_block_ends(schemas: Schemas) -> None:
    other = await create_pool(schemas.dsn("alpha"), "alpha")
    try:
        async with lease(schemas.alpha, "payer") as is_ours:
            assert is_ours
            async with lease(other, "payer") as is_theirs:
                assert not is_theirs
            async with lease(other, "another payer") as is_theirs:
                assert is_theirs
        async with lease(other, "payer") as is_theirs:
            assert is_theirs
    finally:
        await other.close()


async def test_services_do_not_share_leases_of_one_name(schemas: Schemas) -> None:
    async with lease(schemas.alpha, "relay") as alphas, lease(schemas.beta, "relay") as betas:
        assert alphas
        assert betas


async def test_the_lease_of_a_process_that_died_is_free(schemas: Schemas) -> None:
    dead = await connect(schemas.dsn("alpha"), "alpha")
    async with leased(dead, "payer") as is_ours:
        assert is_ours
        admin = await asyncpg.connect(schemas.admin_dsn)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1",
            dead.get_server_pid(),
        )
        await admin.close()
        async with lease(schemas.alpha, "payer") as is_theirs:
            assert is_theirs
    assert dead.is_closed()

"""The embedded PostgreSQL keeps what was committed, and stands up again after any end."""

import asyncio
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local.child import StartError, unprivileged_account
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.postgres_home import can_enter, data_folder, remove


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a space in its name that only this user may enter."""
    parent = tmp_path_factory.mktemp("a home")
    parent.chmod(0o700)
    return parent / "postgres"


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[EmbeddedPostgres]:
    running = EmbeddedPostgres(home)
    running.start()
    yield running
    running.destroy()
    assert not home.exists()


async def run(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_commits_survive_a_kill_and_a_stop(server: EmbeddedPostgres) -> None:
    await run(server.dsn, "CREATE TABLE kept AS SELECT 1 AS n")
    server.kill()
    server.start()
    assert await run(server.dsn, "SELECT count(*) FROM kept") == 1
    first_port = server.port
    server.stop()
    server.start()
    assert await run(server.dsn, "SELECT count(*) FROM kept") == 1
    assert server.port == first_port


async def test_a_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    wrong = server.dsn.replace("//postgres:", "//postgres:wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await run(wrong, "SELECT 1")


def test_a_second_server_on_the_same_folder_is_refused(
    server: EmbeddedPostgres, home: Path
) -> None:
    with pytest.raises(StartError, match=f"pid {server.pid}"):
        EmbeddedPostgres(home).start()


def test_the_password_file_is_readable_by_its_owner_only(
    server: EmbeddedPostgres, home: Path
) -> None:
    mode = (home / "password").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up its privileges")
def test_root_runs_the_server_as_an_unprivileged_user(server: EmbeddedPostgres) -> None:
    account = unprivileged_account()
    assert account is not None
    assert Path(f"/proc/{server.pid}").stat().st_uid == account.uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up its privileges")
def test_data_lies_where_the_unprivileged_user_can_enter(
    server: EmbeddedPostgres, home: Path
) -> None:
    account = unprivileged_account()
    assert account is not None
    link = home / "data"
    assert not can_enter(link.parent, account)
    assert can_enter(link.resolve(), account)


async def test_every_commit_is_on_disk_before_it_is_confirmed(server: EmbeddedPostgres) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await run(server.dsn, f"SHOW {setting}") == "on"


async def test_errors_are_logged_without_the_values_of_rows(
    server: EmbeddedPostgres, home: Path
) -> None:
    await run(server.dsn, "CREATE TABLE once (name text PRIMARY KEY)")
    for _ in range(2):
        try:
            await run(server.dsn, "INSERT INTO once VALUES ('Zebulon Quarrington')")
        except asyncpg.UniqueViolationError:
            await asyncio.sleep(0.1)
    log = (home / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "Quarrington" not in log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's data may lie elsewhere")
def test_data_of_a_folder_that_is_gone_is_swept_away(tmp_path: Path) -> None:
    account = unprivileged_account()
    tmp_path.chmod(0o700)
    gone = data_folder(tmp_path / "gone", account).parent
    shutil.rmtree(tmp_path / "gone")
    kept = data_folder(tmp_path / "kept", account).parent
    try:
        assert kept.exists()
        assert not gone.exists()
    finally:
        remove(tmp_path / "kept")
    assert not kept.exists()

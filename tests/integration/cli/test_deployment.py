"""`python -m shared.deployment`, as the compose file runs it: once, and again."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from confluent_kafka.admin import AdminClient

from deploy.local.kafka import Broker
from deploy.local.postgres import EmbeddedPostgres
from shared.contract.topics import TOPICS
from shared.database import connect, role_of, service_dsn

SERVICES = ("intake", "coding", "submission", "remittance")


@pytest.fixture(scope="module")
def server(server_home: Path) -> Iterator[EmbeddedPostgres]:
    """A server of its own: roles belong to a whole server, and this sets their passwords."""
    running = EmbeddedPostgres(server_home / "postgres of the deployment")
    running.start()
    yield running
    running.destroy()


def deployed(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A deployment told nothing but this."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CLAIMWIRE_")}
    return subprocess.run(
        [sys.executable, "-m", "shared.deployment"],
        env=kept | environment,
        check=False,
        capture_output=True,
        text=True,
    )


def test_roles_schemas_and_topics_are_made_once(
    server: EmbeddedPostgres, broker: Broker, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    dsns = {name: service_dsn(server.dsn, name, f"p@ss {name}/") for name in SERVICES}
    for name, dsn in dsns.items():
        (secrets / f"{name}_dsn").write_text(dsn + "\n")
    (secrets / "admin_dsn").write_text(server.dsn)
    environment = {
        **broker.settings,
        "CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "CLAIMWIRE_POSTGRES_ADMIN_DSN_FILE": str(secrets / "admin_dsn"),
        "CLAIMWIRE_SERVICE_DSN_DIR": str(secrets),
    }
    first = deployed(environment)
    assert first.returncode == 0, first.stderr
    known = AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics(timeout=10)
    assert {topic.name for topic in TOPICS} <= known.topics.keys()
    assert asyncio.run(roles(dsns)) == {name: (role_of(name), name) for name in SERVICES}

    again = deployed(environment)
    assert again.returncode == 0, again.stderr
    assert "none, all were there" in again.stderr
    for said in (first, again):
        assert "p@ss" not in said.stdout + said.stderr
        assert "p%40ss" not in said.stdout + said.stderr


async def roles(dsns: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Who each service is in the database, and in which schema; no other is open to it."""
    found = {}
    for name, dsn in dsns.items():
        connection = await connect(dsn, name)
        try:
            found[name] = (
                await connection.fetchval("SELECT current_user::text"),
                await connection.fetchval("SELECT current_schema()::text"),
            )
            other = SERVICES[SERVICES.index(name) - 1]
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"CREATE TABLE {other}.taken ()")
        finally:
            await connection.close()
    return found


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "CLAIMWIRE_POSTGRES_ADMIN_DSN, CLAIMWIRE_SERVICE_DSN_DIR"),
        ({"CLAIMWIRE_KAFKA_REPLICATION_FACTOR": "ten"}, "CLAIMWIRE_KAFKA_REPLICATION_FACTOR"),
    ],
    ids=["nothing", "a setting that is none"],
)
def test_what_it_was_not_told_is_named(environment: dict[str, str], named: str) -> None:
    said = deployed(environment)
    assert said.returncode == 2
    assert named in said.stderr
    assert "Traceback" not in said.stderr


def test_a_folder_without_passwords_is_refused(tmp_path: Path) -> None:
    given = {
        "CLAIMWIRE_POSTGRES_ADMIN_DSN": "postgresql://postgres:zyxw@127.0.0.1:1/claimwire",
        "CLAIMWIRE_SERVICE_DSN_DIR": str(tmp_path),
    }
    said = deployed(given)
    assert (said.returncode, said.stdout) == (2, "")
    assert "CLAIMWIRE_SERVICE_DSN_DIR" in said.stderr
    assert "zyxw" not in said.stderr

"""A service of its own process, whose large records go through an S3 store: set up by an env file
of the documented variables, as an operator does."""

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import obstore
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.kafka import Broker
from deploy.local.ports import LOOPBACK, free_port
from shared.blobs import Blobs
from shared.contract.topics import PARTITIONS
from shared.database import bootstrap, connect, new_password, service_dsn
from shared.http import keys
from shared.messaging import broker as clients
from shared.messaging.ends import next_offsets
from shared.messaging.topics import create_topics
from shared.messaging.wire import claim_check, unpack_headers
from shared.settings import Settings
from tests.documents import document
from tests.integration.messaging.desk import until
from tests.s3 import S3Server

pytestmark = pytest.mark.kafka

CLAIMS = 3_000


@dataclass(frozen=True)
class Intake:
    """A running intake: its settings, its schema, its HTTP door and its log."""

    settings: Settings
    connection: "asyncpg.Connection[asyncpg.Record]"
    client: httpx.AsyncClient
    log: Path

    async def count(self, query: str) -> int:
        return int(await self.connection.fetchval(f"SELECT count(*) FROM {query}"))

    async def has_claims(self, count: int) -> bool:
        return await self.count("claim") == count

    async def is_ready(self) -> bool:
        try:
            return (await self.client.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
async def intake(
    s3: S3Server, broker: Broker, postgres: Any, tmp_path: Path
) -> AsyncIterator[Intake]:
    admin_dsn, password = postgres.fresh_database(), new_password()
    await bootstrap(admin_dsn, ["intake"], {"intake": password})
    variables = dict(broker.settings) | {
        "CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "CLAIMWIRE_KAFKA_GROUP_PREFIX": f"s3-{tmp_path.name}",
        "CLAIMWIRE_POSTGRES_DSN": service_dsn(admin_dsn, "intake", password),
        "CLAIMWIRE_VAR_DIR": str(tmp_path),
        "CLAIMWIRE_HTTP_PORT": str(free_port()),
    }
    values: dict[str, Any] = {
        name.removeprefix("CLAIMWIRE_").lower(): value for name, value in variables.items()
    }
    settings = Settings(**values)
    await create_topics(settings)
    await _start_at_the_end(settings)
    env_file = tmp_path / "line.env"
    lines = (variables | s3.environment).items()
    env_file.write_text("".join(f"{name}='{value}'\n" for name, value in lines))
    async with _process(env_file, tmp_path / "intake.log"):
        url = f"http://{LOOPBACK}:{settings.http_port}"
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            made = Intake(settings, await _connected(variables), client, tmp_path / "intake.log")
            await until(made.is_ready, "a service that is ready")
            client.headers["X-API-Key"] = key = keys.new_key()
            await keys.create(made.connection, key, name="s3", source="general", scopes=["*"])
            yield made
            await made.connection.close()


async def _start_at_the_end(settings: Settings) -> None:
    """The topics hold what other tests have sent."""
    places = [TopicPartition("claims.inbound", number) for number in range(PARTITIONS)]
    reader = AIOKafkaConsumer(
        **clients.connection_options(settings),
        group_id=clients.group_of(settings, "intake"),
        enable_auto_commit=False,
    )
    await reader.start()
    reader.assign(places)
    await reader.commit(await next_offsets(settings, places))
    await reader.stop()


async def _connected(variables: dict[str, str]) -> "asyncpg.Connection[asyncpg.Record]":
    return await connect(variables["CLAIMWIRE_POSTGRES_DSN"], "intake")


@asynccontextmanager
async def _process(env_file: Path, log: Path) -> AsyncIterator[None]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.intake", "--env-file", str(env_file)),
            env={"PATH": os.environ["PATH"]},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


def day(name: str) -> bytes:
    """A file of claims as NDJSON, larger than a broker takes."""
    claims = (document(f"{name}-{number}") for number in range(CLAIMS))
    return b"".join(json.dumps(claim).encode() + b"\n" for claim in claims)


async def test_a_large_body_goes_through_the_door_as_a_claim_check(
    s3: S3Server, intake: Intake
) -> None:
    body = day("DOOR")
    assert len(body) > intake.settings.claim_check_bytes
    answer = await intake.client.post("/claims", content=body)
    assert (answer.status_code, answer.json()["status"]) == (202, "reading")
    await until(lambda: intake.has_claims(CLAIMS), "every claim of the body", 120)
    query = "SELECT headers, value FROM event WHERE topic = 'claims.inbound'"
    handed = await intake.connection.fetchrow(query)
    assert handed is not None
    headers = dict(unpack_headers(handed["headers"]))
    assert handed["value"] == b""
    assert headers["ce_datasize"] == str(len(body)).encode()
    assert headers["ce_datahash"] == hashlib.sha256(body).hexdigest().encode()
    place = f"a/prefix/{headers['ce_dataref'].decode()}"
    assert bytes(obstore.get(s3.bucket(), place).bytes()) == body
    assert not (intake.settings.var_dir / "blobs").exists()


async def test_records_wait_for_a_store_that_is_away_and_nothing_is_parked_or_refused(
    s3: S3Server, intake: Intake, environment: dict[str, str]
) -> None:
    kept = Blobs.from_settings(Settings()).put(day("AWAY"))
    s3.kill()
    try:
        answer = await intake.client.post("/claims", content=day("LATER"))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        producer = clients.producer(intake.settings, "s3-test")
        await producer.start()
        headers = [("ce_id", b"away"), ("content-type", b"application/x-ndjson")]
        await producer.send_and_wait(
            "claims.inbound", value=b"", key=b"away", headers=[*headers, *claim_check(kept)]
        )
        await producer.stop()

        async def is_tried_again() -> bool:
            lines = [json.loads(line) for line in intake.log.read_text().splitlines()]
            tries = [line for line in lines if line["message"] == "a batch is tried again"]
            return len(tries) >= 2

        await until(is_tried_again, "a batch that is tried again")
        assert (await intake.client.get("/health/live")).status_code == 200
        assert await intake.count("parked") == 0
        assert await intake.count("event") == 0
        assert "BlobStoreUnavailableError" in intake.log.read_text()
    finally:
        s3.start()
    await until(lambda: intake.has_claims(CLAIMS), "every claim of the record", 120)
    assert await intake.count("parked") == 0
    assert await intake.count("event WHERE type = 'message.rejected.v1'") == 0

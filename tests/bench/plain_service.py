"""The service that the kernel is measured against: FastStream as its documentation teaches it.

One message is one transaction: the framework decodes it into the event's pydantic model, the
handler inserts into an inbox, a state table and an outbox, commits, publishes, takes the row off
the outbox, and acknowledges. It is correct (at least once, duplicates skipped, and what a crash
leaves in the outbox a sweep would send), ordinary, and decides nothing.

`python -m tests.bench.plain_service NAME FROM_TOPIC TO_TOPIC`
"""

import asyncio
import logging
import sys
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from faststream import AckPolicy, Context, Header
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage

from shared import settings
from shared.contract.envelope import business_id
from shared.contract.events import ClaimReceived
from shared.database import create_pool
from shared.messaging import broker as options

_TABLES = """
CREATE TABLE IF NOT EXISTS inbox (
    event_id uuid PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS claim (
    claim_id uuid PRIMARY KEY, revision int NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL,
    topic text NOT NULL, key text NOT NULL, value bytea NOT NULL);
"""
_RECEIVE = "INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING true"
_SAVE = """
INSERT INTO claim (claim_id, revision) VALUES ($1, $2)
ON CONFLICT (claim_id) DO UPDATE SET revision = excluded.revision, changed_at = now()
"""
_SAY = """
INSERT INTO outbox (event_id, topic, key, value) VALUES ($1, $2, $3, $4) RETURNING seq
"""
_FORGET = "DELETE FROM outbox WHERE seq = $1"


def application(name: str, source: str, target: str) -> tuple[AsgiFastStream, settings.Settings]:
    """The service as an ASGI application, with the settings it was made from."""
    chosen = settings.load()
    kafka = KafkaBroker(
        options.connection_options(chosen)["bootstrap_servers"],
        acks="all",
        enable_idempotence=chosen.kafka_idempotent_producer,
        logger=None,
    )

    @get
    async def ready(scope: dict[str, object]) -> AsgiResponse:
        return AsgiResponse(status_code=200 if await kafka.ping(timeout=5.0) else 503)

    app = AsgiFastStream(kafka, asgi_routes=[("/health/ready", ready)], logger=None)

    @app.on_startup
    async def connect() -> None:
        pool = await create_pool(chosen.postgres_dsn.get_secret_value(), name)
        await pool.execute(_TABLES)
        app.context.set_global("pool", pool)

    @kafka.subscriber(
        source,
        group_id=options.group_of(chosen, name),
        auto_offset_reset="earliest",
        session_timeout_ms=chosen.kafka_session_timeout_ms,
        heartbeat_interval_ms=chosen.kafka_heartbeat_interval_ms,
        ack_policy=AckPolicy.MANUAL,
    )
    async def on_claim(
        received: ClaimReceived,
        message: KafkaMessage,
        event_id: Annotated[str, Header("ce_id")],
        pool: Annotated[asyncpg.Pool, Context()],
    ) -> None:
        claim = received.claim
        value = received.model_dump_json(exclude_defaults=True).encode()
        own_id = business_id(name, event_id)
        async with pool.acquire() as connection:
            async with connection.transaction():
                if await connection.fetchval(_RECEIVE, UUID(event_id)):
                    await connection.execute(_SAVE, claim.id, claim.revision)
                    seq = await connection.fetchval(_SAY, own_id, target, str(claim.id), value)
                else:
                    seq = None
            if seq is not None:
                await kafka.publish(
                    value,
                    target,
                    key=str(claim.id).encode(),
                    headers={**message.headers, "ce_id": str(own_id)},
                )
                await connection.execute(_FORGET, seq)
        await message.ack()

    return app, chosen


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    app, chosen = application(*sys.argv[1:4])
    extra: dict[str, Any] = {
        "host": chosen.http_host,
        "port": str(chosen.http_port),
    }
    asyncio.run(app.run(log_level=logging.WARNING, run_extra_options=extra))


if __name__ == "__main__":
    main()

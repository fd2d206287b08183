"""What must be there before a service starts: its role and schema, the topics, lost records.

Apart from the stack because each step is a conversation with a server and none knows of processes.
All steps may be taken any number of times.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.contract.topics import TOPICS
from shared.database import bootstrap, connect, role_of
from shared.http import keys
from shared.messaging import broker
from shared.messaging.topics import create_topics
from shared.settings import Settings

DATABASE = "claimwire"
TRACES = "telemetry"
"""The schema of the local trace receiver, with a role of its own like a service's."""
OPERATOR = "operator"
"""Who the local stack's own API key speaks for."""
OPERATOR_REQUESTS_PER_MINUTE = 60_000

Result = TypeVar("Result")


def run_apart(work: Coroutine[object, object, Result]) -> Result:
    """Runs a coroutine to its end, also for a caller that is inside a running event loop."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, work).result()


async def create_database(admin_dsn: str) -> str:
    """Creates the database of the line where it is missing; returns the address to it."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
    return urlunsplit(urlsplit(admin_dsn)._replace(path=f"/{DATABASE}"))


async def prepare_roles(
    admin_dsn: str, services: Sequence[str], passwords: Mapping[str, str]
) -> None:
    """Creates every service's role and schema, and the trace receiver's."""
    await bootstrap(admin_dsn, [*services, TRACES], passwords)
    connection = await asyncpg.connect(admin_dsn)
    try:
        # The receiver makes sure of its schema by itself, and even for one that is there
        # PostgreSQL asks for this right.
        database = await connection.fetchval("SELECT quote_ident(current_database())")
        await connection.execute(f"GRANT CREATE ON DATABASE {database} TO {role_of(TRACES)}")
    finally:
        await connection.close()


async def prepare_operator(dsns: Mapping[str, str], key: str) -> None:
    """Lets this API key, the local operator's, do everything in every service that has HTTP keys.

    `dsns` are addresses by service; the services have made their tables by now.
    """
    for service, dsn in dsns.items():
        connection = await connect(dsn, service)
        try:
            if await connection.fetchval("SELECT to_regclass('api_key') IS NOT NULL"):
                await keys.create(
                    connection,
                    key,
                    name=OPERATOR,
                    source=OPERATOR,
                    scopes=(keys.EVERYTHING,),
                    requests_per_minute=OPERATOR_REQUESTS_PER_MINUTE,
                )
        finally:
            await connection.close()


async def prepare_topics(settings: Settings, *, may_recreate: bool) -> None:
    """Creates the declared topics.

    The embedded broker creates a topic, with partitions of its own number, as soon as any client
    asks about it. With `may_recreate` such a topic is deleted and made anew: it is right only for
    a broker that has just come up empty.
    """
    await create_topics(settings)
    if not may_recreate:
        return
    client = broker.administrator(settings)
    await client.start()
    try:
        described = await client.describe_topics([topic.name for topic in TOPICS])
        wanted = {topic.name: topic.partitions for topic in TOPICS}
        wrong = [
            topic["topic"]
            for topic in described
            if len(topic["partitions"]) != wanted[topic["topic"]]
        ]
        if wrong:
            await client.delete_topics(wrong)
    finally:
        await client.close()
    if wrong:
        await create_topics(settings)

"""The conformance suite's fixtures: one desk with a member for each service, for all the tests that
leave it as it was, and desks of their own for the tests that do not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from deploy.local.kafka import Broker
from shared.messaging.topics import create_topics
from tests.integration.messaging.desk import Desk, environment_of
from tests.integration.messaging.records import Maker

SERVICES = ("intake", "coding", "submission", "remittance")
_numbers = count(1)

OpenDesk: TypeAlias = Callable[[], Awaitable[Desk]]


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """Each of the services in turn."""
    return str(request.param)


@pytest.fixture(scope="package")
def makers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Maker]:
    """No claim is made twice in the whole suite."""
    return {name: Maker(name, tmp_path_factory.mktemp(name)) for name in SERVICES}


@asynccontextmanager
async def _desk(
    broker: Broker, postgres: Any, maker: Maker, folder: Path
) -> AsyncIterator[Desk]:
    dsn = postgres.fresh_database()
    prefix = f"conformance-{next(_numbers)}"
    environment = environment_of(broker, maker.service, dsn, folder, prefix)
    desk = Desk(maker, dsn, environment)
    await create_topics(desk.settings)
    await desk.open()
    try:
        yield desk
    finally:
        await desk.close()


@pytest.fixture(scope="package")
async def desks(
    broker: Broker,
    postgres: Any,
    makers: dict[str, Maker],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[dict[str, Desk]]:
    """A desk for each service, with a member that is ready."""
    async with AsyncExitStack() as opened:
        desks = {
            name: await opened.enter_async_context(
                _desk(broker, postgres, makers[name], tmp_path_factory.mktemp("shared"))
            )
            for name in SERVICES
        }
        await asyncio.gather(*(desk.start() for desk in desks.values()))
        yield desks


@pytest.fixture
def desk(desks: dict[str, Desk], service: str) -> Desk:
    """The service's desk, which tests share: its member runs, and is to run on."""
    return desks[service]


@pytest.fixture
async def own_desk(
    broker: Broker, postgres: Any, makers: dict[str, Maker], service: str, tmp_path: Path
) -> AsyncIterator[Desk]:
    """A desk for one test, without a member."""
    async with _desk(broker, postgres, makers[service], tmp_path) as desk:
        yield desk

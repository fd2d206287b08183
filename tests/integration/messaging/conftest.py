"""The conformance suite's fixtures: one desk with a member for each service, for all the tests that
leave it as it was, and desks of their own for the tests that do not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
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

OpenDesk: TypeAlias = Callable[[str], AbstractAsyncContextManager[Desk]]


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """Each of the services in turn."""
    return str(request.param)


@pytest.fixture(scope="package")
def makers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Maker]:
    """No claim is made twice in the whole suite."""
    return {name: Maker(name, tmp_path_factory.mktemp(name)) for name in SERVICES}


@asynccontextmanager
async def _desk(broker: Broker, postgres: Any, maker: Maker, folder: Path) -> AsyncIterator[Desk]:
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


@pytest.fixture(scope="module")
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


Scenario: TypeAlias = Callable[[Desk], Awaitable[None]]


class Together:
    """Plays a scenario for all services at once as soon as the first of them asks for it: most of
    its time it waits for the broker to miss a member, or to let one in."""

    def __init__(self, services: Collection[str], open_desk: OpenDesk) -> None:
        self._services = services
        self._open_desk = open_desk
        self._tasks: dict[tuple[Scenario, str], asyncio.Task[None]] = {}

    async def play(self, scenario: Scenario, service: str) -> None:
        """Raises what the scenario raises for this service."""
        if (scenario, service) not in self._tasks:
            for name in self._services:
                task = asyncio.create_task(self._play(scenario, name))
                self._tasks[scenario, name] = task
        await self._tasks[scenario, service]

    async def _play(self, scenario: Scenario, service: str) -> None:
        async with self._open_desk(service) as desk:
            await scenario(desk)

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


@pytest.fixture(scope="package")
async def together(
    request: pytest.FixtureRequest,
    broker: Broker,
    postgres: Any,
    makers: dict[str, Maker],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Together]:
    """Scenarios that need a desk of their own, which comes without a member."""
    asked = {
        item.callspec.params.get("service")
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    }

    def open_desk(name: str) -> AbstractAsyncContextManager[Desk]:
        return _desk(broker, postgres, makers[name], tmp_path_factory.mktemp("own"))

    played = Together([name for name in SERVICES if name in asked], open_desk)
    yield played
    await played.close()

"""Connections and transports whose owner may die at each step, before or after it is done."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, BinaryIO

from services.submission.transport import Delivery, Presence, Transport


class Killed(BaseException):
    """The process is gone."""


def raise_killed() -> None:
    """A death that a test of this process survives."""
    raise Killed


class Fate:
    """Counts steps, and kills before or after one of them."""

    def __init__(
        self, step: int, *, is_after: bool, die: Callable[[], None] = raise_killed
    ) -> None:
        self._left = step
        self.steps = 0
        self._is_after = is_after
        self._die = die

    async def meet(self, act: Callable[[], Awaitable[Any]]) -> Any:
        self._left -= 1
        self.steps += 1
        if self._left == 0 and not self._is_after:
            self._die()
        done = await act()
        if self._left == 0:
            self._die()
        return done


class MortalConnection:
    """A connection whose owner may die at each statement."""

    def __init__(self, connection: Any, fate: Fate) -> None:
        self._connection = connection
        self._fate = fate

    def transaction(self) -> "MortalTransaction":
        return MortalTransaction(self._connection.transaction(), self._fate)

    def is_closed(self) -> bool:
        return bool(self._connection.is_closed())

    async def execute(self, *arguments: Any) -> Any:
        return await self._fate.meet(lambda: self._connection.execute(*arguments))

    async def fetch(self, *arguments: Any) -> Any:
        return await self._fate.meet(lambda: self._connection.fetch(*arguments))

    async def fetchval(self, *arguments: Any) -> Any:
        return await self._fate.meet(lambda: self._connection.fetchval(*arguments))

    async def fetchrow(self, *arguments: Any) -> Any:
        return await self._fate.meet(lambda: self._connection.fetchrow(*arguments))


class MortalTransaction:
    """Its commit is a step too."""

    def __init__(self, transaction: Any, fate: Fate) -> None:
        self._transaction = transaction
        self._fate = fate

    async def __aenter__(self) -> None:
        await self._transaction.start()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self._fate.meet(self._transaction.commit)


class MortalTransport:
    """A transport whose user may die at each call."""

    def __init__(self, transport: Transport, fate: Fate) -> None:
        self._transport = transport
        self._fate = fate

    async def stage(self, name: str, content: bytes) -> None:
        await self._fate.meet(lambda: self._transport.stage(name, content))

    async def release(self, name: str, content: bytes) -> None:
        await self._fate.meet(lambda: self._transport.release(name, content))

    async def find(self, name: str) -> Presence:
        found: Presence = await self._fate.meet(lambda: self._transport.find(name))
        return found

    async def deliveries(self) -> Sequence[Delivery]:
        found: Sequence[Delivery] = await self._fate.meet(self._transport.deliveries)
        return found

    async def open(self, name: str) -> BinaryIO:
        return await self._transport.open(name)

    async def settle(self, name: str) -> None:
        await self._fate.meet(lambda: self._transport.settle(name))

    async def close(self) -> None:
        await self._transport.close()


class MortalPool:
    """A pool that lends such connections; the lease's own is not one."""

    def __init__(self, pool: Any, fate: Fate) -> None:
        self._pool = pool
        self._fate = fate

    def acquire(self) -> "_Lending":
        return _Lending(self._pool.acquire(), self._fate)

    async def release(self, connection: Any) -> None:
        await self._pool.release(connection)


class _Lending:
    def __init__(self, lending: Any, fate: Fate) -> None:
        self._lending = lending
        self._fate = fate

    def __await__(self) -> Any:
        return self._lending.__await__()

    async def __aenter__(self) -> MortalConnection:
        return MortalConnection(await self._lending.__aenter__(), self._fate)

    async def __aexit__(self, *error: object) -> None:
        await self._lending.__aexit__(*error)

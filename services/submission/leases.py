"""The leases of one process: which payers it works for just now, and no other process does.

All of them are advisory locks of one connection that does nothing else, so that a payer that is
slow or down holds no connection that another payer's work could use. A process that dies gives them
back with the connection.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from shared.database import Connection, Pool

_TRY = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || ':' || $1, 0))"
_GIVE_BACK = "SELECT pg_advisory_unlock(hashtextextended(current_schema() || ':' || $1, 0))"


class Leases:
    """Of one process. Borrows one connection of the pool while it holds anything."""

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._held: set[str] = set()

    @asynccontextmanager
    async def holding(self, pool: Pool, name: str) -> AsyncIterator[bool]:
        """Holds a lease for the time of the block; yields False, at once, where it is another's."""
        async with self._turn:
            is_ours = name not in self._held and await self._take(pool, name)
        try:
            yield is_ours
        finally:
            if is_ours:
                async with self._turn:
                    await self._give_back(pool, name)

    def holds(self, name: str) -> bool:
        """Whether the lease is still ours: it goes with its connection."""
        return name in self._held and not self._is_lost()

    def _is_lost(self) -> bool:
        if self._connection is None:
            return True
        try:
            return self._connection.is_closed()
        except asyncpg.InterfaceError:  # the pool took it back when it broke
            return True

    async def _take(self, pool: Pool, name: str) -> bool:
        if self._is_lost():
            await self._let_go(pool)
            self._connection = await pool.acquire()
        assert self._connection is not None
        is_ours = bool(await self._connection.fetchval(_TRY, name))
        if is_ours:
            self._held.add(name)
        if not self._held:
            await self._let_go(pool)
        return is_ours

    async def _give_back(self, pool: Pool, name: str) -> None:
        if name not in self._held:
            return  # its connection broke meanwhile, and with it the lease
        self._held.discard(name)
        if not self._held:
            await self._let_go(pool)
        elif self._connection is not None:
            with suppress(asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError):
                await self._connection.execute(_GIVE_BACK, name)

    async def _let_go(self, pool: Pool) -> None:
        """Gives the connection back, and with it every lease: the pool resets what it lends."""
        connection, self._connection = self._connection, None
        self._held.clear()
        if connection is not None:
            with suppress(asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError):
                await pool.release(connection)  # type: ignore[arg-type]

"""The batch core's store on PostgreSQL: the kernel's tables, on one connection in a transaction."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from shared.database import Connection, Pool
from shared.messaging import inbox, outbox, parking
from shared.messaging.batch import Failure, Message, Parking, Store, Transactions
from shared.messaging.inbox import Arrival, Identity
from shared.messaging.outbox import Outgoing, Said


class PostgresStore:
    """See `batch.Store`; each method is one statement per table."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.published: list[Outgoing] = []

    async def receive(self, arrivals: Sequence[Arrival]) -> set[Identity]:
        return await inbox.receive(self.connection, arrivals)

    async def reopen(self, parked_ids: Sequence[int]) -> set[int]:
        return await parking.reopen(self.connection, parked_ids)

    async def blocked(self, keys: Collection[str]) -> set[str]:
        return await parking.blocked(self.connection, keys)

    async def publish(self, messages: Sequence[Message]) -> None:
        self.published += await outbox.append(self.connection, messages)

    async def park(self, parkings: Sequence[Parking]) -> None:
        await parking.park(self.connection, parkings)

    async def close_parked(self, done: Sequence[int], failed: Sequence[Failure]) -> None:
        await parking.close_parked(self.connection, done, failed)


def postgres_transactions(pool: Pool, said: Said | None = None) -> Transactions:
    """Transactions on the pool's connections. What they published is left in `said` for
    the relay once it is committed."""

    @asynccontextmanager
    async def transaction() -> AsyncIterator[Store]:
        async with pool.acquire() as connection:
            store = PostgresStore(connection)
            async with connection.transaction():
                yield store
        if said is not None:
            for message in store.published:
                said.keep(message)

    return transaction

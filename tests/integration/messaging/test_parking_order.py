"""What the parking table lets out, on a real database, in moments that are too short to meet."""

from uuid import UUID

from shared.messaging import parking
from shared.messaging.batch import Parking
from shared.messaging.handler import Record
from tests.integration.messaging.conftest import Together
from tests.integration.messaging.desk import Desk

KEY = "a claim"


async def test_nothing_overtakes_what_failed_and_was_released_again(
    together: Together, service: str
) -> None:
    await together.play(_released_in_the_middle_of_a_replay, service)


async def _released_in_the_middle_of_a_replay(desk: Desk) -> None:
    """A replay has read that 1, 2 and 3 are due. 1 fails, and is released before 2 has its turn."""
    rows = [Parking(_record(n), UUID(int=n), 0, False, KEY, "e", "d", n > 1) for n in (1, 2, 3)]
    async with desk.connection.transaction():
        await parking.park(desk.connection, rows)
    ids = [row.id for row in await parking.listed(desk.connection)]
    assert await parking.release(desk.connection, ids) == 1
    assert await parking.reopen(desk.connection, ids[1:]) == set()
    assert await parking.reopen(desk.connection, ids) == set(ids)
    await parking.close_parked(desk.connection, ids[:1], [])
    assert await parking.reopen(desk.connection, ids[1:2]) == {ids[1]}
    assert await parking.reopen(desk.connection, ids[2:]) == set()


def _record(number: int) -> Record:
    return Record("claims.intake", 0, number, KEY.encode(), b"{}", (), 0)

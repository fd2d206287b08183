"""The database fails for a moment: every service tries again, and loses and repeats nothing."""

import asyncio

import pytest

from tests.integration.messaging.desk import Desk, Sent

pytestmark = pytest.mark.kafka

CODES = ("40001", "40P01", "53300")
"""A serialization failure, a deadlock, too many connections."""

_FAIL_IN_TURN = f"""
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    codes text[] := ARRAY{list(CODES)};
    turn bigint := nextval('fault');
BEGIN
    IF turn <= cardinality(codes) THEN
        RAISE EXCEPTION 'a fault' USING ERRCODE = codes[turn];
    END IF;
    RETURN NEW;
END $$
"""
MOMENTS = {
    "at an insert": "CREATE TRIGGER fail BEFORE INSERT ON inbox FOR EACH ROW",
    "at the commit": "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON inbox "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_fault_of_the_moment_is_tried_again(desk: Desk, moment: str) -> None:
    await desk.admin.execute("CREATE SEQUENCE fault")
    await desk.admin.execute(_FAIL_IN_TURN)
    await desk.admin.execute(f"{MOMENTS[moment]} EXECUTE FUNCTION fail()")
    try:
        sent = await desk.send([*desk.make.story(3), *desk.make.good(10)])
        await desk.settled(sent)
        assert await desk.admin.fetchval("SELECT last_value FROM fault") > len(CODES)
        assert not [row for one in sent for row in await desk.parked(one, "parked", "done")]
    finally:
        await desk.admin.execute("DROP FUNCTION fail() CASCADE")
        await desk.admin.execute("DROP SEQUENCE fault")


async def test_connections_that_break_while_claims_flow_cost_nothing(desk: Desk) -> None:
    sent: list[Sent] = []
    async with desk.held_back() as first:
        sent += await desk.send(desk.make.good(5))
        # In the middle of a transaction, surely: it waits for a lock.
        assert await desk.end_connections()
    sent += first
    for _ in range(5):
        sent += await desk.send([*desk.make.story(2), *desk.make.good(4)])
        await asyncio.sleep(0.1)
        await desk.end_connections()
    await desk.settled(sent)

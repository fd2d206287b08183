"""Members of a group come, go and are killed: every record is decided, none twice."""

import asyncio
import json
import signal
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from shared.database import leased
from shared.messaging import parking
from shared.messaging.relay import LEASE
from tests.integration.messaging.conftest import Together
from tests.integration.messaging.desk import Desk, Member, Sent, until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def test_killed_between_the_databases_commit_and_the_offsets(
    together: Together, service: str
) -> None:
    await together.play(_killed_before_offsets, service)


async def _killed_before_offsets(desk: Desk) -> None:
    stories = [desk.make.story(3) for _ in range(4)]
    sent = await desk.send([one for story in stories for one in story] + desk.make.good(30))
    ours = {str(unit.event_id) for one in sent for unit in one.units}
    process = await desk.spawn("2", *ours, batch_max_units="10")
    assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL
    # The database is ahead of the broker: that is the moment which is tested.
    undecided = await desk.undecided(sent)
    assert [one for one in await desk.uncommitted(sent) if one not in undecided]
    await desk.start()
    await desk.settled(sent)


async def test_a_killed_members_partitions_are_taken_over(together: Together, service: str) -> None:
    await together.play(_one_of_two_killed, service)


async def _one_of_two_killed(desk: Desk) -> None:
    survivor = await desk.start()
    everything = _assignment(survivor)
    process = await desk.spawn()

    async def has_shared() -> bool:
        return 0 < len(_assignment(survivor)) < len(everything)

    await until(has_shared, "a second member that has its share")
    sent: list[Sent] = []
    for _ in range(4):
        sent += await desk.send([*desk.make.story(3), *desk.make.good(5)])
        await asyncio.sleep(0.2)

    async def has_all() -> bool:
        return not await desk.undecided(sent)

    await until(has_all, "both members at work")  # the survivor's share was not all of it
    assert len(_assignment(survivor)) < len(everything)
    sent += await desk.send([*desk.make.story(3), *desk.make.good(20)])
    process.kill()
    sent += await desk.send([*desk.make.story(3), *desk.make.good(20)])
    await desk.settled(sent)
    assert _assignment(survivor) == everything


def _assignment(member: Member) -> set[Any]:
    consumer = member.runner.consumer
    assert consumer is not None
    return set(consumer.client.assignment()) if consumer.client is not None else set()


async def test_a_member_that_is_told_to_stop_leaves_nothing_undone(
    together: Together, service: str
) -> None:
    await together.play(_stopped_and_started_again, service)


async def _stopped_and_started_again(desk: Desk) -> None:
    process = await desk.spawn()
    sent = await desk.send(desk.make.good(10))

    async def has_begun() -> bool:
        return not await desk.undecided(sent[:5])

    await until(has_begun, "a member at work")
    for round_ in range(6):
        sent += await desk.send([*desk.make.story(2), *desk.make.good(5)])
        await asyncio.sleep(0.05)
        if round_ == 3:
            process.send_signal(signal.SIGTERM)
    told_at = time.monotonic()
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert time.monotonic() - told_at < desk.settings.stop_s
    # What it has decided is committed, and nothing else is: it was not cut off in between.
    assert await desk.uncommitted(sent) == await desk.undecided(sent)
    await desk.start()
    sent += await desk.send(desk.make.good(5))
    await desk.settled(sent)


async def test_consumption_pauses_while_nothing_can_be_sent_on(
    together: Together, service: str
) -> None:
    await together.play(_nothing_can_be_sent_on, service)


async def _nothing_can_be_sent_on(desk: Desk) -> None:
    """Another process has the relay's lease, and hangs."""
    async with leased(desk.connection, LEASE) as is_ours:
        assert is_ours
        member = await desk.start(outbox_high_mark="10")
        sent = await desk.send(desk.make.good(30))

        async def is_paused() -> bool:
            return member.runner._gate.is_closed and not await desk.undecided(sent)

        await until(is_paused, "a member that pauses")
        later = await desk.send(desk.make.good(10))
        await asyncio.sleep(1.5)
        assert await desk.undecided(later) == later
        await until(member.is_ready, "a member that is ready while it pauses")
    await desk.settled([*sent, *later])


async def test_a_service_that_parks_everything_stops_consuming_and_says_so(
    together: Together, service: str
) -> None:
    await together.play(_everything_is_refused, service)


async def _everything_is_refused(desk: Desk) -> None:
    member = await desk.start(fuse_in_a_row="5")
    await desk.refuse("true")
    sent = await desk.send_together(desk.make.one() for _ in range(12))
    assert not await desk.decided()

    async def is_red() -> bool:
        status, body = await asyncio.to_thread(_get, member, "/health/ready")
        return status == 503 and not body["checks"]["fuse"]

    await until(is_red, "a service that is not ready")
    status, _ = await asyncio.to_thread(_get, member, "/health/live")
    assert status == 200
    assert not member.task.done()
    parked = await parking.listed(desk.connection)
    assert len(parked) >= 5
    sent += await desk.send(desk.make.one() for _ in range(10))
    await asyncio.sleep(1.0)
    assert not await desk.decided()
    assert await parking.listed(desk.connection) == parked
    # Repaired, and started again.
    await member.stop()
    await desk.accept()
    await parking.release(desk.connection, every=True)
    await desk.start()
    await desk.settled(sent)


def _get(member: Member, path: str) -> tuple[int, Any]:
    address = f"http://{member.runner.settings.http_host}:{member.runner.http_port}{path}"
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)

"""Whatever comes on a topic, every service's consumer decides the good once, in order, and sets
the bad aside: alone, or with what comes after it of the same claim."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from shared.blobs import Blobs
from shared.messaging import parking
from shared.messaging.wire import claim_check
from shared.settings import Settings
from tests.integration.messaging.desk import Desk, Sent, until
from tests.integration.messaging.records import Sendable

pytestmark = pytest.mark.kafka


async def test_a_record_that_comes_again_is_decided_once(desk: Desk) -> None:
    records = desk.make.good(10)
    story = desk.make.story(3)
    together = await desk.send_together([*records, *records, *story, *story])
    await desk.settled(together)
    later = await desk.send([*records, *story])
    await desk.settled([*together, *later])


async def test_claims_that_flow_keep_their_order(desk: Desk) -> None:
    stories = [desk.make.story(4) for _ in range(8)]
    longest = max(map(len, stories))
    by_turns = [story[at] for at in range(longest) for story in stories if at < len(story)]
    await desk.settled(await desk.send(by_turns))

"""Before a broker in memory stops: let intake read what hospitals have published.

All other topics can be said again from the services' event logs; `claims.inbound` is in nobody's
log, so what is not read by then would be gone.
"""

import asyncio
import time
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.contract.topics import CLAIMS_INBOUND
from shared.messaging.broker import connection_options, group_of
from shared.messaging.ends import next_offsets, partitions_of
from shared.settings import Settings

READER = "intake"
_LOOK_S = 0.2


async def wait_until_read(settings: Settings, timeout_s: float) -> int:
    """Waits until intake has settled all of `claims.inbound`; returns how many records it has not,
    0 unless the time ran out or the broker does not answer.

    Nobody may publish meanwhile: where the topic ends is asked once.
    """
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(timeout_s + 5):
            ends = await next_offsets(settings, await partitions_of(settings, (CLAIMS_INBOUND,)))
            return await _wait(settings, ends, time.monotonic() + timeout_s)
    return 0


async def _wait(settings: Settings, ends: dict[TopicPartition, int], deadline: float) -> int:
    consumer = AIOKafkaConsumer(
        **connection_options(settings),
        group_id=group_of(settings, READER),
        enable_auto_commit=False,
    )
    try:
        await consumer.start()
        while True:
            committed = {place: await consumer.committed(place) or 0 for place in ends}
            unread = sum(max(0, end - committed[place]) for place, end in ends.items())
            if not unread or time.monotonic() >= deadline:
                return unread
            await asyncio.sleep(_LOOK_S)
    finally:
        await consumer.stop()

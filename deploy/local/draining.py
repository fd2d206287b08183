"""Before a broker in memory stops: let intake read what hospitals have published.

All other topics can be said again from the services' event logs; `claims.inbound` is in nobody's
log, so what is not read by then would be gone.
"""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.contract.topics import CLAIMS_INBOUND
from shared.messaging.broker import connection_options, group_of
from shared.settings import Settings

READER = "intake"
_LOOK_S = 0.2


async def wait_until_read(settings: Settings, timeout_s: float) -> int:
    """Waits until intake has settled all of `claims.inbound`; returns how many records it has not,
    0 unless the time ran out or the broker does not answer."""
    consumer = AIOKafkaConsumer(
        **connection_options(settings),
        group_id=group_of(settings, READER),
        enable_auto_commit=False,
    )
    deadline = time.monotonic() + timeout_s
    try:
        async with asyncio.timeout(timeout_s + 5):
            await consumer.start()
            unread = await _unread(consumer)
            while unread and time.monotonic() < deadline:
                await asyncio.sleep(_LOOK_S)
                unread = await _unread(consumer)
            return unread
    except (KafkaError, OSError, TimeoutError):
        return 0
    finally:
        await consumer.stop()


async def _unread(consumer: AIOKafkaConsumer) -> int:
    partitions = consumer.partitions_for_topic(CLAIMS_INBOUND) or await _known(consumer)
    places = [TopicPartition(CLAIMS_INBOUND, partition) for partition in partitions]
    if not places:
        return 0
    ends = await consumer.end_offsets(places)
    committed = [await consumer.committed(place) or 0 for place in places]
    return sum(max(0, ends[place] - at) for place, at in zip(places, committed, strict=True))


async def _known(consumer: AIOKafkaConsumer) -> set[int]:
    await consumer.topics()
    return consumer.partitions_for_topic(CLAIMS_INBOUND) or set()

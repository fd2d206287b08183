"""Where partitions end, whichever broker is asked.

It is apart because the plain question has a wrong answer: the embedded broker answers ListOffsets
"latest" with the first offset of the last batch and one, so that the tail of that batch looks as
if it were not there. What a fetch says, and the records it brings, are right on every broker.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.messaging.broker import administrator, connection_options
from shared.settings import Settings

_FETCH_MS = 1000


@asynccontextmanager
async def reading(
    settings: Settings, places: Sequence[TopicPartition]
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group over these partitions. Raises KafkaError without a broker."""
    consumer = AIOKafkaConsumer(**connection_options(settings))
    try:
        await consumer.start()
        consumer.assign(places)
        yield consumer
    finally:
        await consumer.stop()


async def next_offsets(
    settings: Settings, places: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """The offset that each partition's next record will get: 0 where there never was one.

    Raises KafkaError without a broker.
    """
    if not places:
        return {}
    async with reading(settings, places) as consumer:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
        left = {place for place, end in ends.items() if end}
        for place in left:
            consumer.seek(place, ends[place] - 1)
        while left:
            fetched = await consumer.getmany(*left, timeout_ms=_FETCH_MS)
            for place in tuple(left):
                records = fetched.get(place, ())
                marks = [record.offset + 1 for record in records[-1:]]
                if (highwater := consumer.highwater(place)) is not None:
                    marks.append(highwater)
                if marks:
                    ends[place] = max(ends[place], *marks)
                    left.discard(place)
        return ends


async def partitions_of(settings: Settings, names: Sequence[str]) -> list[TopicPartition]:
    """The partitions of these topics, where they exist. Raises KafkaError without a broker."""
    client = administrator(settings)
    await client.start()
    try:
        present = set(await client.list_topics())
        wanted = [name for name in names if name in present]
        # No name at all would be all topics.
        described = await client.describe_topics(wanted) if wanted else ()
    finally:
        await client.close()
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        for partition in topic["partitions"]
    ]

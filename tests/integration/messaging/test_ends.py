"""Where a partition ends, asked of a real broker after a batch of many records."""

from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from shared.contract.topics import CLAIMS_ACKNOWLEDGEMENTS, PARTITIONS
from shared.messaging.broker import connection_options
from shared.messaging.ends import next_offsets, partitions_of
from shared.messaging.topics import create_topics
from shared.settings import PREFIX, Settings


def settings_of(broker: Any) -> Settings:
    given: dict[str, Any] = {
        name.removeprefix(PREFIX).lower(): text for name, text in broker.settings.items()
    }
    return Settings(**given | {"kafka_bootstrap_servers": broker.bootstrap_servers})


PLACE = TopicPartition(CLAIMS_ACKNOWLEDGEMENTS, 7)


async def test_the_end_lies_behind_the_whole_of_the_last_batch(broker: Any) -> None:
    """The embedded broker answers ListOffsets with the last batch's first offset and one."""
    settings = settings_of(broker)
    await create_topics(settings)
    before = (await next_offsets(settings, [PLACE]))[PLACE]
    producer = AIOKafkaProducer(**connection_options(settings), linger_ms=1000)
    await producer.start()
    try:
        batch = producer.create_batch()
        for number in range(50):
            batch.append(key=None, value=b"%d" % number, timestamp=None)
        await (await producer.send_batch(batch, PLACE.topic, partition=PLACE.partition))
    finally:
        await producer.stop()

    assert await next_offsets(settings, [PLACE]) == {PLACE: before + 50}


async def test_the_partitions_of_the_topics_that_exist_are_found(broker: Any) -> None:
    settings = settings_of(broker)
    await create_topics(settings)

    found = await partitions_of(settings, (CLAIMS_ACKNOWLEDGEMENTS, "no.such.topic"))

    assert sorted(found) == [TopicPartition(CLAIMS_ACKNOWLEDGEMENTS, n) for n in range(PARTITIONS)]


async def test_no_topic_has_no_partitions(broker: Any) -> None:
    assert await partitions_of(settings_of(broker), ("no.such.topic",)) == []

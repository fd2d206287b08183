"""Creates the topics of the declared table: at deployment, any number of times, never by use."""

import asyncio
from collections.abc import Sequence

from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from shared.contract.topics import TOPICS, Topic
from shared.messaging import broker
from shared.settings import Settings


class TopicError(RuntimeError):
    """A topic that could not be created; the text names it and the broker's reason."""


async def create_topics(settings: Settings, topics: Sequence[Topic] = TOPICS) -> list[str]:
    """Creates the topics that are not there and returns their names. Raises TopicError."""
    client = broker.administrator(settings)
    await client.start()
    try:
        present = set(await client.list_topics())
        missing = [topic for topic in topics if topic.name not in present]
        if not missing:
            return []
        created = []
        try:
            response = await client.create_topics([_new(topic, settings) for topic in missing])
        except TopicAlreadyExistsError:
            return []
        for name, code, *rest in response.topic_errors:
            if code == 0:
                created.append(name)
            elif code != TopicAlreadyExistsError.errno:
                reason = next((text for text in rest if text), f"error {code}")
                raise TopicError(f"topic {name}: {reason}")
        return created
    finally:
        await client.close()


async def missing_topics(settings: Settings, names: Sequence[str]) -> list[str]:
    """Those of these topics that the broker does not have."""
    client = broker.administrator(settings)
    await client.start()
    try:
        present = set(await client.list_topics())
        return [name for name in names if name not in present]
    finally:
        await client.close()


async def is_empty(settings: Settings, names: Sequence[str]) -> bool:
    """Whether none of these topics holds, or ever held, a record: a broker that lost its data."""
    from shared.messaging.ends import partitions_of, reading

    places = await partitions_of(settings, names)
    async with reading(settings, places) as consumer:
        return not any((await consumer.end_offsets(places)).values()) if places else True


async def wait_for_topics(
    settings: Settings, names: Sequence[str], stopping: asyncio.Event
) -> bool:
    """Waits until the topics are there; False when it is time to stop instead."""
    while not stopping.is_set():
        try:
            if not await missing_topics(settings, names):
                return not stopping.is_set()
        except (KafkaError, OSError):
            pass
        try:
            await asyncio.wait_for(stopping.wait(), 1.0)
        except TimeoutError:
            continue
    return False


def _new(topic: Topic, settings: Settings) -> NewTopic:
    options = {
        "retention.ms": str(topic.retention_ms),
        "cleanup.policy": "compact" if topic.is_compacted else "delete",
        "min.insync.replicas": str(settings.kafka_min_insync_replicas),
    }
    return NewTopic(
        name=topic.name,
        num_partitions=topic.partitions,
        replication_factor=settings.kafka_replication_factor,
        topic_configs=options,
    )

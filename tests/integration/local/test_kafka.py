"""Each broker of the local stack takes records, keeps groups, and ends when it is told to."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.apache_kafka import ApacheKafka
from deploy.local.kafka import Broker, EmbeddedKafka
from tests.conftest import BROKER_CACHE


async def create(broker: Broker, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    try:
        replicas = int(broker.settings["CLAIMWIRE_KAFKA_REPLICATION_FACTOR"])
        in_sync = broker.settings["CLAIMWIRE_KAFKA_MIN_INSYNC_REPLICAS"]
        await admin.create_topics(
            [NewTopic(topic, 12, replicas, topic_configs={"min.insync.replicas": in_sync})]
        )
    finally:
        await admin.close()


def producer_for(broker: Broker) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap_servers,
        acks="all",
        enable_idempotence=broker.settings["CLAIMWIRE_KAFKA_IDEMPOTENT_PRODUCER"] == "true",
    )


async def read(broker: Broker, topic: str, group: str, at_least: int) -> list[bytes]:
    """What a group has not committed yet, once there are so many; commits them."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap_servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=int(broker.settings["CLAIMWIRE_KAFKA_SESSION_TIMEOUT_MS"]),
        heartbeat_interval_ms=int(broker.settings["CLAIMWIRE_KAFKA_HEARTBEAT_INTERVAL_MS"]),
    )
    await consumer.start()
    values: list[bytes] = []
    try:
        while len(values) < at_least:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                values.extend(record.value for record in records)
        await consumer.commit()
    finally:
        await consumer.stop()
    return values


async def send(producer: AIOKafkaProducer, topic: str, numbers: range) -> None:
    for number in numbers:
        await producer.send_and_wait(topic, b"%d" % number, key=b"%d" % number)


async def test_a_group_reads_each_record_once_and_goes_on_where_it_was(broker: Broker) -> None:
    await create(broker, "local.group")
    async with producer_for(broker) as producer:
        await send(producer, "local.group", range(20))
        first = await read(broker, "local.group", "readers", 20)
        await send(producer, "local.group", range(20, 25))
    second = await read(broker, "local.group", "readers", 5)
    assert sorted(map(int, first)) == list(range(20))
    assert sorted(map(int, second)) == list(range(20, 25))


async def test_the_embedded_broker_comes_back_empty_on_the_same_port(tmp_path: Path) -> None:
    broker = EmbeddedKafka(tmp_path)
    broker.start()
    try:
        address = broker.bootstrap_servers
        await create(broker, "local.lost")
        broker.kill()
        assert not broker.is_running
        broker.start()
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        await admin.start()
        try:
            assert "local.lost" not in await admin.list_topics()
        finally:
            await admin.close()
    finally:
        broker.stop()
    assert broker.pids == ()


@pytest.mark.kafka_only("apache")
async def test_a_kafka_node_keeps_records_over_a_stop(broker: Broker) -> None:
    await create(broker, "local.kept")
    async with producer_for(broker) as producer:
        await send(producer, "local.kept", range(5))
    broker.stop()
    assert broker.pids == ()
    broker.start()
    assert sorted(map(int, await read(broker, "local.kept", "keepers", 5))) == list(range(5))


@pytest.mark.kafka_only("apache")
@pytest.mark.kafka
def test_a_cluster_whose_id_begins_like_an_option_starts(tmp_path: Path) -> None:
    (tmp_path / "cluster-id").write_text("-" + "A" * 21)
    broker = ApacheKafka(tmp_path, cache=BROKER_CACHE)
    try:
        broker.start()
        assert broker.is_running
    finally:
        broker.stop()


@pytest.mark.kafka_only("apache3")
@pytest.mark.parametrize("node", [1, 2, 3])
async def test_any_one_of_three_nodes_may_be_killed_and_nothing_is_lost(
    broker: Broker, node: int
) -> None:
    assert isinstance(broker, ApacheKafka)
    topic = f"local.killed.{node}"
    await create(broker, topic)
    async with producer_for(broker) as producer:
        await send(producer, topic, range(50))
        broker.kill_node(node)
        await send(producer, topic, range(50, 100))
    values = sorted(map(int, await read(broker, topic, f"survivors.{node}", 100)))
    broker.restart_node(node)
    assert values == list(range(100))
    assert broker.is_running

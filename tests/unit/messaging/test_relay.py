"""The relay's round and its sender, with a producer that does as it is told."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, UnknownTopicOrPartitionError
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.outbox import Outgoing
from shared.messaging.relay import ROUND, KafkaSender, Sent, forward, key_hash


@given(st.text())
def test_a_key_goes_to_the_partition_that_every_client_would_choose(key: str) -> None:
    assert key_hash(key) == murmur2(key.encode()) & 0x7FFFFFFF


class Batch:
    """A record batch that takes so many records."""

    def __init__(self, room: int) -> None:
        self.records: list[tuple[bytes, bytes]] = []
        self._room = room

    def append(self, *, key: bytes, value: bytes, timestamp: None, headers: list[Any]) -> Any:
        assert timestamp is None
        if len(self.records) >= self._room:
            return None
        self.records.append((key, value))
        return headers or True

    def close(self) -> None:
        """It is full, or the round is over."""


class Connection:
    """One of a client's connections."""

    def __init__(self) -> None:
        self.is_open = True

    def connected(self) -> bool:
        return self.is_open


class Client:
    """aiokafka's client, as far as the sender looks into it."""

    def __init__(self) -> None:
        self._conns = {(0, 0): Connection(), (1, 0): Connection()}

    def lose_one(self) -> None:
        self._conns[1, 0].is_open = False


class Producer:
    """aiokafka's producer as the sender uses it."""

    def __init__(self, room: int = 1000, failing: Sequence[int] = ()) -> None:
        self.client = Client()
        self.logs: dict[tuple[str, int], list[bytes]] = {}
        self._room = room
        self._failing = failing

    async def partitions_for(self, topic: str) -> set[int]:
        if topic == "missing":
            raise UnknownTopicOrPartitionError
        return {0, 1, 2}

    def create_batch(self) -> Batch:
        return Batch(self._room)

    async def send_batch(
        self, batch: Batch, topic: str, *, partition: int
    ) -> "asyncio.Future[None]":
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if partition in self._failing:
            acknowledged.set_exception(KafkaError())
        else:
            log = self.logs.setdefault((topic, partition), [])
            log += [value for _, value in batch.records]
            acknowledged.set_result(None)
        return acknowledged


def messages(count: int, topic: str = "t", first: int = 1) -> list[Outgoing]:
    return [
        Outgoing(seq, topic, f"key {seq % 7}", (("h", b"v"),), str(seq).encode())
        for seq in range(first, first + count)
    ]


def partition_of(message: Outgoing) -> int:
    return key_hash(message.key) % 3


async def send(producer: Producer, outgoing: list[Outgoing]) -> Sent:
    return await KafkaSender(producer).send(outgoing)


async def test_everything_is_sent_in_order_within_its_partition() -> None:
    producer = Producer()
    sent = await send(producer, messages(40))
    assert sorted(sent.acknowledged) == list(range(1, 41))
    assert sent.error is None
    assert sent.by_topic == {"t": 40}
    for (_, partition), values in producer.logs.items():
        expected = [m.value for m in messages(40) if partition_of(m) == partition]
        assert values == expected


async def test_what_does_not_fit_a_batch_waits_for_the_next_round_with_all_behind_it() -> None:
    producer = Producer(room=4)
    sent = await send(producer, messages(40))
    assert sent.error is None
    for partition in range(3):
        of_partition = [m.seq for m in messages(40) if partition_of(m) == partition]
        acknowledged = [seq for seq in of_partition if seq in sent.acknowledged]
        assert acknowledged == of_partition[:4]


async def test_a_partition_that_fails_keeps_all_of_its_messages_and_holds_up_no_other() -> None:
    sent = await send(Producer(failing=[1]), messages(40))
    assert isinstance(sent.error, KafkaError)
    assert sorted(sent.acknowledged) == [m.seq for m in messages(40) if partition_of(m) != 1]


async def test_a_topic_that_is_not_there_holds_up_no_other() -> None:
    outgoing = [*messages(5, "missing"), *messages(5, "t", first=6)]
    sent = await send(Producer(), outgoing)
    assert isinstance(sent.error, UnknownTopicOrPartitionError)
    assert sorted(sent.acknowledged) == [6, 7, 8, 9, 10]


async def test_nothing_is_sent_on_what_was_known_before_a_connection_was_lost() -> None:
    producer = Producer()
    producer.client.lose_one()
    with pytest.raises(KafkaConnectionError):
        await send(producer, messages(5))
    assert producer.logs == {}


class Box:
    """An outbox in memory."""

    def __init__(self, outgoing: list[Outgoing]) -> None:
        self.outgoing = outgoing

    async def unsent(self, limit: int) -> list[Outgoing]:
        return self.outgoing[:limit]

    async def forget(self, sent: Sequence[int]) -> None:
        self.outgoing = [message for message in self.outgoing if message.seq not in sent]


async def test_a_round_forgets_only_what_was_acknowledged() -> None:
    box = Box(messages(ROUND + 10))
    sent = await forward(box, KafkaSender(Producer(failing=[0])))
    assert sent is not None
    kept = [m.seq for m in messages(ROUND + 10) if m.seq > ROUND or partition_of(m) == 0]
    assert [message.seq for message in box.outgoing] == kept


async def test_an_empty_outbox_is_no_round() -> None:
    assert await forward(Box([]), KafkaSender(Producer())) is None


@pytest.mark.parametrize("count", [1, 3])
async def test_rounds_follow_each_other_until_nothing_is_left(count: int) -> None:
    box = Box(messages(count * ROUND))
    producer = Producer()
    rounds = 0
    while await forward(box, KafkaSender(producer)) is not None:
        rounds += 1
    assert rounds == count
    assert sum(map(len, producer.logs.values())) == count * ROUND

"""A whole process on a real broker: what it does when its surroundings fail, and when it is told
to stop. The conformance suite holds each service to the rest."""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.conn import AIOKafkaConnection

from deploy.local.kafka import Broker, EmbeddedKafka
from shared.blobs import Blobs
from shared.contract.envelope import business_id
from shared.contract.topics import DAY_MS, Topic
from shared.database import leased
from shared.messaging import broker as clients
from shared.messaging import outbox, parking, topics
from shared.messaging.handler import Bad, Decision, RawMessage, Record, Unit
from shared.messaging.relay import LEASE, kafka_sender
from shared.runner import Runner
from shared.service import Context, Service
from shared.settings import Settings
from tests.integration.kernel.conftest import Schemas

pytestmark = pytest.mark.kafka

PARTITIONS = 3
_numbers = count(1)


class Echo:
    """Says each record's value again; a value that begins with `bad` is bad."""

    def __init__(self, topic: str) -> None:
        self.topic = topic

    def decode(self, record: Record) -> Iterator[Unit[bytes] | Bad]:
        value = record.value or b""
        key = (record.key or b"").decode()
        event_id = business_id(record.topic, value)
        if value.startswith(b"bad"):
            yield Bad("bad", "told so", key, event_id)
        else:
            yield Unit(event_id, key, value)

    async def load(self, _: Any, units: Sequence[Unit[bytes]]) -> dict[str, None]:
        return dict.fromkeys(unit.key for unit in units)

    def decide(
        self, states: Mapping[str, None], unit: Unit[bytes], now: datetime
    ) -> Decision[None, None]:
        assert unit.key in states
        assert now.tzinfo is UTC
        said = RawMessage(business_id("said", unit.event_id), self.topic, unit.key, unit.body, ())
        return Decision(events=(said,))

    async def save(self, _: Any, states: Mapping[str, None], rows: Sequence[None]) -> None:
        assert not states
        assert not rows


class Lab:
    """Two topics of their own, one service between them, and a pool into its schema."""

    def __init__(self, kafka: Broker, schemas: Schemas, folder: Path, **changes: Any) -> None:
        number = next(_numbers)
        self.kafka = kafka
        self.pool = schemas.alpha
        self.topics = [
            Topic(f"kernel.{number}.{name}", "", DAY_MS, PARTITIONS) for name in ("in", "out")
        ]
        self.source, self.target = (topic.name for topic in self.topics)
        values: dict[str, Any] = {
            name.removeprefix("CLAIMWIRE_").lower(): value for name, value in kafka.settings.items()
        }
        values |= {
            "kafka_bootstrap_servers": kafka.bootstrap_servers,
            "kafka_group_prefix": f"kernel-{number}",
            "postgres_dsn": schemas.dsn("alpha"),
            "var_dir": folder,
            "stop_s": 10,
        }
        self.settings = Settings(**values | changes)
        self.workers: list[Any] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Runner]:
        await topics.create_topics(self.settings, self.topics)
        service = Service("alpha", [self.source], Echo(self.target), workers=tuple(self.workers))
        runner = Runner(service, self.settings)
        task = asyncio.create_task(runner.run())
        try:
            yield runner
        finally:
            runner.stop()
            await asyncio.wait_for(task, 30)

    async def send(self, *values: str, key: str = "k") -> None:
        sender = await kafka_sender(self.settings, "kernel-test")
        try:
            sent = await sender.send(
                [outbox.Outgoing(n, self.source, key, (), v.encode()) for n, v in enumerate(values)]
            )
            assert sent.error is None
        finally:
            await sender.close()

    async def received(self, least: int, timeout_s: float = 20) -> list[str]:
        """What is on the target topic, once there is as much as that."""
        consumer = AIOKafkaConsumer(
            self.target,
            auto_offset_reset="earliest",
            **clients.connection_options(self.settings),
        )
        await consumer.start()
        values: list[str] = []
        try:
            async with asyncio.timeout(timeout_s):
                while len(values) < least:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        values += [record.value.decode() for record in records]
        finally:
            await consumer.stop()
        return values


@pytest.fixture
def lab(broker: Broker, schemas: Schemas, tmp_path: Path) -> Callable[..., Lab]:
    def make(kafka: Broker | None = None, **changes: Any) -> Lab:
        return Lab(kafka or broker, schemas, tmp_path, **changes)

    return make


async def until(condition: Callable[[], object], timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition has no event to wait for
            await asyncio.sleep(0.05)


async def until_async(ask: Callable[[], Awaitable[object]], timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not await ask():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


def numbered(first: int, last: int) -> list[str]:
    return [f"{number:04d}" for number in range(first, last)]


async def http(runner: Runner, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.http_port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


async def test_what_a_process_takes_in_it_says_and_it_tells_how_it_is(
    lab: Callable[..., Lab],
) -> None:
    bench = lab()
    async with bench.running() as runner:
        await until(lambda: runner.http_port)
        assert (await http(runner, "/health/live"))[0] == 200
        await until(lambda: all(runner.checks().values()))
        assert (await http(runner, "/health/ready"))[0] == 200
        await bench.send(*numbered(0, 50))
        assert await bench.received(50) == numbered(0, 50)
        sent = f'claimwire_relay_sent_total{{service="alpha",topic="{bench.target}"}} 50.0'

        async def is_counted() -> bool:
            status, metrics = await http(runner, "/metrics")
            return status == 200 and sent in metrics

        await until_async(is_counted)


async def test_stopping_sends_what_was_decided_and_the_next_process_goes_on(
    lab: Callable[..., Lab],
) -> None:
    bench = lab()
    await topics.create_topics(bench.settings, bench.topics)
    await bench.send(*numbered(0, 3000))
    async with bench.running() as runner:
        await until(lambda: runner.consumer and sum(runner.consumer.reached.values()) >= 500)
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox") == 0
    decided = await bench.pool.fetchval("SELECT count(*) FROM event")
    assert await bench.received(decided) == numbered(0, decided)
    async with bench.running():
        assert await bench.received(3000) == numbered(0, 3000)


async def test_a_running_process_deletes_blobs_that_are_too_old(
    lab: Callable[..., Lab], tmp_path: Path
) -> None:
    bench = lab(blob_retention_days=200)
    blobs = Blobs.from_settings(bench.settings)
    old, young = (tmp_path / "blobs" / blobs.put(b"large").ref for _ in range(2))
    for path, days in ((old, 201), (young, 199)):
        stored_at = time.time() - days * 86_400
        os.utime(path, (stored_at, stored_at))
    async with bench.running():
        await until(lambda: not old.exists())
    assert young.exists()


async def test_a_deep_outbox_pauses_consumption_until_it_is_drained(
    lab: Callable[..., Lab],
) -> None:
    bench = lab(outbox_high_mark=10)
    async with (
        bench.pool.acquire() as elsewhere,
        leased(elsewhere, LEASE),  # so that this process does not relay
        bench.running() as runner,
    ):
        async with bench.pool.acquire() as connection, connection.transaction():
            backlog = [
                RawMessage(business_id(bench.target, n), bench.target, "k", n.encode(), ())
                for n in numbered(0, 20)
            ]
            await outbox.append(connection, backlog)
        await until(lambda: runner.consumer is not None and runner.consumer.has_joined)
        await asyncio.sleep(1.5)  # the outbox is looked at every second
        await bench.send("0020")
        await asyncio.sleep(1.5)
        assert await bench.pool.fetchval("SELECT count(*) FROM inbox") == 0
        await bench.pool.execute("DELETE FROM outbox WHERE seq <= 15")
        await until_async(lambda: bench.pool.fetchval("SELECT count(*) FROM inbox"))


async def test_a_blown_fuse_stops_consuming_and_turns_readiness_red(
    lab: Callable[..., Lab],
) -> None:
    bench = lab(fuse_in_a_row=5, batch_max_units=5)
    async with bench.running() as runner:
        await until(lambda: runner.consumer is not None and runner.consumer.has_joined)
        for number in range(5):
            await bench.send(f"bad {number}", key=f"k{number}")
        await until(lambda: not runner.checks()["fuse"])
        await bench.send("0001")
        await asyncio.sleep(1)
        status, body = await http(runner, "/health/ready")
        assert status == 503
        assert '"fuse":false' in body
        assert (await http(runner, "/health/live"))[0] == 200
        async with bench.pool.acquire() as connection:
            parked = await parking.listed(connection)
        assert [row.state for row in parked] == ["parked"] * 5
        assert await bench.pool.fetchval("SELECT count(*) FROM event") == 0


async def test_a_released_record_is_decided_by_the_running_process(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = lab()
    async with bench.running() as runner:
        await until(lambda: runner.consumer is not None and runner.consumer.has_joined)
        await bench.send("bad 1", "0002")
        await until_async(lambda: bench.pool.fetchval("SELECT count(*) = 2 FROM parked"))
        monkeypatch.setattr(
            Echo,
            "decode",
            lambda _, record: iter(
                [Unit(business_id(record.topic, record.value), "k", record.value)]
            ),
        )
        async with bench.pool.acquire() as connection:
            assert await parking.release(connection, every=True) == 1
        assert await bench.received(2) == ["bad 1", "0002"]


async def test_a_worker_that_fails_is_started_again(lab: Callable[..., Lab]) -> None:
    bench = lab()
    starts: list[Context] = []

    async def clumsy(context: Context) -> None:
        starts.append(context)
        if len(starts) < 3:
            raise ZeroDivisionError
        async with context.pool.acquire() as connection, connection.transaction():
            message = RawMessage(business_id(bench.target), bench.target, "k", b"at last", ())
            await outbox.append(connection, [message])
        context.wake_relay()
        await context.stopping.wait()

    bench.workers = [clumsy]
    async with bench.running():
        assert await bench.received(1) == ["at last"]
    assert len(starts) == 3


async def test_a_worker_can_turn_readiness_red(lab: Callable[..., Lab]) -> None:
    bench = lab()

    async def gloomy(context: Context) -> None:
        context.ready["mailbox"] = False
        await context.stopping.wait()

    bench.workers = [gloomy]
    async with bench.running() as runner:
        await until(lambda: "mailbox" in runner.checks())
        assert (await http(runner, "/health/ready"))[0] == 503


@pytest.mark.parametrize("patience_s", [5.0, 0.1])
async def test_told_to_stop_while_it_joins_it_leaves_nothing_running(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, patience_s: float
) -> None:
    is_joining = asyncio.Event()
    join = AIOKafkaConsumer.start

    async def slowly(client: AIOKafkaConsumer) -> None:
        is_joining.set()
        await asyncio.sleep(0.5)
        await join(client)

    monkeypatch.setattr(AIOKafkaConsumer, "start", slowly)
    monkeypatch.setattr("shared.runner.JOIN_S", patience_s)
    before = asyncio.all_tasks()
    async with lab().running():
        await asyncio.wait_for(is_joining.wait(), 30)
    await asyncio.sleep(1)  # longer than the client had left to start
    assert {str(task.get_coro()) for task in asyncio.all_tasks() - before} == set()


async def test_told_to_stop_at_any_request_of_its_start_it_closes_what_it_opened(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[AIOKafkaConnection] = []
    send = AIOKafkaConnection.send

    async def slowly(connection: AIOKafkaConnection, *request: Any, **options: Any) -> Any:
        requests.append(connection)
        await asyncio.sleep(0.1)
        return await send(connection, *request, **options)

    def connections() -> set[int]:
        found = [one for one in gc.get_objects() if isinstance(one, AIOKafkaConnection)]
        return {id(one) for one in found if one.connected()}

    monkeypatch.setattr(AIOKafkaConnection, "send", slowly)
    before = connections()
    for number in range(1, 7):
        async with lab().running():
            requests.clear()  # those that made the topics
            await until(lambda number=number: len(requests) >= number)  # type: ignore[misc]
        requests.clear()
        assert connections() <= before, f"request {number}"


async def test_a_client_that_fails_to_read_is_started_again_and_does_not_spin(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, is_broken = 0, True
    read = AIOKafkaConsumer.getmany

    async def unreadable(client: AIOKafkaConsumer, *places: Any, **options: Any) -> Any:
        nonlocal reads
        reads += 1
        if is_broken:
            raise EOFError  # as of compressed records that are cut off
        return await read(client, *places, **options)

    monkeypatch.setattr("shared.runner.LAG_LOOK_S", 1.0)
    bench = lab()
    async with bench.running() as runner:
        await until(lambda: runner.consumer is not None and runner.consumer.has_joined)
        monkeypatch.setattr(AIOKafkaConsumer, "getmany", unreadable)
        await until(lambda: reads)
        await asyncio.sleep(1)
        assert reads < 5
        is_broken = False
        await bench.send("0001")
        await until_async(lambda: bench.pool.fetchval("SELECT count(*) FROM inbox"), 40)


@pytest.mark.slow
@pytest.mark.kafka_only("embedded")
async def test_a_broker_that_goes_away_and_comes_back_empty_delays_and_loses_nothing(
    lab: Callable[..., Lab], tmp_path: Path
) -> None:
    kafka = EmbeddedKafka(tmp_path / "own kafka")
    kafka.start()
    try:
        bench = lab(kafka, stall_s=600)
        async with bench.running() as runner:
            await until(lambda: runner.consumer is not None and runner.consumer.has_joined)
            await bench.send(*numbered(0, 20))
            assert await bench.received(20) == numbered(0, 20)
            kafka.kill()
            async with bench.pool.acquire() as connection, connection.transaction():
                await outbox.append(
                    connection,
                    [
                        RawMessage(business_id(bench.target, n), bench.target, "k", n.encode(), ())
                        for n in numbered(20, 40)
                    ],
                )
            assert runner.relay is not None
            runner.relay.wake()
            await until(lambda: not runner.checks()["broker"], 30)
            kafka.start()
            await topics.create_topics(bench.settings, bench.topics)
            assert await bench.received(20, 60) == numbered(20, 40)
            await bench.send(*numbered(40, 60))
            assert await bench.received(40, 60) == numbered(20, 60)
            await until(lambda: all(runner.checks().values()), 60)
    finally:
        kafka.stop()


@pytest.mark.slow
async def test_a_database_that_goes_away_delays_and_loses_nothing(
    lab: Callable[..., Lab], postgres: Any
) -> None:
    bench = lab()
    async with bench.running() as runner:
        await until(lambda: runner.consumer is not None and runner.consumer.has_joined)
        for round_ in range(3):
            await bench.send(*numbered(round_ * 100, round_ * 100 + 100))
            # Every connection but this one dies, whatever it is doing.
            await bench.pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = current_user AND pid <> pg_backend_pid()"
            )
        assert await bench.received(300, 60) == numbered(0, 300)
        assert await bench.pool.fetchval("SELECT count(*) FROM inbox") == 300

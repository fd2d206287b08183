"""One service on a database and a consumer group of its own, and what must hold once it is done.

The group starts at the end of every topic: topics have fixed names and keep what earlier tests
sent. Records are sent by `send`, or all at once into one poll by `send_together`; `settled` waits
until nothing is left to do and then holds the service to its invariants.
"""

import asyncio
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.contract.topics import PARTITIONS, TOPICS
from shared.database import bootstrap, connect, create_pool, migrate, service_dsn
from shared.messaging import broker as broker_clients
from shared.messaging import outbox, parking
from shared.messaging.batch import Pending
from shared.messaging.decoding import unfold
from shared.messaging.handler import Bad, Record, Unit
from shared.messaging.parking import Parked
from shared.messaging.wire import unpack_headers
from shared.runner import Runner
from shared.settings import Settings, variable
from tests.integration.messaging.records import Maker, Said, Sendable
from tests.integration.messaging.witness import TABLE, witnessed

PASSWORD = "of the conformance tests"
PATIENCE_S = 30.0
_PLACES = [TopicPartition(topic.name, n) for topic in TOPICS for n in range(PARTITIONS)]


async def until(
    condition: Callable[[], Awaitable[bool]], what: str, timeout_s: float = PATIENCE_S
) -> None:
    """Waits for a condition; fails when it does not come."""
    deadline = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        await asyncio.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Sent:
    """A record with its place on the broker, and the units that the service makes of it."""

    record: Sendable
    topic: str
    partition: int
    offset: int
    pending: tuple[Pending, ...]

    @property
    def units(self) -> list[Unit[Any]]:
        return [one.unit for one in self.pending if isinstance(one.unit, Unit)]

    @property
    def is_bad(self) -> bool:
        return any(isinstance(one.unit, Bad) for one in self.pending)


class Member:
    """A member of the group in this process."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.task = asyncio.create_task(runner.run())

    async def is_ready(self) -> bool:
        if self.task.done():
            self.task.result()
        return all(self.runner.checks().values())

    async def stop(self) -> None:
        self.runner.stop()
        await asyncio.wait_for(self.task, PATIENCE_S)


class Desk:
    """See above. Make one by `opened`."""

    def __init__(self, maker: Maker, admin_dsn: str, environment: Mapping[str, str]) -> None:
        self.service = maker.service
        self.make = maker
        self.admin_dsn = admin_dsn
        self.environment = dict(environment)
        self.settings = self.settings_with()
        self.definition = witnessed(self.service, self.settings)
        self.topics = tuple(self.definition.topics)
        self.members: list[Member] = []
        self.processes: list[asyncio.subprocess.Process] = []
        self.starts: dict[TopicPartition, int] = {}
        self.connection: asyncpg.Connection[asyncpg.Record]
        self.admin: asyncpg.Connection[asyncpg.Record]
        self._producer: AIOKafkaProducer
        self._reader: AIOKafkaConsumer

    def settings_with(self, **overrides: str) -> Settings:
        changed = {variable(name): text for name, text in overrides.items()}
        values: dict[str, Any] = {
            name.removeprefix("CLAIMWIRE_").lower(): text
            for name, text in (self.environment | changed).items()
        }
        return Settings(**values)

    async def open(self) -> None:
        dsn = self.settings.postgres_dsn.get_secret_value()
        await bootstrap(self.admin_dsn, [self.service], {self.service: PASSWORD})
        pool = await create_pool(dsn, self.service, max_size=1)
        await migrate(pool, self.service, self.definition.schema_dir)
        await pool.close()
        self.connection = await connect(dsn, self.service)
        await self.connection.execute(TABLE)
        # As the administrator, but in the service's schema.
        self.admin = await asyncpg.connect(
            self.admin_dsn, server_settings={"search_path": self.service}
        )
        self._producer = broker_clients.producer(self.settings, "conformance")
        await self._producer.start()
        self._reader = AIOKafkaConsumer(
            **broker_clients.connection_options(self.settings),
            group_id=broker_clients.group_of(self.settings, self.service),
            enable_auto_commit=False,
        )
        await self._reader.start()
        self._reader.assign(_PLACES)
        self.starts = await true_ends(self.settings, _PLACES)
        await self._reader.commit(self.starts)

    async def close(self) -> None:
        for member in self.members:
            if not member.task.done():
                await member.stop()
        for process in self.processes:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        await self._producer.stop()
        await self._reader.stop()
        await self.connection.close()
        await self.admin.close()

    # Members

    async def start(self, **overrides: str) -> Member:
        """A member in this process, ready."""
        settings = self.settings_with(**overrides)
        member = Member(Runner(witnessed(self.service, settings), settings))
        self.members.append(member)
        await until(member.is_ready, "a member that is ready")
        return member

    async def spawn(self, *arguments: str) -> asyncio.subprocess.Process:
        """A member as a process of its own (`doomed.py`)."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.integration.messaging.doomed",
            self.service,
            *arguments,
            env={name: os.environ[name] for name in ("PATH",) if name in os.environ}
            | self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process

    # Sending

    async def send(self, records: Iterable[Sendable]) -> list[Sent]:
        """Sends records in order; returns when the broker has them."""
        asked = list(records)
        futures = [
            await self._producer.send(
                one.topic, value=one.value, key=one.key, headers=list(one.headers)
            )
            for one in asked
        ]
        places = await asyncio.gather(*futures)
        return [
            self._sent(record, place.topic, place.partition, place.offset)
            for record, place in zip(asked, places, strict=True)
        ]

    def _sent(self, record: Sendable, topic: str, partition: int, offset: int) -> Sent:
        seen = Record(topic, partition, offset, record.key, record.value, record.headers, 0)
        return Sent(record, topic, partition, offset, tuple(unfold(self.definition.handler, seen)))

    @asynccontextmanager
    async def held_back(self) -> AsyncIterator[list[Sent]]:
        """Holds the members' work up while the block runs: a first record is in their hands and
        cannot be saved, and what is sent meanwhile waits at the broker for one poll."""
        async with self.admin.transaction():
            await self.admin.execute("LOCK TABLE inbox IN EXCLUSIVE MODE")
            first = await self.send([self.make.one()])
            await until(self._is_waiting_for_lock, "a member that waits for the lock")
            yield first
            await asyncio.sleep(0.3)  # the fetchers' time to get it all

    async def _is_waiting_for_lock(self) -> bool:
        found = await self.admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock' "
            "AND datname = current_database()",
            f"claimwire_{self.service}",
        )
        return bool(found)

    async def send_together(self, records: Iterable[Sendable]) -> list[Sent]:
        """Sends records so that one poll brings them all; returns them, and what went before."""
        async with self.held_back() as first:
            sent = await self.send(records)
        return [*first, *sent]

    # What has become of it

    async def decided(self) -> Counter[tuple[UUID, int]]:
        """How often each unit was decided, for good."""
        rows = await self.connection.fetch("SELECT event_id, part FROM witness")
        return Counter((row[0], row[1]) for row in rows)

    async def has_decided(self, sent: Sequence[Sent]) -> bool:
        """Whether every unit of these records was decided."""
        decided = await self.decided()
        return all((unit.event_id, unit.part) in decided for one in sent for unit in one.units)

    async def said(self) -> Counter[Said]:
        """How often each event type was said of each key."""
        rows = await self.connection.fetch("SELECT type, key FROM event WHERE type IS NOT NULL")
        return Counter((row[0], row[1]) for row in rows)

    async def parked(self, sent: Sent, *states: parking.State) -> list[Parked]:
        """The parked units of a record, open ones unless other states are asked for."""
        rows = await parking.listed(self.connection, states or parking.OPEN)
        place = (sent.topic, sent.partition, sent.offset)
        return [row for row in rows if (row.topic, row.partition, row.offset) == place]

    async def settled(self, sent: Sequence[Sent], *, except_for: Sequence[Sent] = ()) -> None:
        """Waits until these records are decided and told, except for those that are set aside, and
        holds the service to what must be true then."""
        left = {id(one) for one in except_for}
        good = [one for one in sent if id(one) not in left]

        async def is_done() -> bool:
            return (
                await self.has_decided(good)
                and await self._has_said(good)
                and not await self.connection.fetchval("SELECT count(*) FROM outbox")
                and not await self._lag()
            )

        try:
            await until(is_done, "records that are decided, told, sent on and committed")
        finally:
            await self.check(good)

    async def _has_said(self, good: Sequence[Sent]) -> bool:
        said = await self.said()
        return all(say in said for one in good for say in one.record.says)

    async def _lag(self) -> dict[tuple[str, int], int]:
        """The partitions of the group's topics that are not committed to the end, and by how much
        they are not."""
        places = [place for place in _PLACES if place.topic in self.topics]
        ends = await true_ends(self.settings, places)
        found = {p: ends[p] - (await self._reader.committed(p) or 0) for p in places}
        return {(place.topic, place.partition): lag for place, lag in found.items() if lag}

    async def check(self, good: Sequence[Sent]) -> None:
        """The invariants, once everything is done."""
        await self._check_once(good)
        await self._check_order(good)
        await self._check_said(good)
        await self._check_topics()
        assert await self._lag() == {}, "offsets are not committed to the end"
        assert await outbox.depth(self.connection) == (0, 0.0), "the outbox is not empty"

    async def _check_once(self, good: Sequence[Sent]) -> None:
        decided = await self.decided()
        twice = [identity for identity, times in decided.items() if times > 1]
        assert not twice, f"{len(twice)} units were decided more than once"
        missing = [u for one in good for u in one.units if (u.event_id, u.part) not in decided]
        assert not missing, f"{len(missing)} units were not decided"

    async def _check_order(self, good: Sequence[Sent]) -> None:
        """Units of one partition and key are decided in the order of their offsets."""
        rows = await self.connection.fetch("SELECT event_id, part FROM witness ORDER BY seq")
        order = {(row[0], row[1]): at for at, row in enumerate(rows)}
        lanes: dict[tuple[str, int, str], list[int]] = defaultdict(list)
        for one in sorted(good, key=lambda sent: sent.offset):
            for unit in one.units:
                lane = lanes[one.topic, one.partition, unit.key]
                at = order[unit.event_id, unit.part]
                if at not in lane:  # the same record, sent again
                    lane.append(at)
        lost = {at: lane for at, lane in lanes.items() if lane != sorted(lane)}
        assert not lost, "a claim's order was lost"
        sequences: dict[tuple[str, str], list[int]] = defaultdict(list)
        logged = await self.connection.fetch("SELECT key, type, headers FROM event ORDER BY seq")
        for key, event_type, packed in logged:
            sequence = dict(unpack_headers(packed)).get("ce_sequence")
            if sequence is not None:
                sequences[key, event_type].append(int(sequence))
        assert all(lane == sorted(lane) for lane in sequences.values()), "revisions out of order"

    async def _check_said(self, good: Sequence[Sent]) -> None:
        once = {unit.event_id: one for one in good for unit in one.units}
        wanted = Counter(say for one in once.values() for say in one.record.says)
        said = await self.said()
        assert {say: said[say] for say in wanted} == wanted

    async def _check_topics(self) -> None:
        """Whatever is in the log is in its topic, under the same id, and in the log's order."""
        logged = await self.connection.fetch(
            "SELECT event_id, topic, key, value FROM event ORDER BY seq"
        )
        published = await self._published({row["topic"] for row in logged})
        for row in logged:
            place = (row["topic"], row["event_id"])
            assert place in published, f"an event of the log is not on {row['topic']}"
            assert published[place] == (row["key"].encode(), row["value"])
        for topic in {row["topic"] for row in logged}:
            lanes: dict[str, list[int]] = defaultdict(list)
            first = {place: at for at, place in enumerate(published)}
            for row in logged:
                if row["topic"] == topic:
                    lanes[row["key"]].append(first[topic, row["event_id"]])
            assert all(lane == sorted(lane) for lane in lanes.values()), "sent out of order"

    async def _published(
        self, names: Iterable[str]
    ) -> dict[tuple[str, UUID], tuple[bytes | None, bytes | None]]:
        """What is on these topics since the desk was opened, each id at its first place."""
        wanted = set(names)
        places = [place for place in _PLACES if place.topic in wanted]
        if not places:
            return {}
        ends = await true_ends(self.settings, places)
        found: dict[tuple[str, UUID], tuple[bytes | None, bytes | None]] = {}
        async with _reading(self.settings, places) as reader:
            for place in places:
                reader.seek(place, self.starts[place])
            left = {place for place in places if ends[place] > self.starts[place]}
            while left:
                polled = await reader.getmany(*left, timeout_ms=1000)
                for place, records in polled.items():
                    for record in records:
                        identity = dict(record.headers).get("ce_id")
                        if identity is not None:
                            key = (record.topic, UUID(identity.decode()))
                            found.setdefault(key, (record.key, record.value))
                    if records and records[-1].offset >= ends[place] - 1:
                        left.discard(place)
        return found


@asynccontextmanager
async def _reading(
    settings: Settings, places: Sequence[TopicPartition]
) -> AsyncIterator[AIOKafkaConsumer]:
    reader = AIOKafkaConsumer(**broker_clients.connection_options(settings))
    await reader.start()
    try:
        reader.assign(places)
        yield reader
    finally:
        await reader.stop()


async def true_ends(
    settings: Settings, places: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """The next offset of each partition. Not what the embedded broker says when it is asked: that
    is the first offset of the last batch and one, so the last batch is read."""
    async with _reading(settings, places) as reader:
        ends: dict[TopicPartition, int] = await reader.end_offsets(places)
        left = {place for place, end in ends.items() if end}
        for place in left:
            reader.seek(place, ends[place] - 1)
        while left:
            for place, records in (await reader.getmany(*left, timeout_ms=1000)).items():
                ends[place] = max(reader.highwater(place) or 0, records[-1].offset + 1)
                left.discard(place)
        return ends


async def ended(process: asyncio.subprocess.Process, timeout_s: float = PATIENCE_S) -> int:
    """The exit status of a process that is about to end."""
    return await asyncio.wait_for(process.wait(), timeout_s)


def terminate(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGTERM)


def environment_of(
    broker: Any, service: str, admin_dsn: str, folder: Path, group_prefix: str
) -> dict[str, str]:
    """The settings of a desk's members, as variables."""
    return dict(broker.settings) | {
        "CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "CLAIMWIRE_KAFKA_GROUP_PREFIX": group_prefix,
        "CLAIMWIRE_POSTGRES_DSN": service_dsn(admin_dsn, service, PASSWORD),
        "CLAIMWIRE_VAR_DIR": str(folder / "var"),
        "CLAIMWIRE_BLOB_URL": (folder / "blobs").as_uri(),
        "CLAIMWIRE_TRANSPORT_DIR": str(folder / "transport"),
        "CLAIMWIRE_INTERCHANGE_WINDOW_S": "0.2",
        "CLAIMWIRE_STOP_S": "10",
        "CLAIMWIRE_TRACE_SAMPLE_RATIO": "0",
        "CLAIMWIRE_LOG_LEVEL": "ERROR",
    }

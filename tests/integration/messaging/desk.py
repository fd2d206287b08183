"""One service on a database and a consumer group of its own, and what must hold once it is done.

The group starts at the end of every topic: topics have fixed names and keep what earlier tests
sent. Records are sent by `send`, or all at once into one poll by `send_together`; `settled` waits
until nothing is left to do and then holds the service to its invariants.
"""

import asyncio
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.contract.topics import PARTITIONS, TOPICS
from shared.database import bootstrap, connect, create_pool, migrate, role_of, service_dsn
from shared.messaging import broker as broker_clients
from shared.messaging import parking
from shared.messaging.batch import Pending
from shared.messaging.decoding import unfold
from shared.messaging.ends import next_offsets, reading
from shared.messaging.handler import Bad, Record, Unit
from shared.messaging.parking import Parked
from shared.messaging.wire import unpack_headers
from shared.runner import Runner
from shared.settings import Settings, variable
from tests.integration.messaging.records import Maker, Said, Sendable
from tests.integration.messaging.witness import TABLE, witnessed

PASSWORD = "of the conformance tests"
PATIENCE_S = 45.0
Published: TypeAlias = tuple[str, UUID, bytes | None, bytes | None]
"""Topic, event id, key and value."""
_PLACES = [TopicPartition(topic.name, n) for topic in TOPICS for n in range(PARTITIONS)]

_BACKENDS_THAT_WAIT = """
SELECT count(*) FROM pg_stat_activity
WHERE usename = $1 AND datname = current_database() AND wait_event_type = 'Lock'
"""
_END_BACKENDS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = $1 AND datname = current_database() AND pid <> $2
"""


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
        self.starts = await next_offsets(self.settings, _PLACES)
        await self._reader.commit(self.starts)

    async def members_leave(self) -> None:
        """Stops the members of this process."""
        for member in self.members:
            if not member.task.done():
                await member.stop()

    async def close(self) -> None:
        await self.members_leave()
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

    async def spawn(self, *arguments: str, **overrides: str) -> asyncio.subprocess.Process:
        """A member as a process of its own (`doomed.py`)."""
        changed = {variable(name): text for name, text in overrides.items()}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.integration.messaging.doomed",
            self.service,
            *arguments,
            env={name: os.environ[name] for name in ("PATH",) if name in os.environ}
            | self.environment
            | changed,
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

    async def send_batch(
        self, records: Sequence[Sendable], builder: Any, extra: tuple[str, bytes]
    ) -> list[Sent]:
        """Sends records of one topic as one batch, to where the key of the first belongs; the first
        has an extra header."""
        first = records[0]
        partition = await self._partition_of(first)
        # A producer that is idempotent, as ours is on Apache Kafka, takes no other builder.
        async with AIOKafkaProducer(
            **broker_clients.connection_options(self.settings), acks="all"
        ) as producer:
            batch = producer.create_batch()
            batch._builder = builder
            for at, one in enumerate(records):
                headers = [*one.headers, *([extra] if at == 0 else [])]
                batch.append(timestamp=None, key=one.key, value=one.value, headers=headers)
            place = await (await producer.send_batch(batch, first.topic, partition=partition))
        return [
            self._sent(record, place.topic, place.partition, place.offset + at)
            for at, record in enumerate(records)
        ]

    async def _partition_of(self, record: Sendable) -> int:
        await self._producer.partitions_for(record.topic)
        key = record.key
        return int(self._producer._partition(record.topic, None, key, None, key, None))

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
        return bool(await self.admin.fetchval(_BACKENDS_THAT_WAIT, role_of(self.service)))

    async def end_connections(self) -> int:
        """Ends the members' connections to the database, all at once; returns how many."""
        ours = self.connection.get_server_pid()
        return len(await self.admin.fetch(_END_BACKENDS, role_of(self.service), ours))

    async def send_together(self, records: Iterable[Sendable]) -> list[Sent]:
        """Sends records so that one poll brings them all; returns them, and what went before."""
        async with self.held_back() as first:
            sent = await self.send(records)
        return [*first, *sent]

    # The database's faults

    async def refuse(self, condition: str, code: str = "23514") -> None:
        """Lets the service's claim table refuse rows (`NEW`), as a rule of the data would."""
        await self.admin.execute(
            f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {condition} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END IF; "
            f"RETURN NEW; END $$"
        )
        await self.admin.execute(
            "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON claim "
            "FOR EACH ROW EXECUTE FUNCTION refuse()"
        )

    async def accept(self) -> None:
        """The claim table takes everything again."""
        await self.admin.execute("DROP FUNCTION refuse() CASCADE")

    # What has become of it

    async def decided(self) -> Counter[tuple[UUID, int]]:
        """How often each unit was decided, for good."""
        rows = await self.connection.fetch("SELECT event_id, part FROM witness")
        return Counter((row[0], row[1]) for row in rows)

    async def undecided(self, sent: Sequence[Sent]) -> list[Sent]:
        """Those of these records of which a unit was not decided."""
        decided = await self.decided()
        return [one for one in sent if any((u.event_id, u.part) not in decided for u in one.units)]

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
                not await self.undecided(good)
                and await self._has_said(good)
                and not await self.connection.fetchval("SELECT count(*) FROM outbox")
                and await self.is_at_end()
            )

        # Not to be asked again below: what one service says, the others' members go on with, and
        # their topics are never still for long.
        try:
            await until(is_done, "records that are decided, told, sent on and committed")
        finally:
            await self._check_once(good)
            await self._check_order(good)
            await self._check_said(good)
            await self._check_topics()

    async def _has_said(self, good: Sequence[Sent]) -> bool:
        said = await self.said()
        return all(say in said for one in good for say in one.record.says)

    async def is_at_end(self) -> bool:
        """Whether the group has committed the end of every partition of its topics."""
        places = [place for place in _PLACES if place.topic in self.topics]
        ends = await next_offsets(self.settings, places)
        return all([await self._reader.committed(at) == ends[at] for at in places])

    async def uncommitted(self, sent: Sequence[Sent]) -> list[Sent]:
        """Those of these records that the group would read again."""
        places = {TopicPartition(one.topic, one.partition) for one in sent}
        reached = {(at.topic, at.partition): await self._reader.committed(at) for at in places}
        return [one for one in sent if one.offset >= (reached[one.topic, one.partition] or 0)]

    async def _check_once(self, good: Sequence[Sent]) -> None:
        twice = [identity for identity, times in (await self.decided()).items() if times > 1]
        assert not twice, f"{len(twice)} units were decided more than once"
        missing = await self.undecided(good)
        assert not missing, f"{len(missing)} records were not decided"

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
        odd = {at: lane for at, lane in sequences.items() if lane != sorted(lane)}
        assert not odd, "revisions out of order"

    async def _check_said(self, good: Sequence[Sent]) -> None:
        once = {unit.event_id: one for one in good for unit in one.units}
        wanted = Counter(say for one in once.values() for say in one.record.says)
        said = await self.said()
        odd = {
            say: (said[say], times)
            for say, times in wanted.items()
            # An earlier revision may have gone out before it was superseded: see the maker.
            if said[say] < times or (said[say] > times and say[0] != "claim.submitted.v1")
        }
        assert not odd, f"said and wanted: {odd}"

    async def _check_topics(self) -> None:
        """Whatever is in the log is in its topic, as it is there, and in the log's order per key.
        Of the same id there may be others: what another desk has made of the same record."""
        rows = await self.connection.fetch(
            "SELECT topic, event_id, key, value FROM event ORDER BY seq"
        )
        published = await self._published({row["topic"] for row in rows})
        lanes: dict[tuple[str, str], list[int]] = defaultdict(list)
        for topic, event_id, key, value in rows:
            at = published.get((topic, event_id, key.encode(), value))
            assert at is not None, f"an event of the log is not on {topic}"
            lanes[topic, key].append(at)
        assert all(lane == sorted(lane) for lane in lanes.values()), "sent out of order"

    async def _published(self, names: Iterable[str]) -> dict[Published, int]:
        """What is on these topics since the desk was opened, and its first offset."""
        wanted = set(names)
        places = [place for place in _PLACES if place.topic in wanted]
        if not places:
            return {}
        ends = await next_offsets(self.settings, places)
        found: dict[Published, int] = {}
        async with reading(self.settings, places) as reader:
            for place in places:
                reader.seek(place, self.starts[place])
            left = {place for place in places if ends[place] > self.starts[place]}
            while left:
                for place, records in (await reader.getmany(*left, timeout_ms=1000)).items():
                    for one in records:
                        identity = dict(one.headers).get("ce_id")
                        if identity is not None:
                            said = (one.topic, UUID(identity.decode()), one.key, one.value)
                            found.setdefault(said, one.offset)
                    if records[-1].offset >= ends[place] - 1:
                        left.discard(place)
        return found


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

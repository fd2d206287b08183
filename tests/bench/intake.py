"""What intake costs a record beside its reading: the handler through the batch core, on a database.

Apart from `doors`, which measures the readers, and from `hops`, whose services share the cores with
a broker: here processor time is told apart, reader, rest of the service, database. Kafka and the
relay are not in it.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from deploy.local.postgres import EmbeddedPostgres
from deploy.twins import hl7
from deploy.twins.hospital import Hospital, render_x12
from deploy.twins.publication import HL7, JSON, X12
from services.intake.app import NAME, service
from services.intake.domain.profile import read_profiles
from services.intake.handlers import IntakeHandler
from shared import database
from shared.contract.claim import Claim
from shared.contract.model import to_wire
from shared.messaging.batch import Core, Pending
from shared.messaging.consumer import tune_garbage_collection
from shared.messaging.decoding import unfold
from shared.messaging.handler import Record
from shared.messaging.outbox import Said
from shared.messaging.store import postgres_transactions
from shared.settings import Settings
from shared.telemetry.tracing import Tracing
from tests.bench.inputs import SEED, TODAY
from tests.bench.report import Section, ratio
from tests.bench.timing import least

SOURCE = "general-hospital"
CLAIMS = 1_500
ENCOUNTERS = 300
FILE = 25
BATCH = 500
REPEATS = 3
WARM_UP = 5
"""A fifth of the records goes before."""
MICROSECONDS = 1e6


def measure(folder: Path) -> Section:
    """Processor time a record, by format."""
    folder.chmod(0o755)  # the database's user enters it
    rows = asyncio.run(_measured(folder))
    return Section(
        "intake",
        "intake through its handler and a database, on one core: processor time a record, in µs",
        ("format", "record", "records", "reader", "rest of the service", "database", "rest is"),
        rows,
        notes=(
            f"batches of {BATCH}; reader: bytes to arrivals, with rules of the door and identity",
            "rest: decisions, SQL, events; without Kafka in and out. The database's is in 10 ms",
        ),
    )


async def _measured(folder: Path) -> list[tuple[object, ...]]:
    server = EmbeddedPostgres(folder / "intake")
    server.start()
    try:
        await database.bootstrap(server.dsn, [NAME], {NAME: "bench"})
        dsn = database.service_dsn(server.dsn, NAME, "bench")
        pool = await database.create_pool(dsn, NAME, max_size=1)
        await database.migrate(pool, NAME, service(Settings()).schema_dir)
        claims = Hospital(SEED, today=TODAY).claims(CLAIMS)
        profiles = read_profiles(hl7.profile(claims))
        handler = IntakeHandler(SOURCE, profiles)
        transactions = postgres_transactions(pool, Said())
        core = Core(handler, transactions, Tracing(NAME, 0.1), lambda: datetime.now(UTC))
        tune_garbage_collection()
        rows = [
            (name, what, *await _costs(core, kind, values, server))
            for name, what, kind, values in _inputs(claims)
        ]
        await pool.close()
        return rows
    finally:
        server.destroy()


def _inputs(claims: Sequence[Claim]) -> Iterator[tuple[str, str, str, list[bytes]]]:
    files = (claims[at : at + FILE] for at in range(0, len(claims), FILE))
    x12 = [render_x12(some, TODAY, number=at) for at, some in enumerate(files, start=1)]
    yield "X12 837", f"claim of {FILE} in a file", X12, x12
    other = Hospital(SEED + 1, today=TODAY, run="J").claims(CLAIMS)
    yield "JSON", "claim, one a message", JSON, [to_wire(claim) for claim in other]
    told = hl7.publish(claims[:ENCOUNTERS], random.Random(SEED), run="B", number=1, today=TODAY)
    yield "HL7 v2", "message of an encounter", HL7, [message.value for message in told]


async def _costs(
    core: Core, content_type: str, values: Sequence[bytes], server: EmbeddedPostgres
) -> tuple[object, ...]:
    records = [_record(at, content_type, value) for at, value in enumerate(values)]
    first = len(records) // WARM_UP
    await _take(core, records[:first])
    measured = records[first:]
    reader_s, count = least(
        lambda: sum(1 for one in measured for _ in unfold(core.handler, one)), REPEATS
    )
    before_s, started = _server_time_s(server), time.process_time()
    await _take(core, measured)
    whole_s = time.process_time() - started
    database_s = _server_time_s(server) - before_s
    rest_s = whole_s - reader_s
    each = [seconds / count * MICROSECONDS for seconds in (reader_s, rest_s, database_s)]
    return (count, *each, ratio(rest_s, reader_s))


def _record(number: int, content_type: str, value: bytes) -> Record:
    headers = (
        ("source", SOURCE.encode()),
        ("content-type", content_type.encode()),
        ("message-id", f"{content_type} {number}".encode()),
    )
    return Record("claims.inbound", 0, number, None, value, headers, 0)


async def _take(core: Core, records: Sequence[Record]) -> None:
    pending: list[Pending] = []
    for record in records:
        pending += unfold(core.handler, record)
        if len(pending) >= BATCH:
            await _settle(core, pending)
            pending = []
    if pending:
        await _settle(core, pending)


async def _settle(core: Core, pending: Sequence[Pending]) -> None:
    outcome = await core.settle(pending)
    assert not outcome.parked, "every record is decided"


def _server_time_s(server: EmbeddedPostgres) -> float:
    """Processor time of the server and of its backends so far."""
    assert server.pid is not None
    total = 0.0
    parent = psutil.Process(server.pid)
    for process in (parent, *parent.children()):
        times = process.cpu_times()
        total += times.user + times.system
    return total

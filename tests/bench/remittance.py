"""`python -m tests.bench.remittance`: 835s read beside other readers, and claims posted as the
ledger grows.

It is apart from the line's bench because a ledger of millions takes minutes to fill. Reading is in
processor seconds of one core, best of several; posting is in seconds of the clock, database and
all, through the service's own batch core.
"""

import argparse
import asyncio
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psutil

from deploy.local.postgres import EmbeddedPostgres
from services.remittance.app import service
from services.remittance.reading import read_transactions
from shared import database
from shared.contract import topics
from shared.contract.claim import Claim
from shared.contract.envelope import Event, business_id, to_headers
from shared.contract.events import ClaimSubmitted, InterchangeReference
from shared.contract.model import to_wire
from shared.messaging.batch import Core
from shared.messaging.decoding import unfold
from shared.messaging.handler import Record
from shared.messaging.store import postgres_transactions
from shared.settings import Settings
from shared.telemetry.tracing import Tracing
from tests.bench import judges
from tests.bench.inputs import codec_files, professional_claims

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
BATCH = 500
FILL_AT_ONCE = 20_000
_READERS = ("claimwire", "oxedi", "x12sdk")

_FILL = """
WITH numbers AS (SELECT generate_series($1::bigint, $2::bigint) AS n),
posted AS (
    INSERT INTO entry (id, business_key, kind, claim_id, posted_on, created_at, leg_count)
    SELECT md5('fill' || n)::uuid, 'fill/' || n, 'charge', md5('claim' || n)::uuid, '2026-01-01',
           now(), 2
    FROM numbers
)
INSERT INTO leg (entry_id, position, account_id, amount_cents)
SELECT md5('fill' || n)::uuid, side, CASE side WHEN 0 THEN $3::uuid ELSE $4::uuid END,
       CASE side WHEN 0 THEN 100 ELSE -100 END
FROM numbers CROSS JOIN (VALUES (0), (1)) AS sides (side)
"""
_ACCOUNT = """
INSERT INTO account (id, code, kind, opened_at) VALUES ($1, $2, $3, now()) ON CONFLICT DO NOTHING
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.remittance", description=__doc__)
    parser.add_argument("--claims", type=int, default=2_000, help="claims read and posted")
    parser.add_argument(
        "--entries",
        type=int,
        nargs="*",
        default=[0, 100_000],
        help="entries already in the ledger, for each posting run (5000000 takes minutes)",
    )
    parser.add_argument("--large", type=int, default=100_000, help="claims of the large file")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="claimwire bench ") as folder:
        home = Path(folder)
        home.chmod(0o755)
        files = codec_files(home, chosen.claims)
        for name in _READERS:
            _reading(name, files.remittance_path)
        if chosen.large:
            _large(files.remittance_path, chosen.large)
        asyncio.run(
            _posting(home, files.remittance_path.read_bytes(), chosen.claims, chosen.entries)
        )


def _reading(name: str, path: Path) -> None:
    run = judges.JUDGES[name, "835 read"](path)
    claims, seconds = judges.timed(run)
    _say(f"read       {name:12} {claims / seconds:>10,.0f} claims/s")


def _large(path: Path, claims: int) -> None:
    """The memory that a file of so many claims takes: the same set again and again."""
    content = path.read_bytes()
    start, end = content.index(b"~ST*") + 1, content.index(b"~GE*") + 1
    head, sets, tail = content[:start], content[start:end], content[end:]
    times = max(1, claims // sets.count(b"~CLP*"))
    large = path.with_suffix(".large")
    with large.open("wb") as out:
        out.write(head)
        for _ in range(times):
            out.write(sets)
        out.write(tail)
    tracemalloc.start()
    count = sum(1 for _ in read_transactions(lambda: large.open("rb")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = large.stat().st_size
    _say(f"memory     {count:,} units of {size / 1e6:,.0f} MB: {peak / 1e6:,.1f} MB at the most")


async def _posting(home: Path, content: bytes, claims: int, sizes: Sequence[int]) -> None:
    server = EmbeddedPostgres(home / "postgres")
    server.start()
    try:
        for size in sizes:
            await _post(server.dsn, content, claims, size)
    finally:
        server.destroy()


async def _post(admin_dsn: str, answers: bytes, claims: int, entries: int) -> None:
    made = service(Settings())
    password = database.new_password()
    await database.bootstrap(admin_dsn, [made.name], {made.name: password})
    dsn = database.service_dsn(admin_dsn, made.name, password)
    pool = await database.create_pool(dsn, made.name, max_size=3)
    await database.migrate(pool, made.name, made.schema_dir)
    core = Core(made.handler, postgres_transactions(pool), Tracing(made.name, 0.0), lambda: NOW)
    async with pool.acquire() as connection:
        have = await connection.fetchval("SELECT count(*) FROM entry")
        await _fill(connection, have, entries)
    marked = f"R{entries}"
    submitted = list(_submissions(professional_claims(claims), marked))
    registered = await _settle(core, submitted)
    content = _marked(answers, marked)
    record = Record(
        topics.PAYERS_INBOUND, 0, 0, b"p", content, (("ce_id", str(uuid4()).encode()),), 0
    )
    answered = await _settle(core, [record])
    async with pool.acquire() as connection:
        posted = await connection.fetchval(
            "SELECT count(*) FROM remittance_claim WHERE state = 'posted'"
        )
    before = f"{max(have, entries):>10,} entries before"
    _say(f"register   {before}: {registered.per_claim(claims)}")
    _say(f"post       {before}: {answered.per_claim(content.count(b'~CLP*'))} ({posted} in all)")
    await pool.close()


async def _fill(connection: database.Connection, have: int, wanted: int) -> None:
    sides = []
    for kind in ("payer_receivable", "revenue"):
        identity = business_id("bench", kind)
        await connection.execute(_ACCOUNT, identity, f"{kind}|BENCH||", kind)
        sides.append(identity)
    for start in range(have, wanted, FILL_AT_ONCE):
        end = min(start + FILL_AT_ONCE, wanted) - 1
        await connection.execute(_FILL, start, end, *sides, timeout=600)


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the clock, of this process and of the database's processes."""

    clock: float
    service: float
    database: float

    def per_claim(self, claims: int) -> str:
        service, database_ = 1000 * self.service / claims, 1000 * self.database / claims
        return (
            f"{claims / self.clock:>7,.0f} claims/s; processor ms a claim: "
            f"{service:.2f} service, {database_:.2f} database"
        )


def _database_seconds() -> float:
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


async def _settle(core: Core, records: Sequence[Record]) -> Spent:
    started = time.perf_counter(), time.process_time(), _database_seconds()
    pending = []
    for record in records:
        for one in unfold(core.handler, record):
            pending.append(one)
            if len(pending) == BATCH:
                await core.settle(pending)
                pending = []
    if pending:
        await core.settle(pending)
    ended = time.perf_counter(), time.process_time(), _database_seconds()
    return Spent(*(end - start for start, end in zip(started, ended, strict=True)))


def _submissions(claims: Sequence[Claim], marked: str) -> Iterator[Record]:
    for claim in claims:
        number = f"{marked}{claim.patient_control_number}"
        again = claim.model_copy(
            update={"id": business_id(marked, claim.id), "patient_control_number": number}
        )
        reference = InterchangeReference(
            interchange_id=again.id,
            payer="p",
            interchange_control_number="1",
            group_control_number="1",
            transaction_control_number="1",
        )
        data = ClaimSubmitted(claim=again, interchange=reference, submitted_at=NOW)
        event = Event(uuid4(), "bench", str(again.id), NOW, data)
        key = str(again.id).encode()
        yield Record(topics.CLAIMS_SUBMISSION, 0, 0, key, to_wire(data), to_headers(event), 0)


def _marked(content: bytes, marked: str) -> bytes:
    """The 835 as it answers the claims of this run: other account numbers, another payment."""
    tag = marked.encode()
    return content.replace(b"~CLP*", b"~CLP*" + tag).replace(b"~TRN*1*", b"~TRN*1*" + tag)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

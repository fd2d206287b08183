"""`python -m tests.bench.remittance`: the memory that a large 835 takes, and claims posted as the
ledger grows.

Each in a process of its own: posting runs with the service's own garbage collection, in processor
time and in seconds of the clock, from a record's bytes to committed rows and events. A ledger of
millions takes minutes to fill: `--entries 0 5000000`. Reading beside other readers is in `codec`.
"""

import argparse
import asyncio
import json
import subprocess
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
from services.remittance.domain.incoming import ClaimRead
from services.remittance.reading import read_transactions
from shared import database
from shared.contract import topics
from shared.contract.claim import Claim
from shared.contract.envelope import Event, business_id, to_headers
from shared.contract.events import ClaimSubmitted, InterchangeReference
from shared.contract.model import to_wire
from shared.messaging.batch import Core
from shared.messaging.consumer import tune_garbage_collection
from shared.messaging.decoding import unfold
from shared.messaging.handler import Record
from shared.messaging.store import postgres_transactions
from shared.settings import Settings
from shared.telemetry.tracing import Tracing
from tests.bench.inputs import codec_files, professional_claims
from tests.bench.report import Section, as_text

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
BATCH = 500
FILL_AT_ONCE = 20_000
ROUNDS = 3
CLAIMS = 2_000
LARGE = 100_000
ENTRIES = (0, 100_000)
MEMORY, POSTING = "memory", "posting"

Row = list[str | int | float]

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


def measure(
    claims: int = CLAIMS, entries: Sequence[int] = ENTRIES, large: int = LARGE
) -> tuple[Section, Section]:
    """The two tables."""
    return (
        Section(
            "remittance memory",
            "a large 835, read and hashed claim by claim",
            ("claims", "MB of the file", "MB allocated at most"),
            _apart(MEMORY, ["--claims", str(claims), "--large", str(large)]),
        ),
        Section(
            "remittance posting",
            "claims through the remittance service, as the ledger grows",
            (
                "what",
                "entries before",
                "claims",
                "claims/s of processor time",
                "service ms a claim",
                "database ms a claim",
                "claims/s of the clock",
            ),
            _apart(POSTING, ["--claims", str(claims), "--entries", *map(str, entries)]),
            ("processor time, the best of a few rounds; the database's is beside the service's",),
        ),
    )


def _apart(part: str, options: Sequence[str]) -> list[Row]:
    command = [sys.executable, "-m", "tests.bench.remittance", part, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    rows: list[Row] = json.loads(done.stdout.splitlines()[-1])
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.remittance", description=__doc__)
    parser.add_argument("part", nargs="?", choices=(MEMORY, POSTING), help="its rows, as JSON")
    parser.add_argument("--claims", type=int, default=CLAIMS, help="claims read and posted")
    parser.add_argument(
        "--entries",
        type=int,
        nargs="*",
        default=ENTRIES,
        help="entries already in the ledger, for each posting run (5000000 takes minutes)",
    )
    parser.add_argument("--large", type=int, default=LARGE, help="claims of the large file")
    chosen = parser.parse_args(arguments)
    if chosen.part is None:
        for section in measure(chosen.claims, chosen.entries, chosen.large):
            sys.stdout.write(as_text(section) + "\n")
        return
    with tempfile.TemporaryDirectory(prefix="claimwire bench ") as folder:
        home = Path(folder)
        home.chmod(0o755)
        path = codec_files(home, chosen.claims).remittance_path
        if chosen.part == MEMORY:
            rows = [_memory(path, chosen.large)]
        else:
            rows = asyncio.run(_posting(home, path.read_bytes(), chosen.claims, chosen.entries))
    sys.stdout.write(json.dumps(rows) + "\n")


def _memory(path: Path, claims: int) -> Row:
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
    count = sum(isinstance(one, ClaimRead) for one in read_transactions(lambda: large.open("rb")))
    _, peak = tracemalloc.get_traced_memory()
    return [count, large.stat().st_size / 1e6, peak / 1e6]


async def _posting(home: Path, content: bytes, claims: int, sizes: Sequence[int]) -> list[Row]:
    server = EmbeddedPostgres(home / "postgres")
    server.start()
    rows = []
    try:
        for size in sizes:
            rows += await _post(server.dsn, content, claims, size)
    finally:
        server.destroy()
    return rows


async def _post(admin_dsn: str, answers: bytes, claims: int, entries: int) -> list[Row]:
    made = service(Settings())
    password = database.new_password()
    await database.bootstrap(admin_dsn, [made.name], {made.name: password})
    dsn = database.service_dsn(admin_dsn, made.name, password)
    pool = await database.create_pool(dsn, made.name, max_size=3)
    await database.migrate(pool, made.name, made.schema_dir)
    core = Core(made.handler, postgres_transactions(pool), Tracing(made.name, 0.0), lambda: NOW)
    tune_garbage_collection()  # as the service does at its start
    async with pool.acquire() as connection:
        have = await connection.fetchval("SELECT count(*) FROM entry")
        await _fill(connection, have, entries)
    before = max(have, entries)
    registered, posted = [], []
    for number in range(ROUNDS):
        marked = f"R{entries}-{number}-"
        submitted = list(_submissions(professional_claims(claims), marked))
        registered.append(await _settle(core, submitted))
        content = _marked(answers, marked)
        record = Record(
            topics.PAYERS_INBOUND, 0, 0, b"p", content, (("ce_id", str(uuid4()).encode()),), 0
        )
        posted.append(await _settle(core, [record]))
    async with pool.acquire() as connection:
        of_a_round = await connection.fetchval(
            "SELECT count(*) FROM remittance_claim JOIN remittance ON remittance.id = remittance_id"
            " WHERE state = 'posted' AND trace_number LIKE $1 || '%'",
            marked,
        )
    await pool.close()
    return [
        ["registered", before, *_best(registered).of(claims)],
        ["posted", before, *_best(posted).of(of_a_round)],
    ]


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

    def of(self, claims: int) -> Row:
        """The columns of so many claims."""
        each = [1000 * seconds / claims for seconds in (self.service, self.database)]
        return [claims, claims / self.service, *each, claims / self.clock]


def _best(rounds: Sequence[Spent]) -> Spent:
    """The one that the rest of the machine held up least."""
    return min(rounds, key=lambda spent: spent.service)


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


if __name__ == "__main__":
    main()

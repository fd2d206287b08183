"""`python -m tests.bench.submission`: claims written a second, on one core and through the service,
beside x12sdk; and the memory that an interchange of 5,000 claims takes.

Processor time, best of several, each measurement in a process of its own.
"""

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.inputs import codec_files, professional_claims
from tests.bench.report import Section, as_text, ratio
from tests.bench.timing import least

CLAIMS = 2_000
LARGE = 5_000
REPEATS = 5
NOW = datetime(2026, 11, 2, tzinfo=UTC)


def written_from_json(claims: int) -> tuple[int, float]:
    """What the service does for each claim: the kept JSON read and checked, and the 837 written."""
    from services.submission.domain.changes import Leg
    from services.submission.domain.interchange import Pending, write
    from services.submission.domain.profile import Profile
    from shared.contract.model import to_wire

    pending = [
        Pending(Leg(claim.id, claim.revision, claim.payer_sequence), to_wire(claim))
        for claim in professional_claims(claims)
    ]
    return _best(lambda: len(write(pending, Profile(), 1, NOW).placed))


def written_from_claims(claims: int) -> tuple[int, float]:
    """The codec alone: canonical claims to the bytes of an 837."""
    from io import BytesIO

    from shared.x12.claims.writing import InterchangeEnvelope, write_interchange

    made = professional_claims(claims)
    envelope = InterchangeEnvelope(
        sender="CLAIMWIRE", receiver="PAYER", control_number=1, created_at=NOW
    )
    return _best(lambda: write_interchange(made, envelope, BytesIO()).claims)


def written_by_x12sdk(claims: int) -> tuple[int, float]:
    """Its models to an 837; making the models is not timed."""
    from tests.bench.judges import x12sdk_write_claims

    with tempfile.TemporaryDirectory() as folder:
        return _best(x12sdk_write_claims(codec_files(Path(folder), claims).claims_path))


def through_the_service(claims: int) -> tuple[int, float]:
    """`claim.coded` in, the file at the payer and `claim.submitted` in the outbox, on a real
    database: this process's processor time, the database's apart."""
    from deploy.local.postgres import EmbeddedPostgres

    home = Path(tempfile.mkdtemp(prefix="claimwire-bench-"))
    home.chmod(0o755)
    server = EmbeddedPostgres(home / "postgres")
    server.start()
    try:
        return asyncio.run(_served(server.dsn, home, claims))
    finally:
        server.destroy()


async def _served(dsn: str, home: Path, claims: int) -> tuple[int, float]:
    from services.submission.app import service
    from shared.database import bootstrap, create_pool, migrate, new_password, service_dsn
    from shared.settings import Settings
    from tests.integration.submission.conftest import Desk, coded_record

    password = new_password()
    await bootstrap(dsn, ["submission"], {"submission": password})
    pool = await create_pool(service_dsn(dsn, "submission", password), "submission")
    await migrate(pool, "submission", service(Settings()).schema_dir)
    desk = Desk(pool, home)
    records = [coded_record(claim, NOW) for claim in professional_claims(claims)]
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    started = time.process_time()
    for start in range(0, claims, 500):
        await desk.take(*records[start : start + 500])
        await desk.round()
    seconds = time.process_time() - started
    (sent,) = (await desk.rows("SELECT count(*) FROM claim WHERE status = 'sent'"))[0]
    await pool.close()
    return int(sent), seconds


def memory_of_a_large_interchange(claims: int) -> tuple[int, float]:
    """Megabytes that Python allocates at most while one interchange of so many claims is written,
    its claims as JSON apart."""
    from services.submission.domain.changes import Leg
    from services.submission.domain.interchange import Pending, write
    from services.submission.domain.profile import Profile
    from shared.contract.model import to_wire

    pending = [
        Pending(Leg(claim.id, claim.revision, claim.payer_sequence), to_wire(claim))
        for claim in professional_claims(claims)
    ]
    write(pending[:20], Profile(), 1, NOW)
    gc.collect()
    tracemalloc.start()
    written = write(pending, Profile(claims_per_set=claims), 1, NOW)
    peak = tracemalloc.get_traced_memory()[1]
    assert len(written.placed) == claims
    return len(written.content), peak / 1_000_000


def _best(run: Callable[[], int]) -> tuple[int, float]:
    run()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    best, count = least(run, REPEATS)
    return count, best


PARTS: dict[str, tuple[Callable[[int], tuple[int, float]], int]] = {
    "codec: claims to 837P": (written_from_claims, CLAIMS),
    "service's write: JSON, checks, 837P": (written_from_json, CLAIMS),
    "through the service, database apart": (through_the_service, CLAIMS),
    "x12sdk: its models to 837P": (written_by_x12sdk, CLAIMS // 10),
}
MEMORY = "memory"


def measure() -> tuple[Section, Section]:
    """Runs each part in a process of its own."""
    rates = {name: _apart(name) for name in PARTS}
    sdk = rates["x12sdk: its models to 837P"]
    rows = [
        (name, count, count / seconds, ratio(count / seconds, sdk[0] / sdk[1]))
        for name, (count, seconds) in rates.items()
    ]
    size, megabytes = _apart(MEMORY)
    return (
        Section(
            "submission",
            "claims written a second, on one core",
            ("what", "claims", "claims/s", "of x12sdk"),
            rows,
            ("professional claims of the hospital twin; processor time, best of several",),
        ),
        Section(
            "submission memory",
            f"one interchange of {LARGE:,} claims in one transaction set",
            ("bytes written", "MB allocated at most, claims' JSON apart"),
            ((size, megabytes),),
        ),
    )


def _apart(name: str) -> tuple[int, float]:
    command = [sys.executable, "-m", "tests.bench.submission", name]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    count, figure = json.loads(done.stdout.splitlines()[-1])
    return int(count), float(figure)


def main(arguments: list[str]) -> None:
    if arguments:
        part, claims = PARTS.get(arguments[0], (memory_of_a_large_interchange, LARGE))
        sys.stdout.write(json.dumps(part(claims)) + "\n")
        return
    for section in measure():
        sys.stdout.write(as_text(section) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

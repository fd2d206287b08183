"""One codec, one operation, one file: timed in a process of its own, the answer on stdout as JSON.

`python -m tests.bench.judges TOOL OPERATION FILE`. Apart from `codec` so that no library's imports,
caches or garbage weigh on another. Every judge gets the same collector settings and the same
warm-up (one untimed run on the small file beside it), and processor time is what counts.
"""

import gc
import io
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Run = Callable[[], int]
"""One timed run; returns how many claims it saw."""

REPEATS = 5
LONG_S = 4.0
"""A run longer than this is not repeated."""


def claimwire_read_claims(path: Path) -> Run:
    """837 to validated canonical claims."""
    from shared.x12.claims.reading import ReadClaim, read_claims

    def run() -> int:
        with path.open("rb") as stream:
            return sum(isinstance(part, ReadClaim) for part in read_claims(stream, source="b"))

    return run


def claimwire_write_claims(path: Path) -> Run:
    """Canonical claims to an 837."""
    from shared.x12.claims.reading import ReadClaim, read_claims
    from shared.x12.claims.writing import InterchangeEnvelope, write_interchange

    with path.open("rb") as stream:
        parts = [part for part in read_claims(stream, source="b") if isinstance(part, ReadClaim)]
    claims = [part.claim for part in parts if part.claim is not None]
    envelope = InterchangeEnvelope(
        sender="GENHOSP",
        receiver="CLAIMWIRE",
        control_number=1,
        created_at=datetime(2026, 11, 2, tzinfo=UTC),
    )

    def run() -> int:
        out = io.BytesIO()
        return write_interchange(claims, envelope, out).claims

    return run


def claimwire_read_remittances(path: Path) -> Run:
    """835 to claims with lines and adjustments, balanced at three levels."""
    from shared.contract.remittance import RemittanceClaim
    from shared.x12.answers.remittances import read_remittances

    def run() -> int:
        with path.open("rb") as stream:
            return sum(isinstance(part, RemittanceClaim) for part in read_remittances(stream))

    return run


def pyx12_context(path: Path, loop: str) -> Run:
    """pyx12's own way to data: a tree of segments for each instance of a loop."""
    import pyx12.error_handler
    import pyx12.params
    import pyx12.x12context

    param = pyx12.params.params()

    def run() -> int:
        errors = pyx12.error_handler.errh_null()
        with path.open(encoding="ascii") as stream:
            reader = pyx12.x12context.X12ContextReader(param, errors, stream)
            return sum(node.id == loop for node in reader.iter_segments(loop))

    return run


def pyx12_read_claims(path: Path) -> Run:
    return pyx12_context(path, "2300")


def pyx12_read_remittances(path: Path) -> Run:
    return pyx12_context(path, "2100")


def _claims_of(model: Any) -> int:
    return sum(1 for _ in model.claims())


def x12sdk_read(path: Path) -> Run:
    """Its models, one for each transaction set, and the walk over their claims."""
    from x12sdk.io import X12ModelReader

    def run() -> int:
        with X12ModelReader(str(path)) as reader:
            return sum(_claims_of(model) for model in reader.models())

    return run


def x12sdk_write_claims(path: Path) -> Run:
    """Its models to an 837; reading them is not timed."""
    from x12sdk.io import X12ModelReader, write_transactions

    with X12ModelReader(str(path)) as reader:
        models = list(reader.models())
    claims = sum(_claims_of(model) for model in models)

    def run() -> int:
        write_transactions(models, sender_id="GENHOSP", receiver_id="CLAIMWIRE")
        return claims

    return run


def oxedi_read_remittances(path: Path) -> Run:
    """Its columnar tables (compiled Rust); no object for each claim is made."""
    import oxedi

    def run() -> int:
        return int(oxedi.parse(path.read_bytes()).count_claims())

    return run


def claimwire_read_charges(path: Path) -> Run:
    """DFT messages to what each says of its encounter: charges, patient, coverages, findings."""
    from services.intake.domain.encounter import EncounterNews
    from services.intake.domain.hl7.reading import read_hl7
    from services.intake.domain.profile import BUILT_IN

    def run() -> int:
        with path.open("rb") as stream:
            return sum(isinstance(one, EncounterNews) for one in read_hl7(stream, BUILT_IN.default))

    return run


def python_hl7_read_charges(path: Path) -> Run:
    """The same messages into its containers; nothing is mapped or checked."""
    import hl7

    messages = [one for one in path.read_text().split("\x0b") if one]

    def run() -> int:
        return sum(bool(hl7.parse(one)) for one in messages)

    return run


JUDGES: dict[tuple[str, str], Callable[[Path], Run]] = {
    ("claimwire", "837P read"): claimwire_read_claims,
    ("claimwire", "837P write"): claimwire_write_claims,
    ("claimwire", "835 read"): claimwire_read_remittances,
    ("pyx12", "837P read"): pyx12_read_claims,
    ("pyx12", "835 read"): pyx12_read_remittances,
    ("x12sdk", "837P read"): x12sdk_read,
    ("x12sdk", "837P write"): x12sdk_write_claims,
    ("x12sdk", "835 read"): x12sdk_read,
    ("oxedi", "835 read"): oxedi_read_remittances,
    ("claimwire", "DFT read"): claimwire_read_charges,
    ("python-hl7", "DFT read"): python_hl7_read_charges,
}


def timed(run: Run) -> tuple[int, float]:
    """Claims and the least processor seconds of a few runs."""
    best = float("inf")
    claims = 0
    for _ in range(REPEATS):
        started = time.process_time()
        claims = run()
        seconds = time.process_time() - started
        best = min(best, seconds)
        if seconds > LONG_S:
            break
    return claims, best


def main() -> None:
    tool, operation, path, warm_up = sys.argv[1:5]
    judge = JUDGES[tool, operation]
    judge(Path(warm_up))()
    run = judge(Path(path))
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    claims, seconds = timed(run)
    sys.stdout.write(json.dumps({"claims": claims, "seconds": seconds}))


if __name__ == "__main__":
    main()

"""Codec rates on one core, beside the three Python libraries that read the same files.

A slow library is given fewer claims, the first of the same ones, and its rate is what is compared.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.inputs import CodecFiles, codec_files
from tests.bench.judges import JUDGES
from tests.bench.report import Section, ratio

OPERATIONS = ("837P read", "837P write", "835 read")
TOOLS = ("claimwire", "pyx12", "x12sdk", "oxedi")
WARM_UP_CLAIMS = 20
SHARE = {"pyx12": 5, "x12sdk": 10}
"""Those are given one claim in so many."""
UNABLE = {
    ("pyx12", "837P write"): "writes segments, knows no claims",
    ("oxedi", "837P read"): "reads 835 only",
    ("oxedi", "837P write"): "reads 835 only",
}
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Of one tool at one operation. `note` says why there is none."""

    tool: str
    operation: str
    claims: int = 0
    seconds: float = 0.0
    note: str = ""

    @property
    def per_second(self) -> float | None:
        return self.claims / self.seconds if self.seconds else None


def measure(folder: Path, claims: int) -> Section:
    """Runs every judge, one after the other."""
    warm_up = codec_files(folder, WARM_UP_CLAIMS)
    files = {share: codec_files(folder, claims // share) for share in {1, *SHARE.values()}}
    rates = [
        measured(tool, operation, files[SHARE.get(tool, 1)], warm_up)
        for operation in OPERATIONS
        for tool in TOOLS
    ]
    return Section(
        "codec",
        f"codecs, on one core: {claims:,} professional claims of the hospital twin",
        ("operation", "tool", "claims", "claims/s", "claimwire is", "note"),
        tuple(_rows(rates)),
        notes=(
            "processor time, best of five; each tool in a process of its own, imports not timed",
            "oxedi (Rust) makes columns, not an object for each claim; the others make objects",
        ),
    )


def measured(tool: str, operation: str, files: CodecFiles, warm_up: CodecFiles) -> Rate:
    """The rate of one tool, from a process of its own."""
    if (tool, operation) not in JUDGES:
        return Rate(tool, operation, note=UNABLE[tool, operation])
    is_remittance = operation.startswith("835")
    path, small, expected = (
        (files.remittance_path, warm_up.remittance_path, files.paid)
        if is_remittance
        else (files.claims_path, warm_up.claims_path, files.claims)
    )
    command = [sys.executable, "-m", "tests.bench.judges", tool, operation, str(path), str(small)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=True)
    except subprocess.TimeoutExpired:
        return Rate(tool, operation, note=f"not done in {TIMEOUT_S:.0f} s")
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return Rate(tool, operation, note=f"cannot: {last[:60]}")
    found = json.loads(done.stdout.splitlines()[-1])
    note = "" if found["claims"] == expected else f"saw {found['claims']} of {expected} claims"
    return Rate(tool, operation, expected, found["seconds"], note)


def _rows(rates: list[Rate]) -> Iterator[tuple[object, ...]]:
    ours = {rate.operation: rate.per_second for rate in rates if rate.tool == "claimwire"}
    for rate in rates:
        yield (
            rate.operation,
            rate.tool,
            rate.claims or None,
            rate.per_second,
            None if rate.tool == "claimwire" else ratio(ours[rate.operation], rate.per_second),
            rate.note,
        )

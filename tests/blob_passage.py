"""`python -m tests.blob_passage`: 100 MB into the blob store of the environment's settings and out
again. Prints by how many MB the process grew. Apart, since a peak is told of a whole process."""

import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from shared.blobs import Blobs
from shared.settings import load

MEGABYTE = 1024 * 1024


def growth_mb(environment: Mapping[str, str]) -> int:
    """By how many MB a process grows that sends 100 MB through the store so set."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.blob_passage"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
        env={"PATH": os.environ["PATH"], **environment},
    )
    return int(run.stdout)


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    blobs = Blobs.from_settings(load())
    blobs.put(b"warm")
    before = peak_mb()
    piece = bytes(range(256)) * 4096
    check = blobs.put(piece for _ in range(100))
    with blobs.open(check.ref, check.sha256) as stream:
        read = sum(len(part) for part in iter(lambda: stream.read(65536), b""))
    assert read == check.size == 100 * MEGABYTE, read
    sys.stdout.write(str(peak_mb() - before))


if __name__ == "__main__":
    main()

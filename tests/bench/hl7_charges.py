"""DFT messages a second on one core through the pure reader, beside python-hl7 on the same."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from deploy.twins import hl7_segments as hl7
from deploy.twins.hospital import Hospital
from tests.bench.inputs import SEED, TODAY
from tests.bench.report import Section, ratio

MESSAGES = 3_000
WARM_UP = 50
TOOLS = ("claimwire", "python-hl7")
TIMEOUT_S = 120.0


def measure(folder: Path) -> Section:
    """Runs both, one after the other."""
    path, small = (written(folder, count) for count in (MESSAGES, WARM_UP))
    rates = {tool: _rate(tool, path, small) for tool in TOOLS}
    ours = rates["claimwire"]
    rows = tuple(
        ("DFT read", tool, MESSAGES, rate, None if tool == "claimwire" else ratio(ours, rate))
        for tool, rate in rates.items()
    )
    size = path.stat().st_size // MESSAGES
    return Section(
        "hl7",
        f"HL7 v2, on one core: {MESSAGES:,} DFT^P03 messages of {size:,} bytes each",
        ("operation", "tool", "messages", "messages/s", "claimwire is"),
        rows,
        notes=(
            "processor time, best of five; each tool in a process of its own, imports not timed",
            "claimwire maps and checks every charge; python-hl7 splits into containers",
        ),
    )


def written(folder: Path, count: int) -> Path:
    """A file of so many messages, in MLLP's start marks: registration facts and all charges."""
    path = folder / f"{count}.hl7"
    path.write_bytes(b"".join(b"\x0b" + raw for raw, _ in zip(_messages(), range(count))))  # noqa: B905
    return path


def _messages() -> Iterator[bytes]:
    hospital = Hospital(SEED, today=TODAY)
    number = 0
    while True:
        number += 1
        claim = hospital.claim()
        sheet = hl7.Sheet(
            trigger="DFT^P03",
            control_id=f"B{number}",
            at=datetime.combine(TODAY, datetime.min.time()),
            facility=hl7.FACILITIES[claim.kind],
            segments=(
                hl7.patient_segment(claim, f"M{number}", claim.patient_control_number),
                hl7.visit_segment(claim, is_ended=False),
                *(
                    hl7.charge_segment(claim, line, at)
                    for at, line in enumerate(claim.service_lines, start=1)
                ),
                *hl7.diagnosis_segments(claim),
                *hl7.insurance_segments(claim),
            ),
        )
        yield sheet.render()


def _rate(tool: str, path: Path, small: Path) -> float:
    command = [sys.executable, "-m", "tests.bench.judges", tool, "DFT read", str(path), str(small)]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["claims"] == MESSAGES, "every message is read"
    return MESSAGES / float(found["seconds"])

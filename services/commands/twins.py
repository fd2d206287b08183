"""`claimwire twin`: the hospital and the payer to test against, from the command line."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from deploy.twins.hospital import FORMATS, day, source_profiles
from deploy.twins.payer.clock import Clock
from deploy.twins.payer.scenario import span_of
from deploy.twins.publication import FHIR, HL7, JSON, NDJSON, X12
from services.commands.failures import CommandError
from services.commands.output import show

_SUFFIXES = {X12: "837", JSON: "json", NDJSON: "ndjson", HL7: "hl7", FHIR: "fhir.json"}
SOURCE_PROFILES = "sources.json"


def hospital(
    out: Path,
    claims: int,
    seed: int,
    *,
    as_json: bool,
    with_hl7: bool = False,
    with_fhir: bool = False,
) -> int:
    """Writes each message of the day into a file of its own; says which, and how many claims. With
    HL7 the source profiles that it needs are written beside them."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    more = (("hl7", with_hl7), ("fhir", with_fhir))
    formats = (*FORMATS, *(name for name, is_wanted in more if is_wanted))
    if with_hl7:
        (out / SOURCE_PROFILES).write_bytes(source_profiles(seed, today=today()))
    for message in day(seed, claims, today=today(), formats=formats):
        name = f"{message.message_id}.{_SUFFIXES.get(message.content_type, 'bin')}"
        (out / name).write_bytes(message.value)
        written.append({"file": name, "records": len(message.records)})
    if as_json:
        show(written)
    else:
        print(f"{len(written)} files in {out}")
    return 0


def today() -> date:
    """The day that a hospital's day is, everywhere the same."""
    return datetime.now(UTC).date()


def clock(root: Path, advance: str | None, speed: float | None, *, as_json: bool) -> int:
    """Changes a payer twin's time where it is asked to, and says what it is."""
    twin = Clock(root)
    try:
        by = span_of(advance) if advance is not None else None
    except ValueError:
        raise CommandError('--advance takes a time like "31d", "12h" or "90s"') from None
    if speed is not None:
        twin.run_at(speed)
    if by is not None:
        twin.advance(by)
    now = twin.now().isoformat(timespec="seconds")
    if as_json:
        show({"now": now, "speed": twin.speed})
    else:
        print(f"{now}, {twin.speed:g} times as fast as real")
    return 0


def payer(arguments: Sequence[str]) -> int:
    """Runs the payer twin in this terminal until it ends."""
    command = [sys.executable, "-m", "deploy.twins.payer", *arguments]
    return subprocess.run(command, check=False).returncode

"""`python -m tests.bench`: what Claimwire does in a second, beside what else there is."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import checks, codec, doors, hl7_charges, hops, line, payer_rules
from tests.bench.inputs import PAYER_SEED, SEED
from tests.bench.report import Section, as_text, surroundings, write

CODEC_CLAIMS = 2_000
DOOR_CLAIMS = 1_000
BODY_MEGABYTES = 1_000
PARTS = ("codec", "hl7", "doors", "checks", "rules", "line", "hops", "memory", "body")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints, and writes `var/bench`."""
    chosen = _options(arguments)
    about = surroundings() | {"seed": SEED, "payer_seed": PAYER_SEED, "claims": chosen.claims}
    for name, value in about.items():
        _say(f"{name}: {value}")
    sections = []
    with tempfile.TemporaryDirectory(prefix="claimwire-bench-") as folder:
        for section in _sections(chosen, Path(folder)):
            _say("\n" + as_text(section))
            sections.append(section)
    path = write(chosen.var / "bench", sections, about | {"load_after": surroundings()["load"]})
    _say(f"written to {path}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be repeated")
    parser.add_argument("--claims", type=int, default=10_000, help="claims through the line")
    parser.add_argument("--kafka", choices=("embedded", "apache"), default="embedded")
    parser.add_argument("--var", type=Path, default=Path("var"), help="folder to write to")
    return parser.parse_args(arguments)


def _sections(chosen: argparse.Namespace, folder: Path) -> Iterator[Section]:
    parts = chosen.only or PARTS
    if "codec" in parts:
        yield codec.measure(folder, CODEC_CLAIMS)
    if "hl7" in parts:
        yield hl7_charges.measure(folder)
    if "checks" in parts:
        yield checks.measure(folder)
    if "rules" in parts:
        yield payer_rules.measure()
    if "doors" in parts:
        yield doors.readers(DOOR_CLAIMS)
    if "body" in parts:
        yield doors.body(folder, BODY_MEGABYTES)
    if not {"line", "hops", "memory"}.intersection(parts):
        return
    ran = line.run_line(folder, chosen.kafka, chosen.claims)
    if "line" in parts:
        yield line.measure(folder, chosen.kafka, ran)
    if "hops" in parts:
        yield hops.measure(folder, chosen.kafka, ran)
    if "memory" in parts:
        yield line.memory(ran)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

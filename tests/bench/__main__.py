"""`python -m tests.bench`: what Claimwire does in a second, beside what else there is."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tests.bench import (
    checks,
    codec,
    doors,
    hl7_charges,
    hops,
    intake,
    line,
    payer_rules,
    remittance,
    submission,
)
from tests.bench.inputs import PAYER_SEED, SEED
from tests.bench.report import Section, as_text, surroundings, write

CODEC_CLAIMS = 2_000
DOOR_CLAIMS = 1_000
BODY_MEGABYTES = 1_000

_ALONE: dict[str, Callable[[Path], Iterable[Section]]] = {
    "codec": lambda folder: [codec.measure(folder, CODEC_CLAIMS)],
    "hl7": lambda folder: [hl7_charges.measure(folder)],
    "checks": lambda folder: [checks.measure(folder)],
    "rules": lambda _: [payer_rules.measure()],
    "doors": lambda _: [doors.readers(DOOR_CLAIMS)],
    "intake": lambda folder: [intake.measure(folder)],
    "body": lambda folder: [doors.body(folder, BODY_MEGABYTES)],
    "submission": lambda _: submission.measure(),
    "remittance": lambda _: remittance.measure(),
}
"""The parts that need no line, in the order in which they are measured."""
_OF_THE_LINE = ("line", "hops", "memory")
PARTS = (*_ALONE, *_OF_THE_LINE)


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
    for name, measured in _ALONE.items():
        if name in parts:
            yield from measured(folder)
    if not set(_OF_THE_LINE).intersection(parts):
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

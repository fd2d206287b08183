"""What the benchmark found: printed as plain tables, and written as JSON and Markdown."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Section:
    """One table. A cell is text, a count, a rate (float) or None where there is nothing to say."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    notes: Sequence[str] = ()


def ratio(one: float | None, other: float | None) -> str | None:
    """How many times the other, in words; None where one of them is missing."""
    if not one or not other:
        return None
    times = one / other
    return f"{times:,.0f} x" if times >= 20 else f"{times:.2f} x"


def shown(cell: object) -> str:
    """A cell as text: rates without decimals, small ones with two."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 100 else f"{cell:.2f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def as_text(section: Section) -> str:
    """The table in columns of one width each."""
    cells = [list(section.columns), *([shown(cell) for cell in row] for row in section.rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(section.columns))]
    is_number = [_is_number(section, at) for at in range(len(section.columns))]
    lines = [section.title, ""]
    for row in cells:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, is_number, strict=True)
        )
        lines.append("  " + "  ".join(padded).rstrip())
    lines += [f"  ({note})" for note in section.notes]
    return "\n".join(lines) + "\n"


def as_markdown(section: Section) -> str:
    """The same table for a README."""
    lines = [f"## {section.title}", "", _row(section.columns)]
    lines.append(_row(["---"] * len(section.columns)))
    lines += [_row([shown(cell) for cell in row]) for row in section.rows]
    lines += ["", *(f"- {note}" for note in section.notes)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _is_number(section: Section, at: int) -> bool:
    return any(isinstance(row[at], int | float) for row in section.rows)


def surroundings() -> dict[str, object]:
    """The machine, in words that say nothing about whose it is."""
    return {
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "machine": platform.machine(),
        "python": platform.python_version(),
        "libraries": {
            name: version(name)
            for name in (
                "aiokafka",
                "asyncpg",
                "faststream",
                "hl7",
                "oxedi",
                "pydantic",
                "pyx12",
                "x12sdk",
            )
        },
    }


def write(folder: Path, sections: Sequence[Section], about: dict[str, object]) -> Path:
    """Writes `<timestamp>.json` and `.md`; returns the latter's path."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    document = {**about, "sections": [asdict(section) for section in sections]}
    (folder / f"{stem}.json").write_text(json.dumps(document, indent=2) + "\n")
    lines = [f"- {name}: {value}" for name, value in about.items()]
    text = "\n".join(["# Claimwire benchmark", "", *lines, "", *map(as_markdown, sections)])
    path = folder / f"{stem}.md"
    path.write_text(text)
    return path

"""What the commands print: JSON for machines, aligned plain text for people and pipes."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any


def show(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def columns(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows as aligned text, nothing cut: it stays readable in a pipe and a narrow terminal."""
    table = [list(heading), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def complain(reason: str) -> None:
    """One line on stderr: why the answer is what it is."""
    sys.stderr.write(f"claimwire: {reason}\n")

"""`claimwire reference`: official files in, editions of coding's tables listed."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from services.coding.reference.library import Library
from services.coding.reference.loading import Order, Report, load
from services.coding.reference.sources import Progress, SourceError
from services.commands.failures import CommandError
from services.commands.output import columns, complain, show
from shared import settings

_BAR_WIDTH = 30


def load_reference(
    kind: str,
    paths: Sequence[Path],
    table_set: str | None,
    effective: date | None,
    source: str | None,
    *,
    skip_refused: bool,
    as_json: bool,
) -> int:
    """Loads a file and prints what became of it; 1 where lines were refused and nothing loaded."""
    path, *more = paths
    order = Order(kind, path, table_set, effective, source, skip_refused, tuple(more))
    folder = settings.load().reference_dir
    try:
        report = load(order, folder, datetime.now(UTC), _progress())
    except SourceError as error:
        raise CommandError(f"{path.name}: {error}") from None
    if as_json:
        show({**asdict(report), "path": str(report.path) if report.path else None})
    else:
        _print(report, path)
    return 0 if report.path is not None else 1


def _print(report: Report, path: Path) -> None:
    for number, reason in report.examples:
        complain(f"{path.name}: line {number}: {reason}")
    if report.refused > len(report.examples):
        complain(f"{path.name}: and {report.refused - len(report.examples)} more lines")
    if report.path is None:
        complain(
            f"{path.name}: {report.refused} lines refused of {report.rows + report.refused}, "
            "nothing loaded; --skip-refused loads the rest"
        )
    else:
        sys.stdout.write(f"{report.edition}: {report.rows} rows\n")


def _progress() -> Progress | None:
    """A bar on stderr where a person looks at it."""
    if not sys.stderr.isatty():
        return None

    def draw(read: int, size: int) -> None:
        done = min(read / size, 1.0) if size else 1.0
        bar = "#" * int(done * _BAR_WIDTH)
        end = "\n" if read >= size else ""
        sys.stderr.write(f"\r[{bar.ljust(_BAR_WIDTH)}] {done:4.0%}{end}")
        sys.stderr.flush()

    return draw


def list_reference(*, as_json: bool) -> int:
    """Prints the editions at hand and the version of the set."""
    library = Library(settings.load().reference_dir)
    editions = library.editions()
    version = library.current().version
    if as_json:
        show(
            {
                "version": version,
                "editions": [
                    {"name": each.name, "packed": each.is_packed, **each.table.header}
                    for each in editions
                ],
            }
        )
        return 0
    columns(
        ("table", "effective", "rows", "from", "source"),
        (
            (
                each.table_name,
                each.table.header["effective"],
                each.table.header["rows"],
                "packed in" if each.is_packed else "loaded",
                each.table.header["source"],
            )
            for each in editions
        ),
    )
    sys.stdout.write(f"version {version}\n")
    return 0

"""`claimwire export claims`: claims as they stand, for a warehouse."""

import csv
import os
from collections.abc import AsyncIterator
from pathlib import Path

from services.commands.failures import CommandError
from services.commands.ledger import asked
from services.remittance import extracting
from services.remittance.domain.extract import COLUMNS, Row
from shared.database import Connection
from shared.service import clock

_ROWS_AT_ONCE = 10_000


def claims(var_dir: Path, out: Path, as_format: str) -> int:
    """Writes the extract, readable by its owner alone: it holds PHI."""
    writers = {"csv": _to_csv, "parquet": _to_parquet}
    if as_format not in writers:
        raise CommandError(f"a format is one of {', '.join(writers)}")

    async def write(connection: Connection) -> int:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.close(descriptor)
        return await writers[as_format](extracting.rows(connection, clock()), out)

    count = asked(var_dir, write)
    print(f"{count} lines")
    return 0


async def _to_csv(rows: AsyncIterator[Row], out: Path) -> int:
    count = 0
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        async for row in rows:
            writer.writerow(row)
            count += 1
    return count


async def _to_parquet(rows: AsyncIterator[Row], out: Path) -> int:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError:
        raise CommandError(
            "parquet needs the extra `export`: pip install 'claimwire[export]'"
        ) from None
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    count, held = 0, []
    with parquet.ParquetWriter(out, schema) as writer:
        async for row in rows:
            held.append(row)
            count += 1
            if len(held) == _ROWS_AT_ONCE:
                writer.write_table(pa.Table.from_pylist(held, schema))
                held = []
        writer.write_table(pa.Table.from_pylist(held, schema))
    return count

"""Reference tables for tests: small ones built in memory, in the format that services read."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from services.coding.domain.reference import Editions, Table
from services.coding.reference.kinds import KINDS
from services.coding.reference.table import Row, TableFile, build


def table(kind: str, rows: Iterable[Row], effective: date = date(2020, 1, 1)) -> Table[Any]:
    """An edition of a kind with these rows."""
    header = {"table": kind, "effective": effective.isoformat(), "source": "test"}
    made = KINDS[kind]
    return TableFile(build(made.key_width, rows, header), made.decode, made.remembered)


def editions(*tables: Table[Any]) -> Editions[Any]:
    return Editions(tables)

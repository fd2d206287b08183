"""The packed tables, and with them the ones that the hospital twin has for an operator to load."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from services.coding.domain.reference import Reference
from services.coding.reference.library import Library
from services.commands.demo import load_tables


@cache
def reference_with_the_twins_tables() -> Reference:
    folder = TemporaryDirectory()
    _KEPT.append(folder)
    return Library(load_tables(Path(folder.name))).current()


_KEPT: list["TemporaryDirectory[str]"] = []
"""Tables are mapped into memory; their files stay until the process ends."""

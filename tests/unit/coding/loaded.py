"""The packed tables, with them the ones that the hospital twin has for an operator to load, and the
example packs of payers' rules."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from services.coding.domain.payer_rules.pack import read_pack
from services.coding.domain.payer_rules.ruleset import RulePacks, payer_rules
from services.coding.domain.reference import Reference
from services.coding.reference.library import Library
from services.commands.demo import load_tables
from services.commands.demo_rules import PACKS


@cache
def reference_with_the_twins_tables() -> Reference:
    folder = TemporaryDirectory()
    _KEPT.append(folder)
    return Library(load_tables(Path(folder.name))).current()


@cache
def example_rules() -> RulePacks:
    return payer_rules([read_pack(path.read_text()) for path in PACKS])


_KEPT: list["TemporaryDirectory[str]"] = []
"""Tables are mapped into memory; their files stay until the process ends."""

"""The editions at hand: what is packed in and what an operator has loaded, as one `Reference`.

Packed editions are small and live in memory; loaded ones are mapped from their files. A batch takes
`current()` once and keeps it: what is loaded meanwhile serves the next batch, without a restart.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import zstandard

from services.coding.domain.reference import Editions, Reference
from services.coding.reference.kinds import KINDS, NAMES
from services.coding.reference.table import Buffer, TableFile, open_file

SUFFIX = ".cwref"
PACKED_SUFFIX = SUFFIX + ".zst"
_MAX_UNPACKED_BYTES = 64_000_000
_FILE_NAME = re.compile(r"[a-z0-9-]+@\d{4}-\d\d-\d\d-[0-9a-f]{12}")


class UnknownEditionError(LookupError):
    """An edition that a past verdict names is not at hand any more."""


@dataclass(frozen=True, slots=True)
class Edition:
    """One open edition. `name` is its file's: table, effective day, start of its content's hash."""

    name: str
    table: TableFile[Any]
    is_packed: bool

    @property
    def table_name(self) -> str:
        return self.name.partition("@")[0]

    @property
    def order(self) -> tuple[date, str, str]:
        """Of two editions of one day the one that was loaded later comes last, and wins."""
        header = self.table.header
        return (self.table.effective, str(header.get("loaded_at", "")), self.name)


class Library:
    """Opens editions, and notices new ones."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._seen: object = None
        self._open: dict[str, Edition] = {edition.name: edition for edition in packed_editions()}
        self._reference = _reference(self._open.values())

    def current(self) -> Reference:
        """All editions at hand now. Costs one look at the folder where nothing has changed."""
        seen = self._look()
        if seen != self._seen:
            self._open_new()
            self._reference = _reference(self._open.values())
            self._seen = seen
        return self._reference

    def editions(self) -> tuple[Edition, ...]:
        """What is at hand, by table and age."""
        self.current()
        return tuple(sorted(self._open.values(), key=lambda each: (each.table_name, each.order)))

    def of(self, names: Iterable[str]) -> Reference:
        """The reference of a past verdict, by its editions' names. Raises UnknownEditionError."""
        self.current()
        try:
            return _reference([self._open[name] for name in names])
        except KeyError as error:
            raise UnknownEditionError(
                f"edition {error.args[0]} is not here; load its file again"
            ) from None

    def _look(self) -> object:
        if self._folder is None:
            return None
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:
            return None

    def _open_new(self) -> None:
        for path in _files(self._folder):
            if path.stem not in self._open:
                self._open[path.stem] = _edition(path.stem, open_file(path), is_packed=False)


def _files(folder: Path | None) -> Iterator[Path]:
    if folder is not None and folder.is_dir():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            if _FILE_NAME.fullmatch(path.stem) and path.stem.partition("@")[0] in NAMES:
                yield path


def _edition(name: str, buffer: Buffer, *, is_packed: bool) -> Edition:
    kind = KINDS[NAMES[name.partition("@")[0]]]
    return Edition(name, TableFile(buffer, kind.decode, kind.remembered), is_packed)


@cache
def packed_editions() -> tuple[Edition, ...]:
    """What comes with the package: free to ship, its source named in each header."""
    folder = files("services.coding.reference") / "packed"
    unpack = zstandard.ZstdDecompressor().decompress
    return tuple(
        _edition(
            entry.name.removesuffix(PACKED_SUFFIX),
            unpack(entry.read_bytes(), max_output_size=_MAX_UNPACKED_BYTES),
            is_packed=True,
        )
        for entry in sorted(folder.iterdir(), key=lambda each: each.name)
        if entry.name.endswith(PACKED_SUFFIX)
    )


def edition_name(table: str, header: dict[str, Any]) -> str:
    """An edition's name, from its table and the header of its file."""
    return f"{table}@{header['effective']}-{header['sha256'][:12]}"


def _reference(editions: Iterable[Edition]) -> Reference:
    ordered = sorted(editions, key=lambda each: each.order)
    names = tuple(sorted(each.name for each in ordered))

    def of(table: str) -> Editions[Any]:
        return Editions(each.table for each in ordered if each.table_name == table)

    return Reference(
        version=_version(names),
        editions=names,
        icd10cm=of("icd10cm"),
        icd10pcs=of("icd10pcs"),
        hcpcs=of("hcpcs"),
        cpt=of("cpt"),
        places=of("pos"),
        pairs={name: of(f"ncci-ptp-{name}") for name in KINDS["ncci-ptp"].sets},
        limits={name: of(f"ncci-mue-{name}") for name in KINDS["ncci-mue"].sets},
        add_ons=of("add-on"),
        coverage=of("coverage"),
        filing_limits=of("filing-limit"),
        dispute_limits=of("dispute-limit"),
    )


def _version(names: tuple[str, ...]) -> str:
    return "tables-" + sha256("\n".join(names).encode()).hexdigest()[:12] if names else ""

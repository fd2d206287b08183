"""Interchanges of a mailbox as a door sees them: what has come, by file name and by control number,
and the one place where a door puts something in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Literal

from deploy.twins.payer.watch import (
    BEING_WRITTEN,
    DONE,
    FROM_PAYER,
    PROCESSED,
    TO_PAYER,
    leave,
)

MAILBOX = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_ISA_BYTES = 106

State = Literal["received", "processed"]


class NameIllegalError(ValueError):
    """A file name that is none here."""


class AlreadyUsedError(ValueError):
    """The name or the control number came before, with other bytes."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One interchange that came."""

    file_name: str
    sender: str
    receiver: str
    control_number: str
    sha256: str
    state: State

    @property
    def identity(self) -> tuple[str, str, str]:
        """ISA06, ISA08, ISA13."""
        return self.sender, self.receiver, self.control_number


class Mailbox:
    """One mailbox, from outside. Folders are made when they are needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in (TO_PAYER, FROM_PAYER, PROCESSED, DONE):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def arrivals(self) -> Iterator[Arrival]:
        """Everything that ever came, each once."""
        seen: set[str] = set()
        # In this order: what is moved meanwhile is in the second.
        places: tuple[tuple[str, State], ...] = ((TO_PAYER, "received"), (PROCESSED, "processed"))
        for name, state in places:
            for path in sorted((self.folder / name).iterdir()):
                if path.name.endswith(BEING_WRITTEN) or path.name in seen:
                    continue
                try:
                    status = path.stat()
                    known = _read(path, status.st_mtime_ns, status.st_size)
                except FileNotFoundError:
                    continue
                seen.add(path.name)
                yield replace(known, state=state)

    def put(self, name: str, content: bytes) -> tuple[Arrival, bool]:
        """Brings an interchange in; False where the same was there already. Raises
        NameIllegalError, AlreadyUsedError."""
        if not is_name(name):
            raise NameIllegalError(name)
        new = _arrival(name, content, "received")
        for known in self.arrivals():
            if known.identity == new.identity or known.file_name == name:
                if known.sha256 != new.sha256:
                    raise AlreadyUsedError
                return known, False
        leave(self.folder / TO_PAYER, name, content)
        return new, True

    def answers(self) -> list[Path]:
        """Answers that were not settled, oldest first."""
        found = [
            path
            for path in (self.folder / FROM_PAYER).iterdir()
            if not path.name.endswith(BEING_WRITTEN)
        ]
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))

    def answer(self, name: str) -> Path | None:
        """One of them."""
        path = self.folder / FROM_PAYER / name
        return path if is_name(name) and path.is_file() else None

    def settle(self, name: str) -> bool:
        """Puts an answer away; whether it was there."""
        path = self.answer(name)
        if path is None:
            return False
        kept = self.folder / DONE / name
        number = 1
        while kept.exists():
            number += 1
            kept = self.folder / DONE / f"{name}.{number}"
        path.rename(kept)
        return True


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not name.endswith(BEING_WRITTEN)


@lru_cache(maxsize=100_000)
def _read(path: Path, _modified_ns: int, _size: int) -> Arrival:
    """A file's arrival; read again only where the file is another."""
    return _arrival(path.name, path.read_bytes(), "received")


def _arrival(name: str, content: bytes, state: State) -> Arrival:
    header = content[:_ISA_BYTES].decode("ascii", "replace")
    is_isa = header.startswith("ISA") and len(header) == _ISA_BYTES
    sender, receiver, number = (
        (header[35:50].strip(), header[54:69].strip(), header[90:99]) if is_isa else ("", "", "")
    )
    return Arrival(name, sender, receiver, number, sha256(content).hexdigest(), state)

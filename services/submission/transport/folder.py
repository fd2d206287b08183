"""The transport that is two folders: `to-payer` and `from-payer`, with `done` for what was read.

A shared disk, a mounted drop box, or a payer twin on the same machine. A name that ends in `.tmp`
is being written and belongs to its writer; a rename makes it complete.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from services.submission.transport import Delivery, Presence

BEING_WRITTEN = ".tmp"


class FolderTransport:
    """One payer's mailbox in `<root>/{to-payer,from-payer,done}`; makes the folders it needs."""

    def __init__(self, root: Path) -> None:
        self._to_payer = root / "to-payer"
        self._from_payer = root / "from-payer"
        self._done = root / "done"

    async def stage(self, name: str, content: bytes) -> None:
        await asyncio.to_thread(self._stage, name, content)

    async def release(self, name: str, content: bytes) -> None:  # noqa: ARG002 - it is staged
        await asyncio.to_thread(self._release, name)

    async def find(self, name: str) -> Presence:
        return await asyncio.to_thread(self._find, name)

    async def deliveries(self) -> Sequence[Delivery]:
        return await asyncio.to_thread(self._deliveries)

    async def open(self, name: str) -> BinaryIO:
        return await asyncio.to_thread((self._from_payer / name).open, "rb")

    async def settle(self, name: str) -> None:
        await asyncio.to_thread(self._settle, name)

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _staged(self, name: str) -> Path:
        return self._to_payer / (name + BEING_WRITTEN)

    def _stage(self, name: str, content: bytes) -> None:
        self._to_payer.mkdir(parents=True, exist_ok=True)
        with self._staged(name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self._to_payer)

    def _release(self, name: str) -> None:
        self._staged(name).rename(self._to_payer / name)
        _sync_folder(self._to_payer)

    def _find(self, name: str) -> Presence:
        # The staged name first: a rename between the two looks then shows as visible, not as gone.
        if self._staged(name).exists():
            return Presence.STAGED
        return Presence.VISIBLE if (self._to_payer / name).exists() else Presence.GONE

    def _deliveries(self) -> Sequence[Delivery]:
        self._from_payer.mkdir(parents=True, exist_ok=True)
        found = []
        with os.scandir(self._from_payer) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(BEING_WRITTEN):
                    continue
                if entry.is_file():
                    status = entry.stat()
                    found.append(Delivery(entry.name, status.st_size, status.st_mtime_ns))
        return sorted(found, key=lambda delivery: (delivery.arrived_ns, delivery.name))

    def _settle(self, name: str) -> None:
        self._done.mkdir(parents=True, exist_ok=True)
        kept = self._done / name
        number = 1
        while kept.exists():
            number += 1
            kept = self._done / f"{name}.{number}"
        try:
            (self._from_payer / name).rename(kept)
        except FileNotFoundError:
            return


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

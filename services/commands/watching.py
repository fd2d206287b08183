"""`claimwire publish --watch`: a folder for engines that only drop files.

```
DIR/            a file that has not changed for a moment is picked up, by renaming it
DIR/taking/     in hand; found again after a crash, and published again under the same id
DIR/done/       every record of it was let in, now or before
DIR/failed/     a record was refused, or the file could not be published at all
```

A picked-up file is named after the time and the id of its message, since its own name may tell of
a patient; the JSON file beside it says which file it was and what became of it. The id comes of the
content, so that the same file again is the same message, whenever it comes.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.commands.failures import CommandError
from services.commands.stack_access import Line, NoStackError
from services.intake import store, submissions
from shared.blobs import Blobs, BlobStoreUnavailableError
from shared.contract.envelope import business_id
from shared.database import connect
from shared.messaging import broker
from shared.messaging.faults import backoff_s
from shared.messaging.publishing import Inbound
from shared.messaging.publishing import publish as send

LOOK_S = 0.5
STILL_S = 1.0
"""A file is whole when it has not grown for so long: engines that can should rename it into
place."""
AT_ONCE = 100
MAX_RECORDS_TOLD = 100
NAME = ".name"
"""Suffix of the file in `taking` that holds a file's own name."""
_UNFINISHED = (".tmp", ".part", ".partial", ".writing")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")

Say = Callable[[str], None]


@dataclass(slots=True)
class Taken:
    """A file in hand. `place` is where it lies, `name` what its sender called it."""

    place: Path
    name: str
    message: str
    message_id: UUID
    is_sent: bool = False


@dataclass(slots=True)
class Counts:
    done: int = 0
    failed: int = 0


class Folder:
    """The watched folder. One watcher at a time has it."""

    def __init__(self, path: Path, source: str) -> None:
        self.path = path
        self._source = source
        self._sizes: dict[Path, tuple[int, int, float]] = {}
        self.unreadable: set[Path] = set()
        """Files that we may not read or move."""
        for name in ("taking", "done", "failed"):
            (path / name).mkdir(exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Has the folder for the time of the block. Raises CommandError while another has it."""
        with (self.path / "taking" / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(f"another process watches {self.path}") from None
            yield

    def left_over(self) -> list[Taken]:
        """What was in hand when the last watcher ended."""
        return [
            self._in_hand(place, _name_beside(place))
            for place in sorted((self.path / "taking").iterdir())
            if not place.name.startswith(".") and place.suffix != NAME
        ]

    def take(self, limit: int) -> list[Taken]:
        """Picks up whole files, oldest first."""
        now = time.monotonic()
        ripe = []
        seen = {}
        for place in self.path.iterdir():
            if place.name.startswith(".") or place.suffix in _UNFINISHED or place.is_symlink():
                continue
            try:
                found = place.stat()
            except FileNotFoundError:
                continue
            if not place.is_file():
                continue
            size = found.st_size, found.st_mtime_ns
            before = self._sizes.get(place)
            since = before[2] if before is not None and before[:2] == size else now
            seen[place] = (*size, since)
            if now - since >= STILL_S:
                ripe.append((found.st_mtime_ns, place))
        self._sizes = seen
        taken = []
        for _, place in sorted(ripe)[:limit]:
            try:
                taken.append(self._pick_up(place))
            except PermissionError:
                self.unreadable.add(place)
        return taken

    def _pick_up(self, place: Path) -> Taken:
        with place.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        is_plain = _SUFFIX.fullmatch(place.suffix) and place.suffix != NAME
        suffix = place.suffix if is_plain else ""
        stem = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{self._id_of(digest)}"
        taken = self.path / "taking" / f"{stem}{suffix}"
        taken.with_suffix(NAME).write_text(place.name)
        place.rename(taken)
        return self._in_hand(taken, place.name, digest)

    def _in_hand(self, place: Path, name: str, digest: str | None = None) -> Taken:
        if digest is None:
            with place.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Taken(place, name, digest, self._id_of(digest))

    def _id_of(self, digest: str) -> UUID:
        return business_id("message", self._source, digest)

    def put_away(self, taken: Taken, reason: dict[str, Any], *, is_well: bool) -> None:
        """Moves a file to done or failed, with the reason beside it: the reason first, so that no
        file is ever without one."""
        folder = self.path / ("done" if is_well else "failed")
        document = {"file": taken.name, "message_id": str(taken.message_id), **reason}
        text = json.dumps(document, indent=2, default=str) + "\n"
        (folder / f"{taken.place.name}.json").write_text(text)
        taken.place.rename(folder / taken.place.name)
        taken.place.with_suffix(NAME).unlink(missing_ok=True)


def _name_beside(place: Path) -> str:
    try:
        return place.with_suffix(NAME).read_text()
    except OSError:
        return place.name


@dataclass(slots=True)
class Watch:
    """One watcher's work. `is_once` ends it when nothing is left to pick up."""

    folder: Folder
    source: str
    content_type: str | None
    say: Say
    is_once: bool
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    counts: Counts = field(default_factory=Counts)

    async def run(self, line: Line) -> Counts:
        """Watches until SIGINT or SIGTERM. What is in hand then stays in `taking`."""
        settings = line.settings
        if settings is None:
            raise NoStackError("no broker runs: start the line with `claimwire up`")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stopping.set)
        blobs = Blobs.from_settings(settings)
        dsn = line.dsn_of("intake")
        waiting = self.folder.left_over()
        attempt = 0
        while not self.stopping.is_set():
            producer = broker.producer(settings, "claimwire-watch")
            try:
                await producer.start()
                intake = await connect(dsn, "intake")
                try:
                    await self._watch(producer, intake, blobs, settings.claim_check_bytes, waiting)
                    return self.counts
                finally:
                    await intake.close()
            except (KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                self.say(f"waiting for the line ({type(error).__name__})")
                await self._pause(backoff_s(attempt))
                attempt += 1
            finally:
                await producer.stop()
        return self.counts

    async def _watch(
        self,
        producer: AIOKafkaProducer,
        intake: "asyncpg.Connection[asyncpg.Record]",
        blobs: Blobs,
        limit: int,
        waiting: list[Taken],
    ) -> None:
        idle = 0
        while not self.stopping.is_set():
            known = len(self.folder.unreadable)
            waiting += self.folder.take(AT_ONCE - len(waiting))
            if len(self.folder.unreadable) > known:
                self.say("a file may not be read or moved: look at its permissions")
            for taken in [one for one in waiting if not one.is_sent]:
                if not await self._send(producer, taken, blobs, limit):
                    waiting.remove(taken)
            for taken in list(waiting):
                if await self._settle(intake, taken):
                    waiting.remove(taken)
            idle = 0 if waiting else idle + 1
            if self.is_once and idle * LOOK_S > STILL_S + LOOK_S:
                return
            await self._pause(LOOK_S)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _send(
        self, producer: AIOKafkaProducer, taken: Taken, blobs: Blobs, limit: int
    ) -> bool:
        """Publishes a file; False where it never can be, and was put away for it."""
        inbound = Inbound(
            taken.message, self.source, taken.place, self.content_type, is_submission=True
        )
        try:
            if taken.place.stat().st_size == 0:
                raise ValueError("the file is empty")
            await send(producer, [inbound], blobs=blobs, claim_check_bytes=limit)
        except BlobStoreUnavailableError:
            raise
        except (ValueError, PermissionError) as error:
            reason = str(error) if isinstance(error, ValueError) else "the file cannot be read"
            self._put_away(taken, {"outcome": "not-published", "reason": reason}, is_well=False)
            return False
        taken.is_sent = True
        return True

    async def _settle(self, intake: "asyncpg.Connection[asyncpg.Record]", taken: Taken) -> bool:
        """Puts a file away once all of its records are decided."""
        tally = await store.message(intake, taken.message_id)
        if tally is None or not store.is_complete(tally):
            return False
        records = await submissions.refused(intake, taken.message_id, MAX_RECORDS_TOLD)
        is_well = not tally["rejected"]
        reason = {
            "outcome": "accepted" if is_well else "refused",
            "records": tally["records"],
            "accepted": tally["accepted"],
            "duplicated": tally["duplicated"],
            "rejected": tally["rejected"],
            "refused": [
                {"position": one.position, "findings": json.loads(one.findings)} for one in records
            ],
        }
        self._put_away(taken, reason, is_well=is_well)
        return True

    def _put_away(self, taken: Taken, reason: dict[str, Any], *, is_well: bool) -> None:
        self.folder.put_away(taken, reason, is_well=is_well)
        self.counts.done += is_well
        self.counts.failed += not is_well
        self.say(f"{'done' if is_well else 'failed'}: {taken.place.name}")


def watch(
    line: Line, path: Path, source: str, content_type: str | None, say: Say, *, is_once: bool
) -> int:
    """Watches a folder; 1 where it ended by itself and a file failed."""
    if not os.access(path, os.W_OK | os.X_OK):
        raise CommandError(f"{path} is not a folder that may be written to")
    folder = Folder(path, source)
    with folder.locked():
        counts = asyncio.run(Watch(folder, source, content_type, say, is_once).run(line))
    say(f"{counts.done} done, {counts.failed} failed")
    return 1 if is_once and counts.failed else 0

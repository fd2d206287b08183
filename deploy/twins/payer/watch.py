"""The payer's mailroom: takes each file of every mailbox, and leaves answers when they are due.

Killed at any point, it does nothing twice that anybody could notice: a file is noted in the journal
before it is answered, an answer after it is left, and what a restart answers again has the same
name and bytes. The README has the folders.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic_core import to_json

from deploy.twins.payer.book import Book, summed, written_totals
from deploy.twins.payer.clock import FOLDER, Clock
from deploy.twins.payer.core import Payer
from deploy.twins.payer.journal import Journal, Taken
from deploy.twins.payer.outbox import AnswerFile
from deploy.twins.payer.reception import NotAnInterchangeError
from deploy.twins.payer.scenario import DEFAULT_SEED, EVERYDAY, Scenario, with_payment_delay

logger = logging.getLogger("claimwire.twins.payer")

BEING_WRITTEN = ".tmp"
BOOK_PAUSE = 20
"""The pause after writing the book, of what writing it took."""
TO_PAYER, FROM_PAYER, PROCESSED, DONE = "to-payer", "from-payer", "processed", "done"


class Mailroom:
    """All mailboxes under a root. `delay_s`, where it is given, is until the 835 in place of the
    scenario's. Rounds, and looks into the books, may come from several threads."""

    def __init__(
        self,
        root: Path,
        seed: int = DEFAULT_SEED,
        delay_s: float | None = None,
        scenario: Scenario = EVERYDAY,
    ) -> None:
        self.root = root
        self._seed = seed
        if delay_s is not None:
            scenario = with_payment_delay(scenario, timedelta(seconds=delay_s))
        self._scenario = scenario
        self._boxes: dict[str, _Mailbox] = {}
        self._lock = threading.Lock()

    def round(self, now_s: float) -> int:
        """Everything there is to do at a time (the twin's, in seconds since 1970); returns how many
        files it took or gave."""
        now = datetime.fromtimestamp(now_s, UTC)
        with self._lock:
            for path in sorted(self.root.glob("*")):
                is_own = path.name.startswith(".") or path.name in self._boxes
                if not is_own and path.is_dir():
                    self._boxes[path.name] = _Mailbox(path, self._scenario, self._seed)
            return sum(box.round(now) for box in self._boxes.values())

    def books(self) -> dict[str, Book]:
        """The book of each mailbox. Look at them while no round runs."""
        return {name: box.payer.book for name, box in self._boxes.items()}

    def book_json(self) -> bytes:
        """All books in one document, amounts as decimal strings."""
        with self._lock:
            books = self.books()
            document = {
                "totals": written_totals(summed(list(books.values()))),
                "mailboxes": {name: book.to_json() for name, book in books.items()},
            }
        return to_json(document, indent=1)

    def write_book(self) -> None:
        """Leaves the books where tests that share the folder find them."""
        path = self.root / FOLDER / "book.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        leave(path.parent, path.name, self.book_json())


class _Mailbox:
    """One mailbox with its payer; opening it brings the payer to where it was."""

    def __init__(self, folder: Path, scenario: Scenario, seed: int) -> None:
        self._folder = folder
        self.payer = Payer(scenario, seed)
        own = folder.parent / FOLDER / folder.name
        self._journal = Journal(own / "journal.ndjson", scenario, seed)
        taken, self._given = self._journal.open()
        self._kept = {one.kept for one in taken}
        self._latest = datetime.min.replace(tzinfo=UTC)
        for one in taken:
            self._finish_moving(one)
            self._tell(one)

    def round(self, now: datetime) -> int:
        # The clock may be another machine's, or have been set back: the payer's never is.
        self._latest = max(now, self._latest)
        taken = 0
        for path in sorted((self._folder / TO_PAYER).glob("*")):
            if not path.name.endswith(BEING_WRITTEN) and path.is_file():
                self._take(path)
                taken += 1
        return taken + self._give(self._latest)

    def _take(self, path: Path) -> None:
        started = time.perf_counter()
        one = Taken(path.name, self._free_name(path.name), self._latest)
        self._journal.took(one)
        self._kept.add(one.kept)
        self._finish_moving(one)
        claims = self._tell(one)
        seconds = time.perf_counter() - started
        logger.info("answered %s: %d claims in %.2f s", path.name, claims, seconds)

    def _free_name(self, name: str) -> str:
        number = 1
        kept = name
        while kept in self._kept:
            number += 1
            kept = f"{name}.{number}"
        return kept

    def _finish_moving(self, one: Taken) -> None:
        kept = self._folder / PROCESSED / one.kept
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            (self._folder / TO_PAYER / one.name).rename(kept)

    def _tell(self, one: Taken) -> int:
        self._latest = max(self._latest, one.at)
        try:
            content = (self._folder / PROCESSED / one.kept).read_bytes()
            return self.payer.take(content, one.name, one.at)
        except NotAnInterchangeError as error:
            logger.warning("%s: %s", one.name, error)
            return 0

    def _give(self, now: datetime) -> int:
        given = 0
        for file in self.payer.advance(now):
            if file.name not in self._given:
                self._leave_answer(file)
                given += 1
        return given

    def _leave_answer(self, file: AnswerFile) -> None:
        known = (self._folder / FROM_PAYER / file.name, self._folder / DONE / file.name)
        if not any(path.exists() for path in known):
            leave(self._folder / FROM_PAYER, file.name, file.content)
        self._journal.gave(file.name)
        self._given.add(file.name)


def run(mailroom: Mailroom, clock: Clock, poll_s: float, is_stopping: Callable[[], bool]) -> None:
    """Rounds until it is told to stop; the book is written when there is nothing else to do, and
    so seldom that writing it takes a twentieth of the time at most, however long it has grown."""
    is_written = False
    write_from = 0.0
    while not is_stopping():
        if mailroom.round(clock.now().timestamp()):
            is_written = False
            continue
        started = time.monotonic()
        if not is_written and started >= write_from:
            mailroom.write_book()
            is_written = True
            ended = time.monotonic()
            write_from = ended + BOOK_PAUSE * (ended - started)
        time.sleep(poll_s)
    mailroom.write_book()


def leave(folder: Path, name: str, content: bytes) -> None:
    """Puts a file into a folder, complete as soon as it has its name."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / (name + BEING_WRITTEN)
    partial.write_bytes(content)
    partial.rename(folder / name)

"""The payer's mailroom: takes each 837 of every mailbox, leaves the answers, and the 835 later.

Killed at any point, it does nothing twice that anybody could notice: a file moves to `processed`
only when all its answers are written, and answering it again gives the same bytes.

    <root>/<payer>/to-payer/X.837      taken, and moved to <payer>/processed/X.837
    <root>/<payer>/from-payer/X.999    left at once, with X.ta1 and X.277ca
    <root>/<payer>/adjudicated/X.835   moves to from-payer when the payment delay is over
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.twins.payer.answer import answer
from deploy.twins.payer.reception import NotAnInterchangeError, receive

logger = logging.getLogger("claimwire.twins.payer")

BEING_WRITTEN = ".tmp"


@dataclass(frozen=True, slots=True)
class Mailroom:
    """Where the mailboxes are and how the payer behaves. `delay_s` is until the 835."""

    root: Path
    seed: int
    delay_s: float = 1.0

    def round(self, now_s: float) -> int:
        """Everything there is to do now; returns how many files it took or sent."""
        done = 0
        for mailbox in sorted(path for path in self.root.glob("*") if path.is_dir()):
            done += self._take(mailbox) + self._pay(mailbox, now_s)
        return done

    def _take(self, mailbox: Path) -> int:
        taken = 0
        for path in sorted((mailbox / "to-payer").glob("*")):
            if path.name.endswith(BEING_WRITTEN) or not path.is_file():
                continue
            started = time.perf_counter()
            claims = self._answer(mailbox, path)
            _move(path, mailbox / "processed")
            taken += 1
            seconds = time.perf_counter() - started
            logger.info("answered %s: %d claims in %.2f s", path.name, claims, seconds)
        return taken

    def _answer(self, mailbox: Path, path: Path) -> int:
        try:
            received = receive(path.read_bytes())
        except NotAnInterchangeError as error:
            logger.warning("%s: %s", path.name, error)
            return 0
        answers = answer(received, self.seed)
        # The 835 first: once the 999 is out, a file may not be answered again as if it were new.
        if answers.remittance is not None:
            _leave(mailbox / "adjudicated", f"{path.stem}.835", answers.remittance)
        for suffix, content in answers.at_once.items():
            _leave(mailbox / "from-payer", f"{path.stem}.{suffix}", content)
        return answers.decisions

    def _pay(self, mailbox: Path, now_s: float) -> int:
        paid = 0
        for path in sorted((mailbox / "adjudicated").glob("*.835")):
            if path.stat().st_mtime + self.delay_s <= now_s:
                _move(path, mailbox / "from-payer")
                paid += 1
        return paid


def run(mailroom: Mailroom, poll_s: float, is_stopping: Callable[[], bool]) -> None:
    """Rounds until it is told to stop."""
    while not is_stopping():
        if not mailroom.round(time.time()):
            time.sleep(poll_s)


def _leave(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / (name + BEING_WRITTEN)
    partial.write_bytes(content)
    partial.rename(folder / name)


def _move(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path.rename(folder / path.name)

"""The filters: the services' own pure functions on files and pipes, no broker and no database.

Each reads files or stdin and writes CloudEvents as NDJSON. Exit status: 0 when every record was
accepted, 1 when some were refused, 2 when the input cannot be read at all; 141, as of any program
in a pipe, when the reader went away.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from services.commands.failures import CommandError
from services.commands.output import complain
from shared.contract.envelope import EnvelopeError, Event, from_structured, to_structured
from shared.contract.events import (
    AcknowledgementRead,
    ClaimHeld,
    ClaimRefused,
    ClaimRejected,
    MessageRejected,
    RemittanceQuarantined,
)
from shared.settings import variable

if TYPE_CHECKING:
    from services.intake.domain.profile import SourceProfiles

_REFUSALS = (ClaimRejected, MessageRejected, ClaimHeld, ClaimRefused, RemittanceQuarantined)
_STDIN = Path("-")

Transform = Callable[[BinaryIO], Iterator[Event]]


class Exit(IntEnum):
    ACCEPTED = 0
    SOME_REFUSED = 1
    UNREADABLE = 2
    READER_GONE = 141


def intake(files: Sequence[Path] | None, source: str) -> int:
    """837, HL7 v2, canonical JSON or NDJSON in, claim events out. A claim that an earlier file had
    is a duplicate in a later one; an encounter goes on from file to file."""
    from services.intake.domain.known import State
    from services.intake.filter import read

    known: dict[str, State] = {}
    profiles = source_profiles()
    return _run(
        files,
        lambda stream: read(
            stream, source=source, now=datetime.now(UTC), states=known, profiles=profiles
        ),
    )


def code(
    files: Sequence[Path] | None,
    as_of: date | None = None,
    version: str | None = None,
    var_dir: Path = Path("var"),
) -> int:
    """Received claims in, each out as coded or held; by today's ruleset or a past one, on the day
    they came or another."""
    from services.coding.domain.verdict import Ruleset
    from services.coding.filter import code as check
    from services.coding.reference.library import Library
    from shared import settings

    if version is None:
        ruleset = Ruleset(Library(settings.load().reference_dir).current())
    else:
        from services.commands.proving import past_ruleset

        ruleset = past_ruleset(var_dir, version)
    return _run(
        files,
        lambda stream: check(_events(stream), now=datetime.now(UTC), ruleset=ruleset, as_of=as_of),
    )


def submit(files: Sequence[Path] | None, out: Path) -> int:
    """Coded claims in, 837 interchanges into the folder, submitted claims out."""
    from services.submission.filter import submit as write

    out.mkdir(parents=True, exist_ok=True)
    return _run(files, lambda stream: write(_events(stream), out, now=datetime.now(UTC)))


def ack(files: Sequence[Path] | None) -> int:
    """TA1, 999, 277CA and 277 files in, what each says out."""
    from services.submission.filter import ack as read

    return _run(
        files,
        lambda stream: read(stream, now=datetime.now(UTC)),
        expected="TA1, 999, 277CA or 277",
    )


def remit(files: Sequence[Path] | None) -> int:
    """835 files in, what each came to, and each claim of it, out."""
    from services.remittance.filter import remit as read

    return _run(files, lambda stream: read(stream, now=datetime.now(UTC)))


def source_profiles() -> "SourceProfiles":
    """The installation's source profiles. Raises CommandError where they cannot be used."""
    from services.intake.domain.profile import SourceProfileError, load_profiles

    path = os.environ.get(variable("source_profiles"))
    try:
        return load_profiles(Path(path) if path else None)
    except SourceProfileError as error:
        raise CommandError(f"{variable('source_profiles')}: {error}") from None


@dataclass(slots=True)
class _Count:
    """Of the events that were written, and of the files that nothing could be had from."""

    accepted: int = 0
    refused: int = 0
    unreadable: int = 0

    def add(self, event: Event) -> None:
        if isinstance(event.data, MessageRejected):
            self.unreadable += 1
        elif is_refusal(event):
            self.refused += 1
        else:
            self.accepted += 1

    @property
    def written(self) -> int:
        return self.accepted + self.refused + self.unreadable

    @property
    def status(self) -> Exit:
        if self.unreadable and not self.accepted and not self.refused:
            return Exit.UNREADABLE
        return Exit.SOME_REFUSED if self.refused or self.unreadable else Exit.ACCEPTED


def _run(files: Sequence[Path] | None, transform: Transform, *, expected: str | None = None) -> int:
    """Every file's events to stdout. `expected` is what a file must hold, where the transform says
    nothing of one that does not."""
    count = _Count()
    for path in files or [_STDIN]:
        before = count.written
        try:
            for event in _transformed(path, transform):
                sys.stdout.buffer.write(to_structured(event) + b"\n")
                count.add(event)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            return _reader_gone()
        except (OSError, EnvelopeError) as error:
            _complain(path, error)
            count.unreadable += 1
        if expected is not None and count.written == before:
            complain(f"{path.name}: holds no {expected}")
            count.unreadable += 1
    return count.status


def _transformed(path: Path, transform: Transform) -> Iterator[Event]:
    with _opened(path) as stream:
        yield from transform(stream)


def _reader_gone() -> int:
    """What Python still holds for stdout goes nowhere: its flush at the end must not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.READER_GONE


def is_refusal(event: Event) -> bool:
    """Whether the event says that a record was refused, at our door or at a payer's."""
    if isinstance(event.data, AcknowledgementRead):
        return event.data.outcome in ("rejected", "partially_accepted") or any(
            claim.outcome == "refused" for claim in event.data.claims
        )
    return isinstance(event.data, _REFUSALS)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == _STDIN:
        yield sys.stdin.buffer
        return
    with path.open("rb") as stream:
        yield stream


def _events(lines: Iterable[bytes]) -> Iterator[Event]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield from_structured(line)
            except EnvelopeError as error:
                raise EnvelopeError(f"line {number}: {error.path}", error.reason) from None
            except (ValueError, RecursionError):
                raise EnvelopeError(f"line {number}: data", "does not fit its type") from None


def _complain(path: Path, error: OSError | EnvelopeError) -> None:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    name = "stdin" if path == _STDIN else path.name
    complain(f"{name}: {reason or type(error).__name__}")

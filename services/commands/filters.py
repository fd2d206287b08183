"""The filters: the services' own pure functions on files and pipes, no broker and no database.

Each reads files or stdin and writes CloudEvents as NDJSON. Exit status: 0 when every record was
accepted, 1 when some were refused, 2 when the input cannot be read at all.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from shared.contract.envelope import EnvelopeError, Event, from_structured, to_structured
from shared.contract.events import (
    AcknowledgementRead,
    ClaimHeld,
    ClaimRefused,
    ClaimRejected,
    MessageRejected,
    RemittanceQuarantined,
)

Files = Annotated[
    list[Path] | None,
    typer.Argument(help="Files to read; stdin where none is named or the name is -."),
]
Source = Annotated[str, typer.Option(help="The sender's configured name.")]

_REFUSALS = (ClaimRejected, MessageRejected, ClaimHeld, ClaimRefused, RemittanceQuarantined)


class Exit(IntEnum):
    ACCEPTED = 0
    SOME_REFUSED = 1
    UNREADABLE = 2


def intake(files: Files = None, source: Source = "cli") -> None:
    """Read 837, canonical JSON or NDJSON into claim events."""
    from services.intake.filter import read

    _run(files, lambda stream: read(stream, source=source, now=datetime.now(UTC)))


def code(files: Files = None) -> None:
    """Check received claims; each comes out coded or held."""
    from services.coding.filter import code as check

    _run(files, lambda stream: check(_events(stream), now=datetime.now(UTC)))


def submit(
    out: Annotated[Path, typer.Option(help="Folder for the 837 interchanges.", file_okay=False)],
    files: Files = None,
) -> None:
    """Write coded claims into 837 interchanges, one file per payer and kind."""
    from services.submission.filter import submit as write

    out.mkdir(parents=True, exist_ok=True)
    _run(files, lambda stream: write(_events(stream), out, now=datetime.now(UTC)))


def ack(files: Files = None) -> None:
    """Read TA1, 999, 277CA and 277 files."""
    from services.submission.filter import ack as read

    _run(files, lambda stream: read(stream, now=datetime.now(UTC)))


def remit(files: Files = None) -> None:
    """Read 835 files, check that they balance and say what each claim came to."""
    from services.remittance.filter import remit as read

    _run(files, lambda stream: read(stream, now=datetime.now(UTC)))


def _run(files: list[Path] | None, transform: Callable[[BinaryIO], Iterator[Event]]) -> None:
    refused = accepted = unreadable = 0
    for path in files or [Path("-")]:
        try:
            with _opened(path) as stream:
                for event in transform(stream):
                    sys.stdout.buffer.write(to_structured(event) + b"\n")
                    refused += is_refusal(event)
                    accepted += not is_refusal(event)
                    unreadable += isinstance(event.data, MessageRejected)
        except (OSError, EnvelopeError) as error:
            _complain(path, error)
            unreadable += 1
        sys.stdout.buffer.flush()
    if unreadable and not accepted and refused <= unreadable:
        raise typer.Exit(Exit.UNREADABLE)
    raise typer.Exit(Exit.SOME_REFUSED if refused or unreadable else Exit.ACCEPTED)


def is_refusal(event: Event) -> bool:
    """Whether the event says that a record was refused, at our door or at a payer's."""
    if isinstance(event.data, AcknowledgementRead):
        return event.data.outcome in ("rejected", "partially_accepted") or any(
            claim.outcome == "refused" for claim in event.data.claims
        )
    return isinstance(event.data, _REFUSALS)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if str(path) == "-":
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
            except ValueError:
                raise EnvelopeError(f"line {number}: data", "does not fit its type") from None


def _complain(path: Path, error: OSError | EnvelopeError) -> None:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    typer.echo(f"claimwire: {path.name}: {reason}", err=True)

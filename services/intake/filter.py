"""intake without broker and database: the command line's filter over the same pure functions."""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from io import BytesIO
from tempfile import TemporaryFile
from typing import BinaryIO

from services.intake.domain.answer import answer
from services.intake.domain.known import State
from services.intake.domain.message import Delivery, read_delivery
from services.intake.domain.profile import BUILT_IN, SourceProfiles
from shared.contract.envelope import Event

_IN_MEMORY = 1 << 20


def read(
    stream: BinaryIO,
    *,
    source: str,
    now: datetime,
    content_type: str | None = None,
    states: dict[str, State] | None = None,
    profiles: SourceProfiles = BUILT_IN,
) -> Iterator[Event]:
    """The events for each record of one file. `states` carries what is known from file to file."""
    known = {} if states is None else states
    with _rereadable(stream) as file:
        start = file.tell()
        delivery = Delivery(
            source=source, open=lambda: _from(file, start), content_type=content_type
        )
        for arrival in read_delivery(delivery, profiles):
            made = answer(known, arrival, profiles, now)
            known.update(made.states)
            yield from made.events


@contextmanager
def _from(file: BinaryIO, start: int) -> Iterator[BinaryIO]:
    file.seek(start)
    yield file


def _rereadable(stream: BinaryIO) -> AbstractContextManager[BinaryIO]:
    """The stream, if it can go back to its start; else a copy: in memory while it is small, in an
    unnamed file beyond that."""
    if stream.seekable():
        return nullcontext(stream)
    return _copied(stream)


@contextmanager
def _copied(stream: BinaryIO) -> Iterator[BinaryIO]:
    head = stream.read(_IN_MEMORY)
    if len(head) < _IN_MEMORY:
        yield BytesIO(head)
        return
    with TemporaryFile() as file:
        file.write(head)
        shutil.copyfileobj(stream, file)
        file.seek(0)
        yield file

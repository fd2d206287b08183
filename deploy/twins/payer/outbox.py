"""Answers on their way out: written, named, numbered; lost, late or doubled by the scenario.

It is apart from the payer's mind: what is said is decided before, when it comes is decided here.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO

from deploy.twins.payer.cases import ReplyTo
from deploy.twins.payer.draws import is_drawn
from deploy.twins.payer.scenario import AnswerKind, Scenario
from shared.x12.answers.writing import (
    write_group_answers,
    write_interchange_answers,
    write_remittances,
    write_status_reports,
)
from shared.x12.interchange import MAX_CONTROL_NUMBER, InterchangeEnvelope

At = Callable[[datetime, Callable[[datetime], None]], None]
"""Has something happen at a time."""


@dataclass(frozen=True, slots=True, repr=False)
class AnswerFile:
    """One file for the client. `kind` is its transaction, `at` when it comes."""

    name: str
    kind: AnswerKind
    content: bytes
    at: datetime


class Outbox:
    """Writes answers, and gives them out when they are due."""

    def __init__(self, scenario: Scenario, seed: int, at: At) -> None:
        self._scenario = scenario
        self._seed = seed
        self._at = at
        self._control_number = 0
        self._names: Counter[tuple[str, str]] = Counter()
        self._ready: list[AnswerFile] = []

    def given(self) -> list[AnswerFile]:
        """What was due and not given out yet."""
        ready, self._ready = self._ready, []
        return ready

    def write(
        self,
        reply: ReplyTo,
        kind: AnswerKind,
        at: datetime,
        values: Sequence[object],
        *,
        delay: timedelta | None = None,
    ) -> tuple[str, str]:
        """Writes a file now, to come after its kind's delay or the one given; returns its name and
        what becomes of it: sent, late, duplicated or lost."""
        due = at + (_delay(self._scenario, kind) if delay is None else delay)
        self._control_number = self._control_number % MAX_CONTROL_NUMBER + 1
        out = BytesIO()
        _WRITERS[kind](out, _envelope(reply, self._control_number, due), values)
        self._names[reply.stem, kind] += 1
        count = self._names[reply.stem, kind]
        name = f"{reply.stem}.{kind}" if count == 1 else f"{reply.stem}-{count}.{kind}"
        return name, self._send(AnswerFile(name, kind, out.getvalue(), due), reply)

    def _send(self, file: AnswerFile, reply: ReplyTo) -> str:
        rule = self._scenario.deliveries.get(file.kind)
        if rule is None:
            self._give(file)
            return "sent"

        def befalls(percent: int, what: str) -> bool:
            subject = f"{reply.control_number} {self._control_number}"
            return is_drawn(percent, subject, self._seed, f"{what} {file.kind}")

        if befalls(rule.lost_percent, "lost"):
            return "lost"
        if befalls(rule.late_percent, "late"):
            self._give(replace(file, at=file.at + rule.late_by))
            return "late"
        self._give(file)
        if not befalls(rule.duplicated_percent, "duplicated"):
            return "sent"
        stem, _, suffix = file.name.rpartition(".")
        self._give(replace(file, name=f"{stem}-again.{suffix}"))
        return "duplicated"

    def _give(self, file: AnswerFile) -> None:
        self._at(file.at, lambda _: self._ready.append(file))


def _delay(scenario: Scenario, kind: AnswerKind) -> timedelta:
    delays = scenario.delays
    return {
        "ta1": delays.ta1,
        "999": delays.syntax,
        "277ca": delays.acceptance,
    }.get(kind, timedelta())


def _envelope(reply: ReplyTo, number: int, at: datetime) -> InterchangeEnvelope:
    return InterchangeEnvelope(
        sender=reply.sender,
        receiver=reply.receiver,
        sender_qualifier=reply.sender_qualifier,
        receiver_qualifier=reply.receiver_qualifier,
        control_number=number,
        created_at=at,
        usage=reply.usage,
    )


_WRITERS: dict[AnswerKind, Callable[..., None]] = {
    "ta1": write_interchange_answers,
    "999": write_group_answers,
    "277ca": write_status_reports,
    "277": write_status_reports,
    "835": write_remittances,
}

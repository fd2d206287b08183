"""What became of published messages, from the line's own events: pure bookkeeping, no broker.

`claimwire publish --wait` feeds it every event that it hears; most are of other people's claims.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.contract.envelope import EnvelopeError, Event, from_headers
from shared.contract.events import (
    ClaimDuplicated,
    ClaimHeld,
    ClaimReceived,
    ClaimRefused,
    ClaimRejected,
    EncounterRecorded,
    MessageRejected,
)
from shared.contract.model import Finding

# How far each event takes a claim that was received.
_LATER = {
    "claim.coded.v1": "coded",
    "claim.held.v1": "held",
    "claim.submitted.v1": "submitted",
    "claim.refused.v1": "refused",
}
_ANSWERS = frozenset(
    (
        "claim.received.v1",
        "claim.duplicated.v1",
        "claim.rejected.v1",
        "message.rejected.v1",
        "encounter.recorded.v1",
    )
)
_ENDS = frozenset(
    ("held", "submitted", "refused", "rejected", "duplicate", "superseded", "gathered")
)
WELL = frozenset(("submitted", "duplicate", "gathered"))

EARLY = 2_000
"""Claims of which something was heard before they were, at most: most are other people's."""

Fetch = Callable[[Mapping[str, str]], bytes]
"""The value that a claim check in an event's headers stands for."""


@dataclass(slots=True)
class Outcome:
    """What became of one record of a message so far."""

    claim: str | None
    outcome: str
    findings: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Answer:
    """What became of one message. `records` is by position in the message."""

    file: str
    message_id: UUID
    expected: int | None = None
    """How many records it has, once intake has read it to its end."""
    records: dict[int, Outcome] = field(default_factory=dict)

    @property
    def is_settled(self) -> bool:
        """Whether every record is where `publish` follows it to."""
        return (
            self.expected is not None
            and len(self.records) >= self.expected
            and all(record.outcome in _ENDS for record in self.records.values())
        )

    @property
    def is_well(self) -> bool:
        """Whether every claim of it was submitted, or had come before."""
        return self.is_settled and all(one.outcome in WELL for one in self.records.values())


class Following:
    """The messages that are waited for, and their claims by id and revision."""

    def __init__(self, answers: Iterable[Answer], fetch: Fetch) -> None:
        self.answers = {answer.message_id: answer for answer in answers}
        self._marks = [str(message_id).encode() for message_id in self.answers]
        self._claims: dict[str, dict[int, Outcome]] = {}
        self._early: dict[str, list[tuple[Mapping[str, str], bytes]]] = {}
        self._fetch = fetch

    @property
    def is_settled(self) -> bool:
        return all(answer.is_settled for answer in self.answers.values())

    def heard(self, headers: Mapping[str, str], value: bytes) -> None:
        """Takes one event in. What cannot be read is not ours: nothing is raised for it."""
        kind = headers.get("ce_type", "")
        if kind in _LATER:
            subject = headers.get("ce_subject", "")
            if subject in self._claims:
                self._advance(headers, value, _LATER[kind])
            else:
                self._early.setdefault(subject, []).append((headers, value))
                if len(self._early) > EARLY:
                    del self._early[next(iter(self._early))]
        elif kind in _ANSWERS:
            body = self._fetch(headers) if "ce_dataref" in headers else value
            if any(mark in body for mark in self._marks):
                self._answered(_event(headers, body))

    def _advance(self, headers: Mapping[str, str], value: bytes, outcome: str) -> None:
        revision = int(headers.get("ce_sequence", "1"))
        for known, record in self._claims[headers["ce_subject"]].items():
            if known == revision:
                record.outcome = outcome
                if outcome in ("held", "refused"):
                    record.findings = _findings(_event(headers, value))
            elif known < revision and record.outcome not in _ENDS:
                record.outcome = "superseded"

    def _answered(self, event: Event | None) -> None:
        match event.data if event else None:
            case ClaimReceived(origin=origin):
                outcome = "accepted"
            case ClaimDuplicated(origin=origin):
                outcome = "duplicate"
            case EncounterRecorded(origin=origin):
                outcome = "gathered"
            case ClaimRejected(origin=origin) | MessageRejected(origin=origin):
                outcome = "rejected"
            case _:
                return
        answer = self.answers.get(origin.message_id)
        if answer is None or event is None:
            return
        claim = event.subject if outcome in ("accepted", "duplicate") else None
        record = Outcome(claim, outcome, _findings(event) if outcome == "rejected" else [])
        answer.records[origin.position] = record
        if outcome == "accepted":
            self._claims.setdefault(event.subject, {})[event.sequence] = record
            # A poll brings its topics in no order: what came of the claim may be heard before it.
            for headers, value in self._early.pop(event.subject, ()):
                self._advance(headers, value, _LATER[headers["ce_type"]])


def _event(headers: Mapping[str, str], value: bytes) -> Event | None:
    try:
        return from_headers(headers, value)
    except (EnvelopeError, ValueError):
        return None


def _findings(event: Event | None) -> list[dict[str, Any]]:
    match event.data if event else None:
        case (
            ClaimHeld(findings=found)
            | ClaimRefused(findings=found)
            | ClaimRejected(findings=found)
            | MessageRejected(findings=found)
        ):
            return _shown(found)
        case _:
            return []


def _shown(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json", exclude_defaults=True) for one in findings]

"""Records for each service, made by what would send them: the hospital twin, the other services'
deciders, the payer twin.

A claim's records carry one Kafka key, so that their order is the broker's to keep. What the service
must say of a record, where it must say it once and for all, stands beside the record.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

from deploy.twins import hospital
from deploy.twins.hospital import Hospital
from deploy.twins.payer.answer import answer
from deploy.twins.payer.reception import receive
from deploy.twins.payer.scenario import EVERYDAY, Fate, Outcome
from services.coding.filter import code
from services.intake.filter import read
from services.submission.filter import submit
from shared.contract import topics
from shared.contract.claim import Claim
from shared.contract.envelope import Event, Headers, business_id, to_headers
from shared.contract.model import to_wire
from shared.messaging.publishing import Inbound

NOW = datetime(2025, 3, 20, 12, tzinfo=UTC)
SEED = 5
_ALWAYS_PAID = replace(EVERYDAY, fates=(Fate(Outcome.PAID, 1),))

Said: TypeAlias = tuple[str, str]
"""An event's type and its key."""


@dataclass(frozen=True, slots=True)
class Sendable:
    """A record for the broker. `says`: events that must be in the service's log once it is
    decided, each once. `claim`: the id of the claim it is about."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers
    claim: str
    says: tuple[Said, ...] = ()

    def with_header(self, name: str, value: bytes) -> "Sendable":
        """The record with this header and no other of its name."""
        kept = tuple(pair for pair in self.headers if pair[0] != name)
        return replace(self, headers=(*kept, (name, value)))


class Maker:
    """Makes records for one service; no claim is made twice."""

    def __init__(self, service: str, folder: Path) -> None:
        self.service = service
        self._folder = folder
        # Days of their own: the same claim under another number is a duplicate to coding.
        seed = SEED + sum(service.encode())
        self._hospital = Hospital(seed, today=NOW.date(), run=service[:3].upper())
        self._of_claim: Callable[[Sequence[Claim]], Iterator[Sendable]] = {
            "intake": _for_intake,
            "coding": _for_coding,
            "submission": _for_submission,
            "remittance": self._for_remittance,
        }[service]

    def story(self, revisions: int) -> list[Sendable]:
        """The records of one claim, in order: a revision each, and what else belongs to it."""
        first = self._hospital.claim()
        return list(self._of_claim([_revised(first, number) for number in range(revisions)]))

    def good(self, claims: int) -> list[Sendable]:
        """Records of so many claims of one revision each."""
        return [record for _ in range(claims) for record in self.story(1)]

    def one(self) -> Sendable:
        """One record about a claim's first revision."""
        return self.story(1)[0]

    def _for_remittance(self, revisions: Sequence[Claim]) -> Iterator[Sendable]:
        """`claim.submitted` for each revision; an 835 that pays what its 837 says for the last."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for event in submit(_coded(revisions), self._folder, now=NOW, claims_per_file=1):
            yield _event_record(event)
        newest = max(self._folder.glob("*.837"), key=lambda path: path.name)
        remittance = answer(receive(newest.read_bytes()), SEED, _ALWAYS_PAID).remittance
        assert remittance is not None
        claim = str(revisions[-1].id)
        message_id = business_id("conformance 835", claim)
        yield Sendable(
            topics.PAYERS_INBOUND,
            claim.encode(),
            remittance,
            (("ce_id", str(message_id).encode()), ("x12-transactions", b"835")),
            claim,
            (("claim.paid.v1", claim), ("payment.posted.v1", claim)),
        )


def _revised(claim: Claim, number: int) -> Claim:
    """The claim as its hospital sends it the next time, with another member id."""
    subscriber = claim.subscriber.model_copy(update={"identifier": f"W{number:08d}"})
    return claim.model_copy(update={"subscriber": subscriber}) if number else claim


def _for_intake(revisions: Sequence[Claim]) -> Iterator[Sendable]:
    claim = revisions[0]
    for number, revision in enumerate(revisions):
        message = Inbound(
            message_id=f"{claim.patient_control_number}-{number}",
            source=hospital.SOURCE,
            content=b"[" + to_wire(revision) + b"]",
            content_type=hospital.JSON,
        )
        assert isinstance(message.content, bytes)
        key = str(claim.id)
        yield Sendable(
            topics.CLAIMS_INBOUND,
            key.encode(),
            message.content,
            message.headers(),
            key,
            (("claim.received.v1", key),),
        )


def _for_coding(revisions: Sequence[Claim]) -> Iterator[Sendable]:
    for event in _received(revisions):
        yield _event_record(event, "claim.coded.v1")


def _for_submission(revisions: Sequence[Claim]) -> Iterator[Sendable]:
    """Only the last revision is sure to go to the payer: an earlier one may be superseded."""
    for event in _coded(revisions):
        is_last = event.sequence == len(revisions)
        yield _event_record(event, *(("claim.submitted.v1",) if is_last else ()))


def _event_record(event: Event, *says: str) -> Sendable:
    return Sendable(
        event.topic,
        event.subject.encode(),
        to_wire(event.data),
        to_headers(event),
        event.subject,
        tuple((name, event.subject) for name in says),
    )


def _received(revisions: Sequence[Claim]) -> Iterator[Event]:
    states: dict[str, Any] = {}
    for revision in revisions:
        stream = BytesIO(b"[" + to_wire(revision) + b"]")
        yield from read(
            stream, source=hospital.SOURCE, now=NOW, content_type=hospital.JSON, states=states
        )


def _coded(revisions: Sequence[Claim]) -> Iterator[Event]:
    return code(_received(revisions), now=NOW)

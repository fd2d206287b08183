"""What the benchmark feeds to everything it measures: the hospital twin's claims, from a seed.

The codecs are given what the line itself writes and reads: claims with line control numbers as an
837, and the 835 that the payer twin answers it with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from deploy.twins.hospital import SOURCE, Hospital, render_x12
from deploy.twins.payer.answer import answer
from deploy.twins.payer.reception import receive
from shared.contract.claim import Claim
from shared.contract.envelope import Event, Headers, business_id, to_headers
from shared.contract.events import ClaimReceived, MessageOrigin
from shared.contract.model import to_wire

SEED = 20_261_122
PAYER_SEED = 1
TODAY = date(2026, 11, 2)


@dataclass(frozen=True, slots=True)
class Message:
    """A record to publish, as it is."""

    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class CodecFiles:
    """One 837P and the 835 that answers it. `paid` is how many claims the 835 has: those that the
    payer refuses or keeps silent on are not in it."""

    claims: int
    paid: int
    claims_path: Path
    remittance_path: Path


def professional_claims(count: int) -> list[Claim]:
    """The twin's first professional claims, their lines numbered as intake numbers them."""
    return [_with_line_numbers(claim) for claim, _ in zip(_professional(), range(count))]  # noqa: B905


def _professional() -> Iterator[Claim]:
    hospital = Hospital(SEED, today=TODAY)
    while True:
        claim = hospital.claim()
        if claim.kind == "professional":
            yield claim


def _with_line_numbers(claim: Claim) -> Claim:
    lines = tuple(
        line.model_copy(update={"line_control_number": f"{claim.id.hex[:16].upper()}{line.number}"})
        for line in claim.service_lines
    )
    return claim.model_copy(update={"service_lines": lines})


def codec_files(folder: Path, claims: int) -> CodecFiles:
    """Writes an 837P of so many claims and its 835 into a folder."""
    content = render_x12(professional_claims(claims), TODAY, number=1)
    claims_path = folder / f"{claims}.837"
    claims_path.write_bytes(content)
    answers = answer(receive(content), PAYER_SEED)
    remittance = answers.remittance or b""
    remittance_path = folder / f"{claims}.835"
    remittance_path.write_bytes(remittance)
    return CodecFiles(claims, remittance.count(b"~CLP*"), claims_path, remittance_path)


def envelope_time() -> datetime:
    """The time in the envelopes: the twin's day."""
    return datetime.combine(TODAY, datetime.min.time(), tzinfo=UTC)


def received_events(count: int) -> list[Message]:
    """Claims of the twin as intake says them, an event for each."""
    hospital = Hospital(SEED, today=TODAY, run="E")
    return [_received(_with_line_numbers(hospital.claim())) for _ in range(count)]


def _received(claim: Claim) -> Message:
    at = envelope_time()
    origin = MessageOrigin(message_id=business_id("benchmark", claim.id), source=SOURCE)
    event = Event(
        id=business_id("benchmark received", claim.id),
        source="benchmark",
        subject=str(claim.id),
        time=at,
        data=ClaimReceived(claim=claim, origin=origin, received_at=at),
        traceparent=f"00-{claim.id.hex}-{claim.id.hex[:16]}-00",
    )
    return Message(event.subject.encode(), to_wire(event.data), to_headers(event))

"""What claims say that one patient had on one day: the memory that checks across claims need.

A patient's day has a name that says nothing of the patient or the day: a keyed hash over payer,
member and date. Lines stand under the claim and revision that they came with; whether they count
is the claim's state to say, so that a claim which was refused stops counting by itself.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import date
from decimal import Decimal
from uuid import UUID

from services.coding.domain.served import is_inpatient, provider_of, services
from shared.contract.claim import Claim, ClaimKind
from shared.light import dataclass

VOID = "8"
_KEY_BYTES = 16
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class EarlierLine:
    """One service line of another claim of the same patient and payer that went out."""

    claim_id: UUID
    kind: ClaimKind
    day: date
    provider: str | None
    """NPI of who gave the service: rendering on professional, billing on institutional claims."""
    code: str | None
    modifiers: tuple[str, ...]
    units: Decimal
    charge: int
    """Cents."""
    days: int = 1
    """How many days the units are spread over, from `day` on."""
    stay: str | None = None
    """First two digits of the type of bill, where the line stands for a whole stay."""


History = tuple[EarlierLine, ...]


@dataclass(frozen=True, slots=True)
class ClaimDay:
    """What one revision of one claim has on one day."""

    revision: int
    lines: History


MOST_CLAIMS = 50
"""Of one patient on one day. Nobody has so many: a bound on what a sender can make us keep and read
for each of its claims."""


@dataclass(frozen=True, slots=True)
class PatientDay:
    """All that claims say of one patient on one day, by claim."""

    key: bytes
    claims: Mapping[UUID, ClaimDay] = field(default_factory=dict)

    def with_claim(self, claim_id: UUID, told: ClaimDay) -> "PatientDay":
        """The day with this claim; the oldest of too many claims is forgotten."""
        claims = {**self.claims, claim_id: told}
        if len(claims) > MOST_CLAIMS:
            del claims[next(iter(claims))]
        return PatientDay(self.key, claims)


def days_of(claim: Claim, secret: bytes) -> dict[bytes, ClaimDay]:
    """What the claim has on each of its patient's days, by the day's name. Empty where the claim
    does not say whose it is; a void has its days, with nothing on them."""
    member = claim.subscriber.identifier
    if not member:
        return {}
    identity = _identity(claim, member)
    by_day: dict[date, list[EarlierLine]] = {}
    for line in _lines(claim):
        by_day.setdefault(line.day, []).append(line)
    is_void = claim.frequency == VOID
    return {
        _name(secret, identity, day): ClaimDay(claim.revision, () if is_void else tuple(lines))
        for day, lines in by_day.items()
    }


def _identity(claim: Claim, member: str) -> str:
    """Who the patient is to the payer. Those who share a member number are told apart by their
    birth date and first name."""
    person = claim.patient or claim.subscriber
    parts = (
        claim.payer.identifier or "",
        member,
        person.birth_date.isoformat() if person.birth_date else "",
        person.first_name or "",
    )
    return _SEPARATOR.join(part.strip().upper() for part in parts)


def _name(secret: bytes, identity: str, day: date) -> bytes:
    text = f"{identity}{_SEPARATOR}{day.isoformat()}"
    return hmac.digest(secret, text.encode(), "sha256")[:_KEY_BYTES]


def _lines(claim: Claim) -> Iterable[EarlierLine]:
    if is_inpatient(claim):
        if claim.statement_from is not None:
            yield EarlierLine(
                claim.id,
                claim.kind,
                claim.statement_from,
                provider_of(claim),
                None,
                (),
                Decimal(0),
                claim.charge,
                stay=claim.facility_code,
            )
        return
    for service in services(claim):
        if service.day:
            yield EarlierLine(
                claim.id,
                claim.kind,
                date.fromordinal(service.day),
                service.provider,
                service.code,
                service.modifiers,
                service.units,
                service.line.charge,
                service.days,
            )

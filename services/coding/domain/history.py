"""What earlier claims say that the same patient had on the days of a claim."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from shared.contract.claim import ClaimKind


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
    revenue_code: str | None = None


History = tuple[EarlierLine, ...]

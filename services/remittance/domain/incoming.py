"""What remittance is told, one unit at a time: a claim was sent, a payer gave it a number, and the
parts of an 835 transaction set, whose first already knows whether the whole adds up.

It is apart because the reader makes these values, the decider takes them, and neither needs to know
the other.
"""

from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID

from pydantic import TypeAdapter

from services.remittance.domain.accounts import number_key, plain
from services.remittance.domain.commands import Command
from services.remittance.domain.ledger import ProviderAdjusted
from services.remittance.domain.registration import UNKNOWN_PAYER, SubmittedClaim
from services.remittance.domain.state import Place
from shared.contract.envelope import business_id
from shared.contract.events import RemittanceBalance
from shared.contract.model import Finding
from shared.contract.remittance import (
    ProviderAdjustment,
    RemittanceClaim,
    RemittanceHeader,
    RemittanceOrganization,
    RemittanceTrailer,
)

_CLAIM = TypeAdapter(RemittanceClaim)
_NOT_KEPT = {"findings"}


@dataclass(frozen=True, slots=True)
class Registration:
    """A revision of a claim was sent to its payer."""

    claim: SubmittedClaim
    number_key: str
    traceparent: str | None = None
    content: bytes = b""
    """The event's data, which holds the whole claim."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A payer acknowledged a claim, and gave it a number of its own or took it into adjudication at
    this instant."""

    claim_id: UUID
    payer_claim_control_number: str | None = None
    accepted_at: datetime | None = None
    evidence: str | None = None
    """Which answer of the payer's says so."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A transaction set, read through once: who pays how much, and whether it adds up."""

    remittance_id: UUID
    payer_identifier: str
    payer_name: str | None
    trace_number: str | None
    method: str | None
    payment_date: date | None
    amount: int
    claims: int
    is_debit: bool
    """BPR03 D: the payer takes this amount from the provider's account."""
    balance: RemittanceBalance
    provider_adjustments: tuple[ProviderAdjusted, ...]
    content_hash: bytes
    payee_identifier: str | None = None
    payee_tax_id: str | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimRead:
    """One claim of a transaction set. `content` is the claim as it is kept."""

    opening: Opening
    claim: RemittanceClaim
    number_key: str
    content: bytes

    @property
    def place(self) -> Place:
        return self.opening.remittance_id, self.claim.position


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of a transaction set: all of its claims have been decided on."""

    opening: Opening


Incoming = Registration | Numbered | Opening | ClaimRead | Closing | Command


def claim_to_json(claim: RemittanceClaim) -> bytes:
    """A remitted claim as it is kept: the payer's facts, not our findings on them, so that the same
    claim gives the same bytes whatever a later release finds odd in it."""
    return _CLAIM.dump_json(claim, exclude_defaults=True, exclude=_NOT_KEPT)


def claim_from_json(content: bytes | str) -> RemittanceClaim:
    """A remitted claim as it was kept."""
    return _CLAIM.validate_json(content)


def claim_read(opening: Opening, claim: RemittanceClaim, content: bytes) -> ClaimRead:
    return ClaimRead(opening, claim, number_key(claim.patient_control_number), content)


class ContentHash:
    """What a transaction set says, whatever envelope, separators or line breaks it came in: equal
    for the same set sent again, another for any change to it."""

    __slots__ = ("_sha",)

    def __init__(self, header: RemittanceHeader) -> None:
        says = (
            header.payer_identifier,
            header.trace_number,
            header.handling,
            header.amount,
            header.credit_debit,
            header.method,
            header.payment_date,
        )
        self._sha = sha256(repr(says).encode())

    def add(self, content: bytes) -> None:
        """Takes in one claim, as `claim_to_json` writes it."""
        self._sha.update(content)

    def close(self, provider_adjustments: tuple[ProviderAdjustment, ...]) -> bytes:
        """The hash, with the provider adjustments at the end of the set."""
        self._sha.update(repr(provider_adjustments).encode())
        return self._sha.digest()


def opening_of(
    header: RemittanceHeader, trailer: RemittanceTrailer, content: ContentHash
) -> Opening:
    """The opening of a set whose every claim was added to `content`."""
    payer = (header.payer_identifier or UNKNOWN_PAYER).strip()
    content_hash = content.close(trailer.provider_adjustments)
    if trailer.balance is None:
        raise ValueError("the end of a transaction set comes with its balance")
    return Opening(
        remittance_id=business_id("remittance", payer, header.trace_number, content_hash.hex()),
        payer_identifier=payer,
        payer_name=header.payer.name if header.payer else None,
        trace_number=(header.trace_number or "").strip() or None,
        method=header.method,
        payment_date=header.payment_date,
        amount=header.amount,
        claims=trailer.claims,
        is_debit=header.credit_debit == "D",
        balance=trailer.balance,
        provider_adjustments=tuple(
            ProviderAdjusted(part.reason, part.amount, part.reference)
            for part in trailer.provider_adjustments
        ),
        payee_identifier=header.payee.identifier if header.payee else None,
        payee_tax_id=_tax_id_of(header.payee) if header.payee else None,
        content_hash=content_hash,
        findings=header.findings + trailer.findings,
    )


def _tax_id_of(payee: RemittanceOrganization) -> str | None:
    named = payee.identifier if payee.identifier_qualifier == "FI" else payee.reference("TJ")
    return plain(named or "") or None

"""A claim at the payer: what was decided on it, what of that is in force, and what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from deploy.twins.payer.plan import Plan
from deploy.twins.payer.reception import Received
from deploy.twins.payer.scenario import Refusal
from shared.contract.claim import Claim
from shared.contract.remittance import RemittanceClaim

Value = TypeVar("Value")


class CaseState(StrEnum):
    """REFUSED and SILENT are never adjudicated; PENDING becomes FINAL with its last 835; FINAL
    becomes VOIDED or REPLACED by a later claim, never by the payer itself."""

    REFUSED = "refused"
    SILENT = "silent"
    PENDING = "pending"
    FINAL = "final"
    VOIDED = "voided"
    REPLACED = "replaced"


ADJUDICATED = (CaseState.PENDING, CaseState.FINAL)


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """Where answers go: the ends of the interchange that is answered, from our side. `stem` is the
    name of the file without its suffix."""

    stem: str
    control_number: str
    sender: str
    sender_qualifier: str
    receiver: str
    receiver_qualifier: str
    usage: str

    @staticmethod
    def of(received: Received, stem: str) -> "ReplyTo":
        header = received.header
        return ReplyTo(
            stem,
            header.control_number,
            header.receiver,
            header.receiver_qualifier,
            header.sender,
            header.sender_qualifier,
            header.usage,
        )

    @property
    def ends(self) -> tuple[str, ...]:
        """The two trading partners: answers to several interchanges of the same may go together."""
        return (
            self.sender_qualifier,
            self.sender,
            self.receiver_qualifier,
            self.receiver,
            self.usage,
        )


@dataclass(slots=True, repr=False)
class Case:
    """One claim as it was received once. Amounts are integer cents."""

    claim: Claim
    plan: Plan
    turn: str
    number: str
    """The payer's claim number."""
    reply: ReplyTo
    received_at: datetime
    state: CaseState
    refusal: Refusal | None = None
    decided: RemittanceClaim | None = None
    in_force: list[RemittanceClaim] = field(default_factory=list)
    """CLPs that were told and not taken back, with their true amounts."""
    settles_at: datetime | None = None
    """When its last 835 comes."""
    is_superseded: bool = False
    """A replacement or void of it was accepted."""
    interest: int = 0
    traces: list[str] = field(default_factory=list)
    """Trace numbers of the remittances that it is in."""
    paid_at: datetime | None = None
    corrections: int = 0

    @property
    def payer(self) -> str:
        return self.claim.payer.identifier or self.claim.payer.name or ""

    @property
    def payee(self) -> str:
        provider = self.claim.billing_provider
        return provider.npi or provider.tax_id or provider.name or ""

    @property
    def paid(self) -> int:
        """What of it is paid and in force."""
        return sum(one.paid for one in self.in_force)


def by_key(rows: Sequence[Value], key: Callable[[Value], str]) -> list[tuple[str, list[Value]]]:
    """The rows under their keys, both in the order they came."""
    found: dict[str, list[Value]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return list(found.items())

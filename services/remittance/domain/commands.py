"""What a person, a bank or a till tells remittance, as opposed to what events tell it.

It is apart because each of these may be refused, with a reason, to whoever asks; an event may not.
Amounts are integer cents. `by` is who decided: a name from the API key or the operating system,
kept with what was decided.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from services.remittance.domain.state import Place
from shared.contract.remittance import RemittanceClaim


class RefusedError(ValueError):
    """A command that cannot be carried out as things stand. `code` is stable; no PHI in either."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class DecideRemittance:
    """A held transaction set: accepted, its cash is posted and its claims are judged; rejected, it
    posts nothing."""

    remittance_id: UUID
    is_accepted: bool
    by: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """A claim that was held with its transaction set, which is accepted now."""

    place: Place
    claim: RemittanceClaim
    number_key: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ReleaseEnded:
    """Every claim that was held with this transaction set has been judged."""

    remittance_id: UUID


@dataclass(frozen=True, slots=True)
class LookedAgain:
    """A claim of a remittance that no claim of ours fitted, since when some were registered, or
    given a payer's number, that may be the one."""

    place: Place
    claim: RemittanceClaim
    number_key: str
    content: bytes


Resolution = Literal["match", "accept", "reject", "return"]
"""match: it is this claim of ours. accept: post it as the payer says it, whatever does not fit.
reject: close it without posting; what was paid stays unapplied. return: what was paid for it is to
go back to the payer."""


@dataclass(frozen=True, slots=True)
class ResolveClaim:
    """One claim of a remittance that waits. `claim_id` is ours, where it is said which."""

    place: Place
    resolution: Resolution
    by: str
    claim_id: UUID | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class WriteOff:
    """A person gives up what one denial is about, or, with `denial` None, a claim's patient share
    (charity, a small balance)."""

    claim_id: UUID
    by: str
    reason: str
    denial: tuple[Place, int] | None = None
    amount: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class PatientPaid:
    """A payment by a patient, or one taken back (a negative amount). `reference` is the till's own
    for it: the same again is the same payment."""

    claim_id: UUID
    reference: str
    amount: int
    method: str
    received_on: date
    by: str


@dataclass(frozen=True, slots=True)
class RefundPatient:
    """A patient's credit: declared due, or, `is_paid`, given back."""

    claim_id: UUID
    reference: str
    amount: int
    by: str
    is_paid: bool = False
    method: str = "check"


@dataclass(frozen=True, slots=True)
class RefundPayer:
    """What was to go back to a payer has gone, out of the bank."""

    payer_identifier: str
    reference: str
    amount: int
    by: str


@dataclass(frozen=True, slots=True)
class Deposited:
    """One line of a bank's statement. The same line of the same statement has the same id."""

    id: UUID
    trace_number: str
    amount: int
    deposited_on: date
    payer_name: str | None = None


Command = (
    DecideRemittance
    | Released
    | LookedAgain
    | ReleaseEnded
    | ResolveClaim
    | WriteOff
    | PatientPaid
    | RefundPatient
    | RefundPayer
    | Deposited
)

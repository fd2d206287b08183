"""What a reader hands on for each record of a message, before and after it was let in.

They are apart so that every format's reader says the same four things and knows nothing of
identity, events or storage.
"""

from dataclasses import field
from uuid import UUID

from services.intake.domain.encounter import EncounterNews
from services.intake.domain.receipt import Acknowledgement
from shared.contract.claim import Claim
from shared.contract.events import MessageOrigin
from shared.contract.model import Finding
from shared.light import dataclass

MAX_FINDINGS = 100
"""Of one record: enough to act on, and a bound on what a hostile record can make us say."""


@dataclass(frozen=True, slots=True)
class ClaimRefusal:
    """A record that is no acceptable claim; what can be told of it, for its sender."""

    findings: tuple[Finding, ...]
    patient_control_number: str | None = None
    charge: int | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message, or the rest of one, that cannot be read at all."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class NotedClaim:
    """A claim that was read, and what had to be tolerated for it."""

    claim: Claim
    notes: tuple[Finding, ...]


Reading = Claim | NotedClaim | EncounterNews | ClaimRefusal | Unreadable


@dataclass(frozen=True, slots=True)
class AcceptedClaim:
    """A claim that was let in: its id and line control numbers are set, its revision is not yet."""

    claim: Claim
    fingerprint: bytes
    notes: tuple[Finding, ...] = ()
    wire: bytes = field(default=b"", repr=False, compare=False)
    """The claim's JSON without those who carried it, as it was fingerprinted."""


Outcome = AcceptedClaim | EncounterNews | ClaimRefusal | Unreadable


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record of a message, ready to be decided on.

    `key` is the claim id (or encounter's, or merged patient's) where one can be told, else the
    message's id. `delivery_id` is the same
    for the same bytes under the same message id, and for nothing else.
    """

    key: str
    origin: MessageOrigin
    delivery_id: UUID
    outcome: Outcome
    is_last: bool
    is_submitted: bool = False
    """Whether its sender is to be told what became of each record."""
    acknowledgement: Acknowledgement | None = None
    """X12, with the last record: what its sender is to be answered."""


def capped(findings: list[Finding]) -> tuple[Finding, ...]:
    """The findings, cut off at `MAX_FINDINGS` with a note that says so."""
    if len(findings) <= MAX_FINDINGS:
        return tuple(findings)
    more = Finding(
        code="more-findings",
        severity="inform",
        message=f"only the first {MAX_FINDINGS} findings are listed",
        hint="Correct these and send the record again.",
    )
    return (*findings[:MAX_FINDINGS], more)

"""When an entry closes by itself: what it asks a person for has happened.

It is apart because most claims' answers find nothing open: the service asks first, and only then
reads the answer.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from services.coding.domain.worklist.opening import Reason, WorklistEntry
from shared.contract.events import ClaimAcknowledged, ClaimPaid, ClaimReversed

Answer: TypeAlias = ClaimAcknowledged | ClaimPaid | ClaimReversed
FIRST_PAYER = "P"


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """What must be known of an entry to tell whether an answer settles it."""

    event_id: UUID
    reason: Reason
    revision: int
    payer_identifier: str | None
    payer_sequence: str | None


@dataclass(frozen=True, slots=True)
class OpenEntries:
    """The open entries of a claim."""

    entries: tuple[OpenEntry, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """An entry that the payer's answer closes: `text` is the answer's event type, `revision` the
    one that it answers."""

    event_id: UUID
    revision: int
    at: datetime
    text: str


def open_key(claim_id: UUID | str) -> str:
    """The state key of a claim's open entries: no claim id looks like it."""
    return f"open:{claim_id}"


def opened(entry: WorklistEntry) -> OpenEntries:
    """What is open of a claim once this entry is: it alone, for it closes the earlier ones."""
    return OpenEntries(
        (
            OpenEntry(
                entry.event_id,
                entry.reason,
                entry.revision,
                entry.payer_identifier,
                entry.payer_sequence,
            ),
        )
    )


def revision_of(answer: Answer) -> int:
    """The revision that a payer answers."""
    return (
        answer.revision if isinstance(answer, ClaimAcknowledged) else answer.adjudication.revision
    )


def settled(known: OpenEntries, answer: Answer, charge_cents: int | None) -> tuple[OpenEntry, ...]:
    """The entries that the answer closes. `charge_cents` is the claim's, None where the claim has
    not come here.

    An entry about a newer revision than the one answered stays: the hospital or a person has
    changed the claim since.
    """
    revision = revision_of(answer)
    return tuple(
        entry
        for entry in known.entries
        if entry.revision <= revision and _is_settled(entry, answer, charge_cents)
    )


def _is_settled(entry: OpenEntry, answer: Answer, charge_cents: int | None) -> bool:
    match entry.reason, answer:
        case "refused", ClaimAcknowledged(stage="payer", payer_sequence=sequence):
            return (entry.payer_sequence or FIRST_PAYER) == sequence
        case "refused", ClaimPaid(adjudication=adjudication) if adjudication.denied <= 0:
            is_first = (entry.payer_sequence or FIRST_PAYER) == FIRST_PAYER
            return is_first or entry.payer_identifier == adjudication.payer_identifier
        case "denied", ClaimPaid(adjudication=adjudication) if adjudication.denied <= 0:
            # A payer may split a claim (CLP01 twice): the paid part settles not the denied one.
            is_whole = entry.revision < adjudication.revision or adjudication.charge == charge_cents
            return is_whole and entry.payer_identifier == adjudication.payer_identifier
        case "denied", ClaimReversed(adjudication=adjudication):
            # The denial no longer stands (CLP02 22); a corrected one opens an entry of its own.
            return entry.payer_identifier == adjudication.payer_identifier
        case _:
            return False

"""The denials of a posting as work to do: one row per denied amount, with its class, its next step,
its deadline and the money at stake.

It is apart because posting moves money and this moves people: a row is never a ledger entry, and
closing one writes nothing off.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from services.remittance.domain.adjudication import denied_parts
from services.remittance.domain.policy import Policy
from services.remittance.domain.posting import Posting
from services.remittance.domain.state import Arrived, Place

DenialState = Literal["open", "appealed", "corrected", "closed", "reversed", "written_off"]
"""open: nobody has decided. appealed, corrected: under way. closed: accepted by a person.
reversed: the payer took the decision back. written_off: its money was given up."""


@dataclass(frozen=True, slots=True)
class DenialRow:
    """One denied amount of one claim, in cents. `line` is our line's number."""

    place: Place
    number: int
    claim_id: UUID
    payer_identifier: str
    group: str
    reason: str
    remarks: tuple[str, ...]
    line: int | None
    amount: int
    kind: str
    next_step: str
    is_final: bool
    due_on: date | None
    denied_on: date


@dataclass(frozen=True, slots=True)
class DenialsTakenBack:
    """The payer took back the decision at this place: its denials are no work any more."""

    place: Place


@dataclass(frozen=True, slots=True)
class DenialDecided:
    """What a person decided on one denial."""

    place: Place
    number: int
    state: DenialState
    by: str
    note: str | None = None


def denials_of(
    arrived: Arrived, posting: Posting, policy: Policy, denied_on: date
) -> Iterator[DenialRow | DenialsTakenBack]:
    """The work that a posting makes, or unmakes."""
    if posting.reverses is not None:
        yield DenialsTakenBack(posting.reverses.place)
        return
    remitted, payer = arrived.claim, posting.payer
    parts = denied_parts(remitted, is_denied=posting.is_denied, lines=posting.lines)
    for number, (line, of_line, part) in enumerate(parts):
        if part.group == "PR" or part.amount <= 0:
            continue
        remarks = (*of_line, *remitted.remarks)
        denial = policy.explain(part.group, part.reason, remarks, payer, part.amount)
        yield DenialRow(
            place=arrived.place,
            number=number,
            claim_id=posting.claim.id,
            payer_identifier=payer,
            group=part.group,
            reason=part.reason,
            remarks=remarks,
            line=None if line is None else line + 1,
            amount=part.amount,
            kind=denial.kind,
            next_step=denial.next_step,
            is_final=denial.is_final,
            due_on=policy.due_on(denial, payer, denied_on),
            denied_on=denied_on,
        )

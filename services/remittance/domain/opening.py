"""Whether a remittance may be posted: once per content, and only where it adds up.

It is apart because its cash depends on nothing but its own header and on what came before under the
same trace number. A remittance that is held posts nothing, and its claims wait with it, until a
person accepts it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from services.remittance.domain.cash import post_cash
from services.remittance.domain.incoming import Opening
from services.remittance.domain.ledger import Entry
from services.remittance.domain.state import (
    DepositRow,
    FirstOfTrace,
    Remittance,
    State,
    trace_key,
)
from services.remittance.domain.telling import Teller
from shared.contract.envelope import Event
from shared.contract.model import Finding
from shared.money import format_cents


@dataclass(frozen=True, slots=True)
class Opened:
    """A remittance, and what its opening changes and says where this unit is its first."""

    remittance: Remittance
    is_new: bool = False
    states: Mapping[str, State] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    rows: tuple[Entry | DepositRow, ...] = ()


def open_remittance(
    states: Mapping[str, State], opening: Opening, event_id: UUID, teller: Teller
) -> Opened:
    """The remittance as it is known; opened now where it is not."""
    known = states.get(str(opening.remittance_id))
    if isinstance(known, Remittance):
        return Opened(known)
    objections = _objections(states, opening)
    remittance = Remittance(
        id=opening.remittance_id,
        payer_identifier=opening.payer_identifier,
        payer_name=opening.payer_name,
        trace_number=opening.trace_number,
        amount=opening.amount,
        method=opening.method,
        payment_date=opening.payment_date,
        content_hash=opening.content_hash,
        status="held" if objections else "accepted",
        read_event=event_id,
        claims=opening.claims,
        difference=opening.balance.transaction.difference,
        provider_adjustments=opening.provider_adjustments,
        is_debit=opening.is_debit,
        findings=objections,
        payee_identifier=opening.payee_identifier,
        payee_tax_id=opening.payee_tax_id,
    )
    changed: dict[str, State] = {str(remittance.id): remittance}
    if opening.trace_number is not None:
        trace = trace_key(opening.payer_identifier, opening.trace_number)
        if trace not in states:
            changed[trace] = FirstOfTrace(remittance.id)
    events: tuple[Event, ...] = (teller.remittance_read(opening, opening.findings + objections),)
    if objections:
        events += (teller.remittance_quarantined(remittance, objections),)
        return Opened(remittance, True, changed, events)
    posted = post_cash(states, remittance, teller)
    return Opened(
        remittance, True, changed | dict(posted.states), events + posted.events, posted.rows
    )


def read_again(opening: Opening, event_id: UUID, teller: Teller) -> Event:
    """The event that says: this remittance came before, and nothing was posted again."""
    finding = Finding(
        code="remittance-already-read",
        severity="inform",
        path="TRN02",
        message="The same payer, trace number and content were read before; nothing is posted.",
    )
    return teller.remittance_read(opening, (*opening.findings, finding), cause=event_id)


def _objections(states: Mapping[str, State], opening: Opening) -> tuple[Finding, ...]:
    """Why the set as a whole may not be posted; empty where it may."""
    objections = [finding for finding in opening.findings if finding.severity == "block"]
    if not opening.balance.transaction.balanced and not any(
        finding.code == "transaction-out-of-balance" for finding in objections
    ):
        difference = format_cents(opening.balance.transaction.difference)
        objections.append(
            Finding(
                code="transaction-out-of-balance",
                path="BPR02",
                message=f"BPR02 exceeds what claims and PLB add up to by {difference}.",
                hint="Nothing is posted until a person accepts it; ask the payer first.",
                source="ASC X12 005010X221A1, balancing",
            )
        )
    if opening.is_debit and opening.amount:
        objections.append(
            Finding(
                code="payment-is-a-debit",
                path="BPR03",
                message="The payer takes this amount instead of paying it.",
                hint="Find the withdrawal in the bank's statement before you accept it.",
            )
        )
    if opening.trace_number is None:
        objections.append(
            Finding(
                code="trace-number-missing",
                path="TRN02",
                message="Without a trace number the payment cannot be told from another.",
                hint="Ask the payer for a corrected remittance.",
            )
        )
        return tuple(objections)
    first = states.get(trace_key(opening.payer_identifier, opening.trace_number))
    if isinstance(first, FirstOfTrace) and first.remittance_id != opening.remittance_id:
        objections.append(
            Finding(
                code="trace-number-reused",
                path="TRN02",
                message="This payer sent other content under the same trace number before.",
                hint="Compare the two; accept this one only if both payments were made.",
            )
        )
    return tuple(objections)

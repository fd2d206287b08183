"""A remittance's cash and the bank's: what a payer says it sent, and what came in.

It is apart because both sides may come first, and both ways must end in the same: the clearing
account of the payer and trace number holds what is still to come, or what came too much.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.remittance.domain.commands import Deposited
from services.remittance.domain.ledger import (
    AccountKind,
    Entry,
    EntryKind,
    Leg,
    account,
    entry,
    remittance_entry,
)
from services.remittance.domain.state import (
    Deposit,
    DepositRow,
    Remittance,
    State,
    deposit_key,
)
from services.remittance.domain.telling import Teller
from shared.contract.envelope import Event

States = Mapping[str, State]


@dataclass(frozen=True, slots=True)
class Booked:
    """What was posted, said and written."""

    states: Mapping[str, State]
    events: tuple[Event, ...] = ()
    rows: tuple[Entry | DepositRow, ...] = ()


def post_cash(states: States, remittance: Remittance, teller: Teller) -> Booked:
    """The cash and PLBs of an accepted remittance, and the deposit that waits for it."""
    cash = remittance_entry(
        remittance.id,
        remittance.payer_identifier,
        remittance.trace_number or "",
        amount_cents=remittance.cash,
        provider_adjustments=remittance.provider_adjustments,
        at=teller.now,
    )
    if cash is None:
        return Booked({})
    booked = Booked({}, (teller.cash_posted(remittance, cash),), (cash,))
    waiting = states.get(deposit_key(remittance.trace_number or ""))
    if not isinstance(waiting, Deposit) or waiting.remittance_id is not None:
        return booked
    matched = reconcile(waiting, remittance, teller)
    return Booked(matched.states, booked.events + matched.events, booked.rows + matched.rows)


def deposit(
    states: States, body: Deposited, remittances: tuple[Remittance, ...], teller: Teller
) -> Booked:
    """A deposit into the ledger, and to its remittance where exactly one of those with its trace
    number is accepted and has none yet. A deposit that is known already changes nothing."""
    if isinstance(states.get(str(body.id)), Deposit):
        return Booked({})
    arrived = Deposit(body.id, body.trace_number, body.amount, body.deposited_on, body.payer_name)
    booked = _into_the_bank(arrived, teller)
    if len(remittances) != 1:
        return booked
    matched = reconcile(arrived, remittances[0], teller)
    return Booked(
        {**booked.states, **matched.states},
        booked.events + matched.events,
        (*(row for row in booked.rows if isinstance(row, Entry)), *matched.rows),
    )


def _into_the_bank(arrived: Deposit, teller: Teller) -> Booked:
    trace = arrived.trace_number
    came = entry(
        EntryKind.DEPOSIT,
        f"{arrived.id}/deposit",
        (
            Leg(account(AccountKind.BANK), arrived.amount),
            Leg(account(AccountKind.UNIDENTIFIED_DEPOSIT, None, trace), -arrived.amount),
        ),
        teller.now,
    )
    said = teller.adjusted(
        "deposit", (came,), str(arrived.id), amount=arrived.amount, trace_number=trace
    )
    row = DepositRow(arrived, teller.now)
    return Booked({str(arrived.id): arrived, deposit_key(trace): arrived}, (said,), (came, row))


def reconcile(waiting: Deposit, remittance: Remittance, teller: Teller) -> Booked:
    """A deposit is the payment of this remittance; what differs stays on its clearing account."""
    trace = waiting.trace_number
    clearing = account(
        AccountKind.CASH_CLEARING, remittance.payer_identifier, remittance.trace_number
    )
    matched = entry(
        EntryKind.RECONCILIATION,
        f"{waiting.id}/reconciliation",
        (
            Leg(account(AccountKind.UNIDENTIFIED_DEPOSIT, None, trace), waiting.amount),
            Leg(clearing, -waiting.amount),
        ),
        teller.now,
        remittance_id=remittance.id,
    )
    done = waiting._replace(remittance_id=remittance.id)
    return Booked(
        {str(done.id): done, deposit_key(trace): done},
        (teller.deposit_reconciled(done, remittance, matched),),
        (matched, DepositRow(done, teller.now)),
    )

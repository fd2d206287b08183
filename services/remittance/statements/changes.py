"""What posting changes for patients, in posting's own transaction: balances said anew, bills that
are not so any more superseded.

It is apart from the handler because whoever changes the ledger or a denial calls it, a batch of
events or a person at the desk.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.remittance.balances import patient_balances
from services.remittance.domain.balances import REFUND_DAYS, PatientBalance
from services.remittance.domain.patient_statement import Standing, balance_changed, standing_of
from services.remittance.domain.patient_terms import DEFAULT_TERMS, BillingTerms
from services.remittance.domain.state import Namesakes, PatientMoney, RemittanceClaimRow
from services.remittance.statements import store
from shared.contract.envelope import Event
from shared.database import Connection
from shared.messaging import outbox


@dataclass(frozen=True, slots=True)
class Rules:
    """What balances and bills go by."""

    terms: BillingTerms = DEFAULT_TERMS
    refund_days: Mapping[str, int] = field(default_factory=lambda: REFUND_DAYS)
    """The policy's."""


def touched(states: Mapping[str, object], rows: Iterable[object]) -> set[UUID]:
    """The patient accounts whose balance these decisions may have changed."""
    found = set()
    for key, state in states.items():
        if isinstance(state, Namesakes):
            found |= {UUID(one.account_id) for one in state.claims if _is_decided(one)}
        elif isinstance(state, PatientMoney):
            found.add(UUID(key.partition("/")[0]))
    found |= {
        UUID(row.account_id)
        for row in rows
        if isinstance(row, RemittanceClaimRow) and row.account_id is not None
    }
    return found


def _is_decided(claim: object) -> bool:
    """Whether a payer's answer stands, or stood: before that a patient owes nothing."""
    return bool(getattr(claim, "posted", ())) or getattr(claim, "status", "") != "registered"


async def refresh(
    connection: Connection, account_ids: Collection[UUID], rules: Rules, now: datetime
) -> dict[UUID, PatientBalance]:
    """Looks at these accounts in the ledger, whose locks the caller holds, and says what changed.
    Returns their balances."""
    if not account_ids:
        return {}
    ids = sorted(account_ids)
    balances = await patient_balances(connection, ids)
    before = await store.standings(connection, ids)
    owing = [
        account_id
        for account_id, balance in balances.items()
        if balance.credit or balance.refunds_due
    ]
    states = await store.provider_states(connection, owing) if owing else {}
    changed: list[Standing] = []
    events: list[Event] = []
    for account_id, balance in balances.items():
        known = before.get(account_id)
        if known is None and not (balance.share or balance.paid or balance.refunds_due):
            continue
        state = states.get(account_id)
        now_stands = standing_of(known, balance, rules.terms, rules.refund_days, state, now.date())
        if known is not None and known.digest == now_stands.digest:
            continue
        changed.append(now_stands)
        events.append(balance_changed(balance, now_stands, now))
    if changed:
        await store.save_standings(connection, changed, now)
        await store.supersede(connection, (row for row in changed if before.get(row.account_id)))
        await outbox.append(connection, events)
    return balances

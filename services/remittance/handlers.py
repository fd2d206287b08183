"""remittance's side of the kernel: records in, decisions out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.remittance import journal, loading, saving, store
from services.remittance.domain.decide import Decider
from services.remittance.domain.incoming import Incoming
from services.remittance.domain.judging import Row
from services.remittance.domain.ledger import AccountKind, Entry
from services.remittance.domain.patient_terms import DEFAULT_TERMS, BillingTerms
from services.remittance.domain.policy import DEFAULT, Policy
from services.remittance.domain.state import (
    AccountsTouched,
    ClaimDocument,
    DepositRow,
    Namesakes,
    Remittance,
    RemittanceClaimRow,
    State,
    Tally,
)
from services.remittance.domain.worklist import DenialDecided, DenialRow, DenialsTakenBack
from services.remittance.reading import read_payer_message, read_submission
from services.remittance.statements import changes
from services.remittance.statements.changes import Rules
from shared.contract import topics
from shared.messaging.handler import Bad, Decision, Record, Unit

Count = Callable[[str, int], None]

TOPICS = (topics.CLAIMS_SUBMISSION, topics.PAYERS_INBOUND)

COUNTED = {
    AccountKind.REVENUE: "charged",
    AccountKind.CASH_CLEARING: "cash",
    AccountKind.CONTRACTUAL_ALLOWANCE: "contractual",
    AccountKind.PATIENT_RECEIVABLE: "patient",
    AccountKind.OTHER_ADJUSTMENT: "other",
    AccountKind.DENIED_PENDING: "denied",
    AccountKind.WRITE_OFF: "written_off",
    AccountKind.RECOUPMENT: "provider_adjustment",
    AccountKind.FORWARDING_BALANCE: "provider_adjustment",
    AccountKind.INTEREST: "provider_adjustment",
    AccountKind.PROVIDER_ADJUSTMENT: "provider_adjustment",
}
"""The categories of the money that is counted, by the kind of account."""


class RemittanceHandler:
    """The service's `Handler`."""

    def __init__(
        self,
        account_hash_key: bytes,
        count: Count = lambda *_: None,
        policy: Policy = DEFAULT,
        terms: BillingTerms = DEFAULT_TERMS,
    ) -> None:
        """`count` is told what is posted: a category and cents, negative where money is taken
        back."""
        self.policy = policy
        self._decider = Decider(account_hash_key, policy)
        self._count = count
        self.rules = Rules(terms, policy.refund_days)

    def decode(self, record: Record) -> Iterator[Unit[Incoming] | Bad]:
        """Submitted and numbered claims; of a payer's message, its 835s claim by claim."""
        if record.topic == topics.CLAIMS_SUBMISSION:
            return read_submission(record)
        return read_payer_message(record)

    async def load(self, connection: Any, units: Sequence[Unit[Incoming]]) -> dict[str, State]:
        """The remittances and patient accounts of these units, locked."""
        await store.prepare(connection)
        return await loading.load(connection, [unit.body for unit in units])

    def decide(
        self, states: Mapping[str, State], unit: Unit[Incoming], now: datetime
    ) -> Decision[State, Row]:
        decision = self._decider.decide(states, unit.body, unit.event_id, now)
        touched = changes.touched(decision.states, decision.rows)
        if not touched:
            return decision
        return replace(decision, rows=(*decision.rows, AccountsTouched(frozenset(touched), now)))

    async def save(self, connection: Any, states: Mapping[str, State], rows: Sequence[Row]) -> None:
        await saving.save_remittances(
            connection, (state for state in states.values() if isinstance(state, Remittance))
        )
        await saving.save_tallies(
            connection,
            {
                UUID(key.partition("/")[0]): state
                for key, state in states.items()
                if isinstance(state, Tally)
            },
        )
        entries = [row for row in rows if isinstance(row, Entry)]
        await journal.write(connection, entries)
        await saving.save_claims(
            connection,
            {UUID(key): state for key, state in states.items() if isinstance(state, Namesakes)},
        )
        await saving.save_documents(
            connection, (row for row in rows if isinstance(row, ClaimDocument))
        )
        await saving.save_read_claims(
            connection, (row for row in rows if isinstance(row, RemittanceClaimRow))
        )
        await saving.save_deposits(connection, [row for row in rows if isinstance(row, DepositRow)])
        await saving.save_denials(connection, [row for row in rows if isinstance(row, DenialRow)])
        await saving.close_denials(
            connection,
            [row for row in rows if isinstance(row, DenialsTakenBack)],
            [row for row in rows if isinstance(row, DenialDecided)],
        )
        touched = [row for row in rows if isinstance(row, AccountsTouched)]
        if touched:
            ids = frozenset().union(*(row.account_ids for row in touched))
            await changes.refresh(connection, ids, self.rules, max(row.at for row in touched))
        # Before the commit: a batch that is rolled back after this is counted once more.
        for category, cents in _moved(entries).items():
            self._count(category, cents)


def _moved(entries: Iterable[Entry]) -> dict[str, int]:
    """Cents by the kind of account they went to; revenue is a credit and counts as charged."""
    sums: dict[str, int] = {}
    for entry in entries:
        for leg in entry.legs:
            category = COUNTED.get(leg.account.kind)
            if category is not None:
                cents = -leg.amount_cents if category == "charged" else leg.amount_cents
                sums[category] = sums.get(category, 0) + cents
    return sums

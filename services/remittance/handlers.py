"""remittance's side of the kernel: records in, decisions out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.remittance import journal, saving, store
from services.remittance.domain.decide import Decider
from services.remittance.domain.incoming import (
    ClaimRead,
    Closing,
    Incoming,
    Numbered,
    Opening,
    Registration,
)
from services.remittance.domain.judging import Row
from services.remittance.domain.ledger import AccountKind, Entry
from services.remittance.domain.matching import line_control_numbers
from services.remittance.domain.state import (
    Elsewhere,
    PatientAccount,
    Remittance,
    RemittanceClaimRow,
    State,
    Tally,
    found_key,
    place_key,
)
from services.remittance.reading import read_payer_message, read_submission
from shared.contract import topics
from shared.database import Connection
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
    AccountKind.PROVIDER_ADJUSTMENT: "provider_adjustment",
}
"""The categories of the money that is counted, by the kind of account."""


class RemittanceHandler:
    """The service's `Handler`."""

    def __init__(self, account_hash_key: bytes, count: Count = lambda *_: None) -> None:
        """`count` is told what is posted: a category and cents, negative where money is taken
        back."""
        self._decider = Decider(account_hash_key)
        self._count = count

    def decode(self, record: Record) -> Iterator[Unit[Incoming] | Bad]:
        """Submitted and numbered claims; of a payer's message, its 835s claim by claim."""
        if record.topic == topics.CLAIMS_SUBMISSION:
            return read_submission(record)
        return read_payer_message(record)

    async def load(self, connection: Any, units: Sequence[Unit[Incoming]]) -> dict[str, State]:
        """The remittances and patient accounts of these units, locked."""
        bodies = [unit.body for unit in units]
        await store.prepare(connection)
        states = await _load_remittances(connection, bodies)
        reads = [
            body
            for body in bodies
            if isinstance(body, ClaimRead)
            and place_key(body.opening.remittance_id, body.claim.position) not in states
        ]
        found = await _find_elsewhere(connection, reads)
        numbered = [body.claim_id for body in bodies if isinstance(body, Numbered)]
        known = await store.accounts_of_claims(connection, numbered) if numbered else {}
        found |= {str(claim_id): Elsewhere((str(key),)) for claim_id, key in known.items()}
        registering = {UUID(body.account_key) for body in bodies if isinstance(body, Registration)}
        keys = registering | {UUID(body.account_key) for body in reads}
        keys |= {UUID(key) for elsewhere in found.values() for key in elsewhere.keys}
        if keys:
            states |= await store.load_accounts(connection, keys, registering)
        return states | found

    def decide(
        self, states: Mapping[str, State], unit: Unit[Incoming], now: datetime
    ) -> Decision[State, Row]:
        return self._decider.decide(states, unit.body, unit.event_id, now)

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
            {
                UUID(key): state
                for key, state in states.items()
                if isinstance(state, PatientAccount)
            },
        )
        await saving.save_read_claims(
            connection, (row for row in rows if isinstance(row, RemittanceClaimRow))
        )
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


async def _load_remittances(connection: Connection, bodies: Iterable[Incoming]) -> dict[str, State]:
    openings: dict[UUID, Opening] = {}
    places = []
    for body in bodies:
        if isinstance(body, Opening):
            openings[body.remittance_id] = body
        elif isinstance(body, ClaimRead | Closing):
            openings[body.opening.remittance_id] = body.opening
        if isinstance(body, ClaimRead):
            places.append((body.opening.remittance_id, body.claim.position))
    if not openings:
        return {}
    traces = {
        (opening.payer_identifier, opening.trace_number)
        for opening in openings.values()
        if opening.trace_number is not None
    }
    states = await store.load_remittances(connection, openings, traces)
    if places:
        states |= await store.already_read(connection, places)
    return states


async def _find_elsewhere(
    connection: Connection, reads: Sequence[ClaimRead]
) -> dict[str, Elsewhere]:
    """Where claims with a patient control number that is none of ours may belong."""
    if not reads:
        return {}
    keys = {UUID(body.account_key) for body in reads}
    strangers = keys - await store.accounts_with_claims(connection, sorted(keys))
    lost = [body for body in reads if UUID(body.account_key) in strangers]
    payer_numbers = [
        body.claim.payer_claim_control_number
        for body in lost
        if body.claim.payer_claim_control_number
    ]
    control_numbers = [number for body in lost for number in line_control_numbers(body.claim)]
    if not payer_numbers and not control_numbers:
        return {}
    by_number = await store.accounts_by_numbers(connection, payer_numbers, control_numbers)
    found = {}
    for body in lost:
        numbers = [body.claim.payer_claim_control_number, *line_control_numbers(body.claim)]
        homes = {key for number in numbers if number for key in by_number.get(number, ())}
        if homes:
            place = found_key(body.opening.remittance_id, body.claim.position)
            found[place] = Elsewhere(tuple(map(str, sorted(homes))))
    return found

"""What only commands, and claims that no number finds, need to know from the database.

It is apart from the store, which every batch goes through, only for its length. Patient accounts
and remittances are locked there, before any of this is asked.
"""

import json
from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from services.remittance.domain.commands import Deposited
from services.remittance.domain.judging import Submission
from services.remittance.domain.scoring import candidate_of, service_days
from services.remittance.domain.state import (
    AlreadyPosted,
    AlreadyRead,
    Candidate,
    Denied,
    Deposit,
    Document,
    Elsewhere,
    PatientMoney,
    Place,
    State,
    denial_key,
    deposit_key,
    document_key,
    found_key,
    money_key,
    place_key,
    posted_key,
)
from services.remittance.domain.variance import Fee, Fees, fees_of
from services.remittance.store import arrived_of, remittance_of
from shared.contract.model import Finding
from shared.contract.remittance import RemittanceClaim
from shared.database import Connection

CANDIDATES = 20
"""Claims that are compared with one of a payer's, at most: more are no sign of which is meant."""

_TRACES = """
SELECT payer_identifier, trace_number FROM remittance
WHERE id = ANY($1::uuid[]) AND trace_number IS NOT NULL
"""
_READS = """
SELECT remittance_id, position, number_id, remittance_claim.claim_id, state, content,
       meant_claim_id, remittance_claim.findings, payer_identifier, trace_number, payee_identifier,
       payee_tax_id,
       EXISTS (SELECT FROM claim WHERE billing_npi = payee_identifier) AS payee_is_ours
FROM remittance_claim JOIN remittance ON remittance.id = remittance_id
JOIN unnest($1::uuid[], $2::int[]) AS wanted (id, place)
  ON remittance_id = wanted.id AND position = wanted.place
"""
_DEPOSITS = """
SELECT id, trace_number, amount_cents, deposited_on, payer_name, remittance_id
FROM deposit WHERE id = ANY($1::uuid[])
"""
_WAITING_DEPOSITS = """
SELECT DISTINCT ON (trace_number) id, trace_number, amount_cents, deposited_on, payer_name,
       remittance_id
FROM deposit WHERE trace_number = ANY($1::text[]) AND state = 'unmatched'
ORDER BY trace_number, imported_at, id
"""
_REMITTANCES_OF_DEPOSITS = """
SELECT id, payer_identifier, payer_name, trace_number, amount_cents, method,
       payment_date, content_hash, status, read_event, claims, difference_cents,
       provider_adjustments, is_debit, findings, payee_identifier, decided_by, note, payee_tax_id,
       posted, quarantined, unmatched
FROM remittance
WHERE trace_number = ANY($1::text[]) AND status = 'accepted'
    AND NOT EXISTS (SELECT FROM deposit WHERE deposit.remittance_id = remittance.id)
ORDER BY id FOR UPDATE
"""
_CANDIDATES = """
SELECT wanted.number, found.claim_id
FROM unnest($1::int[], $2::bigint[], $3::date[], $4::date[], $5::text[])
  AS wanted (number, cents, first_day, last_day, member)
CROSS JOIN LATERAL (
    SELECT claim_id FROM claim_document
    WHERE (claim_document.charge_cents = wanted.cents
           AND (wanted.first_day IS NULL OR service_from IS NULL
                OR service_from BETWEEN wanted.first_day - 31 AND wanted.last_day))
       OR member_identifier = wanted.member
    ORDER BY claim_id LIMIT $6
) AS found
"""
_NAMESAKES = """
SELECT wanted.number, found.claim_id
FROM unnest($1::int[], $2::uuid[]) AS wanted (number, number_id)
CROSS JOIN LATERAL (
    SELECT claim_id FROM claim JOIN claim_document ON claim_id = claim.id
    WHERE claim.number_id = wanted.number_id ORDER BY claim_id LIMIT $3
) AS found
"""
_COMPARED = """
SELECT number_id, content FROM claim_document JOIN claim ON claim.id = claim_id
WHERE claim_id = ANY($1::uuid[])
"""
_DOCUMENTS = "SELECT claim_id, content FROM claim_document WHERE claim_id = ANY($1::uuid[])"
_FEES = """
SELECT payer_identifier, code, modifier, effective_from, effective_through, amount_cents
FROM fee WHERE code = ANY($1::text[])
"""
_POSTED = "SELECT business_key FROM entry WHERE business_key = ANY($1::text[])"
_PATIENT_MONEY = """
SELECT holder, kind, sum(amount_cents)::bigint FROM account JOIN leg ON leg.account_id = account.id
WHERE holder = ANY($1::text[]) AND kind IN ('patient_payment', 'refunds_due')
GROUP BY 1, 2
"""
_DENIALS = """
SELECT remittance_id, position, denial.number, claim_id, payer_identifier, adjustment_group, reason,
       amount_cents, state
FROM denial JOIN unnest($1::uuid[], $2::int[], $3::smallint[]) AS wanted (id, place, number)
  ON remittance_id = wanted.id AND position = wanted.place AND denial.number = wanted.number
"""


async def traces_of(connection: Connection, ids: Iterable[UUID]) -> set[tuple[str, str]]:
    """Payer and trace number of these remittances."""
    return {(row[0], row[1]) for row in await connection.fetch(_TRACES, list(ids))}


async def load_reads(connection: Connection, places: Sequence[Place]) -> dict[str, State]:
    """These claims of remittances as they stand, with all that a payer said of them."""
    rows = await connection.fetch(
        _READS, [place[0] for place in places], [place[1] for place in places]
    )
    return {
        place_key(row["remittance_id"], row["position"]): AlreadyRead(
            row["state"],
            arrived_of(row),
            str(row["number_id"]),
            row["claim_id"],
            tuple(Finding.model_validate(one) for one in json.loads(row["findings"])),
        )
        for row in rows
    }


async def load_deposits(connection: Connection, bodies: Sequence[Deposited]) -> dict[str, State]:
    """Those of these deposits that are known, and the accepted remittances with their trace
    numbers that have none yet, locked."""
    states: dict[str, State] = {}
    for row in await connection.fetch(_DEPOSITS, [body.id for body in bodies]):
        states[str(row["id"])] = Deposit(*row)
    traces = sorted({body.trace_number for body in bodies})
    for row in await connection.fetch(_REMITTANCES_OF_DEPOSITS, traces):
        remittance, _ = remittance_of(row)
        states[str(remittance.id)] = remittance
    return states


async def waiting_deposits(connection: Connection, traces: Sequence[str]) -> dict[str, State]:
    """The oldest deposit that waits under each of these trace numbers."""
    rows = await connection.fetch(_WAITING_DEPOSITS, traces)
    return {deposit_key(row["trace_number"]): Deposit(*row) for row in rows}


async def candidates(
    connection: Connection, lost: Sequence[tuple[Place, RemittanceClaim]]
) -> dict[str, Elsewhere]:
    """For each claim of a payer's those of ours that it may be: the same charge about the same
    time, or the same member. Claims with its number are `namesakes`."""
    days = [service_days(claim) for _, claim in lost]
    rows = await connection.fetch(
        _CANDIDATES,
        list(range(len(lost))),
        [abs(claim.charge) for _, claim in lost],
        [min(one, default=None) for one in days],
        [max(one, default=None) for one in days],
        [_member(claim) for _, claim in lost],
        CANDIDATES,
    )
    return await _elsewhere(connection, [place for place, _ in lost], rows)


async def namesakes(
    connection: Connection, undecided: Sequence[tuple[Place, UUID]]
) -> dict[str, Elsewhere]:
    """For each claim of a payer's those of ours with its control number, whose id comes with it."""
    numbers = [number_id for _, number_id in undecided]
    rows = await connection.fetch(_NAMESAKES, list(range(len(numbers))), numbers, CANDIDATES)
    return await _elsewhere(connection, [place for place, _ in undecided], rows)


async def _elsewhere(
    connection: Connection, places: Sequence[Place], rows: Sequence[asyncpg.Record]
) -> dict[str, Elsewhere]:
    """By place, the claims that were found for it. Many places have the same ones: each claim is
    read once."""
    ids = list({claim_id for _, claim_id in rows})
    known: dict[UUID, Candidate] = {}
    for number_id, content in await connection.fetch(_COMPARED, ids) if ids else ():
        candidate = candidate_of(Submission.model_validate_json(content).claim, str(number_id))
        known[candidate.claim_id] = candidate
    found: dict[int, list[Candidate]] = {}
    for number, claim_id in rows:
        found.setdefault(number, []).append(known[claim_id])
    return {
        found_key(*places[number]): Elsewhere(
            tuple(sorted({one.number_key for one in ones})), tuple(ones)
        )
        for number, ones in found.items()
    }


def _member(claim: RemittanceClaim) -> str | None:
    for person in (claim.insured, claim.patient):
        if person is not None and person.identifier:
            return person.identifier
    return None


async def documents(connection: Connection, claim_ids: Sequence[UUID]) -> dict[str, State]:
    """Claims as they were sent."""
    rows = await connection.fetch(_DOCUMENTS, claim_ids)
    return {document_key(row[0]): Document(row[1].encode()) for row in rows}


async def fees(connection: Connection, codes: Sequence[str]) -> Fees:
    """The prices of these procedure codes, of every payer."""
    return fees_of(Fee(*row) for row in await connection.fetch(_FEES, codes))


async def posted(connection: Connection, keys: Sequence[str]) -> dict[str, State]:
    """Which of these business keys are in the ledger."""
    rows = await connection.fetch(_POSTED, keys)
    return {posted_key(row[0]): AlreadyPosted() for row in rows}


async def patient_money(connection: Connection, accounts: Iterable[UUID]) -> dict[str, State]:
    """What the patients of these accounts paid, and what is due back to them."""
    holders = [str(account) for account in accounts]
    sums: dict[str, dict[str, int]] = {holder: {} for holder in holders}
    for holder, kind, cents in await connection.fetch(_PATIENT_MONEY, holders):
        sums[holder][kind] = -cents
    return {
        money_key(holder): PatientMoney(of.get("patient_payment", 0), of.get("refunds_due", 0))
        for holder, of in sums.items()
    }


async def denials(connection: Connection, wanted: Sequence[tuple[Place, int]]) -> dict[str, State]:
    """These rows of the denial worklist."""
    rows = await connection.fetch(
        _DENIALS,
        [place[0] for place, _ in wanted],
        [place[1] for place, _ in wanted],
        [number for _, number in wanted],
    )
    return {
        denial_key((row["remittance_id"], row["position"]), row["number"]): Denied(*row[3:])
        for row in rows
    }

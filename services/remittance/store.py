"""The states of a batch, loaded and locked.

Locks are always taken in the same order: trace numbers, remittances, then patient control numbers
by the id that is made of them (`number_key`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from services.remittance.domain.accounts import BillingProvider, Payee, own_provider_key
from services.remittance.domain.incoming import claim_from_json
from services.remittance.domain.ledger import ProviderAdjusted
from services.remittance.domain.state import (
    AlreadyRead,
    Arrived,
    FirstOfTrace,
    LedgerClaim,
    LedgerLine,
    Namesakes,
    OwnProvider,
    Posted,
    Remittance,
    RemittanceSource,
    State,
    Tally,
    WrittenOff,
    deposit_key,
    place_key,
    tally_key,
    trace_key,
)
from shared.contract.model import Finding
from shared.database import Connection

WAITING_PER_NUMBER = 100
"""Of one number, oldest first: a control number that many claims share (`0`, `UNKNOWN`) must not
pull thousands of them into memory."""

Trace = tuple[str, str]
Place = tuple[UUID, int]

_LOCK_TRACES = """
SELECT pg_advisory_xact_lock(hashtextextended('remittance ' || key, 0))
FROM unnest($1::text[]) AS key
"""
_REMITTANCES = """
SELECT id, payer_identifier, payer_name, trace_number, amount_cents, method,
       payment_date, content_hash, status, read_event, claims, difference_cents,
       provider_adjustments, is_debit, findings, payee_identifier, decided_by, note, payee_tax_id,
       posted, quarantined, unmatched
FROM remittance WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
"""
_FIRST_OF_TRACE = """
SELECT wanted.payer, wanted.trace, first.id
FROM unnest($1::text[], $2::text[]) AS wanted (payer, trace)
CROSS JOIN LATERAL (
    SELECT id FROM remittance
    WHERE payer_identifier = wanted.payer AND trace_number = wanted.trace
    ORDER BY read_at, id LIMIT 1
) AS first
"""
_ALREADY_READ = """
SELECT remittance_id, position FROM remittance_claim
JOIN unnest($1::uuid[], $2::int[]) AS wanted (id, place)
  ON remittance_id = wanted.id AND position = wanted.place
"""
_OWN_PROVIDERS = """
SELECT npi FROM unnest($1::text[]) AS npi WHERE EXISTS (SELECT FROM claim WHERE billing_npi = npi)
"""
_HOMES_OF_CLAIMS = "SELECT id, number_id, account_id FROM claim WHERE id = ANY($1::uuid[])"
_NUMBERS_WITH_CLAIMS = "SELECT DISTINCT number_id FROM claim WHERE number_id = ANY($1::uuid[])"
_BY_NUMBERS = """
SELECT number_id, payer_claim_control_number, line_control_numbers FROM claim
WHERE payer_claim_control_number = ANY($1::text[])
UNION ALL
SELECT number_id, payer_claim_control_number, line_control_numbers FROM claim
WHERE line_control_numbers && $2::text[]
LIMIT 5000
"""
_OPEN_NUMBERS = """
INSERT INTO control_number (id) SELECT * FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING
"""
_LOCK_NUMBERS = "SELECT id FROM control_number WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"
_CLAIMS = """
SELECT id, number_id, account_id, revision, patient_control_number, payer_identifier, charge_cents,
       charge_entry, charge_revision, lines, payer_claim_control_number, status, traceparent,
       paid_cents, contractual_cents, patient_cents, other_cents, denied_cents, standing,
       written_off_cents, owing_payer, payer_sequence, next_payers, accepted_at,
       acceptance_evidence, billing_npi, billing_tax_id, source
FROM claim WHERE number_id = ANY($1::uuid[]) ORDER BY id
"""
_WAITING = """
SELECT number_id, remittance_id, payer_identifier, trace_number, payee_identifier, payee_tax_id,
       EXISTS (SELECT FROM claim WHERE billing_npi = payee_identifier) AS payee_is_ours,
       state, content, meant_claim_id
FROM (
    SELECT number_id, remittance_id, state, content, seq, meant_claim_id,
           row_number() OVER (PARTITION BY number_id ORDER BY seq) AS place
    FROM remittance_claim
    WHERE number_id = ANY($1::uuid[]) AND state IN ('unmatched', 'waiting')
) AS waiting
JOIN remittance ON remittance.id = remittance_id
WHERE place <= $2 ORDER BY seq
"""


async def prepare(connection: Connection) -> None:
    """Plans for this transaction fit the tables as they are, not as they were when they were small,
    and look rows up by their indexes: a batch costs the same however large the ledger is."""
    await connection.execute(
        "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = off"
    )


async def load_remittances(
    connection: Connection,
    ids: Iterable[UUID],
    traces: Iterable[Trace],
    deposits: Iterable[str] = (),
) -> dict[str, State]:
    """The remittances of these ids, locked, and which came first under each trace number. With
    `deposits`, trace numbers of deposits, those are locked too."""
    ordered = sorted(traces)
    names = {trace_key(*trace) for trace in ordered} | {deposit_key(trace) for _, trace in ordered}
    names |= {deposit_key(trace) for trace in deposits}
    await connection.execute(_LOCK_TRACES, sorted(names))
    states: dict[str, State] = {}
    for row in await connection.fetch(_REMITTANCES, sorted(ids)):
        remittance, tally = remittance_of(row)
        states[str(remittance.id)] = remittance
        states[tally_key(remittance.id)] = tally
    rows = await connection.fetch(
        _FIRST_OF_TRACE, [payer for payer, _ in ordered], [trace for _, trace in ordered]
    )
    states |= {trace_key(row[0], row[1]): FirstOfTrace(row[2]) for row in rows}
    return states


def remittance_of(row: asyncpg.Record) -> tuple[Remittance, Tally]:
    """A remittance and its tally, of a row with every column in the order of `_REMITTANCES`."""
    adjustments, is_debit, findings, payee, by, note, tax_id, *tally = row[12:]
    remittance = replace(
        Remittance(*row[:12]),
        provider_adjustments=tuple(ProviderAdjusted(*part) for part in json.loads(adjustments)),
        is_debit=is_debit,
        findings=tuple(Finding.model_validate(one) for one in json.loads(findings)),
        payee_identifier=payee,
        decided_by=by,
        note=note,
        payee_tax_id=tax_id,
    )
    return remittance, Tally(*tally)


async def already_read(connection: Connection, places: Sequence[Place]) -> dict[str, State]:
    """Which of these claims of remittances were decided on before."""
    rows = await connection.fetch(
        _ALREADY_READ, [place[0] for place in places], [place[1] for place in places]
    )
    return {place_key(row[0], row[1]): AlreadyRead() for row in rows}


async def own_providers(connection: Connection, npis: Sequence[str]) -> dict[str, State]:
    """Those of these NPIs that bill claims of ours."""
    rows = await connection.fetch(_OWN_PROVIDERS, npis)
    return {own_provider_key(row[0]): OwnProvider() for row in rows}


class Home(NamedTuple):
    """Where a claim stands: the id of its control number, and its patient account."""

    number_id: UUID
    account_id: UUID


async def homes_of_claims(connection: Connection, claim_ids: Sequence[UUID]) -> dict[UUID, Home]:
    """Where each claim that is registered stands."""
    rows = await connection.fetch(_HOMES_OF_CLAIMS, claim_ids)
    return {row[0]: Home(row[1], row[2]) for row in rows}


async def numbers_with_claims(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the control numbers that have a claim of ours. Not locked: a first look."""
    return {row[0] for row in await connection.fetch(_NUMBERS_WITH_CLAIMS, ids)}


async def homes_by_numbers(
    connection: Connection, payer_numbers: Sequence[str], control_numbers: Sequence[str]
) -> dict[str, set[UUID]]:
    """Control numbers by the payers' claim numbers and by our line control numbers."""
    found: dict[str, set[UUID]] = {}
    for number_id, payer_number, lines in await connection.fetch(
        _BY_NUMBERS, payer_numbers, control_numbers
    ):
        for number in (payer_number, *lines):
            if number:
                found.setdefault(number, set()).add(number_id)
    return found


async def load_namesakes(
    connection: Connection, ids: Iterable[UUID], registering: set[UUID]
) -> dict[str, State]:
    """All claims with these control numbers, which are locked in the order of their ids. What
    waits is loaded for those that have claims, and for those in `registering`."""
    ordered = sorted(ids)
    await connection.execute(_OPEN_NUMBERS, ordered)
    await connection.execute(_LOCK_NUMBERS, ordered)
    claims: dict[UUID, list[LedgerClaim]] = {}
    for row in await connection.fetch(_CLAIMS, ordered):
        claims.setdefault(row["number_id"], []).append(_ledger_claim(row))
    waiting: dict[UUID, list[Arrived]] = {}
    for row in await connection.fetch(
        _WAITING, sorted(registering | claims.keys()), WAITING_PER_NUMBER
    ):
        waiting.setdefault(row["number_id"], []).append(arrived_of(row))
    return {
        str(key): Namesakes(tuple(claims.get(key, ())), tuple(waiting.get(key, ())))
        for key in claims.keys() | waiting.keys()
    }


def _ledger_claim(row: asyncpg.Record) -> LedgerClaim:
    return LedgerClaim(
        id=row["id"],
        revision=row["revision"],
        patient_control_number=row["patient_control_number"],
        account_id=str(row["account_id"]),
        payer_identifier=row["payer_identifier"],
        charge=row["charge_cents"],
        charge_entry=row["charge_entry"],
        charge_revision=row["charge_revision"],
        lines=lines_from_json(row["lines"]),
        payer_claim_control_number=row["payer_claim_control_number"],
        status=row["status"],
        traceparent=row["traceparent"],
        paid=row["paid_cents"],
        contractual=row["contractual_cents"],
        patient=row["patient_cents"],
        other=row["other_cents"],
        denied=row["denied_cents"],
        posted=standing_from_json(row["standing"]),
        written_off=row["written_off_cents"],
        owing_payer=row["owing_payer"],
        payer_sequence=row["payer_sequence"],
        next_payers=tuple(row["next_payers"]),
        accepted_at=row["accepted_at"],
        acceptance_evidence=row["acceptance_evidence"],
        billing=BillingProvider(row["billing_npi"], row["billing_tax_id"], row["source"]),
    )


def arrived_of(row: asyncpg.Record) -> Arrived:
    """A claim of a remittance that is not posted yet, as it is kept."""
    source = RemittanceSource(
        row["remittance_id"],
        row["payer_identifier"],
        row["trace_number"] or "",
        Payee(row["payee_identifier"], row["payee_tax_id"], row["payee_is_ours"]),
    )
    content = row["content"]
    claim = claim_from_json(content)
    return Arrived(source, claim, content.encode(), row["state"], row["meant_claim_id"])


def lines_from_json(text: str) -> tuple[LedgerLine, ...]:
    """A claim's lines as they are kept."""
    return tuple(
        LedgerLine(
            number, control, code, tuple(modifiers), date.fromisoformat(on) if on else None, charge
        )
        for number, control, code, modifiers, on, charge in json.loads(text)
    )


def standing_from_json(text: str) -> tuple[Posted, ...]:
    """The decisions on a claim that stand, as they are kept."""
    return tuple(_posted(*fields) for fields in json.loads(text))


def _posted(
    remittance_id: str,
    position: int,
    status: str,
    charge: int,
    paid: int,
    adjustments: list[tuple[str, str, int]],
    at: str,
    payer: str = "",
    crossed: Sequence[tuple[str, str, int]] = (),
    crossed_to: str | None = None,
    crossed_at: str | None = None,
    repeats: bool = False,
    written_off: Sequence[tuple[str, str, int, str, str]] = (),
) -> Posted:
    """An adjudication as it was kept; the first release kept no more than the first seven."""
    return Posted(
        UUID(remittance_id),
        position,
        status,
        charge,
        paid,
        tuple((group, reason, cents) for group, reason, cents in adjustments),
        datetime.fromisoformat(at),
        payer,
        tuple((group, reason, cents) for group, reason, cents in crossed),
        crossed_to,
        datetime.fromisoformat(crossed_at) if crossed_at else None,
        repeats,
        tuple(
            WrittenOff(group, reason, cents, key, datetime.fromisoformat(given_up_at))
            for group, reason, cents, key, given_up_at in written_off
        ),
    )

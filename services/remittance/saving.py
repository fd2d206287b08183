"""What was decided, written back: one statement per table, whatever the batch's size.

It is apart from the store, which loads, only for its length; the ledger itself is the journal's.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from services.remittance.domain.state import (
    ClaimDocument,
    DepositRow,
    LedgerLine,
    Namesakes,
    Posted,
    Remittance,
    RemittanceClaimRow,
    Tally,
)
from services.remittance.domain.worklist import DenialDecided, DenialRow, DenialsTakenBack
from shared.contract.model import Finding
from shared.database import Connection

SEPARATOR = "\x1f"

_SAVE_REMITTANCES = """
INSERT INTO remittance (id, payer_identifier, payer_name, trace_number, amount_cents, method,
                        payment_date, content_hash, status, difference_cents, read_event, claims,
                        provider_adjustments, is_debit, findings, payee_identifier, decided_by,
                        note, payee_tax_id)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[],
                     $7::date[], $8::bytea[], $9::text[], $10::bigint[], $11::uuid[], $12::int[],
                     $13::json[], $14::bool[], $15::json[], $16::text[], $17::text[], $18::text[],
                     $19::text[])
ON CONFLICT (id) DO UPDATE SET status = excluded.status, decided_by = excluded.decided_by,
    note = excluded.note, decided_at = now()
"""
_SAVE_TALLIES = """
UPDATE remittance SET posted = new.posted, quarantined = new.quarantined,
                      unmatched = new.unmatched
FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[])
  AS new (id, posted, quarantined, unmatched)
WHERE remittance.id = new.id
"""
_SAVE_CLAIMS = """
INSERT INTO claim (id, number_id, account_id, revision, patient_control_number, payer_identifier,
                   payer_claim_control_number, status, charge_cents, paid_cents, contractual_cents,
                   patient_cents, other_cents, denied_cents, charge_entry, charge_revision, lines,
                   line_control_numbers, standing, traceparent, written_off_cents, owing_payer,
                   payer_sequence, next_payers, accepted_at, acceptance_evidence, billing_npi,
                   billing_tax_id, source)
SELECT id, number_id, account_id, revision, pcn, payer, payer_number, status, charge, paid,
       contractual, patient, other, denied, charge_entry, charge_revision, lines,
       string_to_array(control_numbers, E'\\x1f'), standing, traceparent, written_off, owing_payer,
       payer_sequence, string_to_array(next_payers, E'\\x1f'), accepted_at, evidence, billing_npi,
       billing_tax_id, source
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
            $14::bigint[], $15::uuid[], $16::int[], $17::json[], $18::text[], $19::json[],
            $20::text[], $21::bigint[], $22::text[], $23::text[], $24::text[], $25::timestamptz[],
            $26::text[], $27::text[], $28::text[], $29::text[])
  AS new (id, number_id, account_id, revision, pcn, payer, payer_number, status, charge, paid,
          contractual, patient, other, denied, charge_entry, charge_revision, lines,
          control_numbers, standing, traceparent, written_off, owing_payer, payer_sequence,
          next_payers, accepted_at, evidence, billing_npi, billing_tax_id, source)
ON CONFLICT (id) DO UPDATE SET
    revision = excluded.revision, payer_identifier = excluded.payer_identifier,
    payer_claim_control_number = excluded.payer_claim_control_number, status = excluded.status,
    charge_cents = excluded.charge_cents, paid_cents = excluded.paid_cents,
    contractual_cents = excluded.contractual_cents, patient_cents = excluded.patient_cents,
    other_cents = excluded.other_cents, denied_cents = excluded.denied_cents,
    charge_entry = excluded.charge_entry, charge_revision = excluded.charge_revision,
    lines = excluded.lines, line_control_numbers = excluded.line_control_numbers,
    standing = excluded.standing, traceparent = excluded.traceparent,
    written_off_cents = excluded.written_off_cents, owing_payer = excluded.owing_payer,
    payer_sequence = excluded.payer_sequence, next_payers = excluded.next_payers,
    accepted_at = excluded.accepted_at, acceptance_evidence = excluded.acceptance_evidence,
    billing_npi = excluded.billing_npi, billing_tax_id = excluded.billing_tax_id,
    source = excluded.source, updated_at = now()
"""
_SAVE_READ = """
INSERT INTO remittance_claim (remittance_id, position, number_id, claim_id, state, status,
                              charge_cents, paid_cents, difference_cents, findings, content,
                              meant_claim_id, decided_by, note, decided_at)
SELECT *, CASE WHEN decided_by IS NOT NULL THEN now() END
FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
            $7::bigint[], $8::bigint[], $9::bigint[], $10::json[], $11::json[], $12::uuid[],
            $13::text[], $14::text[])
  AS new (remittance_id, position, number_id, claim_id, state, status, charge_cents, paid_cents,
          difference_cents, findings, content, meant_claim_id, decided_by, note)
ON CONFLICT (remittance_id, position) DO UPDATE SET
    number_id = excluded.number_id, claim_id = excluded.claim_id, state = excluded.state,
    difference_cents = excluded.difference_cents, findings = excluded.findings,
    meant_claim_id = excluded.meant_claim_id,
    decided_by = coalesce(excluded.decided_by, remittance_claim.decided_by),
    decided_at = coalesce(excluded.decided_at, remittance_claim.decided_at),
    note = coalesce(excluded.note, remittance_claim.note)
"""
_SAVE_DOCUMENTS = """
INSERT INTO claim_document (claim_id, revision, payer_identifier, charge_cents, member_identifier,
                            service_from, content)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::bigint[], $5::text[], $6::date[],
                     $7::json[])
ON CONFLICT (claim_id) DO UPDATE SET
    revision = excluded.revision, payer_identifier = excluded.payer_identifier,
    charge_cents = excluded.charge_cents, member_identifier = excluded.member_identifier,
    service_from = excluded.service_from, content = excluded.content
"""
_SAVE_DENIALS = """
INSERT INTO denial (remittance_id, position, claim_id, number, payer_identifier, adjustment_group,
                    reason, remarks, line, amount_cents, kind, next_step, is_final, due_on, state,
                    denied_on)
SELECT remittance_id, position, claim_id, number, payer, adjustment_group, reason,
       string_to_array(remarks, E'\\x1f'), line, cents, kind, next_step, is_final, due_on, 'open',
       denied_on
FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::smallint[], $10::bigint[], $11::text[], $12::text[], $13::bool[],
            $14::date[], $15::date[])
  AS new (remittance_id, position, claim_id, number, payer, adjustment_group, reason, remarks, line,
          cents, kind, next_step, is_final, due_on, denied_on)
ON CONFLICT DO NOTHING
"""
_TAKE_DENIALS_BACK = """
UPDATE denial SET state = 'reversed'
FROM unnest($1::uuid[], $2::int[]) AS taken (id, place)
WHERE remittance_id = taken.id AND position = taken.place
"""
_DECIDE_DENIALS = """
UPDATE denial SET state = new.state, decided_by = new.decided_by, note = new.note,
                  decided_at = now()
FROM unnest($1::uuid[], $2::int[], $3::smallint[], $4::text[], $5::text[], $6::text[])
  AS new (id, place, number, state, decided_by, note)
WHERE remittance_id = new.id AND position = new.place AND denial.number = new.number
"""
_SAVE_DEPOSITS = """
INSERT INTO deposit (id, trace_number, amount_cents, deposited_on, payer_name, state, remittance_id,
                     imported_at)
SELECT id, trace, cents, deposited_on, payer, CASE WHEN remittance IS NULL THEN 'unmatched'
       ELSE 'reconciled' END, remittance, imported_at
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::date[], $5::text[], $6::uuid[],
            $7::timestamptz[])
  AS new (id, trace, cents, deposited_on, payer, remittance, imported_at)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, remittance_id = excluded.remittance_id
"""


async def save_remittances(connection: Connection, remittances: Iterable[Remittance]) -> None:
    """Writes remittances that were opened or that a person decided on: nothing else of them
    changes later."""
    rows = sorted(remittances, key=lambda one: one.id)
    if not rows:
        return
    await connection.execute(
        _SAVE_REMITTANCES,
        [one.id for one in rows],
        [one.payer_identifier for one in rows],
        [one.payer_name for one in rows],
        [one.trace_number for one in rows],
        [one.amount for one in rows],
        [one.method for one in rows],
        [one.payment_date for one in rows],
        [one.content_hash for one in rows],
        [one.status for one in rows],
        [one.difference for one in rows],
        [one.read_event for one in rows],
        [one.claims for one in rows],
        [json.dumps(one.provider_adjustments) for one in rows],
        [one.is_debit for one in rows],
        [_findings_to_json(one.findings) for one in rows],
        [one.payee_identifier for one in rows],
        [one.decided_by for one in rows],
        [one.note for one in rows],
        [one.payee_tax_id for one in rows],
    )


async def save_tallies(connection: Connection, tallies: Mapping[UUID, Tally]) -> None:
    """Writes how many claims of each remittance came to what."""
    if tallies:
        await connection.execute(
            _SAVE_TALLIES, list(tallies), *map(list, zip(*tallies.values(), strict=True))
        )


async def save_claims(connection: Connection, numbers: Mapping[UUID, Namesakes]) -> None:
    """Writes every claim with the control numbers of which something changed."""
    rows = sorted(
        ((key, claim) for key, namesakes in numbers.items() for claim in namesakes.claims),
        key=lambda row: row[1].id,
    )
    if not rows:
        return
    claims = [claim for _, claim in rows]
    await connection.execute(
        _SAVE_CLAIMS,
        [claim.id for claim in claims],
        [key for key, _ in rows],
        [UUID(claim.account_id) for claim in claims],
        [claim.revision for claim in claims],
        [claim.patient_control_number for claim in claims],
        [claim.payer_identifier for claim in claims],
        [claim.payer_claim_control_number for claim in claims],
        [claim.status for claim in claims],
        [claim.charge for claim in claims],
        [claim.paid for claim in claims],
        [claim.contractual for claim in claims],
        [claim.patient for claim in claims],
        [claim.other for claim in claims],
        [claim.denied for claim in claims],
        [claim.charge_entry for claim in claims],
        [claim.charge_revision for claim in claims],
        [_lines_to_json(claim.lines) for claim in claims],
        [
            SEPARATOR.join(line.control_number for line in claim.lines if line.control_number)
            for claim in claims
        ],
        [_standing_to_json(claim.posted) for claim in claims],
        [claim.traceparent for claim in claims],
        [claim.written_off for claim in claims],
        [claim.owing_payer for claim in claims],
        [claim.payer_sequence for claim in claims],
        [SEPARATOR.join(claim.next_payers) for claim in claims],
        [claim.accepted_at for claim in claims],
        [claim.acceptance_evidence for claim in claims],
        [claim.billing.npi for claim in claims],
        [claim.billing.tax_id for claim in claims],
        [claim.billing.source for claim in claims],
    )


async def save_read_claims(connection: Connection, rows: Iterable[RemittanceClaimRow]) -> None:
    """Writes what became of claims of remittances; of several outcomes of one, the last."""
    last = {(row.remittance_id, row.position): row for row in rows}
    if not last:
        return
    ordered = list(last.values())
    await connection.execute(
        _SAVE_READ,
        [row.remittance_id for row in ordered],
        [row.position for row in ordered],
        [UUID(row.number_key) for row in ordered],
        [row.claim_id for row in ordered],
        [row.state for row in ordered],
        [row.claim.status for row in ordered],
        [row.claim.charge for row in ordered],
        [row.claim.paid for row in ordered],
        [row.difference for row in ordered],
        [_findings_to_json(row.findings) for row in ordered],
        [row.content.decode() for row in ordered],
        [row.meant for row in ordered],
        [row.decided_by for row in ordered],
        [row.note for row in ordered],
    )


async def save_documents(connection: Connection, documents: Iterable[ClaimDocument]) -> None:
    """Writes claims as they were sent; of several revisions of one, the last."""
    last = {document.claim_id: document for document in documents}
    rows = [last[claim_id] for claim_id in sorted(last)]
    if rows:
        columns = list(map(list, zip(*rows, strict=True)))
        columns[-1] = [row.content.decode() for row in rows]
        await connection.execute(_SAVE_DOCUMENTS, *columns)


async def save_denials(connection: Connection, denials: Sequence[DenialRow]) -> None:
    """Writes the work that postings made."""
    if not denials:
        return
    await connection.execute(
        _SAVE_DENIALS,
        [row.place[0] for row in denials],
        [row.place[1] for row in denials],
        [row.claim_id for row in denials],
        [row.number for row in denials],
        [row.payer_identifier for row in denials],
        [row.group for row in denials],
        [row.reason for row in denials],
        [SEPARATOR.join(row.remarks) for row in denials],
        [row.line for row in denials],
        [row.amount for row in denials],
        [row.kind for row in denials],
        [row.next_step for row in denials],
        [row.is_final for row in denials],
        [row.due_on for row in denials],
        [row.denied_on for row in denials],
    )


async def close_denials(
    connection: Connection, taken: Sequence[DenialsTakenBack], decided: Sequence[DenialDecided]
) -> None:
    """Denials whose decision the payer took back, and those that a person decided on."""
    if taken:
        places = [row.place for row in taken]
        await connection.execute(
            _TAKE_DENIALS_BACK, [place[0] for place in places], [place[1] for place in places]
        )
    if decided:
        await connection.execute(
            _DECIDE_DENIALS,
            [row.place[0] for row in decided],
            [row.place[1] for row in decided],
            [row.number for row in decided],
            [row.state for row in decided],
            [row.by for row in decided],
            [row.note for row in decided],
        )


async def save_deposits(connection: Connection, rows: Sequence[DepositRow]) -> None:
    """Writes deposits, or which remittance they turned out to be."""
    if not rows:
        return
    last = {row.deposit.id: row for row in rows}
    ordered = list(last.values())
    await connection.execute(
        _SAVE_DEPOSITS,
        [row.deposit.id for row in ordered],
        [row.deposit.trace_number for row in ordered],
        [row.deposit.amount for row in ordered],
        [row.deposit.deposited_on for row in ordered],
        [row.deposit.payer_name for row in ordered],
        [row.deposit.remittance_id for row in ordered],
        [row.imported_at for row in ordered],
    )


def _findings_to_json(findings: Sequence[Finding]) -> str:
    return f"[{','.join(one.model_dump_json(exclude_defaults=True) for one in findings)}]"


def _lines_to_json(lines: Sequence[LedgerLine]) -> str:
    return json.dumps(
        [
            (
                line.number,
                line.control_number,
                line.code,
                line.modifiers,
                line.on.isoformat() if line.on else None,
                line.charge,
            )
            for line in lines
        ],
        separators=(",", ":"),
    )


def _standing_to_json(standing: Sequence[Posted]) -> str:
    return json.dumps(
        [
            (
                str(one.remittance_id),
                one.position,
                one.status,
                one.charge,
                one.paid,
                one.adjustments,
                one.at.isoformat(),
                one.payer_identifier,
                one.crossed,
                one.crossed_to,
                one.crossed_at.isoformat() if one.crossed_at else None,
                one.repeats,
                [(*part[:4], part.at.isoformat()) for part in one.written_off],
            )
            for one in standing
        ],
        separators=(",", ":"),
    )

"""What was decided, written back: one statement per table, whatever the batch's size.

It is apart from the store, which loads, only for its length; the ledger itself is the journal's.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from services.remittance.domain.state import (
    LedgerLine,
    PatientAccount,
    Posted,
    Remittance,
    RemittanceClaimRow,
    Tally,
)
from shared.database import Connection

CONTROL_NUMBER_SEPARATOR = "\x1f"

_SAVE_REMITTANCES = """
INSERT INTO remittance (id, payer_identifier, payer_name, trace_number, amount_cents, method,
                        payment_date, content_hash, status, difference_cents, read_event, claims)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[],
                     $7::date[], $8::bytea[], $9::text[], $10::bigint[], $11::uuid[], $12::int[])
"""
_SAVE_TALLIES = """
UPDATE remittance SET posted = new.posted, quarantined = new.quarantined,
                      unmatched = new.unmatched
FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[])
  AS new (id, posted, quarantined, unmatched)
WHERE remittance.id = new.id
"""
_SAVE_CLAIMS = """
INSERT INTO claim (id, account_id, revision, patient_control_number, payer_identifier,
                   payer_claim_control_number, status, charge_cents, paid_cents, contractual_cents,
                   patient_cents, other_cents, denied_cents, charge_entry, charge_revision, lines,
                   line_control_numbers, standing, traceparent)
SELECT id, account_id, revision, pcn, payer, payer_number, status, charge, paid, contractual,
       patient, other, denied, charge_entry, charge_revision, lines,
       string_to_array(control_numbers, E'\\x1f'), standing, traceparent
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
            $13::bigint[], $14::uuid[], $15::int[], $16::json[], $17::text[], $18::json[],
            $19::text[])
  AS new (id, account_id, revision, pcn, payer, payer_number, status, charge, paid, contractual,
          patient, other, denied, charge_entry, charge_revision, lines, control_numbers, standing,
          traceparent)
ON CONFLICT (id) DO UPDATE SET
    revision = excluded.revision, payer_identifier = excluded.payer_identifier,
    payer_claim_control_number = excluded.payer_claim_control_number, status = excluded.status,
    charge_cents = excluded.charge_cents, paid_cents = excluded.paid_cents,
    contractual_cents = excluded.contractual_cents, patient_cents = excluded.patient_cents,
    other_cents = excluded.other_cents, denied_cents = excluded.denied_cents,
    charge_entry = excluded.charge_entry, charge_revision = excluded.charge_revision,
    lines = excluded.lines, line_control_numbers = excluded.line_control_numbers,
    standing = excluded.standing, traceparent = excluded.traceparent, updated_at = now()
"""
_SAVE_READ = """
INSERT INTO remittance_claim (remittance_id, position, account_id, claim_id, state, status,
                              charge_cents, paid_cents, difference_cents, findings, content)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
                     $7::bigint[], $8::bigint[], $9::bigint[], $10::json[], $11::json[])
ON CONFLICT (remittance_id, position) DO UPDATE SET
    claim_id = excluded.claim_id, state = excluded.state,
    difference_cents = excluded.difference_cents, findings = excluded.findings
"""


async def save_remittances(connection: Connection, remittances: Iterable[Remittance]) -> None:
    """Writes remittances that were opened: nothing of them changes later."""
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
    )


async def save_tallies(connection: Connection, tallies: Mapping[UUID, Tally]) -> None:
    """Writes how many claims of each remittance came to what."""
    if tallies:
        await connection.execute(
            _SAVE_TALLIES, list(tallies), *map(list, zip(*tallies.values(), strict=True))
        )


async def save_claims(connection: Connection, accounts: Mapping[UUID, PatientAccount]) -> None:
    """Writes every claim of the accounts that changed."""
    rows = sorted(
        ((key, claim) for key, account in accounts.items() for claim in account.claims),
        key=lambda row: row[1].id,
    )
    if not rows:
        return
    claims = [claim for _, claim in rows]
    await connection.execute(
        _SAVE_CLAIMS,
        [claim.id for claim in claims],
        [key for key, _ in rows],
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
            CONTROL_NUMBER_SEPARATOR.join(
                line.control_number for line in claim.lines if line.control_number
            )
            for claim in claims
        ],
        [_standing_to_json(claim.posted) for claim in claims],
        [claim.traceparent for claim in claims],
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
        [UUID(row.account_key) for row in ordered],
        [row.claim_id for row in ordered],
        [row.state for row in ordered],
        [row.claim.status for row in ordered],
        [row.claim.charge for row in ordered],
        [row.claim.paid for row in ordered],
        [row.difference for row in ordered],
        [
            "["
            + ",".join(finding.model_dump_json(exclude_defaults=True) for finding in row.findings)
            + "]"
            for row in ordered
        ],
        [row.content.decode() for row in ordered],
    )


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
            )
            for one in standing
        ],
        separators=(",", ":"),
    )

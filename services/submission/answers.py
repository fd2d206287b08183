"""Payers' answers as they are kept, whether or not they relate to anything: the evidence."""

from collections.abc import Sequence

from services.submission.domain.changes import AnswerKept, InquiryAnswered
from shared.contract.model import Finding, to_wire
from shared.database import Connection

_KEEP = """
INSERT INTO acknowledgement (event_id, part, position, payer, transaction, outcome, relates_to,
    interchange_id, claim_id, revision, payer_sequence, has_moved_claim, control_number,
    status_codes, findings, path, received_at)
SELECT event_id, part, position, payer, transaction, outcome, relates_to, interchange_id, claim_id,
       revision, turn, has_moved, control_number,
       coalesce(string_to_array(nullif(codes, ''), E'\\x1f'), '{}'), findings::jsonb, path, at
FROM unnest($1::uuid[], $2::int[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::uuid[], $9::uuid[], $10::int[], $11::text[], $12::bool[], $13::text[], $14::text[],
            $15::text[], $16::text[], $17::timestamptz[])
    AS new (event_id, part, position, payer, transaction, outcome, relates_to, interchange_id,
            claim_id, revision, turn, has_moved, control_number, codes, findings, path, at)
ON CONFLICT DO NOTHING
"""
_ANSWER_INQUIRY = """
UPDATE inquiry SET answered_at = new.at
FROM unnest($1::text[], $2::timestamptz[]) AS new (trace, at)
WHERE inquiry.trace = new.trace AND answered_at IS NULL
"""


async def keep_answers(connection: Connection, kept: Sequence[AnswerKept]) -> None:
    """Keeps answers; one that was kept before is the same one."""
    if not kept:
        return
    nowhere = (None, None, None)
    rows = [
        (
            row.event_id,
            row.part,
            row.position,
            row.payer,
            row.transaction,
            row.outcome,
            row.relates_to,
            row.interchange_id,
            *(row.leg or nowhere),
            row.has_moved_claim,
            row.control_number,
            "\x1f".join(row.status_codes),
            findings_json(row.findings),
            row.path,
            row.at,
        )
        for row in kept
    ]
    await connection.execute(_KEEP, *map(list, zip(*rows, strict=True)))


def findings_json(findings: Sequence[Finding]) -> str | None:
    """Findings as a column has them; None for none."""
    if not findings:
        return None
    return "[" + ",".join(to_wire(finding).decode() for finding in findings) + "]"


async def note_answered(connection: Connection, questions: Sequence[InquiryAnswered]) -> None:
    """Notes when our questions were answered, the first time."""
    if questions:
        traces, times = [row.trace for row in questions], [row.at for row in questions]
        await connection.execute(_ANSWER_INQUIRY, traces, times)

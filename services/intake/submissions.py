"""The SQL of submissions: what came over HTTP, and what became of each record of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.intake.domain.submission import RecordOutcome, X12Answer
from shared.database import Connection

_OPEN = """
INSERT INTO submission (submission_id, source, content_hash, size_bytes, is_handed_over)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
_FIND = """
SELECT submission_id, source, content_hash, size_bytes, is_handed_over, received_at
FROM submission WHERE submission_id = $1
"""
_KEEP = """
INSERT INTO submission_record (submission_id, position, outcome, claim_id, revision, findings)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::uuid[], $5::int[], $6::bytea[])
ON CONFLICT DO NOTHING
"""
_RECORDS = """
SELECT position, outcome, claim_id, revision, findings
FROM submission_record WHERE submission_id = $1 AND position > $2 ORDER BY position LIMIT $3
"""
_OUTCOMES = """
SELECT submission_id, position, outcome, claim_id, revision, findings
FROM submission_record WHERE submission_id = ANY($1::uuid[]) ORDER BY submission_id, position
"""
_KEEP_ANSWERS = """
INSERT INTO submission_answer (submission_id, answer_id, transaction, content)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[])
ON CONFLICT DO NOTHING
"""
_ANSWERS = """
SELECT submission_id, answer_id, transaction, content
FROM submission_answer WHERE submission_id = $1 ORDER BY transaction DESC, answer_id LIMIT $2
"""
_REFUSED = """
SELECT position, outcome, claim_id, revision, findings FROM submission_record
WHERE submission_id = $1 AND outcome = 'rejected' ORDER BY position LIMIT $2
"""
_CLAIM = """
SELECT claim_id, revision, frequency, status, source, message_id, position, received_at, updated_at
FROM claim WHERE claim_id = $1
"""


@dataclass(frozen=True, slots=True)
class Submission:
    """One body that came over HTTP."""

    submission_id: UUID
    source: str
    content_hash: bytes
    size_bytes: int
    is_handed_over: bool
    received_at: datetime


async def open_submission(
    connection: Connection,
    submission_id: UUID,
    source: str,
    content_hash: bytes,
    size_bytes: int,
    *,
    is_handed_over: bool,
) -> bool:
    """Writes a submission; False where it is there already (perhaps with other content)."""
    status = await connection.execute(
        _OPEN, submission_id, source, content_hash, size_bytes, is_handed_over
    )
    return status == "INSERT 0 1"


async def find(connection: Connection, submission_id: UUID) -> Submission | None:
    """The submission of this id, or None."""
    row = await connection.fetchrow(_FIND, submission_id)
    return Submission(**dict(row.items())) if row else None


async def save_outcomes(connection: Connection, outcomes: Sequence[RecordOutcome]) -> None:
    """Writes what became of records."""
    if not outcomes:
        return
    names = ("submission_id", "position", "outcome", "claim_id", "revision", "findings")
    columns = [[getattr(outcome, name) for outcome in outcomes] for name in names]
    await connection.execute(_KEEP, *columns)


async def save_answers(connection: Connection, answers: Sequence[X12Answer]) -> None:
    """Writes what submissions of X12 were answered with."""
    if not answers:
        return
    names = ("submission_id", "answer_id", "transaction", "content")
    columns = [[getattr(answer, name) for answer in answers] for name in names]
    await connection.execute(_KEEP_ANSWERS, *columns)


async def answers(connection: Connection, submission_id: UUID, limit: int) -> list[X12Answer]:
    """The 999s and TA1s of a submission, TA1 first."""
    rows = await connection.fetch(_ANSWERS, submission_id, limit)
    return [X12Answer(**dict(row.items())) for row in rows]


async def records(
    connection: Connection, submission_id: UUID, after: int, limit: int
) -> list[RecordOutcome]:
    """A submission's records behind this position, in order."""
    rows = await connection.fetch(_RECORDS, submission_id, after, limit)
    return [RecordOutcome(submission_id, **dict(row.items())) for row in rows]


async def outcomes(connection: Connection, submission_ids: Sequence[UUID]) -> list[RecordOutcome]:
    """All records of these submissions."""
    rows = await connection.fetch(_OUTCOMES, list(submission_ids))
    return [RecordOutcome(**dict(row.items())) for row in rows]


async def refused(connection: Connection, submission_id: UUID, limit: int) -> list[RecordOutcome]:
    """A submission's refused records, in order."""
    rows = await connection.fetch(_REFUSED, submission_id, limit)
    return [RecordOutcome(submission_id, **dict(row.items())) for row in rows]


async def claim(connection: Connection, claim_id: UUID) -> dict[str, Any] | None:
    """What intake knows of a claim, or None."""
    row = await connection.fetchrow(_CLAIM, claim_id)
    return dict(row.items()) if row else None

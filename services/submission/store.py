"""submission's SQL for its handler: what is known of claims and interchanges, and what changes.

The workers' SQL is with them (`gathering`, `sending`, `mailbox`, `watching`). One statement per
table and batch; claims are always locked in the order of their keys.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from services.submission.answers import keep_answers, note_answered
from services.submission.domain.acknowledgement import Scope
from services.submission.domain.changes import (
    AnswerKept,
    Change,
    ClaimRecord,
    InquiryAnswered,
    InterchangeAnswered,
    Leg,
    Moved,
    Queued,
    SentInterchange,
    SetsAccepted,
    Submission,
)
from services.submission.domain.status import Happening, Status, starts
from shared.database import Connection

_RECORDS = """
SELECT claim.claim_id, revision, payer_sequence, claim.payer, status, patient_control_number,
       claim.charge_cents, traceparent, interchange_id, control_number, transaction_control_number,
       payer_identifier
FROM claim LEFT JOIN interchange USING (interchange_id)
WHERE claim_id = ANY($1::uuid[]) ORDER BY claim_id, revision, payer_sequence FOR UPDATE OF claim
"""
_CANDIDATES = """
SELECT DISTINCT patient_control_number, payer, claim_id FROM claim
WHERE patient_control_number = ANY($1::text[]) AND interchange_id IS NOT NULL
"""
_INQUIRED = """
SELECT trace, claim_id, revision, payer_sequence FROM inquiry WHERE trace = ANY($1::text[])
"""
_INTERCHANGES = """
SELECT interchange_id, payer, control_number, sendings FROM interchange
WHERE control_number = ANY($1::int[])
"""
_REFUSED_CLAIMS = """
SELECT scope.interchange_id, claim_id, revision, payer_sequence
FROM unnest($1::uuid[], $2::bool[], $3::text[], $4::text[])
    AS scope (interchange_id, everything, of_set, npi)
JOIN claim ON claim.interchange_id = scope.interchange_id
    AND (everything OR transaction_control_number = of_set OR billing_npi = npi)
"""
_QUEUE = """
INSERT INTO claim (claim_id, revision, payer_sequence, payer, kind, status, patient_control_number,
                   charge_cents, billing_npi, payer_identifier, coded_event_id, traceparent,
                   pending_at, changed_at)
SELECT claim_id, revision, turn, payer, kind, status, number, charge, npi, payer_identifier,
       event_id, traceparent, $1, $1
FROM unnest($2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::bigint[], $10::text[], $11::text[], $12::uuid[], $13::text[])
    AS new (claim_id, revision, turn, payer, kind, status, number, charge, npi, payer_identifier,
            event_id, traceparent)
ON CONFLICT (claim_id, revision, payer_sequence) DO UPDATE SET
    payer = excluded.payer, kind = excluded.kind, status = excluded.status,
    patient_control_number = excluded.patient_control_number,
    charge_cents = excluded.charge_cents, billing_npi = excluded.billing_npi,
    payer_identifier = excluded.payer_identifier,
    coded_event_id = excluded.coded_event_id, traceparent = excluded.traceparent,
    interchange_id = NULL, transaction_control_number = NULL, findings = NULL,
    pending_at = excluded.pending_at, changed_at = excluded.changed_at
"""
_CONTENT = """
INSERT INTO claim_content (claim_id, revision, payer_sequence, content)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::bytea[])
ON CONFLICT (claim_id, revision, payer_sequence) DO UPDATE SET content = excluded.content
"""
_ENQUEUE = """
INSERT INTO pending_claim (payer, kind, claim_id, revision, payer_sequence, content_bytes,
                           pending_at)
SELECT payer, kind, claim_id, revision, turn, size, $1
FROM unnest($2::text[], $3::text[], $4::uuid[], $5::int[], $6::text[], $7::int[])
    AS new (payer, kind, claim_id, revision, turn, size)
"""
_MOVE = """
UPDATE claim SET status = new.status, changed_at = new.at,
    payer_claim_control_number = coalesce(new.number, payer_claim_control_number)
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
    AS new (claim_id, revision, turn, status, at, number)
WHERE claim.claim_id = new.claim_id AND claim.revision = new.revision
    AND claim.payer_sequence = new.turn
"""
_DEQUEUE = """
DELETE FROM pending_claim USING unnest($1::uuid[], $2::int[], $3::text[])
    AS gone (claim_id, revision, turn)
WHERE pending_claim.claim_id = gone.claim_id AND pending_claim.revision = gone.revision
    AND pending_claim.payer_sequence = gone.turn
"""
_ACCEPT_SETS = """
UPDATE claim SET status = 'accepted', changed_at = $3
WHERE interchange_id = $1 AND status = ANY($4::text[])
    AND ($2::text[] IS NULL OR transaction_control_number = ANY($2::text[]))
"""
_ANSWER_INTERCHANGE = """
UPDATE interchange SET
    envelope_outcome = CASE WHEN new.transaction = 'TA1' THEN new.outcome ELSE envelope_outcome END,
    syntax_outcome = CASE WHEN new.transaction = '999' THEN new.outcome ELSE syntax_outcome END
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS new (interchange_id, transaction, outcome)
WHERE interchange.interchange_id = new.interchange_id
"""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The claims that have a patient control number at a payer; several is possible."""

    claim_ids: tuple[UUID, ...]


async def load_candidates(
    connection: Connection, numbers: Iterable[str]
) -> dict[str, list[tuple[str, UUID]]]:
    """Payer and claim id of every claim in an interchange, by patient control number."""
    found = defaultdict(list)
    for number, payer, claim_id in await connection.fetch(_CANDIDATES, sorted(set(numbers))):
        found[number].append((payer, claim_id))
    return found


async def load_inquired(connection: Connection, traces: Iterable[str]) -> dict[str, Leg]:
    """The claims that our 276s asked about, by the trace number of the question."""
    rows = await connection.fetch(_INQUIRED, sorted(set(traces)))
    return {trace: Leg(*leg) for trace, *leg in rows}


async def load_interchanges(
    connection: Connection, numbers: Iterable[int]
) -> dict[int, list[SentInterchange]]:
    """Our interchanges by control number: one for each pair of sender and receiver."""
    found = defaultdict(list)
    for row in await connection.fetch(_INTERCHANGES, sorted(set(numbers))):
        interchange = SentInterchange(*row)
        found[interchange.control_number].append(interchange)
    return found


async def load_scopes(
    connection: Connection, scopes: Sequence[tuple[UUID, Scope]]
) -> dict[UUID, list[Leg]]:
    """The legs that scopes of interchanges mean, by interchange."""
    rows: list[tuple[UUID, bool, str | None, str | None]] = []
    for interchange_id, scope in scopes:
        if scope.everything:
            rows.append((interchange_id, True, None, None))
        rows += [(interchange_id, False, of_set, None) for of_set in scope.sets]
        rows += [(interchange_id, False, None, npi) for npi in scope.billing_npis]
    found: dict[UUID, list[Leg]] = defaultdict(list)
    if rows:
        for identity, *leg in await connection.fetch(_REFUSED_CLAIMS, *_columns(rows)):
            found[identity].append(Leg(*leg))
    return found


async def lock_records(connection: Connection, claim_ids: Iterable[UUID]) -> dict[str, ClaimRecord]:
    """Every leg of these claims, by claim id, locked in their order until the commit."""
    legs: dict[UUID, dict[Leg, Submission]] = defaultdict(dict)
    for row in await connection.fetch(_RECORDS, sorted(set(claim_ids))):
        claim_id, revision, turn, payer, status, *rest = row
        submission = Submission(claim_id, revision, turn, payer, Status(status), *rest)
        legs[claim_id][submission.leg] = submission
    return {str(claim_id): ClaimRecord(known) for claim_id, known in legs.items()}


async def save(connection: Connection, changes: Sequence[Change]) -> None:
    """Writes changes, kind by kind: queued claims first, set answers after single ones, so that
    what an answer to one claim says is never undone by the answer to its set."""
    await _save_queued(connection, _of(changes, Queued))
    await _save_moved(connection, _of(changes, Moved))
    accepted_from = [str(status) for status in starts(Happening.SYNTAX_ACCEPTED)]
    for accepted in _of(changes, SetsAccepted):
        sets = list(accepted.sets) if accepted.sets is not None else None
        await connection.execute(
            _ACCEPT_SETS, accepted.interchange_id, sets, accepted.at, accepted_from
        )
    answered = _of(changes, InterchangeAnswered)
    if answered:
        rows = [(row.interchange_id, row.transaction, row.outcome) for row in answered]
        await connection.execute(_ANSWER_INTERCHANGE, *_columns(rows))
    await keep_answers(connection, _of(changes, AnswerKept))
    await note_answered(connection, _of(changes, InquiryAnswered))


async def _save_queued(connection: Connection, queued: Sequence[Queued]) -> None:
    if not queued:
        return
    latest = {row.claim.leg: row for row in queued}
    ordered = [latest[key] for key in sorted(latest)]
    await connection.execute(
        _QUEUE,
        queued[0].at,
        *_columns(
            [
                (
                    *row.claim.leg,
                    row.claim.payer,
                    row.claim.kind,
                    row.status.value,
                    row.claim.patient_control_number,
                    row.claim.charge_cents,
                    row.claim.billing_npi,
                    row.claim.payer_identifier,
                    row.claim.coded_event_id,
                    row.claim.traceparent,
                )
                for row in ordered
            ]
        ),
    )
    contents = [(*row.claim.leg, row.claim.content) for row in ordered]
    await connection.execute(_CONTENT, *_columns(contents))
    waiting = [row.claim for row in latest.values() if row.status is Status.PENDING]
    if waiting:
        rows = [(claim.payer, claim.kind, *claim.leg, len(claim.content)) for claim in waiting]
        await connection.execute(_ENQUEUE, queued[0].at, *_columns(rows))


async def _save_moved(connection: Connection, moved: Sequence[Moved]) -> None:
    if not moved:
        return
    latest = {row.leg: row for row in moved}
    rows = [
        (*row.leg, row.status.value, row.at, row.payer_claim_control_number)
        for row in latest.values()
    ]
    await connection.execute(_MOVE, *_columns(rows))
    superseded = [leg for leg, row in latest.items() if row.status is Status.SUPERSEDED]
    if superseded:
        await connection.execute(_DEQUEUE, *_columns(superseded))


_ChangeT = TypeVar("_ChangeT", bound=Change)


def _of(changes: Sequence[Change], kind: type[_ChangeT]) -> list[_ChangeT]:
    return [change for change in changes if isinstance(change, kind)]


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]

"""Asks payers by a 276 about claims that have no 835 after so many days, on the profile's schedule.

The question is an interchange like any other: its number, its bytes and its claims are kept in one
transaction, and the courier sends it. Must run under the payer's lease.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from services.submission.domain.changes import Leg
from services.submission.domain.inquiry import Question, write_inquiry
from services.submission.domain.profile import Profile
from services.submission.domain.terms import StatusInquiry
from services.submission.keeping import Draft, keep, next_number
from services.submission.vault import Vault
from shared.contract.claim import Claim
from shared.contract.envelope import business_id
from shared.contract.model import Model
from shared.database import Connection

CLAIMS_AT_ONCE = 200

_DUE = """
SELECT claim_id, revision, payer_sequence, payer_claim_control_number, inquiries,
       claim_content.content, sent_at
FROM claim JOIN claim_content USING (claim_id, revision, payer_sequence)
    JOIN interchange USING (interchange_id)
WHERE claim.payer = $1 AND inquire_at <= $2
    AND claim.status IN ('sent', 'accepted', 'forwarded', 'acknowledged')
ORDER BY inquire_at, claim_id LIMIT $3 FOR UPDATE OF claim
"""
_OVER = """
UPDATE claim SET inquire_at = NULL WHERE payer = $1 AND inquire_at <= $2
    AND status NOT IN ('sent', 'accepted', 'forwarded', 'acknowledged')
"""
_ASKED = """
INSERT INTO inquiry (trace, claim_id, revision, payer_sequence, interchange_id, asked_at)
SELECT trace, claim_id, revision, turn, $5, $6
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[])
    AS asked (claim_id, revision, turn, trace)
"""
_NEXT = """
UPDATE claim SET inquiries = asked.inquiries, inquire_at = asked.next_at
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::timestamptz[])
    AS asked (claim_id, revision, turn, inquiries, next_at)
WHERE claim.claim_id = asked.claim_id AND claim.revision = asked.revision
    AND claim.payer_sequence = asked.turn
"""


class _Document(Model):
    claim: Claim


async def inquire(connection: Connection, profile: Profile, vault: Vault, now: datetime) -> int:
    """Forms a 276 of the claims that are due to be asked about; returns how many those are, and 0
    where the payer takes no 276."""
    schedule = profile.status_inquiry
    if schedule is None:
        return 0
    async with connection.transaction():
        await connection.execute(_OVER, profile.name, now)
        rows = await connection.fetch(_DUE, profile.name, now, CLAIMS_AT_ONCE)
        if not rows:
            return 0
        await connection.execute(_NEXT, *_columns(list(_next(rows, schedule, now))))
        questions = list(_questions(rows, now))
        if not questions:
            return 0
        number = await next_number(connection, profile)
        content = await asyncio.to_thread(write_inquiry, questions, profile, number, now)
        charge_cents = sum(question.claim.charge for question in questions)
        draft = Draft("inquiry", content, len(questions), charge_cents)
        interchange_id = await keep(connection, profile, number, draft, vault, now)
        asked = [(*question.leg, question.trace) for question in questions]
        await connection.execute(_ASKED, *_columns(asked), interchange_id, now)
    return len(questions)


def _questions(rows: Sequence[Any], now: datetime) -> Iterator[Question]:
    for *key, payer_claim_number, _, content, _ in rows:
        leg = Leg(*key)
        try:
            claim = _Document.model_validate_json(b'{"claim":%b}' % content).claim
        except ValidationError:  # it was sent, so it was read before: only a damaged row is not
            continue
        trace = business_id("inquiry", *leg, now).hex
        yield Question(leg, trace, claim, payer_claim_number)


def _next(
    rows: Sequence[Any], schedule: StatusInquiry, now: datetime
) -> Iterator[tuple[object, ...]]:
    """Each claim's place in the schedule and its next question; days that have passed as well,
    while nothing ran, count as asked."""
    for *key, _, asked, _, sent_at in rows:
        place = asked + 1
        while (following := schedule.due(sent_at, place)) is not None and following <= now:
            place += 1
        yield (*key, place, following)


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]

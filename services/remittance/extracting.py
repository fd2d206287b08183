"""The extract's rows out of the database, claim by claim.

It is apart from the questions because it reads everything there is, through a cursor.
"""

from collections.abc import AsyncIterator
from datetime import datetime

from services.remittance.domain.extract import Row, Standing, rows_of
from services.remittance.domain.incoming import claim_from_json
from services.remittance.domain.judging import Submission
from services.remittance.store import lines_from_json, standing_from_json
from shared.database import Connection

_CLAIMS = """
SELECT claim.lines, claim.standing, claim_document.content FROM claim
JOIN claim_document ON claim_document.claim_id = claim.id
WHERE claim.charge_cents <> 0
ORDER BY claim.id
"""
_READ = """
SELECT content FROM remittance_claim WHERE remittance_id = $1 AND position = $2
"""


async def rows(connection: Connection, now: datetime) -> AsyncIterator[Row]:
    """Every claim that is not void, line by line."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for claim_lines, claim_standing, content in connection.cursor(_CLAIMS):
            standing = []
            for posted in standing_from_json(claim_standing):
                read = await connection.fetchval(_READ, *posted.place)
                if read is not None:
                    standing.append(Standing(claim_from_json(read), posted.at.date()))
            claim = Submission.model_validate_json(content).claim
            for row in rows_of(claim, lines_from_json(claim_lines), standing, now):
                yield row

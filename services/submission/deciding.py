"""What a person may decide about an interchange. The courier does it on its next round.

hold      formed, sending   nothing more is done with it
release   held              it goes on where it was
resend    held, sent        the payer does not have it: the same bytes go again
confirm   held              the payer has it: it is recorded as sent
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.contract.model import Finding, to_wire
from shared.database import Connection

Action = Literal["hold", "release", "resend", "confirm"]

_HELD = to_wire(
    Finding(
        code="held-by-a-person",
        message="A person holds the interchange back.",
        hint="`claimwire interchange release` lets it go on where it was.",
    )
).decode()

_HOLD = """
UPDATE interchange SET state = 'held', held_from = state, hold = $2::jsonb
WHERE interchange_id = $1 AND state IN ('formed', 'sending') RETURNING true
"""
_RELEASE = """
UPDATE interchange SET state = held_from, held_from = NULL, hold = NULL
WHERE interchange_id = $1 AND state = 'held' RETURNING true
"""
_RESEND = """
UPDATE interchange SET state = 'formed', held_from = NULL, hold = NULL, sent_at = NULL,
    syntax_watched_at = NULL, acceptance_watched_at = NULL, payment_watched_at = NULL
WHERE interchange_id = $1 AND (state = 'held' OR state = 'sent' AND $2) RETURNING true
"""
_CONFIRM = """
UPDATE interchange SET state = 'sending', is_confirmed = true, held_from = NULL, hold = NULL
WHERE interchange_id = $1 AND state = 'held' RETURNING true
"""
_STATE = "SELECT state FROM interchange WHERE interchange_id = $1"
_NOTE = """
INSERT INTO interchange_decision (interchange_id, action, decided_by, decided_at)
VALUES ($1, $2, $3, $4)
"""


class DecisionError(ValueError):
    """The interchange is not in a state in which this can be done. `state` None: there is none."""

    def __init__(self, action: Action, state: str | None) -> None:
        what = "there is no such interchange" if state is None else f"the interchange is {state}"
        super().__init__(f"cannot {action}: {what}")
        self.state = state


async def decide(
    connection: Connection,
    interchange_id: UUID,
    action: Action,
    by: str,
    now: datetime,
    *,
    is_again: bool = False,
) -> None:
    """Does it and keeps who decided it; `is_again` lets a resend be one of what is recorded as
    sent. Raises DecisionError."""
    acts: dict[Action, tuple[str, tuple[object, ...]]] = {
        "hold": (_HOLD, (_HELD,)),
        "release": (_RELEASE, ()),
        "resend": (_RESEND, (is_again,)),
        "confirm": (_CONFIRM, ()),
    }
    statement, arguments = acts[action]
    async with connection.transaction():
        if not await connection.fetchval(statement, interchange_id, *arguments):
            raise DecisionError(action, await connection.fetchval(_STATE, interchange_id))
        await connection.execute(_NOTE, interchange_id, action, by, now)

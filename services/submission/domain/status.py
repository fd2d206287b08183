"""A claim's way through submission, as a table of allowed moves.

Answers come late, twice and out of order. What is not in the table does not move the claim, so that
nothing ever moves it backwards; the answer itself is kept all the same.
"""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """Where one revision of a claim stands with one of its payers."""

    PENDING = "pending"
    """Coded, and waiting for its interchange to close."""
    UNWRITABLE = "unwritable"
    """No 837 can say it; no payer has seen it. The findings say why."""
    SUPERSEDED = "superseded"
    """A newer revision came before this one was sent."""
    FORMED = "formed"
    """In an interchange that is written and not yet recorded as sent."""
    SENT = "sent"
    ACCEPTED = "accepted"
    """A 999 accepted its transaction set: the syntax, nothing more."""
    FORWARDED = "forwarded"
    """A 277CA received or passed it on (A0, A1): not in adjudication yet."""
    ACKNOWLEDGED = "acknowledged"
    """A 277CA accepted it into adjudication (A2)."""
    REFUSED = "refused"
    """TA1, 999 or 277CA refused it: never adjudicated."""
    ADJUDICATED = "adjudicated"
    """An 835 decided on it, paid or denied: nothing more is awaited from this payer."""


class Happening(StrEnum):
    """What can happen to a claim here."""

    CODED_AGAIN = "coded again"
    SUPERSEDE = "supersede"
    FORM = "form"
    CANNOT_WRITE = "cannot write"
    SEND = "send"
    SYNTAX_ACCEPTED = "syntax accepted"
    SYNTAX_REJECTED = "syntax rejected"
    FORWARD = "forward"
    ACKNOWLEDGE = "acknowledge"
    REFUSE = "refuse"
    ADJUDICATE = "adjudicate"


_ON_THE_WAY = (Status.FORMED, Status.SENT, Status.ACCEPTED, Status.FORWARDED)

MOVES: Mapping[tuple[Status, Happening], Status] = {
    # Before sending. The same revision is taken again only where its first try came to nothing.
    (Status.UNWRITABLE, Happening.CODED_AGAIN): Status.PENDING,
    (Status.REFUSED, Happening.CODED_AGAIN): Status.PENDING,
    (Status.PENDING, Happening.SUPERSEDE): Status.SUPERSEDED,
    (Status.PENDING, Happening.FORM): Status.FORMED,
    (Status.PENDING, Happening.CANNOT_WRITE): Status.UNWRITABLE,
    (Status.FORMED, Happening.SEND): Status.SENT,
    # The answers. FORMED is among their starts: an answer may outrun the record of the sending.
    (Status.FORMED, Happening.SYNTAX_ACCEPTED): Status.ACCEPTED,
    (Status.SENT, Happening.SYNTAX_ACCEPTED): Status.ACCEPTED,
    (Status.FORMED, Happening.SYNTAX_REJECTED): Status.REFUSED,
    (Status.SENT, Happening.SYNTAX_REJECTED): Status.REFUSED,
    **{(start, Happening.FORWARD): Status.FORWARDED for start in _ON_THE_WAY[:-1]},
    **{(start, Happening.ACKNOWLEDGE): Status.ACKNOWLEDGED for start in _ON_THE_WAY},
    **{(start, Happening.REFUSE): Status.REFUSED for start in _ON_THE_WAY},
    # An 835 proves more than any answer before it, also one that refused the claim by mistake.
    **{
        (start, Happening.ADJUDICATE): Status.ADJUDICATED
        for start in (*_ON_THE_WAY, Status.ACKNOWLEDGED, Status.REFUSED)
    },
}

ANSWERS = frozenset(
    {
        Happening.SYNTAX_ACCEPTED,
        Happening.SYNTAX_REJECTED,
        Happening.FORWARD,
        Happening.ACKNOWLEDGE,
        Happening.REFUSE,
        Happening.ADJUDICATE,
    }
)


def next_status(status: Status, happening: Happening) -> Status | None:
    """The status after a happening, or None where it does not move the claim."""
    return MOVES.get((status, happening))


def starts(happening: Happening) -> tuple[Status, ...]:
    """The statuses that a happening moves; what an UPDATE of many claims is limited to."""
    return tuple(start for start, what in MOVES if what is happening)

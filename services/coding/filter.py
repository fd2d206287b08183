"""coding without broker and database: the command line's filter over the same pure functions."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from services.coding.domain.decide import ClaimState, days_with, decide, history_of
from services.coding.domain.history import PatientDay, days_of
from services.coding.domain.verdict import RULESET, Ruleset
from shared.contract.envelope import Event
from shared.contract.events import ClaimCoded, ClaimHeld, ClaimReceived, MessageOrigin

FILTER_KEY = b"filter"
"""The filter keeps nothing: any key will do for the names of its patients' days."""


def code(
    events: Iterable[Event],
    *,
    now: datetime,
    ruleset: Ruleset = RULESET,
    as_of: date | None = None,
) -> Iterator[Event]:
    """Each received claim as coded or held; every other event untouched.

    With `as_of` claims are judged as if they had come on that day, and what was judged before is
    judged again.
    """
    states: dict[str, ClaimState | PatientDay] = {}
    for told in events:
        event = told if as_of is None else _as_received(told, as_of)
        data = event.data
        known = states.get(event.subject)
        days = days_of(data.claim, FILTER_KEY) if isinstance(data, ClaimReceived) else {}
        claim_id = UUID(event.subject) if days else UUID(int=0)
        decided = decide(
            known if isinstance(known, ClaimState) else None,
            event,
            now,
            ruleset,
            history=history_of(states, claim_id, days),
        )
        if decided.state is not None:
            days_then = days_with(states, claim_id, days, decided.state.revision)
            states |= {event.subject: decided.state, **days_then}
        if decided.event is not None:
            yield replace(decided.event, traceparent=event.traceparent, causation_id=event.id)
        if not isinstance(data, ClaimReceived):
            yield event


def _as_received(event: Event, day: date) -> Event:
    """A received or judged claim as one that was received on a day; other events untouched."""
    data = event.data
    at = datetime.combine(day, datetime.min.time(), UTC)
    if isinstance(data, ClaimReceived):
        return replace(event, data=data.model_copy(update={"received_at": at}))
    if isinstance(data, ClaimCoded | ClaimHeld):
        origin = MessageOrigin(message_id=event.id, source=data.claim.source)
        again = ClaimReceived(claim=data.claim, origin=origin, received_at=at)
        return replace(event, data=again)
    return event

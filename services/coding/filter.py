"""coding without broker and database: the command line's filter over the same pure functions."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from services.coding.domain.decide import ClaimState, decide
from services.coding.domain.verdict import RULESET, Ruleset
from shared.contract.envelope import Event
from shared.contract.events import ClaimReceived


def code(events: Iterable[Event], *, now: datetime, ruleset: Ruleset = RULESET) -> Iterator[Event]:
    """Each received claim as coded or held; every other event untouched."""
    states: dict[str, ClaimState] = {}
    for event in events:
        decided = decide(states.get(event.subject), event, now, ruleset)
        if decided.state is not None:
            states[event.subject] = decided.state
        if decided.event is not None:
            yield replace(decided.event, traceparent=event.traceparent, causation_id=event.id)
        if not isinstance(event.data, ClaimReceived):
            yield event

"""coding without broker and database: the command line's filter over the same pure functions."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.coding.domain.decide import ClaimState, days_with, decide, history_of
from services.coding.domain.history import PatientDay, days_of
from services.coding.domain.verdict import RULESET, Ruleset
from shared.contract.envelope import Event
from shared.contract.events import ClaimReceived

FILTER_KEY = b"filter"
"""The filter keeps nothing: any key will do for the names of its patients' days."""


def code(events: Iterable[Event], *, now: datetime, ruleset: Ruleset = RULESET) -> Iterator[Event]:
    """Each received claim as coded or held; every other event untouched."""
    states: dict[str, ClaimState | PatientDay] = {}
    for event in events:
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
            told = days_with(states, claim_id, days, decided.state.revision)
            states |= {event.subject: decided.state, **told}
        if decided.event is not None:
            yield replace(decided.event, traceparent=event.traceparent, causation_id=event.id)
        if not isinstance(data, ClaimReceived):
            yield event

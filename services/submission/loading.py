"""The states of a batch: every claim that its units may move, locked, and the interchanges and
questions that its answers are about.

States are keyed by what they are of: a claim's record by its claim id, whatever a unit is about by
the unit's own key, the claims that may be meant by the number or trace that an answer repeats.
Claims are always looked up in their records, so that two answers in one batch that move the same
claim see each other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from services.submission import store
from services.submission.domain import acknowledgement as domain
from services.submission.domain.changes import ClaimRecord, CodedClaim, Leg, SentInterchange
from services.submission.reading import AdjudicatedClaim, Body, ListedAnswers, WholeAnswer
from shared.contract.events import ClaimAnswer
from shared.messaging.handler import Unit

State = ClaimRecord | store.Candidates | SentInterchange | Leg


async def load_states(connection: Any, units: Sequence[Unit[Body]]) -> dict[str, State]:
    """The states of these units by key, claims locked in the order of their ids."""
    states: dict[str, State] = {}
    wanted = {
        unit.body.claim_id for unit in units if isinstance(unit.body, CodedClaim | AdjudicatedClaim)
    }
    listed = [u.body for u in units if isinstance(u.body, ListedAnswers)]
    if listed:
        states.update(await _load_listed(connection, listed))
        wanted.update(_claim_ids(states.values()))
    whole = [(u.key, u.body) for u in units if isinstance(u.body, WholeAnswer)]
    if whole:
        interchanges = await _load_interchanges(connection, whole)
        wanted.update(leg.claim_id for row in interchanges.values() for leg in row.claims)
        states.update(interchanges)
    if wanted:
        states.update(await store.lock_records(connection, wanted))
    return states


async def _load_listed(connection: Any, listed: Sequence[ListedAnswers]) -> dict[str, State]:
    """The claims that answers may be about: by the trace of our own question, or by number."""
    numbers = {a.patient_control_number for body in listed for a in body.answers}
    by_number = await store.load_candidates(connection, numbers)
    states: dict[str, State] = {}
    for body in listed:
        for answer in body.answers:
            known = by_number.get(answer.patient_control_number, ())
            ids = tuple(i for payer, i in known if body.payer in (None, payer))
            states[candidates_key(body, answer)] = store.Candidates(ids)
    traces = {a.inquiry_trace for body in listed for a in body.answers if a.inquiry_trace}
    if traces:
        inquired = await store.load_inquired(connection, traces)
        states.update({trace_key(trace): leg for trace, leg in inquired.items()})
    return states


def _claim_ids(states: Iterable[State]) -> Iterator[UUID]:
    for state in states:
        if isinstance(state, store.Candidates):
            yield from state.claim_ids
        elif isinstance(state, Leg):
            yield state.claim_id


async def _load_interchanges(
    connection: Any, whole: Sequence[tuple[str, WholeAnswer]]
) -> dict[str, SentInterchange]:
    numbers = {body.control_number for _, body in whole if body.control_number is not None}
    by_number = await store.load_interchanges(connection, numbers)
    found: dict[str, SentInterchange] = {}
    for key, body in whole:
        left = [
            row
            for row in by_number.get(body.control_number or 0, ())
            if body.payer in (None, row.payer)
        ]
        if len(left) == 1:
            found[key] = left[0]
    scopes = [
        (found[key].interchange_id, domain.refused_scope(body.read, found[key].sendings))
        for key, body in whole
        if key in found
    ]
    claims = await store.load_scopes(connection, scopes)
    return {key: replace(row, claims=claims[row.interchange_id]) for key, row in found.items()}


def candidates_key(body: ListedAnswers, answer: ClaimAnswer) -> str:
    """Where the claims are that an answer may be about."""
    return f"number/{body.payer}/{answer.patient_control_number}"


def trace_key(trace: str) -> str:
    """Where the claim is that a question of ours was about."""
    return f"trace/{trace}"

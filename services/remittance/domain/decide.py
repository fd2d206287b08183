"""What remittance decides on each thing it is told: ledger entries, events, new states.

Pure: the same function runs in the service, in the tests and in the bench. A remittance is opened
by whichever of its units comes first, so that a parked one holds back nothing but itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.remittance.domain.incoming import (
    ClaimRead,
    Closing,
    Incoming,
    Numbered,
    Opening,
    Registration,
)
from services.remittance.domain.judging import Row, States, account_of, judge, tell_postings
from services.remittance.domain.opening import open_remittance, read_again
from services.remittance.domain.registration import register
from services.remittance.domain.settling import settle
from services.remittance.domain.state import (
    AlreadyRead,
    Elsewhere,
    ReadState,
    Remittance,
    State,
    Tally,
    place_key,
    tally_key,
)
from services.remittance.domain.telling import Teller
from shared.messaging.handler import Decision

Outcome = Decision[State, Row]


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides with the key that account numbers are hashed with."""

    account_hash_key: bytes

    def decide(self, states: States, body: Incoming, event_id: UUID, now: datetime) -> Outcome:
        """The decision on one unit. `event_id` is the id of the record that it came in."""
        teller = Teller(self.account_hash_key, now)
        if isinstance(body, Registration):
            return _register(states, body, teller)
        if isinstance(body, Numbered):
            return _number(states, body)
        if isinstance(body, Opening):
            return _open(states, body, event_id, teller)
        if isinstance(body, Closing):
            return _close(states, body, event_id, teller)
        return _read_claim(states, body, event_id, teller)


# Claims


def _register(states: States, body: Registration, teller: Teller) -> Outcome:
    account = account_of(states, body.account_key)
    claims = {claim.id: claim for claim in account.claims}
    registered = register(
        claims.get(body.claim.id), body.claim, teller.now, traceparent=body.traceparent
    )
    if registered is None:
        return Decision()
    claim, entries = registered
    claims[claim.id] = claim
    settled = settle(account._replace(claims=tuple(claims.values())), teller.now)
    posted = tell_postings(settled, body.account_key, teller)
    return Decision(
        states={
            body.account_key: settled.account,
            str(claim.id): Elsewhere((body.account_key,)),
        },
        events=posted.events,
        rows=entries + posted.rows,
        trace_links=posted.trace_links,
    )


def _number(states: States, body: Numbered) -> Outcome:
    known = states.get(str(body.claim_id))
    for key in known.keys if isinstance(known, Elsewhere) else ():
        account = account_of(states, key)
        claims = tuple(
            claim._replace(payer_claim_control_number=body.payer_claim_control_number)
            if claim.id == body.claim_id
            else claim
            for claim in account.claims
        )
        if claims != account.claims:
            return Decision(states={key: account._replace(claims=claims)})
    return Decision()


# Remittances


def _open(states: States, body: Opening, event_id: UUID, teller: Teller) -> Outcome:
    opened = open_remittance(states, body, event_id, teller)
    if opened.is_new:
        return Decision(states=opened.states, events=opened.events, rows=opened.rows)
    if opened.remittance.read_event == event_id:
        return Decision()
    return Decision(events=(read_again(body, event_id, teller),))


def _close(states: States, body: Closing, event_id: UUID, teller: Teller) -> Outcome:
    opened = open_remittance(states, body.opening, event_id, teller)
    remittance = opened.remittance
    if remittance.read_event != event_id or remittance.status != "accepted":
        return Decision(states=opened.states, events=opened.events, rows=opened.rows)
    posted = teller.remittance_posted(remittance, _tally(states, remittance))
    return Decision(states=opened.states, events=(*opened.events, posted), rows=opened.rows)


def _read_claim(states: States, body: ClaimRead, event_id: UUID, teller: Teller) -> Outcome:
    opened = open_remittance(states, body.opening, event_id, teller)
    remittance = opened.remittance
    place = place_key(remittance.id, body.claim.position)
    if remittance.read_event != event_id or place in states:
        return Decision(states=opened.states, events=opened.events, rows=opened.rows)
    verdict = judge(states, body, remittance, teller)
    return Decision(
        states={
            **opened.states,
            **verdict.states,
            tally_key(remittance.id): _counted(_tally(states, remittance), verdict.counts),
            place: AlreadyRead(),
        },
        events=opened.events + verdict.events,
        rows=opened.rows + verdict.rows,
        trace_links=verdict.trace_links,
    )


def _tally(states: States, remittance: Remittance) -> Tally:
    tally = states.get(tally_key(remittance.id))
    return tally if isinstance(tally, Tally) else Tally()


def _counted(tally: Tally, counts: Mapping[ReadState, int]) -> Tally:
    return Tally(
        tally.posted + counts.get("posted", 0),
        tally.quarantined + counts.get("quarantined", 0) + counts.get("waiting", 0),
        tally.unmatched + counts.get("unmatched", 0),
    )

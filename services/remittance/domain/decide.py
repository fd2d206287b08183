"""What remittance decides on each thing it is told: ledger entries, events, new states.

Pure: the same function runs in the service, in the tests and in the bench. A remittance is opened
by whichever of its units comes first, so that a parked one holds back nothing but itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.remittance.domain.accounts import own_provider_key
from services.remittance.domain.cash import deposit
from services.remittance.domain.commands import (
    DecideRemittance,
    Deposited,
    LookedAgain,
    PatientPaid,
    RefundPatient,
    RefundPayer,
    RefusedError,
    Released,
    ReleaseEnded,
    ResolveClaim,
    WriteOff,
)
from services.remittance.domain.desk import decide_remittance, look_again, resolve
from services.remittance.domain.giving_up import write_off
from services.remittance.domain.incoming import (
    ClaimRead,
    Closing,
    Incoming,
    Numbered,
    Opening,
    Registration,
)
from services.remittance.domain.judging import (
    Row,
    States,
    Verdict,
    judge,
    namesakes_of,
    tell_postings,
)
from services.remittance.domain.opening import open_remittance, read_again
from services.remittance.domain.policy import DEFAULT, Policy
from services.remittance.domain.receipts import patient_paid, refund_patient, refund_payer
from services.remittance.domain.registration import register
from services.remittance.domain.settling import settle
from services.remittance.domain.state import (
    AlreadyRead,
    ClaimDocument,
    Document,
    Elsewhere,
    LedgerClaim,
    OwnProvider,
    Place,
    ReadState,
    Remittance,
    State,
    Tally,
    document_key,
    place_key,
    tally_key,
)
from services.remittance.domain.telling import Teller
from shared.messaging.handler import Decision

Outcome = Decision[State, Row]


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides with the key that account numbers are hashed with, and the house's policy."""

    account_hash_key: bytes
    policy: Policy = DEFAULT

    def decide(self, states: States, body: Incoming, event_id: UUID, now: datetime) -> Outcome:
        """The decision on one unit. `event_id` is the id of the record that it came in. Raises
        RefusedError for a command that cannot be carried out."""
        teller = Teller(self.account_hash_key, now, self.policy)
        if isinstance(body, ClaimRead):
            return _read_claim(states, body, event_id, teller)
        if isinstance(body, Registration):
            return _register(states, body, teller)
        if isinstance(body, Opening):
            return _open(states, body, event_id, teller)
        if isinstance(body, Closing):
            return _close(states, body, event_id, teller)
        if isinstance(body, Numbered):
            return _number(states, body)
        return _COMMANDS[type(body)](states, body, teller)


# Claims


def _register(states: States, body: Registration, teller: Teller) -> Outcome:
    home = namesakes_of(states, body.number_key)
    claims = {claim.id: claim for claim in home.claims}
    known = claims.get(body.claim.id)
    registered = register(
        known, body.claim, teller.now, traceparent=body.traceparent, namesakes=home.claims
    )
    is_later = known is not None and body.claim.payer_sequence != known.payer_sequence
    documents = (document_of(body),) if body.content and (registered or is_later) else ()
    if registered is None:
        return Decision(rows=documents)
    claim, entries = registered
    claims[claim.id] = claim
    settled = settle(home._replace(claims=tuple(claims.values())), teller.now)
    known_now = {**states, **_own_document(body)}
    posted = tell_postings(known_now, settled, body.number_key, teller)
    charged = (teller.charged(claim, entries),) if entries else ()
    return Decision(
        states={
            body.number_key: settled.namesakes,
            str(claim.id): Elsewhere((body.number_key,)),
            **_own_document(body),
            **({own_provider_key(claim.billing.npi): OwnProvider()} if claim.billing.npi else {}),
        },
        events=charged + posted.events,
        rows=entries + documents + posted.rows,
        trace_links=posted.trace_links,
    )


def document_of(body: Registration) -> ClaimDocument:
    """The claim as it was sent, for the store."""
    claim = body.claim
    return ClaimDocument(
        claim.id,
        claim.revision,
        claim.payer_identifier,
        claim.charge,
        claim.subscriber.identifier,
        claim.first_service,
        body.content,
    )


def _own_document(body: Registration) -> dict[str, State]:
    if not body.content or not body.claim.next_payers:
        return {}
    return {document_key(body.claim.id): Document(body.content)}


def _number(states: States, body: Numbered) -> Outcome:
    known = states.get(str(body.claim_id))
    for key in known.keys if isinstance(known, Elsewhere) else ():
        home = namesakes_of(states, key)
        claims = tuple(
            _acknowledged(claim, body) if claim.id == body.claim_id else claim
            for claim in home.claims
        )
        if claims != home.claims:
            return Decision(states={key: home._replace(claims=claims)})
    return Decision()


def _acknowledged(claim: LedgerClaim, body: Numbered) -> LedgerClaim:
    number = body.payer_claim_control_number or claim.payer_claim_control_number
    claim = claim._replace(payer_claim_control_number=number)
    if claim.accepted_at is not None or body.accepted_at is None:
        return claim
    return claim._replace(accepted_at=body.accepted_at, acceptance_evidence=body.evidence)


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
    posted = teller.remittance_posted(remittance, _tally(states, remittance.id))
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
            tally_key(remittance.id): _counted(_tally(states, remittance.id), verdict.counts),
            place: AlreadyRead(),
        },
        events=opened.events + verdict.events,
        rows=opened.rows + verdict.rows,
        trace_links=verdict.trace_links,
        claim_id=verdict.claim_id,
    )


def _tally(states: States, remittance_id: UUID) -> Tally:
    tally = states.get(tally_key(remittance_id))
    return tally if isinstance(tally, Tally) else Tally()


def _counted(tally: Tally, counts: Mapping[ReadState, int]) -> Tally:
    return Tally(
        tally.posted + counts.get("posted", 0),
        tally.quarantined + counts.get("quarantined", 0) + counts.get("waiting", 0),
        tally.unmatched + counts.get("unmatched", 0),
    )


# Commands


def _release(states: States, body: Released, teller: Teller) -> Outcome:
    remittance = states.get(str(body.place[0]))
    read = states.get(place_key(*body.place))
    if not isinstance(remittance, Remittance) or remittance.status != "accepted":
        raise RefusedError("remittance-held", "Decide on its transaction set first.")
    if not isinstance(read, AlreadyRead) or read.state != "held":
        return Decision()
    return _carried(states, body.place, judge(states, body, remittance, teller))


def _look_again(states: States, body: LookedAgain, teller: Teller) -> Outcome:
    remittance = states.get(str(body.place[0]))
    read = states.get(place_key(*body.place))
    if not isinstance(remittance, Remittance) or remittance.status != "accepted":
        return Decision()
    if not isinstance(read, AlreadyRead) or read.state != "unmatched":
        return Decision()
    verdict = look_again(states, body, read, remittance, teller)
    return _carried(states, body.place, verdict) if verdict.rows else Decision()


def _end_release(states: States, body: ReleaseEnded, teller: Teller) -> Outcome:
    remittance = states.get(str(body.remittance_id))
    if not isinstance(remittance, Remittance) or remittance.status != "accepted":
        return Decision()
    tally = _tally(states, body.remittance_id)
    return Decision(events=(teller.remittance_posted(remittance, tally),))


def _resolve(states: States, body: ResolveClaim, teller: Teller) -> Outcome:
    return _carried(states, body.place, resolve(states, body, teller))


def _carried(states: States, place: Place, verdict: Verdict) -> Outcome:
    remittance_id = place[0]
    tally = _counted(_tally(states, remittance_id), verdict.counts)
    return Decision(
        states={**verdict.states, tally_key(remittance_id): tally},
        events=verdict.events,
        rows=verdict.rows,
        trace_links=verdict.trace_links,
        claim_id=verdict.claim_id,
    )


def _deposit(states: States, body: Deposited, teller: Teller) -> Outcome:
    found = tuple(
        state
        for state in states.values()
        if isinstance(state, Remittance)
        and state.status == "accepted"
        and state.trace_number == body.trace_number
    )
    booked = deposit(states, body, found, teller)
    return Decision(states=booked.states, events=booked.events, rows=booked.rows)


_COMMANDS: Mapping[type, Callable[[States, Any, Teller], Outcome]] = {
    DecideRemittance: decide_remittance,
    Released: _release,
    LookedAgain: _look_again,
    ReleaseEnded: _end_release,
    ResolveClaim: _resolve,
    WriteOff: write_off,
    PatientPaid: patient_paid,
    RefundPatient: refund_patient,
    RefundPayer: refund_payer,
    Deposited: _deposit,
}

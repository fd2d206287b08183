"""What remittance decides on each thing it is told: ledger entries, events, new states.

Pure: the same function runs in the service, in the tests and in the bench. A remittance is opened
by whichever of its units comes first, so that a parked one holds back nothing but itself.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
from services.remittance.domain.ledger import Entry
from services.remittance.domain.matching import match_by_numbers, match_claim
from services.remittance.domain.opening import open_remittance, read_again
from services.remittance.domain.posting import SILENT_STATUSES
from services.remittance.domain.registration import register
from services.remittance.domain.settling import Settled, examine, settle, why_it_waits
from services.remittance.domain.state import (
    AlreadyRead,
    Arrived,
    Elsewhere,
    LedgerClaim,
    PatientAccount,
    ReadState,
    Remittance,
    RemittanceClaimRow,
    State,
    Tally,
    found_key,
    place_key,
    tally_key,
)
from services.remittance.domain.telling import Teller
from shared.contract.envelope import Event
from shared.contract.model import Finding
from shared.messaging.handler import Decision

Row = Entry | RemittanceClaimRow
Outcome = Decision[State, Row]
States = Mapping[str, State]

EMPTY = PatientAccount()


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
    account = _account(states, body.account_key)
    claims = {claim.id: claim for claim in account.claims}
    registered = register(
        claims.get(body.claim.id), body.claim, teller.now, traceparent=body.traceparent
    )
    if registered is None:
        return Decision()
    claim, entries = registered
    claims[claim.id] = claim
    settled = settle(replace(account, claims=tuple(claims.values())), teller.now)
    posted = _tell_postings(settled, body.account_key, teller)
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
        account = _account(states, key)
        claims = tuple(
            replace(claim, payer_claim_control_number=body.payer_claim_control_number)
            if claim.id == body.claim_id
            else claim
            for claim in account.claims
        )
        if claims != account.claims:
            return Decision(states={key: replace(account, claims=claims)})
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
    verdict = _judge(states, body, remittance, teller)
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


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What one remitted claim came to. `counts`: by how much its remittance's counts change."""

    counts: Mapping[ReadState, int]
    states: Mapping[str, State] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    rows: tuple[Row, ...] = ()
    trace_links: tuple[str, ...] = ()


def _judge(states: States, body: ClaimRead, remittance: Remittance, teller: Teller) -> _Verdict:
    key, account = _home(states, body)
    arrived = Arrived(remittance.source, body.claim, body.content)
    if remittance.status == "held":
        return _set_aside(key, arrived, "held")
    difference, findings = examine(body.claim)
    if findings:
        meant = match_claim(account.claims, body.claim)
        event = teller.claim_quarantined(arrived, meant, difference, findings)
        row = _row(key, arrived, "quarantined", meant, difference=difference, findings=findings)
        return _Verdict({"quarantined": 1}, events=(event,), rows=(row,))
    if body.claim.status in SILENT_STATUSES:
        return _set_aside(key, arrived, "noted")
    return _settle_arrival(key, account, arrived, teller)


def _settle_arrival(
    key: str, account: PatientAccount, arrived: Arrived, teller: Teller
) -> _Verdict:
    settled = settle(replace(account, waiting=(*account.waiting, arrived)), teller.now)
    posted = _tell_postings(settled, key, teller)
    counts: Counter[ReadState] = Counter()
    for other, _ in settled.postings:
        if other.remittance.id == arrived.remittance.id:
            counts["posted"] += 1
            if other is not arrived:
                counts[other.state] -= 1
    if all(other is not arrived for other in settled.account.waiting):
        return _Verdict(
            counts, {key: settled.account}, posted.events, posted.rows, posted.trace_links
        )
    reason = why_it_waits(settled.account, arrived)
    events: tuple[Event, ...] = ()
    if reason is None:
        waits = replace(arrived, state="unmatched")
        row = _row(key, waits, "unmatched")
    else:
        claim, beyond, finding = reason
        waits = replace(arrived, state="waiting")
        row = _row(key, waits, "waiting", claim, difference=beyond, findings=(finding,))
        events = (teller.claim_quarantined(arrived, claim, beyond, (finding,)),)
    counts[waits.state] += 1
    waiting = tuple(waits if other is arrived else other for other in settled.account.waiting)
    return _Verdict(
        counts,
        {key: replace(settled.account, waiting=waiting)},
        posted.events + events,
        (*posted.rows, row),
        posted.trace_links,
    )


def _home(states: States, body: ClaimRead) -> tuple[str, PatientAccount]:
    """The patient account that a remitted claim belongs to: by its patient control number, else by
    the payer's claim number or our line control numbers, else the one it names."""
    own = _account(states, body.account_key)
    if own.claims:
        return body.account_key, own
    found = states.get(found_key(body.opening.remittance_id, body.claim.position))
    if isinstance(found, Elsewhere):
        homes = {claim.id: key for key in found.keys for claim in _account(states, key).claims}
        candidates = [claim for key in found.keys for claim in _account(states, key).claims]
        meant = match_by_numbers(candidates, body.claim)
        if meant is not None:
            return homes[meant.id], _account(states, homes[meant.id])
    return body.account_key, own


@dataclass(frozen=True, slots=True)
class _Told:
    events: tuple[Event, ...]
    rows: tuple[Row, ...]
    trace_links: tuple[str, ...]


def _tell_postings(settled: Settled, key: str, teller: Teller) -> _Told:
    events: list[Event] = []
    rows: list[Row] = []
    links: list[str] = []
    for arrived, posting in settled.postings:
        events += teller.posting(arrived, posting)
        rows += posting.entries
        rows.append(_row(key, arrived, "posted", posting.claim))
        if posting.claim.traceparent:
            links.append(posting.claim.traceparent)
    return _Told(tuple(events), tuple(rows), tuple(links))


def _set_aside(key: str, arrived: Arrived, state: ReadState) -> _Verdict:
    return _Verdict({state: 1}, rows=(_row(key, arrived, state),))


def _row(
    key: str,
    arrived: Arrived,
    state: ReadState,
    claim: LedgerClaim | None = None,
    *,
    difference: int = 0,
    findings: tuple[Finding, ...] = (),
) -> RemittanceClaimRow:
    return RemittanceClaimRow(
        remittance_id=arrived.remittance.id,
        position=arrived.claim.position,
        account_key=key,
        state=state,
        claim=arrived.claim,
        content=arrived.content,
        claim_id=claim.id if claim else None,
        difference=difference,
        findings=findings,
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


def _account(states: States, key: str) -> PatientAccount:
    state = states.get(key)
    return state if isinstance(state, PatientAccount) else EMPTY

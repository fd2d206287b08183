"""What becomes of one claim of a remittance: posted, or set aside in one of the ways to be.

It is apart from deciding because that knows of units and states, and this of claims and money.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from uuid import UUID

from services.remittance.domain.accounts import Payee, own_provider_key
from services.remittance.domain.adjudication import SILENT_STATUSES
from services.remittance.domain.commands import LookedAgain, Released
from services.remittance.domain.crossing import is_forwarded
from services.remittance.domain.incoming import ClaimRead
from services.remittance.domain.ledger import Entry
from services.remittance.domain.matching import match_by_numbers_alone, match_claim, of_payee
from services.remittance.domain.posting import Posting
from services.remittance.domain.scoring import certain, ranked
from services.remittance.domain.secondary import secondary_claim
from services.remittance.domain.settling import (
    Settled,
    examine,
    meant_claim,
    settle,
    why_it_waits,
)
from services.remittance.domain.state import (
    FEES,
    AccountsTouched,
    Arrived,
    Candidate,
    ClaimDocument,
    DepositRow,
    Document,
    Elsewhere,
    LedgerClaim,
    Namesakes,
    Place,
    ReadState,
    Remittance,
    RemittanceClaimRow,
    State,
    document_key,
    found_key,
)
from services.remittance.domain.telling import Teller
from services.remittance.domain.variance import Fees, underpaid_lines
from services.remittance.domain.worklist import (
    DenialDecided,
    DenialRow,
    DenialsTakenBack,
    denials_of,
)
from shared.contract.claim import Claim
from shared.contract.envelope import Event
from shared.contract.model import Finding, Model

Row = (
    Entry
    | RemittanceClaimRow
    | ClaimDocument
    | DenialRow
    | DenialsTakenBack
    | DenialDecided
    | DepositRow
    | AccountsTouched
)
States = Mapping[str, State]

EMPTY = Namesakes()


class Submission(Model):
    """`claim.submitted.v1`, as far as the next payer's claim needs it: all of the claim."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class ByHand:
    """Who decided on a claim of a remittance, where a person did."""

    by: str | None = None
    note: str | None = None


NOBODY = ByHand()
NO_HANDS: Mapping[Place, ByHand] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one remitted claim came to. `counts`: by how much its remittance's counts change."""

    counts: Mapping[ReadState, int]
    states: Mapping[str, State] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    rows: tuple[Row, ...] = ()
    trace_links: tuple[str, ...] = ()
    claim_id: str | None = None
    """The claim of ours that it was posted to."""


def judge(
    states: States, body: ClaimRead | Released, remittance: Remittance, teller: Teller
) -> Verdict:
    """The verdict on one claim of a remittance that was not decided on before."""
    key, home, meant = home_of(states, body, remittance, teller)
    arrived = arrival(states, body, remittance, meant)
    if remittance.status != "accepted":
        return _set_aside(key, arrived, "held")
    difference, findings = examine(body.claim)
    if findings:
        ours = meant_claim(home.claims, arrived)
        event = teller.claim_quarantined(arrived, ours, difference, findings)
        row = claim_row(key, arrived, "quarantined", ours, difference=difference, findings=findings)
        return Verdict({"quarantined": 1}, events=(event,), rows=(row,))
    if body.claim.status in SILENT_STATUSES:
        return _set_aside(key, arrived, "noted")
    return settle_arrival(states, key, home, arrived, teller)


def arrival(
    states: States,
    body: ClaimRead | Released | LookedAgain,
    remittance: Remittance,
    meant: UUID | None,
) -> Arrived:
    """A claim of a remittance, and whether the payee is a billing provider of ours."""
    source = remittance.source
    payee = known_payee(states, source.payee)
    return Arrived(replace(source, payee=payee), body.claim, body.content, meant=meant)


def known_payee(states: States, payee: Payee) -> Payee:
    """The payee, with what we know of it."""
    is_ours = payee.identifier is not None and own_provider_key(payee.identifier) in states
    return payee._replace(is_ours=is_ours)


def settle_arrival(
    states: States,
    key: str,
    home: Namesakes,
    arrived: Arrived,
    teller: Teller,
    decided: ByHand = NOBODY,
) -> Verdict:
    """Posts an arrival among its namesakes where it fits, with what else waited there for it."""
    settled = settle(home._replace(waiting=(*home.waiting, arrived)), teller.now)
    posted = tell_postings(states, settled, key, teller, {arrived.place: decided})
    counts: Counter[ReadState] = Counter()
    for other, _ in settled.postings:
        if other.remittance.id == arrived.remittance.id:
            counts["posted"] += 1
            if other is not arrived:
                counts[other.state] -= 1
    if all(other is not arrived for other in settled.namesakes.waiting):
        return Verdict(
            counts,
            {key: settled.namesakes},
            posted.events,
            posted.rows,
            posted.trace_links,
            next(str(one.claim.id) for other, one in settled.postings if other is arrived),
        )
    reason = why_it_waits(settled.namesakes, arrived)
    events: tuple[Event, ...] = ()
    if reason is None:
        waits = replace(arrived, state="unmatched")
        row = claim_row(key, waits, "unmatched", decided=decided)
    else:
        claim, beyond, finding = reason
        waits = replace(arrived, state="waiting")
        row = claim_row(
            key, waits, "waiting", claim, difference=beyond, findings=(finding,), decided=decided
        )
        events = (teller.claim_quarantined(arrived, claim, beyond, (finding,)),)
    counts[waits.state] += 1
    waiting = tuple(waits if other is arrived else other for other in settled.namesakes.waiting)
    return Verdict(
        counts,
        {key: settled.namesakes._replace(waiting=waiting)},
        posted.events + events,
        (*posted.rows, row),
        posted.trace_links,
    )


def home_of(
    states: States, body: ClaimRead | Released | LookedAgain, remittance: Remittance, teller: Teller
) -> tuple[str, Namesakes, UUID | None]:
    """The claims that a remitted claim belongs to: those with its patient control number, else by
    the payer's claim number or our line control numbers, else by a score beyond doubt, else those
    with the number it names. With them, the claim that is meant where another number or the score
    told; a score also tells which of several with its number."""
    own = namesakes_of(states, body.number_key)
    found = states.get(found_key(*body.place))
    payee = known_payee(states, remittance.source.payee)
    if own.claims and match_claim(own.claims, body.claim, payee) is not None:
        return body.number_key, own, None
    if isinstance(found, Elsewhere):
        homes = {claim.id: key for key in found.keys for claim in namesakes_of(states, key).claims}
        candidates = [claim for key in found.keys for claim in namesakes_of(states, key).claims]
        meant = None if own.claims else match_by_numbers_alone(candidates, body.claim)
        if meant is not None:
            return homes[meant.id], namesakes_of(states, homes[meant.id]), meant.id
        weights = teller.policy.match
        likely = _likely(own, found, payee)
        scored = ranked(likely, body.claim, remittance.payee_identifier, weights)
        best = certain(scored, weights)
        if best is not None and best.claim_id in homes:
            home = homes[best.claim_id]
            return home, namesakes_of(states, home), best.claim_id
    return body.number_key, own, None


def _likely(own: Namesakes, found: Elsewhere, payee: Payee) -> tuple[Candidate, ...]:
    """The candidates, less those that the payee rules out among claims with the number."""
    if not own.claims:
        return found.candidates
    paid = {claim.id for claim in of_payee(own.claims, payee)}
    return tuple(one for one in found.candidates if one.claim_id in paid)


@dataclass(frozen=True, slots=True)
class Told:
    """What postings say and write."""

    events: tuple[Event, ...]
    rows: tuple[Row, ...]
    trace_links: tuple[str, ...]


def tell_postings(
    states: States,
    settled: Settled,
    key: str,
    teller: Teller,
    decided: Mapping[Place, ByHand] = NO_HANDS,
) -> Told:
    """The events and rows of all that was posted to the claims of this key."""
    events: list[Event] = []
    rows: list[Row] = []
    links: list[str] = []
    for arrived, posting in settled.postings:
        events += teller.posting(arrived, posting)
        events += _follow_ups(states, arrived, posting, teller)
        rows += posting.entries
        rows += denials_of(arrived, posting, teller.policy, teller.now.date())
        by_hand = decided.get(arrived.place, NOBODY)
        rows.append(claim_row(key, arrived, "posted", posting.claim, decided=by_hand))
        if posting.claim.traceparent:
            links.append(posting.claim.traceparent)
    return Told(tuple(events), tuple(rows), tuple(links))


def _follow_ups(
    states: States, arrived: Arrived, posting: Posting, teller: Teller
) -> Iterator[Event]:
    """What follows from a posting: the next payer's claim, and what a payer should have allowed."""
    remitted = arrived.claim
    document = states.get(document_key(posting.claim.id)) if posting.asks_next else None
    if isinstance(document, Document) and not is_forwarded(remitted):
        due = secondary_claim(
            Submission.model_validate_json(document.content).claim,
            remitted,
            posting.lines,
            to_payer=posting.claim.payer,
            decided_on=teller.now.date(),
        )
        if due is not None:
            yield teller.secondary_due(posting.claim, arrived, due)
    fees = states.get(FEES)
    if isinstance(fees, Fees) and posting.reverses is None:
        at_least = teller.policy.underpaid_from
        lines = underpaid_lines(remitted, posting.payer, fees, at_least=at_least)
        if lines:
            yield teller.underpaid(posting, arrived, lines)


def _set_aside(key: str, arrived: Arrived, state: ReadState) -> Verdict:
    return Verdict({state: 1}, rows=(claim_row(key, arrived, state),))


def claim_row(
    key: str,
    arrived: Arrived,
    state: ReadState,
    claim: LedgerClaim | None = None,
    *,
    difference: int = 0,
    findings: tuple[Finding, ...] = (),
    decided: ByHand = NOBODY,
) -> RemittanceClaimRow:
    """What became of one claim of a remittance."""
    return RemittanceClaimRow(
        remittance_id=arrived.remittance.id,
        position=arrived.claim.position,
        number_key=key,
        state=state,
        claim=arrived.claim,
        content=arrived.content,
        claim_id=claim.id if claim else None,
        account_id=claim.account_id if claim else None,
        difference=difference,
        findings=findings,
        meant=arrived.meant,
        decided_by=decided.by,
        note=decided.note,
    )


def namesakes_of(states: States, key: str) -> Namesakes:
    """The claims of this key, and what waits for them; empty where nothing is known of it."""
    state = states.get(key)
    return state if isinstance(state, Namesakes) else EMPTY

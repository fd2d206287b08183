"""What becomes of one claim of a remittance: posted, or set aside in one of the ways to be.

It is apart from deciding because that knows of units and states, and this of claims and money.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from uuid import UUID

from services.remittance.domain.adjudication import SILENT_STATUSES
from services.remittance.domain.commands import LookedAgain, Released
from services.remittance.domain.crossing import is_forwarded
from services.remittance.domain.incoming import ClaimRead
from services.remittance.domain.ledger import Entry
from services.remittance.domain.matching import match_by_numbers
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
    ClaimDocument,
    DepositRow,
    Document,
    Elsewhere,
    LedgerClaim,
    PatientAccount,
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

EMPTY = PatientAccount()


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


def judge(
    states: States, body: ClaimRead | Released, remittance: Remittance, teller: Teller
) -> Verdict:
    """The verdict on one claim of a remittance that was not decided on before."""
    key, account, meant = home_of(states, body, remittance, teller)
    arrived = Arrived(remittance.source, body.claim, body.content, meant=meant)
    if remittance.status != "accepted":
        return _set_aside(key, arrived, "held")
    difference, findings = examine(body.claim)
    if findings:
        ours = meant_claim(account.claims, arrived)
        event = teller.claim_quarantined(arrived, ours, difference, findings)
        row = claim_row(key, arrived, "quarantined", ours, difference=difference, findings=findings)
        return Verdict({"quarantined": 1}, events=(event,), rows=(row,))
    if body.claim.status in SILENT_STATUSES:
        return _set_aside(key, arrived, "noted")
    return settle_arrival(states, key, account, arrived, teller)


def settle_arrival(
    states: States,
    key: str,
    account: PatientAccount,
    arrived: Arrived,
    teller: Teller,
    decided: ByHand = NOBODY,
) -> Verdict:
    """Posts an arrival to an account where it fits, with what else waited there for it."""
    settled = settle(account._replace(waiting=(*account.waiting, arrived)), teller.now)
    posted = tell_postings(states, settled, key, teller, {arrived.place: decided})
    counts: Counter[ReadState] = Counter()
    for other, _ in settled.postings:
        if other.remittance.id == arrived.remittance.id:
            counts["posted"] += 1
            if other is not arrived:
                counts[other.state] -= 1
    if all(other is not arrived for other in settled.account.waiting):
        return Verdict(
            counts, {key: settled.account}, posted.events, posted.rows, posted.trace_links
        )
    reason = why_it_waits(settled.account, arrived)
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
    waiting = tuple(waits if other is arrived else other for other in settled.account.waiting)
    return Verdict(
        counts,
        {key: settled.account._replace(waiting=waiting)},
        posted.events + events,
        (*posted.rows, row),
        posted.trace_links,
    )


def home_of(
    states: States, body: ClaimRead | Released | LookedAgain, remittance: Remittance, teller: Teller
) -> tuple[str, PatientAccount, UUID | None]:
    """The patient account that a remitted claim belongs to: by its patient control number, else by
    the payer's claim number or our line control numbers, else by a score beyond doubt, else the one
    it names. With it, the claim that is meant where another number or the score told."""
    own = account_of(states, body.account_key)
    if own.claims:
        return body.account_key, own, None
    found = states.get(found_key(*body.place))
    if isinstance(found, Elsewhere):
        homes = {claim.id: key for key in found.keys for claim in account_of(states, key).claims}
        candidates = [claim for key in found.keys for claim in account_of(states, key).claims]
        meant = match_by_numbers(candidates, body.claim)
        if meant is not None:
            return homes[meant.id], account_of(states, homes[meant.id]), meant.id
        weights = teller.policy.match
        scored = ranked(found.candidates, body.claim, remittance.payee_identifier, weights)
        best = certain(scored, weights)
        if best is not None and best.claim_id in homes:
            home = homes[best.claim_id]
            return home, account_of(states, home), best.claim_id
    return body.account_key, own, None


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
    """The events and rows of all that was posted to the account of this key."""
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
        account_key=key,
        state=state,
        claim=arrived.claim,
        content=arrived.content,
        claim_id=claim.id if claim else None,
        difference=difference,
        findings=findings,
        meant=arrived.meant,
        decided_by=decided.by,
        note=decided.note,
    )


def account_of(states: States, key: str) -> PatientAccount:
    """The patient account of this key, empty where nothing is known of it."""
    state = states.get(key)
    return state if isinstance(state, PatientAccount) else EMPTY

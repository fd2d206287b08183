"""What becomes of one claim of a remittance: posted, or set aside in one of the ways to be.

It is apart from deciding because that knows of units and states, and this of claims and money.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.remittance.domain.adjudication import SILENT_STATUSES
from services.remittance.domain.incoming import ClaimRead
from services.remittance.domain.ledger import Entry
from services.remittance.domain.matching import match_by_numbers, match_claim
from services.remittance.domain.settling import Settled, examine, settle, why_it_waits
from services.remittance.domain.state import (
    Arrived,
    Elsewhere,
    LedgerClaim,
    PatientAccount,
    ReadState,
    Remittance,
    RemittanceClaimRow,
    State,
    found_key,
)
from services.remittance.domain.telling import Teller
from shared.contract.envelope import Event
from shared.contract.model import Finding

Row = Entry | RemittanceClaimRow
States = Mapping[str, State]

EMPTY = PatientAccount()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one remitted claim came to. `counts`: by how much its remittance's counts change."""

    counts: Mapping[ReadState, int]
    states: Mapping[str, State] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    rows: tuple[Row, ...] = ()
    trace_links: tuple[str, ...] = ()


def judge(states: States, body: ClaimRead, remittance: Remittance, teller: Teller) -> Verdict:
    """The verdict on one claim of a remittance that was not decided on before."""
    key, account = _home(states, body)
    arrived = Arrived(remittance.source, body.claim, body.content)
    if remittance.status == "held":
        return _set_aside(key, arrived, "held")
    difference, findings = examine(body.claim)
    if findings:
        meant = match_claim(account.claims, body.claim)
        event = teller.claim_quarantined(arrived, meant, difference, findings)
        row = _row(key, arrived, "quarantined", meant, difference=difference, findings=findings)
        return Verdict({"quarantined": 1}, events=(event,), rows=(row,))
    if body.claim.status in SILENT_STATUSES:
        return _set_aside(key, arrived, "noted")
    return _settle_arrival(key, account, arrived, teller)


def _settle_arrival(key: str, account: PatientAccount, arrived: Arrived, teller: Teller) -> Verdict:
    settled = settle(account._replace(waiting=(*account.waiting, arrived)), teller.now)
    posted = tell_postings(settled, key, teller)
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
        row = _row(key, waits, "unmatched")
    else:
        claim, beyond, finding = reason
        waits = replace(arrived, state="waiting")
        row = _row(key, waits, "waiting", claim, difference=beyond, findings=(finding,))
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


def _home(states: States, body: ClaimRead) -> tuple[str, PatientAccount]:
    """The patient account that a remitted claim belongs to: by its patient control number, else by
    the payer's claim number or our line control numbers, else the one it names."""
    own = account_of(states, body.account_key)
    if own.claims:
        return body.account_key, own
    found = states.get(found_key(body.opening.remittance_id, body.claim.position))
    if isinstance(found, Elsewhere):
        homes = {claim.id: key for key in found.keys for claim in account_of(states, key).claims}
        candidates = [claim for key in found.keys for claim in account_of(states, key).claims]
        meant = match_by_numbers(candidates, body.claim)
        if meant is not None:
            return homes[meant.id], account_of(states, homes[meant.id])
    return body.account_key, own


@dataclass(frozen=True, slots=True)
class Told:
    """What postings say and write."""

    events: tuple[Event, ...]
    rows: tuple[Row, ...]
    trace_links: tuple[str, ...]


def tell_postings(settled: Settled, key: str, teller: Teller) -> Told:
    """The events and rows of all that was posted to the account of this key."""
    events: list[Event] = []
    rows: list[Row] = []
    links: list[str] = []
    for arrived, posting in settled.postings:
        events += teller.posting(arrived, posting)
        rows += posting.entries
        rows.append(_row(key, arrived, "posted", posting.claim))
        if posting.claim.traceparent:
            links.append(posting.claim.traceparent)
    return Told(tuple(events), tuple(rows), tuple(links))


def _set_aside(key: str, arrived: Arrived, state: ReadState) -> Verdict:
    return Verdict({state: 1}, rows=(_row(key, arrived, state),))


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


def account_of(states: States, key: str) -> PatientAccount:
    """The patient account of this key, empty where nothing is known of it."""
    state = states.get(key)
    return state if isinstance(state, PatientAccount) else EMPTY

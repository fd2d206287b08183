"""What a person decides on remittances and on claims that wait.

It is apart from deciding on events because a command may be refused: whoever asks is told why, and
nothing changes. What is carried out goes through the same judging and posting as an 835.
"""

from dataclasses import replace

from services.remittance.domain.cash import Booked, post_cash
from services.remittance.domain.commands import (
    DecideRemittance,
    LookedAgain,
    RefusedError,
    ResolveClaim,
)
from services.remittance.domain.judging import (
    ByHand,
    Row,
    States,
    Verdict,
    arrival,
    claim_row,
    home_of,
    namesakes_of,
    settle_arrival,
)
from services.remittance.domain.ledger import AccountKind, EntryKind, Leg, account, entry
from services.remittance.domain.settling import meant_claim
from services.remittance.domain.state import (
    AlreadyRead,
    Elsewhere,
    Namesakes,
    Place,
    Remittance,
    State,
    place_key,
)
from services.remittance.domain.telling import Teller
from shared.messaging.handler import Decision

_ACCEPTABLE = frozenset(
    {
        "claim-out-of-balance",
        "line-out-of-balance",
        "charge-exceeded",
        "reversal-without-original",
        "earlier-payer-missing",
        "amount-contradicts-status",
    }
)
"""What a person may overrule. An amount that could not be read, or a group nobody knows, is not."""

Outcome = Decision[State, Row]


# Remittances


def decide_remittance(states: States, body: DecideRemittance, teller: Teller) -> Outcome:
    """A held transaction set, accepted or rejected."""
    held = states.get(str(body.remittance_id))
    if not isinstance(held, Remittance):
        raise RefusedError("unknown-remittance", "There is no such remittance.")
    if held.status != "held":
        raise RefusedError("remittance-not-held", f"The remittance is {held.status}, not held.")
    decided = replace(
        held,
        status="accepted" if body.is_accepted else "rejected",
        decided_by=body.by,
        note=body.note,
    )
    booked = post_cash(states, decided, teller) if body.is_accepted else Booked({})
    return Decision(
        states={str(decided.id): decided, **booked.states}, events=booked.events, rows=booked.rows
    )


# Claims of remittances


def resolve(states: States, body: ResolveClaim, teller: Teller) -> Verdict:
    """One claim that waits: matched, accepted, rejected or returned."""
    read = states.get(place_key(*body.place))
    if not isinstance(read, AlreadyRead) or read.arrived is None:
        raise RefusedError("unknown-claim", "There is no such claim of a remittance.")
    remittance = states.get(str(body.place[0]))
    if not isinstance(remittance, Remittance) or remittance.status != "accepted":
        raise RefusedError("remittance-held", "Decide on its transaction set first.")
    if read.state not in ("unmatched", "waiting", "quarantined", "rejected"):
        raise RefusedError("nothing-to-resolve", f"The claim is {read.state}.")
    decided = ByHand(body.by, body.note)
    if body.resolution in ("reject", "return"):
        return _close(states, body, read, remittance, teller, decided)
    return _settle(states, body, read, teller, decided)


def _settle(
    states: States, body: ResolveClaim, read: AlreadyRead, teller: Teller, decided: ByHand
) -> Verdict:
    assert read.arrived is not None
    overruled = {finding.code for finding in read.findings if finding.severity == "block"}
    if body.resolution == "accept" and not overruled <= _ACCEPTABLE:
        raise RefusedError("cannot-be-accepted", "What is wrong with it cannot be overruled.")
    if body.resolution == "match" and read.state == "quarantined":
        raise RefusedError("out-of-balance", "It does not balance: accept or reject it.")
    meant = body.claim_id or read.arrived.meant or read.claim_id
    key, home = _home_of(states, meant)
    arrived = replace(read.arrived, meant=meant, is_forced=body.resolution == "accept")
    waiting = tuple(one for one in home.waiting if one.place != body.place)
    verdict = settle_arrival(states, key, home._replace(waiting=waiting), arrived, teller, decided)
    return _left(states, body.place, read, key, verdict)


def look_again(
    states: States,
    body: LookedAgain,
    read: AlreadyRead,
    remittance: Remittance,
    teller: Teller,
) -> Verdict:
    """An unmatched claim, judged by what is registered now: by number, or by a score beyond
    doubt."""
    key, home, meant = home_of(states, body, remittance, teller)
    arrived = arrival(states, body, remittance, meant)
    if meant_claim(home.claims, arrived) is None:
        return Verdict({})
    waiting = tuple(one for one in home.waiting if one.place != body.place)
    verdict = settle_arrival(states, key, home._replace(waiting=waiting), arrived, teller)
    return _left(states, body.place, read, key, verdict)


def _home_of(states: States, meant: object) -> tuple[str, Namesakes]:
    if meant is None:
        raise RefusedError("claim-not-named", "Say which claim of ours it is.")
    known = states.get(str(meant))
    for key in known.keys if isinstance(known, Elsewhere) else ():
        home = namesakes_of(states, key)
        if any(claim.id == meant for claim in home.claims):
            return key, home
    raise RefusedError("unknown-claim-of-ours", "There is no such claim in the ledger.")


def _left(states: States, place: Place, read: AlreadyRead, key: str, verdict: Verdict) -> Verdict:
    """The verdict, with the namesakes among which the claim waited before without it."""
    before = namesakes_of(states, read.number_key)
    if read.number_key == key or not before.waiting:
        return _recounted(read, verdict)
    waiting = tuple(one for one in before.waiting if one.place != place)
    changed = {**verdict.states, read.number_key: before._replace(waiting=waiting)}
    return _recounted(read, replace(verdict, states=changed))


def _recounted(read: AlreadyRead, verdict: Verdict) -> Verdict:
    counts = dict(verdict.counts)
    counts[read.state] = counts.get(read.state, 0) - 1
    return replace(verdict, counts=counts)


def _close(
    states: States,
    body: ResolveClaim,
    read: AlreadyRead,
    remittance: Remittance,
    teller: Teller,
    decided: ByHand,
) -> Verdict:
    arrived = read.arrived
    assert arrived is not None
    home = namesakes_of(states, read.number_key)
    waiting = tuple(one for one in home.waiting if one.place != body.place)
    changed = {read.number_key: home._replace(waiting=waiting)}
    counts = {read.state: -1}
    if body.resolution == "reject":
        row = claim_row(read.number_key, arrived, "rejected", decided=decided)
        return Verdict(counts, changed, rows=(row,))
    if arrived.claim.paid <= 0:
        raise RefusedError("nothing-to-return", "Nothing was paid for it.")
    trace = remittance.trace_number or ""
    unapplied = account(AccountKind.UNAPPLIED_CASH, remittance.payer_identifier, trace)
    due = account(AccountKind.REFUNDS_DUE, remittance.payer_identifier)
    returned = entry(
        EntryKind.REFUND_DUE,
        f"{place_key(*body.place)}/return",
        (Leg(unapplied, arrived.claim.paid), Leg(due, -arrived.claim.paid)),
        teller.now,
        remittance_id=remittance.id,
    )
    said = teller.adjusted(
        "refund_due",
        (returned,),
        str(remittance.id),
        amount=arrived.claim.paid,
        payer_id=remittance.payer_identifier,
        trace_number=trace,
    )
    row = claim_row(read.number_key, arrived, "returned", decided=decided)
    return Verdict(counts, changed, (said,), (returned, row))

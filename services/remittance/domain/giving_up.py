"""What a person gives up: a denial's money or a claim's patient share, with who and why.

Apart from deciding on remittances and claims that wait (`desk`) because it answers to no payer: it
is posted on what a payer's answer has left. As there, a command may be refused, and then nothing
changes.
"""

from dataclasses import replace

from services.remittance.domain.commands import RefusedError, WriteOff
from services.remittance.domain.crossing import left_over_account, write_off_account
from services.remittance.domain.judging import Row, States, namesakes_of
from services.remittance.domain.ledger import Entry, EntryKind, Leg, entry
from services.remittance.domain.state import (
    Denied,
    Elsewhere,
    LedgerClaim,
    Namesakes,
    Posted,
    State,
    WrittenOff,
    denial_key,
    place_key,
)
from services.remittance.domain.telling import Teller
from services.remittance.domain.worklist import DenialDecided
from shared.messaging.handler import Decision

Outcome = Decision[State, Row]


def write_off(states: States, body: WriteOff, teller: Teller) -> Outcome:
    """One denial's money, or a claim's patient share: given up, with who and why."""
    key, home, claim = claim_of(states, body.claim_id)
    rows: tuple[Row, ...]
    if body.denial is None:
        changed, entries = _share_off(claim, body, teller)
        rows = tuple(entries)
    else:
        changed, entries = _denial_off(states, claim, body, teller)
        place, number = body.denial
        rows = (*entries, DenialDecided(place, number, "written_off", body.by, body.note))
    given_up = changed.written_off - claim.written_off
    claims = tuple(changed if one.id == claim.id else one for one in home.claims)
    return Decision(
        states={key: home._replace(claims=claims)},
        events=(teller.of_claim("write_off", changed, entries, amount=given_up),),
        rows=rows,
    )


def claim_of(states: States, claim_id: object) -> tuple[str, Namesakes, LedgerClaim]:
    """A claim of ours, with its namesakes and their key. Raises RefusedError."""
    known = states.get(str(claim_id))
    for key in known.keys if isinstance(known, Elsewhere) else ():
        home = namesakes_of(states, key)
        for claim in home.claims:
            if claim.id == claim_id:
                return key, home, claim
    raise RefusedError("unknown-claim-of-ours", "There is no such claim in the ledger.")


def _denial_off(
    states: States, claim: LedgerClaim, body: WriteOff, teller: Teller
) -> tuple[LedgerClaim, list[Entry]]:
    assert body.denial is not None
    place, number = body.denial
    denied = states.get(denial_key(place, number))
    if not isinstance(denied, Denied) or denied.claim_id != claim.id:
        raise RefusedError("unknown-denial", "There is no such denial of this claim.")
    if denied.state in ("written_off", "reversed"):
        raise RefusedError("denial-closed", f"The denial is {denied.state}.")
    cents = denied.amount
    if cents > claim.denied or body.amount not in (None, cents):
        raise RefusedError("not-denied", "A denial is written off whole, while it stands denied.")
    posted = next((one for one in claim.posted if one.place == place), None)
    if posted is None:
        raise RefusedError("denial-closed", "The payer's decision does not stand any more.")
    parts = [(denied.group, denied.reason, cents, f"{denial_key(place, number)}/write-off")]
    return _given_up(claim, posted, parts, teller)


def _share_off(
    claim: LedgerClaim, body: WriteOff, teller: Teller
) -> tuple[LedgerClaim, list[Entry]]:
    left = claim.patient if body.amount is None else body.amount
    if left <= 0 or left > claim.patient:
        raise RefusedError("no-such-share", "The patient's share of the claim is not that much.")
    entries: list[Entry] = []
    for posted in claim.posted:
        gone = {part.reason: part.cents for part in posted.written_off if part.group == "PR"}
        parts: list[tuple[str, str, int, str]] = []
        for group, reason, cents in posted.adjustments if not posted.crossed else ():
            take = min(left, cents - gone.get(reason, 0)) if group == "PR" else 0
            if take > 0:
                left -= take
                count = len(posted.written_off) + len(parts)
                key = f"{place_key(*posted.place)}/share/{count}/write-off"
                parts.append((group, reason, take, key))
        if parts:
            claim, more = _given_up(claim, posted, parts, teller)
            entries += more
    if left:
        raise RefusedError("no-such-share", "No payer's answer that stands leaves that much.")
    return claim, entries


def _given_up(
    claim: LedgerClaim, posted: Posted, parts: list[tuple[str, str, int, str]], teller: Teller
) -> tuple[LedgerClaim, list[Entry]]:
    payer = posted.payer_identifier or claim.payer_identifier
    entries = [
        entry(
            EntryKind.WRITE_OFF,
            key,
            (
                Leg(write_off_account(payer, group, reason), cents),
                Leg(left_over_account(claim, payer, group, reason), -cents),
            ),
            teller.now,
            claim_id=claim.id,
            group=group,
            reason=reason,
        )
        for group, reason, cents, key in parts
    ]
    gone = tuple(WrittenOff(*part, teller.now) for part in parts)
    less = replace(posted, written_off=(*posted.written_off, *gone))
    patient = sum(part.cents for part in gone if part.group == "PR")
    total = sum(part.cents for part in gone)
    changed = claim._replace(
        posted=tuple(less if one.place == posted.place else one for one in claim.posted),
        patient=claim.patient - patient,
        denied=claim.denied - (total - patient),
        written_off=claim.written_off + total,
    )
    return changed, entries

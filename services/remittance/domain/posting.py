"""One adjudicated claim into ledger entries: nothing invented, nothing left over.

It is apart because this is where a payer's words become money. CLP03 is CLP04 and all adjustments,
so what is credited to the receivable is CLP03, less what only repeats an earlier payer's answer,
and a claim's receivable is its charge less all that was posted. A denial moves to an account that
stays open; only group PR reaches a patient.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.remittance.domain.adjudication import (
    DENIED,
    adjudicate,
    denial_findings,
    status_of,
)
from services.remittance.domain.crossing import (
    PRIOR_PAYERS,
    Crossed,
    answers_unasked,
    crossing_entries,
    left_over,
    left_over_account,
    patient_receivable,
    repeats_earlier,
    returning_entries,
    write_off_account,
)
from services.remittance.domain.denial import Category, classify
from services.remittance.domain.ledger import (
    AccountKind,
    Entry,
    EntryKind,
    Leg,
    account,
    entry,
    entry_id,
)
from services.remittance.domain.matching import match_lines
from services.remittance.domain.state import (
    Arrived,
    ClaimStatus,
    LedgerClaim,
    LedgerLine,
    Posted,
    place_key,
)
from shared.contract.events import Adjudication
from shared.contract.model import Finding
from shared.contract.remittance import RemittanceClaim

_ENTRY_KIND: dict[Category, EntryKind] = {
    "contractual": EntryKind.CONTRACTUAL,
    "patient": EntryKind.PATIENT_RESPONSIBILITY,
    "other": EntryKind.OTHER_ADJUSTMENT,
    "denied": EntryKind.DENIAL,
}
_ACCOUNT_KIND: dict[Category, AccountKind] = {
    "contractual": AccountKind.CONTRACTUAL_ALLOWANCE,
    "other": AccountKind.OTHER_ADJUSTMENT,
    "denied": AccountKind.DENIED_PENDING,
}


@dataclass(frozen=True, slots=True)
class Posting:
    """What posting one remitted claim comes to."""

    claim: LedgerClaim
    entries: tuple[Entry, ...]
    adjudication: Adjudication
    status: ClaimStatus
    findings: tuple[Finding, ...]
    """Of what was denied of it, all or a part."""
    reverses: Posted | None = None
    lines: tuple[LedgerLine | None, ...] = ()
    """For each remitted line the billed one that it answers."""
    is_denied: bool = False
    payer: str = ""
    """Whose receivable it settled."""
    asks_next: bool = False
    """What it leaves over is the next payer's to settle first."""


def summed_adjustments(remitted: RemittanceClaim) -> tuple[tuple[str, str, int], ...]:
    """(group, reason, cents) over claim and lines, sorted; what comes to nothing is left out."""
    sums: dict[tuple[str, str], int] = {}
    for part in remitted.all_adjustments():
        key = part.group, part.reason
        sums[key] = sums.get(key, 0) + part.amount
    return tuple([(*key, cents) for key, cents in sorted(sums.items()) if cents])


def negated_by(claim: LedgerClaim, remitted: RemittanceClaim) -> Posted | None:
    """The standing adjudication that this reversal takes back to the cent, the latest first."""
    wanted = tuple((group, reason, -cents) for group, reason, cents in summed_adjustments(remitted))
    for posted in reversed(claim.posted):
        if (posted.charge, posted.paid, posted.adjustments) == (
            -remitted.charge,
            -remitted.paid,
            wanted,
        ):
            return posted
    return None


def post(claim: LedgerClaim, arrived: Arrived, now: datetime) -> Posting:
    """Posts a remitted claim to the claim it was matched to, line by line and reason by reason.

    A reversal takes its categories and its payer from the standing adjudication that it negates
    (`negated_by`), so that what it took away comes back from where it went.
    """
    remitted = arrived.claim
    original = negated_by(claim, remitted) if remitted.is_reversal else None
    entries: list[Entry] = []
    if original is None and answers_unasked(claim, remitted):
        claim, entries = _ask_later(claim, arrived, now)
    terms = _terms(claim, remitted, original)
    lines = match_lines(claim.lines, remitted.lines)
    adjudication = adjudicate(
        remitted,
        revision=claim.revision,
        remittance_id=arrived.remittance.id,
        payer_identifier=arrived.remittance.payer_identifier,
        is_denied=terms.is_denied,
        repeats=terms.repeats,
        lines=lines,
    )
    entries += _entries(claim, arrived, lines, now, terms)
    status = status_of(adjudication)
    after = _summed(claim, remitted, adjudication, status=status)
    crossing: list[Entry] = []
    if original is not None:
        entries += returning_entries(claim, original, now)
        entries += _writing_back(claim, original, now)
        after = _taken_back(after, original)
    else:
        after, crossing = _standing(after, arrived, terms, now)
        entries += crossing
    return Posting(
        claim=after,
        entries=tuple(entries),
        adjudication=adjudication,
        status=status,
        findings=(
            denial_findings(remitted, is_denied=terms.is_denied, lines=lines)
            if adjudication.denied and original is None
            else ()
        ),
        reverses=original,
        lines=lines,
        is_denied=terms.is_denied,
        payer=terms.payer,
        asks_next=bool(crossing),
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """How one answer is posted."""

    is_denied: bool
    repeats: bool
    payer: str
    """Whose receivable it settles."""
    original: Posted | None


def _terms(claim: LedgerClaim, remitted: RemittanceClaim, original: Posted | None) -> Terms:
    if original is not None:
        payer = original.payer_identifier or claim.payer_identifier
        return Terms(original.status == DENIED, original.repeats, payer, original)
    return Terms(remitted.status == DENIED, repeats_earlier(claim, remitted), claim.payer, None)


# The claim afterwards


def _summed(
    claim: LedgerClaim,
    remitted: RemittanceClaim,
    adjudication: Adjudication,
    *,
    status: ClaimStatus,
) -> LedgerClaim:
    return claim._replace(
        status=status,
        payer_claim_control_number=(
            remitted.payer_claim_control_number or claim.payer_claim_control_number
        ),
        paid=claim.paid + adjudication.paid,
        contractual=claim.contractual + adjudication.contractual,
        patient=claim.patient + adjudication.patient,
        other=claim.other + adjudication.other,
        denied=claim.denied + adjudication.denied,
    )


def _standing(
    claim: LedgerClaim, arrived: Arrived, terms: Terms, now: datetime
) -> tuple[LedgerClaim, list[Entry]]:
    """The claim with one more adjudication that stands, and what of it the next payer is asked."""
    remitted = arrived.claim
    if remitted.is_reversal:  # one that a person accepted: it takes back nothing that stands
        return claim, []
    posted = Posted(
        arrived.remittance.id,
        remitted.position,
        remitted.status,
        remitted.charge,
        remitted.paid,
        summed_adjustments(remitted),
        now,
        payer_identifier=terms.payer,
        repeats=terms.repeats,
    )
    crossed: Crossed = ()
    if claim.next_payers:
        crossed = left_over(remitted, is_denied=terms.is_denied, skip_prior=terms.repeats)
    if not crossed:
        return claim._replace(posted=(*claim.posted, posted)), []
    to_payer = claim.next_payers[0]
    posted = replace(posted, crossed=crossed, crossed_to=to_payer, crossed_at=now)
    asked = claim._replace(
        posted=(*claim.posted, posted), owing_payer=to_payer, next_payers=claim.next_payers[1:]
    )
    entries = list(crossing_entries(claim, posted, crossed, to_payer, now))
    return _moved(asked, crossed, sign=-1), entries


def _taken_back(claim: LedgerClaim, original: Posted) -> LedgerClaim:
    standing = tuple(posted for posted in claim.posted if posted is not original)
    given_up = tuple((part.group, part.reason, part.cents) for part in original.written_off)
    claim = _moved(claim, given_up, sign=1)._replace(
        posted=standing, written_off=claim.written_off - sum(part[2] for part in given_up)
    )
    if original.crossed_to is None:
        return claim
    payer = original.payer_identifier or claim.payer_identifier
    return _moved(claim, original.crossed, sign=1)._replace(
        owing_payer=None if payer == claim.payer_identifier else payer,
        next_payers=(original.crossed_to, *claim.next_payers),
    )


def _ask_later(
    claim: LedgerClaim, arrived: Arrived, now: datetime
) -> tuple[LedgerClaim, list[Entry]]:
    """A later payer answers that we never asked (the one before forwarded the claim): what stands
    with the patient becomes that payer's to settle."""
    payer = arrived.remittance.payer_identifier
    entries: list[Entry] = []
    standing = []
    for posted in claim.posted:
        crossed = tuple(part for part in posted.adjustments if part[0] == "PR" and part[2] > 0)
        if posted.crossed or not crossed:
            standing.append(posted)
            continue
        entries += crossing_entries(claim, posted, crossed, payer, now)
        standing.append(replace(posted, crossed=crossed, crossed_to=payer, crossed_at=now))
        claim = _moved(claim, crossed, sign=-1)
    names = claim.next_payers
    left = names[names.index(payer) + 1 :] if payer in names else names[1:]
    return claim._replace(posted=tuple(standing), owing_payer=payer, next_payers=left), entries


def _moved(claim: LedgerClaim, parts: Crossed, *, sign: int) -> LedgerClaim:
    """The claim with these shares and denials added, or taken away."""
    patient = sum(cents for group, _, cents in parts if group == "PR")
    denied = sum(cents for group, _, cents in parts if group != "PR")
    return claim._replace(
        patient=claim.patient + sign * patient, denied=claim.denied + sign * denied
    )


def _writing_back(claim: LedgerClaim, original: Posted, now: datetime) -> Iterator[Entry]:
    """What a person gave up of a decision that is taken back stands again, before it goes."""
    payer = original.payer_identifier or claim.payer_identifier
    for part in original.written_off:
        left = left_over_account(claim, payer, part.group, part.reason)
        given_up = write_off_account(payer, part.group, part.reason)
        yield entry(
            EntryKind.WRITE_OFF,
            f"{part.key}/reversal",
            (Leg(left, part.cents), Leg(given_up, -part.cents)),
            now,
            claim_id=claim.id,
            group=part.group,
            reason=part.reason,
            reverses=entry_id(part.at, part.key),
        )


# Entries


def payment_key(place: str) -> str:
    """The business key of a payment. `place` is the remittance's claim (`place_key`)."""
    return f"{place}/payment"


def adjustment_key(place: str, group: str, reason: str) -> str:
    """The business key of all of a claim's adjustments of one group and reason."""
    return f"{place}/{group}/{reason}"


def _entries(
    claim: LedgerClaim,
    arrived: Arrived,
    lines: Sequence[LedgerLine | None],
    now: datetime,
    terms: Terms,
) -> Iterator[Entry]:
    remittance, remitted, original = arrived.remittance, arrived.claim, terms.original
    place = place_key(*arrived.place)
    original_place = place_key(*original.place) if original else ""
    receivable = account(AccountKind.PAYER_RECEIVABLE, terms.payer)
    if remitted.paid:
        unapplied = account(
            AccountKind.UNAPPLIED_CASH, remittance.payer_identifier, remittance.trace_number
        )
        yield entry(
            EntryKind.PAYMENT,
            payment_key(place),
            (Leg(unapplied, remitted.paid), Leg(receivable, -remitted.paid)),
            now,
            claim_id=claim.id,
            remittance_id=remittance.id,
            reverses=entry_id(original.at, payment_key(original_place)) if original else None,
        )
    for (group, reason), amounts in _by_reason(remitted, lines).items():
        if terms.repeats and reason == PRIOR_PAYERS:
            continue
        category = classify(group, reason, is_denied=terms.is_denied)
        target = (
            patient_receivable(claim)
            if category == "patient"
            else account(_ACCOUNT_KIND[category], terms.payer, None, f"{group}-{reason}")
        )
        legs = [Leg(target, cents, line) for line, cents in amounts.items() if cents]
        if not legs:
            continue
        legs.append(Leg(receivable, -sum(amounts.values())))
        yield entry(
            _ENTRY_KIND[category],
            adjustment_key(place, group, reason),
            legs,
            now,
            claim_id=claim.id,
            remittance_id=remittance.id,
            group=group,
            reason=reason,
            reverses=(
                entry_id(original.at, adjustment_key(original_place, group, reason))
                if original
                else None
            ),
        )


def _by_reason(
    remitted: RemittanceClaim, lines: Sequence[LedgerLine | None]
) -> dict[tuple[str, str], dict[int | None, int]]:
    """Cents by (group, reason) and by our line's number; None is the claim level, or no match."""
    sums: dict[tuple[str, str], dict[int | None, int]] = defaultdict(dict)
    for part in remitted.adjustments:
        amounts = sums[part.group, part.reason]
        amounts[None] = amounts.get(None, 0) + part.amount
    for line, match in zip(remitted.lines, lines, strict=True):
        number = match.number if match else None
        for part in line.adjustments:
            amounts = sums[part.group, part.reason]
            amounts[number] = amounts.get(number, 0) + part.amount
    return sums

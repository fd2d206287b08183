"""One adjudicated claim into ledger entries: nothing invented, nothing left over.

It is apart because this is where a payer's words become money. CLP03 is CLP04 and all adjustments,
so what is credited to the receivable is exactly CLP03, and a claim's receivable is its charge less
all that was posted. A denial moves to an account that stays open; only group PR reaches a patient.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.remittance.domain.adjudication import (
    DENIED,
    adjudicate,
    denial_findings,
    status_of,
)
from services.remittance.domain.denial import Category, classify
from services.remittance.domain.ledger import (
    Account,
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
    reverses: Posted | None = None


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
    """Posts a balanced remitted claim to the claim it was matched to.

    A reversal must have a standing adjudication that it negates (`negated_by`): it takes its
    categories, so that what it took away comes back from where it went. Raises UnbalancedError
    where the claim does not balance: the caller has checked that it does.
    """
    remitted = arrived.claim
    original = negated_by(claim, remitted) if remitted.is_reversal else None
    is_denied = (original.status if original else remitted.status) == DENIED
    lines = match_lines(claim.lines, remitted.lines)
    adjudication = adjudicate(
        remitted,
        revision=claim.revision,
        remittance_id=arrived.remittance.id,
        payer_identifier=arrived.remittance.payer_identifier,
        is_denied=is_denied,
        lines=lines,
    )
    entries = tuple(_entries(claim, arrived, lines, now, is_denied=is_denied, original=original))
    status = status_of(adjudication)
    return Posting(
        claim=_after(claim, arrived, adjudication, status=status, now=now, original=original),
        entries=entries,
        adjudication=adjudication,
        status=status,
        findings=denial_findings(remitted, is_denied=is_denied) if status == "denied" else (),
        reverses=original,
    )


def _after(
    claim: LedgerClaim,
    arrived: Arrived,
    adjudication: Adjudication,
    *,
    status: ClaimStatus,
    now: datetime,
    original: Posted | None,
) -> LedgerClaim:
    remitted = arrived.claim
    if original is not None:
        standing = tuple(posted for posted in claim.posted if posted is not original)
    else:
        posted = Posted(
            arrived.remittance.id,
            remitted.position,
            remitted.status,
            remitted.charge,
            remitted.paid,
            summed_adjustments(remitted),
            now,
        )
        standing = (*claim.posted, posted)
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
        posted=standing,
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
    *,
    is_denied: bool,
    original: Posted | None,
) -> Iterator[Entry]:
    remittance, remitted = arrived.remittance, arrived.claim
    place = place_key(*arrived.place)
    original_place = place_key(*original.place) if original else ""
    receivable = account(AccountKind.PAYER_RECEIVABLE, claim.payer_identifier)
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
        category = classify(group, reason, is_denied=is_denied)
        target = _account_of(category, claim.payer_identifier, group, reason)
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


def _account_of(category: Category, payer_identifier: str, group: str, reason: str) -> Account:
    if category == "patient":
        return account(AccountKind.PATIENT_RECEIVABLE)
    return account(_ACCOUNT_KIND[category], payer_identifier, None, f"{group}-{reason}")

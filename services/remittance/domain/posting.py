"""One adjudicated claim into ledger entries: nothing invented, nothing left over.

It is apart because this is where a payer's words become money. CLP03 is CLP04 and all adjustments,
so what is credited to the receivable is exactly CLP03, and a claim's receivable is its charge less
all that was posted. A denial moves to an account that stays open; only group PR reaches a patient.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.remittance.domain import denial
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
from shared.contract.remittance import RemittanceAdjustment, RemittanceClaim, RemittanceLine

DENIED = "4"
REVERSAL = "22"
PAID_STATUSES = frozenset({"1", "2", "3", "19", "20", "21"})
SILENT_STATUSES = frozenset({"23", "25"})
"""Forwarded, not ours; predetermination: said, and no money moved."""
POSTED_STATUSES = PAID_STATUSES | {DENIED, REVERSAL}
GROUPS = frozenset({"CO", "PR", "OA", "PI"})

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
    status = _status(adjudication)
    return Posting(
        claim=_after(claim, arrived, adjudication, status=status, now=now, original=original),
        entries=entries,
        adjudication=adjudication,
        status=status,
        findings=denial_findings(remitted, is_denied=is_denied) if status == "denied" else (),
        reverses=original,
    )


def adjudicate(
    remitted: RemittanceClaim,
    *,
    revision: int,
    remittance_id: UUID,
    payer_identifier: str,
    is_denied: bool,
    lines: Sequence[LedgerLine | None] = (),
) -> Adjudication:
    """What the payer decided, each adjustment's amount in its category.

    `lines` are the matches of the remitted lines, where there are any: a matched line goes by our
    control number even where the payer dropped it.
    """
    totals = category_totals(remitted, is_denied=is_denied)
    matches = lines or (None,) * len(remitted.lines)
    # One validation of the whole costs less than one for each of its parts.
    return Adjudication.model_validate(
        {
            "revision": revision,
            "remittance_id": remittance_id,
            "payer_identifier": payer_identifier,
            "payer_claim_control_number": remitted.payer_claim_control_number,
            "status": remitted.status,
            "charge": remitted.charge,
            "paid": remitted.paid,
            **totals,
            "adjustments": _adjustments(remitted.adjustments),
            "lines": [
                _posted_line(line, match)
                for line, match in zip(remitted.lines, matches, strict=True)
            ],
            "remarks": remitted.remarks,
        }
    )


def category_totals(remitted: RemittanceClaim, *, is_denied: bool) -> dict[Category, int]:
    """Cents of all adjustments of claim and lines, by category."""
    totals: dict[Category, int] = {"contractual": 0, "patient": 0, "other": 0, "denied": 0}
    for part in remitted.all_adjustments():
        totals[classify(part.group, part.reason, is_denied=is_denied)] += part.amount
    return totals


def outcome(adjudication: Adjudication) -> ClaimStatus:
    """What an adjudication that is no reversal makes of its claim."""
    if adjudication.status == DENIED:
        return "denied"
    if not adjudication.denied:
        return "paid"
    return "partly_paid" if adjudication.paid or adjudication.patient else "denied"


def denial_findings(remitted: RemittanceClaim, *, is_denied: bool) -> tuple[Finding, ...]:
    """Why it was denied and what to do next, per line and reason, then the remark codes."""
    places: list[tuple[str, Sequence[RemittanceAdjustment]]] = [("claim", remitted.adjustments)]
    places += [
        (f"service_lines[{number}]", line.adjustments) for number, line in enumerate(remitted.lines)
    ]
    denied = [
        (path, part.group, part.reason)
        for path, parts in places
        for part in parts
        if part.amount and _is_explained(part, is_denied=is_denied)
    ]
    remarks = remitted.remarks + tuple(code for line in remitted.lines for code in line.remarks)
    return tuple(denial.findings(denied, remarks))


def _is_explained(part: RemittanceAdjustment, *, is_denied: bool) -> bool:
    if part.group == "PR":
        return part.reason in denial.DENIALS
    return classify(part.group, part.reason, is_denied=is_denied) == "denied"


def _status(adjudication: Adjudication) -> ClaimStatus:
    return "reversed" if adjudication.status == REVERSAL else outcome(adjudication)


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
    return replace(
        claim,
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


# What the event says of lines


def _posted_line(line: RemittanceLine, match: LedgerLine | None) -> dict[str, object]:
    return {
        "line_control_number": (match.control_number if match else None)
        or line.line_control_number,
        "procedure": line.billed_procedure,
        "charge": line.charge,
        "paid": line.paid,
        "units": line.units,
        "adjustments": _adjustments(line.adjustments),
        "remarks": line.remarks,
    }


def _adjustments(parts: Sequence[RemittanceAdjustment]) -> list[dict[str, object]]:
    return [
        {
            "group": part.group,
            "reason": part.reason,
            "amount": part.amount,
            "quantity": part.quantity,
        }
        for part in parts
    ]

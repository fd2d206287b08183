"""One claim, several payers: what the next one is asked for, and what an earlier one has settled.

It is apart because only here does a claim's money change its debtor. What an earlier payer left to
the patient, or denied for a reason that is no fault of ours, the next payer is asked for first: it
moves to that payer's receivable, and back where the earlier answer is taken back. A later payer's
835 repeats what the earlier ones settled (reason 23); that is in the ledger already and is not
posted again. Public source: 005010X221A1 section 1.10.2.13 and the claim status codes of CLP02.
"""

from collections.abc import Iterator
from datetime import datetime

from services.remittance.domain.denial import classify, explain
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
from services.remittance.domain.state import (
    LedgerClaim,
    Posted,
    place_key,
)
from shared.contract.remittance import RemittanceClaim

LATER_STATUSES = frozenset({"2", "3", "20", "21"})
"""CLP02 of a payer that is not the first."""
_FORWARDED_STATUSES = frozenset({"19", "20", "21"})
PRIOR_PAYERS = "23"
"""The reason by which a payer repeats what the payers before it settled."""
CROSSING_DENIALS = frozenset({"not_covered", "benefit_limit", "eligibility"})
"""Denials that the next payer may well pay; any other is the first payer's to settle."""

Crossed = tuple[tuple[str, str, int], ...]
"""(group, reason, cents) that moved to the next payer's receivable."""


def repeats_earlier(claim: LedgerClaim, remitted: RemittanceClaim) -> bool:
    """Whether reason 23 in this answer is what our ledger has from earlier payers. Where the claim
    first went to a later payer, what came before is not ours, and 23 is posted as it stands."""
    if claim.payer_sequence != "P" or remitted.is_reversal:
        return False
    if remitted.status not in LATER_STATUSES and remitted.status != "4":
        return False
    return any(part.reason == PRIOR_PAYERS for part in remitted.all_adjustments())


def _earlier(remitted: RemittanceClaim) -> int:
    return sum(part.amount for part in remitted.all_adjustments() if part.reason == PRIOR_PAYERS)


def settled_by(claim: LedgerClaim, remitted: RemittanceClaim) -> int:
    """Cents of the receivable that posting this answer settles: what it pays and adjusts, less
    what it repeats. CLP03 where the claim balances and nothing is repeated."""
    total = remitted.paid + sum(part.amount for part in remitted.all_adjustments())
    return total - _earlier(remitted) if repeats_earlier(claim, remitted) else total


def left_over(remitted: RemittanceClaim, *, is_denied: bool, skip_prior: bool) -> Crossed:
    """What of an answer the next payer is asked for, by group and reason, sorted."""
    sums: dict[tuple[str, str], int] = {}
    for part in remitted.all_adjustments():
        if skip_prior and part.reason == PRIOR_PAYERS:
            continue
        category = classify(part.group, part.reason, is_denied=is_denied)
        crosses = category == "patient" or (
            category == "denied" and explain(part.reason).kind in CROSSING_DENIALS
        )
        if crosses:
            key = part.group, part.reason
            sums[key] = sums.get(key, 0) + part.amount
    return tuple([(*key, cents) for key, cents in sorted(sums.items()) if cents > 0])


def is_forwarded(remitted: RemittanceClaim) -> bool:
    """Whether the payer itself passed the claim on, so that we must not send it."""
    return remitted.status in _FORWARDED_STATUSES or remitted.crossover_carrier is not None


def answers_unasked(claim: LedgerClaim, remitted: RemittanceClaim) -> bool:
    """Whether a later payer settles what still stands with the patient, since nobody told us that
    it would be asked. It repeats what the earlier ones settled; else it is no later answer but
    another one of the same payer."""
    if remitted.status not in LATER_STATUSES or not repeats_earlier(claim, remitted):
        return False
    left = settled_by(claim, remitted) - claim.receivable
    return 0 < left <= _crossable(claim)


def _crossable(claim: LedgerClaim) -> int:
    """Cents that stand with the patient and could still be asked of another payer."""
    return sum(
        cents
        for posted in claim.posted
        if not posted.crossed
        for group, _, cents in posted.adjustments
        if group == "PR" and cents > 0
    )


def crossing_entries(
    claim: LedgerClaim, posted: Posted, crossed: Crossed, to_payer: str, now: datetime
) -> Iterator[Entry]:
    """Moves what an answer left over to the next payer's receivable, an entry a reason."""
    receivable = account(AccountKind.PAYER_RECEIVABLE, to_payer)
    for group, reason, cents in crossed:
        left = left_over_account(claim, posted.payer_identifier, group, reason)
        yield entry(
            EntryKind.CROSSOVER,
            crossing_key(posted, group, reason),
            (Leg(receivable, cents), Leg(left, -cents)),
            now,
            claim_id=claim.id,
            remittance_id=posted.remittance_id,
            group=group,
            reason=reason,
        )


def returning_entries(claim: LedgerClaim, original: Posted, now: datetime) -> Iterator[Entry]:
    """Moves back what an answer that is taken back had left to the next payer."""
    if original.crossed_to is None or original.crossed_at is None:
        return
    receivable = account(AccountKind.PAYER_RECEIVABLE, original.crossed_to)
    for group, reason, cents in original.crossed:
        left = left_over_account(claim, original.payer_identifier, group, reason)
        key = crossing_key(original, group, reason)
        yield entry(
            EntryKind.CROSSOVER,
            f"{key}/reversal",
            (Leg(left, cents), Leg(receivable, -cents)),
            now,
            claim_id=claim.id,
            remittance_id=original.remittance_id,
            group=group,
            reason=reason,
            reverses=entry_id(original.crossed_at, key),
        )


def crossing_key(posted: Posted, group: str, reason: str) -> str:
    """The business key of what moved to the next payer."""
    return f"{place_key(*posted.place)}/{group}/{reason}/crossover"


def left_over_account(claim: LedgerClaim, payer: str, group: str, reason: str) -> Account:
    """Where an answer's patient share or denial stands."""
    if group == "PR":
        return patient_receivable(claim)
    return account(AccountKind.DENIED_PENDING, payer, None, f"{group}-{reason}")


def write_off_account(payer: str, group: str, reason: str) -> Account:
    """Where what was given up of a payer's answer stands."""
    return account(AccountKind.WRITE_OFF, payer, None, f"{group}-{reason}")


def patient_receivable(claim: LedgerClaim) -> Account:
    """The receivable of the claim's patient account."""
    return account(AccountKind.PATIENT_RECEIVABLE, holder=claim.account_id)

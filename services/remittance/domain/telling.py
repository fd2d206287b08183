"""The events that remittance publishes, each with the id that a retry gives it again.

It is apart so that deciding does not drown in the making of envelopes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.remittance.domain.incoming import Opening
from services.remittance.domain.ledger import AccountKind, Entry
from services.remittance.domain.payments import (
    account_hash,
    payment_event_id,
    payment_posted,
    public_entries,
)
from services.remittance.domain.policy import DEFAULT, Policy
from services.remittance.domain.posting import Posting
from services.remittance.domain.state import Arrived, Deposit, LedgerClaim, Remittance, Tally
from shared.contract.claim import Claim
from shared.contract.envelope import Event, business_id
from shared.contract.events import (
    AdjustmentPosted,
    ClaimDenied,
    ClaimPaid,
    ClaimReversed,
    ClaimSecondaryDue,
    ClaimUnderpaid,
    DepositReconciled,
    RemittancePosted,
    RemittanceQuarantined,
    RemittanceRead,
    UnderpaidLine,
)
from shared.contract.model import Finding, Model

EVENT_SOURCE = "claimwire/remittance"
MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes events at one instant, with the key that account numbers are hashed with."""

    account_hash_key: bytes
    now: datetime
    policy: Policy = DEFAULT

    def posting(self, arrived: Arrived, posting: Posting) -> Iterator[Event]:
        """What a posting says: to our own services, then to the world outside."""
        yield self.claim_told(posting.claim, arrived, claim_event(posting))
        original = posting.reverses
        payment = payment_posted(
            posting.claim,
            posting.adjudication,
            arrived.remittance.trace_number,
            posting.entries,
            self.account_hash_key,
            now=self.now,
            reverses=payment_event_id(*original.place) if original else None,
        )
        yield Event(
            id=payment_event_id(*arrived.place),
            source=EVENT_SOURCE,
            subject=str(posting.claim.id),
            time=self.now,
            data=payment,
            sequence=posting.claim.revision,
        )

    def secondary_due(self, claim: LedgerClaim, arrived: Arrived, due: Claim) -> Event:
        """The next payer's turn, with the whole claim for it."""
        data = ClaimSecondaryDue(claim=due, remittance_id=arrived.remittance.id)
        return self.claim_told(claim, arrived, data)

    def underpaid(
        self, posting: Posting, arrived: Arrived, lines: tuple[UnderpaidLine, ...]
    ) -> Event:
        """A payer allowed less than its own schedule says."""
        data = ClaimUnderpaid(
            revision=posting.claim.revision,
            remittance_id=arrived.remittance.id,
            payer_identifier=posting.payer,
            payer_claim_control_number=arrived.claim.payer_claim_control_number,
            variance=sum(line.variance for line in lines),
            lines=lines,
        )
        return self.claim_told(posting.claim, arrived, data)

    def charged(self, claim: LedgerClaim, entries: Sequence[Entry]) -> Event:
        """A claim's charge, or the change of it, to the world outside."""
        revenue = sum(
            leg.amount_cents
            for entry in entries
            for leg in entry.legs
            if leg.account.kind is AccountKind.REVENUE
        )
        return self.of_claim("charge", claim, entries, amount=-revenue)

    def of_claim(
        self, kind: str, claim: LedgerClaim, entries: Sequence[Entry], *, amount: int
    ) -> Event:
        """`adjustment.posted.v1` of a claim of ours."""
        return self.adjusted(
            kind,
            entries,
            str(claim.id),
            amount=amount,
            claim_id=claim.id,
            payer_id=claim.payer,
            account_hash=account_hash(self.account_hash_key, claim),
        )

    def cash_posted(self, remittance: Remittance, cash: Entry) -> Event:
        """A remittance's cash and provider adjustments, to the world outside."""
        return self.adjusted(
            "remittance",
            (cash,),
            str(remittance.id),
            amount=remittance.cash,
            payer_id=remittance.payer_identifier,
            trace_number=remittance.trace_number,
        )

    def adjusted(
        self, kind: str, entries: Sequence[Entry], subject: str, *, amount: int, **named: object
    ) -> Event:
        """`adjustment.posted.v1` of these entries, the first of which gives it its id."""
        fields = {
            "kind": kind,
            "posted_on": self.now.date(),
            "amount": amount,
            "entries": public_entries(self.account_hash_key, entries),
            **named,
        }
        return Event(
            id=business_id("adjustment.posted.v1", entries[0].business_key),
            source=EVENT_SOURCE,
            subject=subject,
            time=self.now,
            data=AdjustmentPosted.model_validate(fields),
        )

    def deposit_reconciled(self, deposit: Deposit, remittance: Remittance, matched: Entry) -> Event:
        """A deposit and a remittance are the same payment."""
        fields = {
            "deposit_id": deposit.id,
            "remittance_id": remittance.id,
            "payer_id": remittance.payer_identifier,
            "trace_number": deposit.trace_number,
            "deposited_on": deposit.deposited_on,
            "posted_on": self.now.date(),
            "deposited": deposit.amount,
            "remitted": remittance.cash,
            "difference": deposit.amount - remittance.cash,
            "entries": public_entries(self.account_hash_key, (matched,)),
        }
        return Event(
            id=business_id("deposit.reconciled.v1", deposit.id),
            source=EVENT_SOURCE,
            subject=str(remittance.id),
            time=self.now,
            data=DepositReconciled.model_validate(fields),
        )

    def claim_quarantined(
        self,
        arrived: Arrived,
        claim: LedgerClaim | None,
        difference: int,
        findings: tuple[Finding, ...],
    ) -> Event:
        """One claim waits; the others post. Its subject is our claim where one is meant."""
        quarantined = RemittanceQuarantined(
            trace_number=arrived.remittance.trace_number,
            payer_identifier=arrived.remittance.payer_identifier,
            level="claim",
            difference=difference,
            findings=findings,
        )
        if claim is not None:
            return self.claim_told(claim, arrived, quarantined)
        return self._of_remittance(arrived.remittance.id, quarantined, str(arrived.claim.position))

    def remittance_read(
        self, opening: Opening, findings: tuple[Finding, ...], *, cause: UUID | None = None
    ) -> Event:
        """One transaction set was read. `cause` tells a later reading from the first."""
        read = RemittanceRead(
            payer_identifier=opening.payer_identifier,
            payer_name=opening.payer_name and opening.payer_name[:MAX_NAME],
            trace_number=opening.trace_number,
            payment_method=opening.method,
            payment_date=opening.payment_date,
            amount=opening.amount,
            claims=opening.claims,
            balance=opening.balance,
            findings=findings,
        )
        return self._of_remittance(opening.remittance_id, read, str(cause or ""))

    def remittance_quarantined(
        self, remittance: Remittance, findings: tuple[Finding, ...]
    ) -> Event:
        """The whole set waits for a person."""
        quarantined = RemittanceQuarantined(
            trace_number=remittance.trace_number,
            payer_identifier=remittance.payer_identifier,
            level="transaction",
            difference=remittance.difference,
            findings=findings,
        )
        return self._of_remittance(remittance.id, quarantined, "transaction")

    def remittance_posted(self, remittance: Remittance, tally: Tally) -> Event:
        """All that could be posted when it was read is in the ledger."""
        posted = RemittancePosted(
            trace_number=remittance.trace_number or "",
            payer_identifier=remittance.payer_identifier,
            amount=remittance.amount,
            posted_claims=tally.posted,
            quarantined_claims=tally.quarantined,
            unmatched_claims=tally.unmatched,
        )
        return self._of_remittance(remittance.id, posted, "")

    def claim_told(self, claim: LedgerClaim, arrived: Arrived, data: Model) -> Event:
        """An event of one claim, because of one claim of a remittance."""
        return Event(
            id=business_id(type(data).__name__, claim.id, *arrived.place),
            source=EVENT_SOURCE,
            subject=str(claim.id),
            time=self.now,
            data=data,
            sequence=claim.revision,
        )

    def _of_remittance(self, remittance_id: UUID, data: Model, cause: str) -> Event:
        return Event(
            id=business_id(type(data).__name__, remittance_id, cause),
            source=EVENT_SOURCE,
            subject=str(remittance_id),
            time=self.now,
            data=data,
        )


def claim_event(posting: Posting) -> ClaimPaid | ClaimDenied | ClaimReversed:
    """What became of the claim."""
    if posting.status == "reversed":
        return ClaimReversed(adjudication=posting.adjudication)
    if posting.status == "denied":
        return ClaimDenied(adjudication=posting.adjudication, findings=posting.findings)
    outcome: Literal["paid", "partly_paid"] = "paid" if posting.status == "paid" else "partly_paid"
    return ClaimPaid(adjudication=posting.adjudication, outcome=outcome, findings=posting.findings)

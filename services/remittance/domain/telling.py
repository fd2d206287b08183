"""The events that remittance publishes, each with the id that a retry gives it again.

It is apart so that deciding does not drown in the making of envelopes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.remittance.domain.incoming import Opening
from services.remittance.domain.payments import account_hash, payment_event_id, payment_posted
from services.remittance.domain.posting import Posting
from services.remittance.domain.state import Arrived, LedgerClaim, Remittance, Tally
from shared.contract.envelope import Event, business_id
from shared.contract.events import (
    ClaimDenied,
    ClaimPaid,
    ClaimReversed,
    RemittancePosted,
    RemittanceQuarantined,
    RemittanceRead,
)
from shared.contract.model import Finding, Model

EVENT_SOURCE = "claimwire/remittance"
MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes events at one instant, with the key that account numbers are hashed with."""

    account_hash_key: bytes
    now: datetime

    def posting(self, arrived: Arrived, posting: Posting) -> Iterator[Event]:
        """What a posting says: to our own services, then to the world outside."""
        yield self.claim_told(posting.claim, arrived, claim_event(posting))
        original = posting.reverses
        payment = payment_posted(
            posting.claim.id,
            account_hash(self.account_hash_key, posting.claim.patient_control_number),
            posting.adjudication,
            arrived.remittance.trace_number,
            (entry.id for entry in posting.entries),
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
    return ClaimPaid(adjudication=posting.adjudication, outcome=outcome)

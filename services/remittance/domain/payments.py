"""The public face of a posting: payment events without anything that identifies a patient.

It is apart because whatever is put here leaves the house: the account number goes out as a keyed
hash, and names, members, codes and dates of service do not go out at all.
"""

import hmac
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from shared.contract.envelope import business_id
from shared.contract.events import Adjudication, PaymentPosted, PaymentReversed


def account_hash(key: bytes, patient_control_number: str) -> str:
    """HMAC-SHA256 of a patient control number, in hexadecimal: equal for equal accounts, and not to
    be reversed by trying all numbers without the key."""
    return hmac.digest(key, patient_control_number.encode(), "sha256").hex()


def payment_event_id(remittance_id: UUID, position: int) -> UUID:
    """The id of the payment event of one claim of one remittance, on every retry."""
    return business_id("payment.posted.v1", remittance_id, position)


def payment_posted(
    claim_id: UUID,
    account: str,
    adjudication: Adjudication,
    trace_number: str,
    entry_ids: Iterable[UUID],
    *,
    now: datetime,
    reverses: UUID | None = None,
) -> PaymentPosted:
    """The payment event of an adjudication; a PaymentReversed where the payer took one back.

    A reversal's amounts are negative, so that a consumer adds every event up and is right.
    """
    model = PaymentReversed if adjudication.status == "22" else PaymentPosted
    payment = model(
        claim_id=claim_id,
        account_hash=account,
        payer_id=adjudication.payer_identifier,
        trace_number=trace_number,
        posted_on=now.date(),
        ledger_entry_ids=tuple(entry_ids),
        charged=adjudication.charge,
        paid=adjudication.paid,
        contractual=adjudication.contractual,
        patient_responsibility=adjudication.patient,
        other_adjustments=adjudication.other,
        denied=adjudication.denied,
    )
    if reverses is not None:
        return payment.model_copy(update={"reverses": reverses})
    return payment

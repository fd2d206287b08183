"""The public face of the ledger: every entry, on `payments.posted`, without anything that
identifies a patient.

It is apart because whatever is put here leaves the house: account numbers go out as a keyed hash,
and names, members, codes and dates of service do not go out at all. Every entry of the ledger goes
out in one event and no other, so that the topic alone gives every balance.
"""

import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from services.remittance.domain.accounts import number_key
from services.remittance.domain.ledger import Account, Entry
from services.remittance.domain.state import LedgerClaim
from shared.contract.envelope import business_id
from shared.contract.events import Adjudication, PaymentPosted, PaymentReversed


def account_hash(key: bytes, claim: LedgerClaim) -> str:
    """HMAC-SHA256 of a claim's patient account, in hexadecimal: equal for equal accounts, and not
    to be reversed by trying all numbers without the key. An account of the time when a control
    number had only one keeps its hash, which is of the number."""
    number = claim.patient_control_number
    is_of_number = claim.account_id == number_key(number)
    told = number if is_of_number else claim.account_id
    return hmac.digest(key, told.encode(), "sha256").hex()


@lru_cache(maxsize=8192)
def public_code(key: bytes, account: Account) -> str:
    """An account's code as it leaves the house: its holder as a keyed hash."""
    if account.holder is None:
        return account.code.rstrip("|")
    hidden = hmac.digest(key, account.holder.encode(), "sha256").hex()[:32]
    return account.code[: -len(account.holder)] + hidden


def public_entries(key: bytes, entries: Iterable[Entry]) -> list[dict[str, object]]:
    """Ledger entries as events carry them (`LedgerEntry`), to be validated with their event."""
    return [
        {
            "id": entry.id,
            "kind": entry.kind.value,
            "group": entry.adjustment_group,
            "reason": entry.adjustment_reason,
            "reverses": entry.reverses,
            "legs": [
                {"account": public_code(key, leg.account), "amount": leg.amount_cents}
                for leg in entry.legs
            ],
        }
        for entry in entries
    ]


def payment_event_id(remittance_id: UUID, position: int) -> UUID:
    """The id of the payment event of one claim of one remittance, on every retry."""
    return business_id("payment.posted.v1", remittance_id, position)


def payment_posted(
    claim: LedgerClaim,
    adjudication: Adjudication,
    trace_number: str,
    entries: Sequence[Entry],
    key: bytes,
    *,
    now: datetime,
    reverses: UUID | None = None,
) -> PaymentPosted:
    """The payment event of an adjudication; a PaymentReversed where the payer took one back.

    A reversal's amounts are negative, so that a consumer adds every event up and is right.
    """
    model = PaymentReversed if adjudication.status == "22" else PaymentPosted
    fields: dict[str, object] = {
        "claim_id": claim.id,
        "account_hash": account_hash(key, claim),
        "payer_id": adjudication.payer_identifier,
        "trace_number": trace_number,
        "posted_on": now.date(),
        "ledger_entry_ids": [entry.id for entry in entries],
        "charged": adjudication.charge,
        "paid": adjudication.paid,
        "contractual": adjudication.contractual,
        "patient_responsibility": adjudication.patient,
        "other_adjustments": adjudication.other,
        "denied": adjudication.denied,
        "entries": public_entries(key, entries),
    }
    if reverses is not None:
        fields["reverses"] = reverses
    # One validation of the whole costs less than one for each of its parts.
    return model.model_validate(fields)

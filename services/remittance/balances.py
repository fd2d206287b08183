"""Patient balances out of the ledger: the rows behind `domain/balances.py`, one query a kind.

It is apart from the store because nothing here is locked or decided on: these are questions.
"""

from collections.abc import Sequence
from uuid import UUID

from services.remittance.domain.balances import (
    ClaimBalance,
    DenialFacts,
    PatientBalance,
    buckets_of,
)
from shared.database import Connection

_CLAIMS = """
SELECT claim.id, account_id, patient_control_number,
       coalesce(owing_payer, payer_identifier) AS payer, payer_claim_control_number, status,
       charge_cents, paid_cents, contractual_cents, other_cents, written_off_cents, denied_cents,
       receivable_cents, patient_cents, next_payers,
       (SELECT count(*) FROM remittance_claim WHERE remittance_claim.claim_id = claim.id
            AND state IN ('quarantined', 'waiting')) AS waiting
FROM claim WHERE account_id = ANY($1::uuid[]) ORDER BY account_id, claim.id
"""
_SHARES = """
SELECT entry.claim_id, entry.adjustment_reason, sum(leg.amount_cents)::bigint
FROM entry JOIN leg ON leg.entry_id = entry.id JOIN account ON account.id = leg.account_id
WHERE entry.claim_id = ANY($1::uuid[]) AND account.kind = 'patient_receivable'
GROUP BY 1, 2
"""
_LAST = """
SELECT claim_id, max(posted_on) FROM entry
WHERE claim_id = ANY($1::uuid[]) AND kind <> 'charge' GROUP BY 1
"""
_DENIALS = """
SELECT claim_id, kind, state, amount_cents, payer_identifier FROM denial
WHERE claim_id = ANY($1::uuid[]) ORDER BY seq
"""
_PATIENT_MONEY = """
SELECT account.holder, account.kind, sum(leg.amount_cents)::bigint
FROM account JOIN leg ON leg.account_id = account.id
WHERE account.holder = ANY($1::text[]) AND account.kind IN ('patient_payment', 'refunds_due')
GROUP BY 1, 2
"""


async def patient_balances(
    connection: Connection, account_ids: Sequence[UUID]
) -> dict[UUID, PatientBalance]:
    """The balances of these patient accounts; accounts without a claim are left out. The id of an
    account is a claim's `account_id` (`patient_account_id` in `domain/accounts.py`)."""
    rows = await connection.fetch(_CLAIMS, account_ids)
    claim_ids = [row["id"] for row in rows]
    shares: dict[UUID, dict[str, int]] = {}
    for claim_id, reason, cents in await connection.fetch(_SHARES, claim_ids):
        shares.setdefault(claim_id, {})[reason or ""] = cents
    last = {row[0]: row[1] for row in await connection.fetch(_LAST, claim_ids)}
    denials: dict[UUID, list[DenialFacts]] = {}
    for claim_id, *facts in await connection.fetch(_DENIALS, claim_ids):
        denials.setdefault(claim_id, []).append(DenialFacts(*facts))
    money = {
        (UUID(holder), kind): -cents
        for holder, kind, cents in await connection.fetch(
            _PATIENT_MONEY, [str(one) for one in account_ids]
        )
    }
    claims: dict[UUID, list[ClaimBalance]] = {}
    for row in rows:
        claim_id = row["id"]
        claims.setdefault(row["account_id"], []).append(
            ClaimBalance(
                claim_id=claim_id,
                patient_control_number=row["patient_control_number"],
                payer_identifier=row["payer"],
                payer_claim_control_number=row["payer_claim_control_number"],
                status=row["status"],
                charge=row["charge_cents"],
                paid=row["paid_cents"],
                contractual=row["contractual_cents"],
                other=row["other_cents"],
                written_off=row["written_off_cents"],
                denied=row["denied_cents"],
                receivable=row["receivable_cents"],
                patient=row["patient_cents"],
                buckets=buckets_of(shares.get(claim_id, {})),
                next_payers=tuple(row["next_payers"]),
                denials=tuple(denials.get(claim_id, ())),
                waiting=row["waiting"],
                last_posted_on=last.get(claim_id),
            )
        )
    return {
        account_id: PatientBalance(
            account_id,
            tuple(of_account),
            paid=money.get((account_id, "patient_payment"), 0),
            refunds_due=money.get((account_id, "refunds_due"), 0),
        )
        for account_id, of_account in claims.items()
    }

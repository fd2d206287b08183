"""Writes ledger entries: accounts, entries and legs, in two statements whatever the batch's size.

It is apart from the store because the ledger only grows, and because the database's own rules ask
for this form: an entry and all its legs in one statement.
"""

from collections.abc import Sequence

from services.remittance.domain.ledger import Entry
from shared.database import Connection

_ACCOUNTS = """
INSERT INTO account (id, code, kind, payer_identifier, trace_number, reason, holder,
                     opened_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::text[], $8::timestamptz[])
ON CONFLICT (id) DO NOTHING
"""

_ENTRIES = """
WITH posted AS (
    INSERT INTO entry (id, business_key, kind, claim_id, remittance_id, adjustment_group,
                       adjustment_reason, reverses, posted_on, created_at, leg_count)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::text[],
                         $7::text[], $8::uuid[], $9::date[], $10::timestamptz[], $11::smallint[])
)
INSERT INTO leg (entry_id, position, account_id, amount_cents, line)
SELECT * FROM unnest($12::uuid[], $13::smallint[], $14::uuid[], $15::bigint[], $16::smallint[])
"""


async def write(connection: Connection, entries: Sequence[Entry]) -> None:
    """Posts the entries. A business key that is posted already is refused by the database
    (unique_violation): a fact is posted once."""
    if not entries:
        return
    opened = {leg.account.id: (leg.account, one.created_at) for one in entries for leg in one.legs}
    # In the order of their ids: two processes that open the same accounts wait, and do not block.
    ordered = [opened[identity] for identity in sorted(opened)]
    await connection.execute(
        _ACCOUNTS,
        [account.id for account, _ in ordered],
        [account.code for account, _ in ordered],
        [account.kind.value for account, _ in ordered],
        [account.payer_identifier for account, _ in ordered],
        [account.trace_number for account, _ in ordered],
        [account.reason for account, _ in ordered],
        [account.holder for account, _ in ordered],
        [at for _, at in ordered],
    )
    legs = [(one.id, number, leg) for one in entries for number, leg in enumerate(one.legs)]
    await connection.execute(
        _ENTRIES,
        [one.id for one in entries],
        [one.business_key for one in entries],
        [one.kind.value for one in entries],
        [one.claim_id for one in entries],
        [one.remittance_id for one in entries],
        [one.adjustment_group for one in entries],
        [one.adjustment_reason for one in entries],
        [one.reverses for one in entries],
        [one.posted_on for one in entries],
        [one.created_at for one in entries],
        [len(one.legs) for one in entries],
        [entry_id for entry_id, _, _ in legs],
        [number for _, number, _ in legs],
        [leg.account.id for _, _, leg in legs],
        [leg.amount_cents for _, _, leg in legs],
        [leg.line for _, _, leg in legs],
    )

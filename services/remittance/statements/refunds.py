"""Credits of patients, declared as refunds that are due.

It is apart from the bills because money moves here, by the same command as a person's: from what
the patient paid to what is to go back. Only where nothing of the account is open: until then the
share may still change, and the credit is shown with its deadline.
"""

from datetime import datetime
from uuid import UUID

from services.remittance.acting import act
from services.remittance.balances import patient_balances
from services.remittance.domain.commands import RefundPatient
from services.remittance.handlers import RemittanceHandler
from services.remittance.statements import store
from services.remittance.statements.changes import refresh
from shared.database import Connection, Pool

BATCH = 100
BY = "statement worker"


async def declare_refunds(pool: Pool, handler: RemittanceHandler, now: datetime) -> int:
    """Declares some of the credits that are settled; returns how many were looked at."""
    async with pool.acquire() as connection:
        accounts = await store.settled_credits(connection, BATCH)
    for account_id in accounts:
        async with pool.acquire() as connection, connection.transaction():
            await _declare(connection, handler, account_id, now)
    return len(accounts)


async def _declare(
    connection: Connection, handler: RemittanceHandler, account_id: UUID, now: datetime
) -> None:
    if not await store.lock_account(connection, account_id):
        return
    balance = (await patient_balances(connection, [account_id]))[account_id]
    standing = (await store.standings(connection, [account_id]))[account_id]
    if not balance.credit or any(claim.open for claim in balance.claims):
        await refresh(connection, [account_id], handler.rules, now)
        return
    reference = f"credit {standing.version}"
    claim_id = balance.claims[0].claim_id
    await act(connection, handler, [RefundPatient(claim_id, reference, balance.credit, BY)], now)

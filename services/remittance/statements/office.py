"""Bills made, held, released and shown: each in one transaction over the account, the bill, what
was done and what is said of it.

It is apart from HTTP so that the worker, the command line and the API do the same. Whoever posts to
the account at the same moment has its lock first, or finds the bill and supersedes it: nothing that
is open is ever on a bill that stands.
"""

import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from pydantic import ValidationError

from services.remittance.domain.accounts import BillingProvider, number_key, patient_account_id
from services.remittance.domain.patient_bill import Bill, Estimate
from services.remittance.domain.patient_statement import (
    Statement,
    findings_of,
    fingerprint_of,
    statement_ready,
)
from services.remittance.domain.patient_terms import Language
from services.remittance.statements import facts, store
from services.remittance.statements.changes import Rules, refresh
from shared.database import Connection, Pool
from shared.messaging import outbox

BATCH = 100
TOKEN_BYTES = 32
NPI_LENGTH = 10

logger = logging.getLogger("claimwire.remittance")


class StatementError(RuntimeError):
    """What cannot be done to a statement as things stand. `code` is stable; no PHI in either."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class StatementOffice:
    """Where bills are made. Wake the relay after what it does."""

    pool: Pool
    rules: Rules

    async def make(
        self, account_id: UUID, by: str, now: datetime, language: Language | None = None
    ) -> Statement:
        """The account's bill as of now: made, or the one that says the same already.

        Raises StatementError: unknown-account, nothing-billable.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            if not await store.lock_account(connection, account_id):
                raise StatementError("unknown-account", "There is no such patient account.")
            return await self._make(connection, account_id, by, now, language)

    async def _make(
        self,
        connection: Connection,
        account_id: UUID,
        by: str,
        now: datetime,
        language: Language | None,
    ) -> Statement:
        balances = await refresh(connection, [account_id], self.rules, now)
        balance = balances.get(account_id)
        standing = (await store.standings(connection, [account_id])).get(account_id)
        if balance is None or standing is None or not balance.billable:
            await self._not_due(connection, account_id, now)
            raise StatementError(
                "nothing-billable", "Nothing of the account may be billed as things stand."
            )
        fingerprint = fingerprint_of(balance)
        before = await store.current(connection, account_id)
        if before is not None and standing.billed == fingerprint:
            return before
        if before is not None:
            await store.set_status(connection, replace(before, status="superseded"))
        bill = await facts.bill_of_balance(connection, balance, now.date())
        made = self._statement(bill, language, now)
        await store.insert(connection, made, fingerprint, now)
        await store.record(connection, made.id, now, by, "made")
        billed = replace(standing, billed=fingerprint, statement_due_on=None)
        await store.save_standings(connection, [billed], now)
        if made.status == "ready":
            await outbox.append(connection, [statement_ready(made, now)])
        return made

    def _statement(self, bill: Bill, language: Language | None, now: datetime) -> Statement:
        findings = findings_of(bill, self.rules.terms)
        today = now.date()
        return Statement(
            id=uuid4(),
            account_id=bill.account_id,
            status="held" if findings else "ready",
            bill=bill,
            language=language or self.rules.terms.language,
            made_on=today,
            due_on=today + timedelta(days=self.rules.terms.payment_days),
            findings=findings,
        )

    async def _not_due(self, connection: Connection, account_id: UUID, now: datetime) -> None:
        """An account with nothing to bill is not asked about again until something changes."""
        standing = (await store.standings(connection, [account_id])).get(account_id)
        if standing is not None and standing.statement_due_on is not None:
            cleared = replace(standing, statement_due_on=None)
            await store.save_standings(connection, [cleared], now)

    async def make_due(self, now: datetime) -> int:
        """Makes the bills that are due, some; returns how many were looked at."""
        async with self.pool.acquire() as connection:
            accounts = await store.due(connection, now.date(), BATCH)
        for account_id in accounts:
            try:
                await self._make_one(account_id, now)
            except ValidationError:  # what is kept cannot be read: others must not wait for it
                logger.warning("a statement could not be made; it is tried again tomorrow")
                async with self.pool.acquire() as connection:
                    await store.postpone(connection, account_id, now.date() + timedelta(days=1))
        return len(accounts)

    async def _make_one(self, account_id: UUID, now: datetime) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            if not await store.lock_account(connection, account_id):
                return
            with suppress(StatementError):  # paid meanwhile; what was cleared is kept
                await self._make(connection, account_id, "worker", now, None)

    async def hold(self, statement_id: UUID, by: str, reason: str, now: datetime) -> Statement:
        """Keeps a bill back. Raises StatementError: unknown-statement, superseded."""
        return await self._decide(statement_id, by, reason, now, is_hold=True)

    async def release(self, statement_id: UUID, by: str, reason: str, now: datetime) -> Statement:
        """Lets a held bill go out, whatever was found. Raises StatementError."""
        return await self._decide(statement_id, by, reason, now, is_hold=False)

    async def _decide(
        self, statement_id: UUID, by: str, reason: str, now: datetime, *, is_hold: bool
    ) -> Statement:
        async with self.pool.acquire() as connection, connection.transaction():
            known = await self._locked(connection, statement_id)
            wanted = "held" if is_hold else "ready"
            if known.status == "superseded":
                raise StatementError("superseded", "The bill does not say how things stand now.")
            if known.status == wanted:
                return known
            changed = replace(
                known, status="held" if is_hold else "ready", version=known.version + 1
            )
            await store.set_status(connection, changed)
            action = "hold" if is_hold else "release"
            await store.record(connection, statement_id, now, by, action, reason)
            if not is_hold:
                await outbox.append(connection, [statement_ready(changed, now)])
            return changed

    async def _locked(self, connection: Connection, statement_id: UUID) -> Statement:
        """The statement, its account locked before it as everybody does."""
        seen = await store.statement(connection, statement_id)
        if seen is None:
            raise StatementError("unknown-statement", "There is no such statement.")
        await store.lock_account(connection, seen.account_id)
        known = await store.statement(connection, statement_id, lock=True)
        assert known is not None
        return known

    # Estimates

    async def load_estimate(
        self,
        patient_control_number: str,
        reference: str,
        given: Estimate,
        by: str,
        now: datetime,
        *,
        billing_provider: str | None = None,
    ) -> UUID:
        """Takes in what a patient was told to expect; returns the account's id. A bill that is
        ready and too far above it is held from now on. `billing_provider` is an NPI or a tax id.

        Raises StatementError: account-ambiguous, provider-unknown.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            account_id = await _account_of(connection, patient_control_number, billing_provider)
            await store.load_estimate(connection, account_id, reference, given, by, now)
            known = await store.current(connection, account_id)
            newest = await store.estimate(connection, account_id)
            if known is not None and known.status == "ready":
                bill = known.bill.model_copy(update={"estimate": newest})
                findings = findings_of(bill, self.rules.terms)
                if findings:
                    held = replace(
                        known, status="held", findings=findings, version=known.version + 1
                    )
                    await store.set_status(connection, held)
                    await store.record(connection, known.id, now, by, "hold", "above the estimate")
        return account_id

    # One-time links

    async def link(self, statement_id: UUID, by: str, now: datetime) -> tuple[str, datetime]:
        """A token that shows a ready bill once, and until when. Only its hash is kept."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        expires_at = now + timedelta(days=self.rules.terms.link_days)
        async with self.pool.acquire() as connection, connection.transaction():
            known = await self._locked(connection, statement_id)
            if known.status != "ready":
                raise StatementError("not-ready", f"The bill is {known.status}.")
            await store.add_link(connection, _hash(token), statement_id, expires_at)
            await store.record(connection, statement_id, now, by, "link")
        return token, expires_at

    async def opened(self, token: str, now: datetime) -> Statement | None:
        """The bill behind a token, which is used up by this; None for one that shows nothing."""
        async with self.pool.acquire() as connection, connection.transaction():
            statement_id = await store.use_link(connection, _hash(token), now)
            if statement_id is None:
                return None
            await store.record(connection, statement_id, now, "link", "opened")
            found = await store.statement(connection, statement_id)
            return found if found is not None and found.status != "held" else None


async def _account_of(connection: Connection, number: str, billing_provider: str | None) -> UUID:
    """The account with a control number: the only one, or this provider's. Where there is none, the
    one that the provider's claim will have; with no provider, the number's own id."""
    number_id = UUID(number_key(number))
    rows = await store.accounts_of_number(connection, number_id)
    found = {
        row["account_id"]
        for row in rows
        if billing_provider in (None, row["billing_npi"], row["billing_tax_id"])
    }
    if len(found) > 1:
        raise StatementError(
            "account-ambiguous",
            "Several billing providers use this number: name the one that is meant by its NPI.",
        )
    if found:
        return UUID(str(found.pop()))
    if billing_provider is None:
        return number_id
    if len(billing_provider) != NPI_LENGTH:
        raise StatementError(
            "provider-unknown",
            "No claim with this number is known of this tax id: name the provider by its NPI.",
        )
    return UUID(patient_account_id(number, BillingProvider(npi=billing_provider)))


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()

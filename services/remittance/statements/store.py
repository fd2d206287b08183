"""SQL of patient balances, statements, links and estimates."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from uuid import UUID

import asyncpg

from services.remittance.domain.patient_bill import Bill, Estimate
from services.remittance.domain.patient_statement import Standing, Statement, StatementStatus
from shared.contract.model import Finding, to_wire
from shared.database import Connection

_STANDINGS = """
SELECT account_id, version, share_cents, paid_cents, billable_cents, credit_cents,
       refunds_due_cents, digest, fingerprint, billed, credit_since, refund_due_on,
       statement_due_on, last_posted_on, is_settled
FROM patient_balance
"""
_OF_ACCOUNTS = f"{_STANDINGS} WHERE account_id = ANY($1::uuid[])"
_LIST = f"""
{_STANDINGS}
WHERE account_id > $1
  AND (NOT $2 OR billable_cents > 0)
  AND (NOT $3 OR credit_cents + refunds_due_cents > 0)
ORDER BY account_id LIMIT $4
"""
_SAVE = """
INSERT INTO patient_balance (account_id, version, share_cents, paid_cents, billable_cents,
    credit_cents, refunds_due_cents, digest, fingerprint, billed, credit_since, refund_due_on,
    statement_due_on, last_posted_on, is_settled, updated_at)
SELECT *, $16 FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[],
    $6::bigint[], $7::bigint[], $8::bytea[], $9::bytea[], $10::bytea[], $11::date[], $12::date[],
    $13::date[], $14::date[], $15::bool[])
ON CONFLICT (account_id) DO UPDATE SET
    version = excluded.version, share_cents = excluded.share_cents,
    paid_cents = excluded.paid_cents, billable_cents = excluded.billable_cents,
    credit_cents = excluded.credit_cents, refunds_due_cents = excluded.refunds_due_cents,
    digest = excluded.digest, fingerprint = excluded.fingerprint, billed = excluded.billed,
    credit_since = excluded.credit_since, refund_due_on = excluded.refund_due_on,
    statement_due_on = excluded.statement_due_on, last_posted_on = excluded.last_posted_on,
    is_settled = excluded.is_settled, updated_at = excluded.updated_at
"""
# The state whose law sets when a credit goes back: where the provider is.
_PROVIDER_STATES = """
SELECT DISTINCT ON (account_id) account_id,
       content -> 'claim' -> 'billing_provider' -> 'address' ->> 'state'
FROM claim JOIN claim_document ON claim_id = claim.id
WHERE account_id = ANY($1::uuid[]) ORDER BY account_id, claim.id
"""
_DUE = """
SELECT account_id FROM patient_balance WHERE statement_due_on <= $1
ORDER BY statement_due_on, account_id LIMIT $2
"""
_SETTLED_CREDITS = """
SELECT account_id FROM patient_balance WHERE credit_cents > 0 AND is_settled
ORDER BY account_id LIMIT $1
"""
_POSTPONE = "UPDATE patient_balance SET statement_due_on = $2 WHERE account_id = $1"
_LOCK_ACCOUNT = """
SELECT id FROM control_number
WHERE id = (SELECT number_id FROM claim WHERE account_id = $1 LIMIT 1) FOR UPDATE
"""
_LOCK_NUMBER = "SELECT FROM control_number WHERE id = $1 FOR UPDATE"
_ACCOUNTS_OF_NUMBER = """
SELECT DISTINCT account_id, billing_npi, billing_tax_id FROM claim WHERE number_id = $1
"""
_STATEMENT = """
SELECT id, account_id, status, content, language, made_on, due_on, version, findings
FROM statement
"""
_STATEMENTS = f"""
{_STATEMENT}
WHERE (made_at, id) > ($1, $2) AND ($3::text IS NULL OR status = $3)
  AND ($4::uuid IS NULL OR account_id = $4)
ORDER BY made_at, id LIMIT $5
"""
_INSERT = """
INSERT INTO statement (id, account_id, status, fingerprint, language, amount_due_cents, content,
                       findings, made_on, due_on, version, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_SET_STATUS = "UPDATE statement SET status = $2, version = $3, findings = $4 WHERE id = $1"
# What is on a bill is not so any more: a payer took an answer back, or gave another.
_SUPERSEDE = """
UPDATE statement SET status = 'superseded', version = version + 1
FROM unnest($1::uuid[], $2::bytea[]) AS now (account_id, fingerprint)
WHERE statement.account_id = now.account_id AND status <> 'superseded'
  AND statement.fingerprint <> now.fingerprint
"""
# One that was given before any claim came is under the number's id: it is of the account only while
# that has the number to itself.
_ESTIMATE = """
SELECT amount_cents, given_on FROM estimate
WHERE account_id = $1 OR account_id IN (
    SELECT number_id FROM claim WHERE claim.account_id = $1 AND NOT EXISTS (
        SELECT FROM claim AS other
        WHERE other.number_id = claim.number_id AND other.account_id <> claim.account_id))
ORDER BY given_on DESC, loaded_at DESC LIMIT 1
"""
_LOAD_ESTIMATE = """
INSERT INTO estimate (account_id, reference, amount_cents, given_on, loaded_by, loaded_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id, reference) DO UPDATE SET amount_cents = excluded.amount_cents,
    given_on = excluded.given_on, loaded_by = excluded.loaded_by, loaded_at = excluded.loaded_at
"""
_ACTION = """
INSERT INTO statement_action (statement_id, at, actor, action, reason) VALUES ($1, $2, $3, $4, $5)
"""
_LINK = "INSERT INTO statement_link (token_hash, statement_id, expires_at) VALUES ($1, $2, $3)"
_USE_LINK = """
UPDATE statement_link SET used_at = $2
WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING statement_id
"""


# Balances


async def standings(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Standing]:
    """What was last said of these accounts."""
    return {row[0]: Standing(*row) for row in await connection.fetch(_OF_ACCOUNTS, ids)}


async def listed(
    connection: Connection, after: UUID, limit: int, *, billable: bool, credit: bool
) -> list[Standing]:
    """A page of accounts, by id."""
    return [Standing(*row) for row in await connection.fetch(_LIST, after, billable, credit, limit)]


async def save_standings(connection: Connection, rows: Sequence[Standing], now: datetime) -> None:
    """Writes how accounts stand, in the order of their ids."""
    ordered = sorted(rows, key=lambda row: row.account_id)
    columns = [[getattr(row, field.name) for row in ordered] for field in fields(Standing)]
    await connection.execute(_SAVE, *columns, now)


async def provider_states(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, str | None]:
    """For each account the state in which its provider is, where a claim says so."""
    return {row[0]: row[1] for row in await connection.fetch(_PROVIDER_STATES, ids)}


async def due(connection: Connection, on: date, limit: int) -> list[UUID]:
    """Accounts whose bill is to be made by this day, the most urgent first."""
    return [row[0] for row in await connection.fetch(_DUE, on, limit)]


async def settled_credits(connection: Connection, limit: int) -> list[UUID]:
    """Accounts whose patient paid too much, and of which nothing is open."""
    return [row[0] for row in await connection.fetch(_SETTLED_CREDITS, limit)]


async def postpone(connection: Connection, account_id: UUID, until: date) -> None:
    """Looks at an account's bill again on this day."""
    await connection.execute(_POSTPONE, account_id, until)


async def lock_account(connection: Connection, account_id: UUID) -> bool:
    """Locks a patient account as posting does, by its control number; False where there is none."""
    return await connection.fetchval(_LOCK_ACCOUNT, account_id) is not None


async def accounts_of_number(connection: Connection, number_id: UUID) -> list[asyncpg.Record]:
    """The patient accounts with a control number, which is locked: account id, NPI and tax id of
    the provider."""
    await connection.execute(_LOCK_NUMBER, number_id)
    rows: list[asyncpg.Record] = await connection.fetch(_ACCOUNTS_OF_NUMBER, number_id)
    return rows


# Statements


def _statement(row: asyncpg.Record) -> Statement:
    return Statement(
        id=row["id"],
        account_id=row["account_id"],
        status=row["status"],
        bill=Bill.model_validate_json(row["content"]),
        language=row["language"],
        made_on=row["made_on"],
        due_on=row["due_on"],
        version=row["version"],
        findings=tuple(Finding.model_validate(one) for one in json.loads(row["findings"])),
    )


async def statement(
    connection: Connection, statement_id: UUID, *, lock: bool = False
) -> Statement | None:
    """One statement, or None."""
    query = f"{_STATEMENT} WHERE id = $1{' FOR UPDATE' if lock else ''}"
    row = await connection.fetchrow(query, statement_id)
    return _statement(row) if row else None


async def current(connection: Connection, account_id: UUID) -> Statement | None:
    """The account's bill that is not superseded."""
    query = f"{_STATEMENT} WHERE account_id = $1 AND status <> 'superseded' FOR UPDATE"
    row = await connection.fetchrow(query, account_id)
    return _statement(row) if row else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A statement with its place in a list."""

    statement: Statement
    made_at: datetime


async def statements(
    connection: Connection,
    after: tuple[datetime, UUID],
    status: StatementStatus | None,
    account_id: UUID | None,
    limit: int,
) -> list[Listed]:
    """A page of statements, oldest first."""
    query = _STATEMENTS.replace("SELECT id,", "SELECT made_at, id,", 1)
    rows = await connection.fetch(query, *after, status, account_id, limit)
    return [Listed(_statement(row), row["made_at"]) for row in rows]


async def insert(
    connection: Connection, made: Statement, fingerprint: bytes, now: datetime
) -> None:
    await connection.execute(
        _INSERT,
        made.id,
        made.account_id,
        made.status,
        fingerprint,
        made.language,
        made.bill.amount_due,
        to_wire(made.bill).decode(),
        _to_json(made.findings),
        made.made_on,
        made.due_on,
        made.version,
        now,
    )


async def set_status(connection: Connection, changed: Statement) -> None:
    await connection.execute(
        _SET_STATUS, changed.id, changed.status, changed.version, _to_json(changed.findings)
    )


async def supersede(connection: Connection, rows: Iterable[Standing]) -> None:
    """Marks the bills of these accounts that do not say how things stand now."""
    ordered = list(rows)
    await connection.execute(
        _SUPERSEDE, [row.account_id for row in ordered], [row.fingerprint for row in ordered]
    )


async def record(
    connection: Connection,
    statement_id: UUID,
    at: datetime,
    actor: str,
    action: str,
    reason: str | None = None,
) -> None:
    """Who did what to a statement, and why."""
    await connection.execute(_ACTION, statement_id, at, actor, action, reason)


def _to_json(findings: Sequence[Finding]) -> str:
    return json.dumps([finding.model_dump(exclude_defaults=True) for finding in findings])


# Estimates and links


async def estimate(connection: Connection, account_id: UUID) -> Estimate | None:
    """The newest estimate that was given for an account."""
    row = await connection.fetchrow(_ESTIMATE, account_id)
    return Estimate(amount=row["amount_cents"], given_on=row["given_on"]) if row else None


async def load_estimate(
    connection: Connection,
    account_id: UUID,
    reference: str,
    given: Estimate,
    by: str,
    now: datetime,
) -> None:
    """Writes an estimate; the same reference again replaces it."""
    await connection.execute(
        _LOAD_ESTIMATE, account_id, reference, given.amount, given.given_on, by, now
    )


async def add_link(
    connection: Connection, token_hash: bytes, statement_id: UUID, expires_at: datetime
) -> None:
    await connection.execute(_LINK, token_hash, statement_id, expires_at)


async def use_link(connection: Connection, token_hash: bytes, now: datetime) -> UUID | None:
    """Uses a link up; the statement's id, or None where it was used, is over or never was."""
    used: UUID | None = await connection.fetchval(_USE_LINK, token_hash, now)
    return used

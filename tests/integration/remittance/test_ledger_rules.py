"""The ledger's rules in the database itself: each is broken on purpose, past all of our code."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.remittance.app import service
from shared import database
from shared.settings import Settings

KINDS = ("payer_receivable", "revenue", "patient_receivable", "contractual_allowance")
ENTRY = """
WITH posted AS (
    INSERT INTO entry (id, business_key, kind, claim_id, remittance_id, adjustment_group,
                       posted_on, leg_count, created_at)
    VALUES ($1, $2, $3, $1, $4, $5, current_date, $6, now())
)
INSERT INTO leg (entry_id, position, account_id, amount_cents)
SELECT $1, * FROM unnest($7::smallint[], $8::uuid[], $9::bigint[])
"""


class Ledger:
    """The tables on one connection, in a transaction that is never committed."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.connection.transaction():  # a savepoint: the test goes on after an error
            return await self.connection.fetch(query, *arguments)

    async def value(self, query: str, *arguments: Any) -> Any:
        return (await self.fetch(query, *arguments))[0][0]


@pytest.fixture(scope="module")
async def migrated(postgres: Any) -> str:
    """The administrator's address of a database with remittance's schema."""
    dsn: str = postgres.fresh_database()
    made = service(Settings())
    await database.bootstrap(dsn, [made.name], {made.name: "of the tests"})
    pool = await database.create_pool(
        database.service_dsn(dsn, made.name, "of the tests"), made.name
    )
    await database.migrate(pool, made.name, made.schema_dir)
    await pool.close()
    return dsn


@pytest.fixture
async def desk(migrated: str) -> AsyncIterator[Ledger]:
    connection = await asyncpg.connect(migrated)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(
        "SET LOCAL search_path = remittance; SET LOCAL ROLE claimwire_remittance"
    )
    yield Ledger(connection)
    await transaction.rollback()
    await connection.close()


@pytest.fixture
async def accounts(desk: Any) -> dict[str, UUID]:
    made = {kind: uuid4() for kind in KINDS}
    await desk.fetch(
        "INSERT INTO account (id, code, kind, opened_at) "
        "SELECT id, kind, kind, now() FROM unnest($1::uuid[], $2::text[]) AS new (id, kind)",
        list(made.values()),
        list(made),
    )
    return made


async def _post(
    desk: Any,
    legs: list[tuple[UUID, int]],
    *,
    key: str = "key",
    kind: str = "charge",
    group: str | None = None,
    count: int | None = None,
    places: list[int] | None = None,
) -> UUID:
    entry_id = uuid4()
    await desk.fetch(
        ENTRY,
        entry_id,
        key,
        kind,
        None if kind == "charge" else uuid4(),
        group,
        len(legs) if count is None else count,
        list(range(len(legs))) if places is None else places,
        [account for account, _ in legs],
        [cents for _, cents in legs],
    )
    return entry_id


@pytest.fixture
def charge(accounts: dict[str, UUID]) -> list[tuple[UUID, int]]:
    return [(accounts["payer_receivable"], 100), (accounts["revenue"], -100)]


async def test_an_entry_that_keeps_every_rule_is_taken(desk: Any, charge: Any) -> None:
    await _post(desk, charge)
    assert await desk.value("SELECT sum(amount_cents) FROM leg") == 0


async def test_legs_that_do_not_sum_to_zero_are_refused(desk: Any, accounts: Any) -> None:
    legs = [(accounts["payer_receivable"], 100), (accounts["revenue"], -99)]
    with pytest.raises(asyncpg.CheckViolationError, match="sum to zero"):
        await _post(desk, legs)
    assert await desk.value("SELECT count(*) FROM entry") == 0


async def test_two_wrong_entries_that_cancel_each_other_out_are_refused(
    desk: Any, accounts: Any, charge: Any
) -> None:
    first = await _post(desk, charge, key="first")
    with pytest.raises(asyncpg.CheckViolationError):
        await desk.fetch(
            "INSERT INTO leg (entry_id, position, account_id, amount_cents) "
            "VALUES ($1, 0, $2, 5), ($3, 0, $2, -5)",
            uuid4(),
            accounts["revenue"],
            uuid4(),
        )
    assert await desk.value("SELECT count(*) FROM leg WHERE entry_id = $1", first) == 2


async def test_an_entry_without_legs_is_refused(desk: Any) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="without its legs"):
        await _post(desk, [], count=2)


async def test_an_entry_with_fewer_legs_than_it_says_is_refused(desk: Any, charge: Any) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="not whole"):
        await _post(desk, charge, count=3)


async def test_legs_added_later_are_refused_although_they_balance(
    desk: Any, accounts: Any, charge: Any
) -> None:
    entry_id = await _post(desk, charge)
    for places in ((2, 3), (0, 1), (-2, -1)):
        with pytest.raises((asyncpg.CheckViolationError, asyncpg.UniqueViolationError)):
            await desk.fetch(
                "INSERT INTO leg (entry_id, position, account_id, amount_cents) "
                "VALUES ($1, $2, $4, 50), ($1, $3, $4, -50)",
                entry_id,
                *places,
                accounts["revenue"],
            )
    assert await desk.value("SELECT count(*) FROM leg") == 2


async def test_a_leg_without_an_account_is_refused(desk: Any, accounts: Any) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await _post(desk, [(accounts["revenue"], -1), (uuid4(), 1)])


async def test_a_leg_of_nothing_is_refused(desk: Any, accounts: Any) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await _post(desk, [(accounts["revenue"], 0), (accounts["payer_receivable"], 0)])


async def test_a_business_key_is_posted_once(desk: Any, charge: Any) -> None:
    await _post(desk, charge)
    with pytest.raises(asyncpg.UniqueViolationError):
        await _post(desk, charge)


@pytest.mark.parametrize(
    ("kind", "group"), [("payment", None), ("contractual", "CO"), ("charge", None)]
)
async def test_a_patient_is_not_debited_by_anything_but_group_pr(
    desk: Any, accounts: Any, kind: str, group: str | None
) -> None:
    legs = [(accounts["patient_receivable"], 100), (accounts["payer_receivable"], -100)]
    with pytest.raises(asyncpg.CheckViolationError, match="debits a patient"):
        await _post(desk, legs, kind=kind, group=group)


async def test_a_patient_is_debited_by_group_pr_and_credited_by_anything(
    desk: Any, accounts: Any
) -> None:
    legs = [(accounts["patient_receivable"], 100), (accounts["payer_receivable"], -100)]
    await _post(desk, legs, kind="patient_responsibility", group="PR")
    back = [(account, -cents) for account, cents in legs]
    await _post(desk, back, kind="payment", key="back")
    assert await desk.value("SELECT count(*) FROM entry") == 2


@pytest.mark.parametrize("group", ["CO", None])
async def test_the_patients_kind_of_entry_is_of_group_pr(
    desk: Any, accounts: Any, group: str | None
) -> None:
    legs = [(accounts["patient_receivable"], 100), (accounts["payer_receivable"], -100)]
    with pytest.raises(asyncpg.CheckViolationError):
        await _post(desk, legs, kind="patient_responsibility", group=group)


CHANGES = [
    "UPDATE leg SET amount_cents = amount_cents + 1",
    "DELETE FROM leg",
    "TRUNCATE leg",
    "UPDATE entry SET claim_id = NULL",
    "DELETE FROM entry",
    "TRUNCATE entry",
    "UPDATE account SET kind = 'revenue'",
    "DELETE FROM account",
    "TRUNCATE account",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_the_service_has_no_right_to_change_what_is_posted(
    desk: Any, charge: Any, change: str
) -> None:
    await _post(desk, charge)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk.fetch(change)


@pytest.mark.parametrize("change", CHANGES)
async def test_not_even_the_administrator_changes_what_is_posted(
    desk: Any, charge: Any, change: str
) -> None:
    await _post(desk, charge)
    await desk.connection.execute("RESET ROLE")
    with pytest.raises(asyncpg.RestrictViolationError, match="never changed"):
        await desk.fetch(change)

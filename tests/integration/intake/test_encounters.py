"""Encounters on a real database, through the kernel's batch core: nothing of them is lost between
batches, processes and the watch."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.intake import watching
from services.intake.app import service
from services.intake.domain.encounter import encounter_id
from services.intake.domain.encounters import decide_due
from services.intake.domain.identity import claim_id
from services.intake.handlers import IntakeHandler
from services.intake.watching import watch
from shared.database import Pool, bootstrap, create_pool, migrate, new_password, service_dsn
from shared.messaging import retention
from shared.messaging.batch import Core, Outcome
from shared.messaging.decoding import unfold
from shared.messaging.handler import Record
from shared.messaging.store import postgres_transactions
from shared.settings import Settings
from shared.telemetry.tracing import Tracing
from tests.documents import document
from tests.hl7_messages import (
    SOURCE,
    charges,
    discharge,
    final,
    ft1,
    message,
    pid,
    profiles,
    registration,
    segment,
)

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
RECORDED, RECEIVED = "encounter.recorded.v1", "claim.received.v1"


class Door:
    """One process of the service, without the broker."""

    def __init__(self, pool: Pool, **profile: Any) -> None:
        self.pool = pool
        self.profiles = profiles(**profile)
        self.tracing = Tracing("intake", 0.0)
        self._handler = IntakeHandler(SOURCE, self.profiles)
        self._core = Core(self._handler, postgres_transactions(pool), self.tracing, lambda: START)

    async def take(self, *messages: bytes) -> Outcome:
        records = [
            Record("claims.inbound", 0, 0, None, raw, (("source", SOURCE.encode()),), 0)
            for raw in messages
        ]
        return await self._core.settle(
            [one for record in records for one in unfold(self._handler, record)]
        )

    async def watch(self, now: datetime) -> list[str]:
        async with self.pool.acquire() as connection:
            said = await watch(connection, self.profiles, self.tracing, now)
        return [event.type for event in said or []]

    async def claims(self) -> list[dict[str, Any]]:
        rows = await self.pool.fetch(
            "SELECT value FROM event WHERE type = $1 ORDER BY seq", RECEIVED
        )
        return [json.loads(row["value"])["claim"] for row in rows]


@pytest.fixture
async def pool(postgres: Any) -> AsyncIterator[Pool]:
    dsn, password = postgres.fresh_database(), new_password()
    await bootstrap(dsn, ["intake"], {"intake": password})
    pool = await create_pool(service_dsn(dsn, "intake", password), "intake")
    definition = service(Settings())
    await migrate(pool, definition.name, definition.schema_dir)
    yield pool
    await pool.close()


async def test_an_encounter_gathers_over_batches_and_makes_its_claim(pool: Pool) -> None:
    door = Door(pool)
    await door.take(charges(ft1("T1")), charges(ft1("T2", "93000", "65.00"), control="C2"))
    await door.take(registration())
    assert (await door.take(final())).said == [RECORDED, RECEIVED]
    (claim,) = await door.claims()
    assert (claim["id"], claim["charge"]) == (str(encounter_id(SOURCE, "A1")), "165.00")
    late = await door.take(charges(ft1("T3", "36415", "5.00"), control="C3"))
    assert late.said == [RECORDED, RECEIVED]
    assert [one.get("frequency", "1") for one in await door.claims()] == ["1", "7"]
    stored = await pool.fetchrow("SELECT revision, frequency FROM claim")
    assert stored is not None
    assert tuple(stored) == (2, "7")
    assert await pool.fetchval("SELECT status FROM encounter") == "billed"


async def test_a_redelivered_message_does_nothing(pool: Pool) -> None:
    door = Door(pool)
    await door.take(charges(ft1("")))
    again = await door.take(charges(ft1("")))
    assert (again.said, again.duplicates) == ([], 1)


async def test_charges_that_two_processes_hear_of_at_the_same_moment_are_all_kept(
    pool: Pool,
) -> None:
    """The encounter is new to both: there is no row that the second could wait for."""
    doors = [Door(pool) for _ in range(4)]
    sent = [charges(ft1(f"T{at}"), control=f"C{at}") for at in range(20)]
    await asyncio.gather(
        *(doors[at % len(doors)].take(raw) for at, raw in enumerate(sent)),
    )
    assert (
        await pool.fetchval("SELECT json_array_length(encounter->'charges') FROM encounter") == 20
    )


async def test_the_watch_makes_the_claim_when_the_hold_is_over_and_only_then(pool: Pool) -> None:
    door = Door(pool, hold_days=2)
    await door.take(registration(), charges(ft1()), discharge(ended="20260302070000"))
    ends = datetime(2026, 3, 4, 7, tzinfo=UTC)
    assert await door.watch(ends - timedelta(seconds=1)) == []
    assert await door.watch(ends) == [RECEIVED]
    assert await door.watch(ends) == []
    assert len(await door.claims()) == 1
    outbox = await pool.fetchval(
        "SELECT count(*) FROM outbox JOIN event USING (seq) WHERE type = $1", RECEIVED
    )
    assert outbox == 1


async def test_the_watch_says_once_that_an_encounter_never_came(pool: Pool) -> None:
    door = Door(pool, overdue_days=3)
    await door.take(charges(ft1()))
    assert await door.watch(START + timedelta(days=2)) == []
    assert await door.watch(START + timedelta(days=3)) == ["encounter.overdue.v1"]
    assert await door.watch(START + timedelta(days=30)) == []
    assert (await door.take(registration(), final())).said == [RECORDED, RECORDED, RECEIVED]


async def test_an_encounter_that_cannot_be_decided_on_does_not_keep_the_others_waiting(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(pool, overdue_days=3)
    await door.take(charges(ft1(), account="A1"), charges(ft1(), control="C2", account="A2"))
    decide = decide_due

    def fail_once(known: Any, encounter: Any, *rest: Any) -> Any:
        if encounter.account == "A1":
            raise ValueError
        return decide(known, encounter, *rest)

    monkeypatch.setattr(watching, "decide_due", fail_once)
    assert await door.watch(START + timedelta(days=3)) == ["encounter.overdue.v1"]
    monkeypatch.undo()
    assert await door.watch(START + timedelta(days=3)) == []
    assert await door.watch(START + timedelta(days=4)) == ["encounter.overdue.v1"]


async def test_a_merge_finds_what_is_open_and_what_comes_later(pool: Pool) -> None:
    door = Door(pool)
    await door.take(
        registration(account="A1"),
        charges(ft1("T1"), account="A1"),
        charges(ft1("T2", "93000", "65.00"), control="C2", account="B1"),
    )
    merge = message(
        "ADT^A40", pid("A1", "9999"), segment("MRG", {1: "4711^^^GH^MR", 3: "B1"}), control="X"
    )
    assert (await door.take(merge)).said == [RECORDED]
    await door.take(charges(ft1("T3", "36415", "5.00"), control="C3", account="B1"))
    await door.take(final(account="A1"))
    (claim,) = await door.claims()
    assert (claim["charge"], claim["medical_record_number"]) == ("170.00", "9999")
    rows = await pool.fetch("SELECT status FROM encounter ORDER BY status")
    assert [row["status"] for row in rows] == ["billed", "merged"]


async def test_encounters_billed_long_ago_are_deleted_and_late_charges_for_them_refused(
    pool: Pool,
) -> None:
    door = Door(pool)
    for account in ("A1", "B1", "C1"):
        await door.take(
            registration(account=account, control=f"R{account}"),
            charges(ft1("T1"), control=f"C{account}", account=account),
        )
    for account in ("A1", "B1"):
        await door.take(final(account=account, control=f"F{account}"))
    days = {"A1": 41, "B1": 39, "C1": 41}
    for account, age in days.items():
        await pool.execute(
            "UPDATE encounter SET updated_at = $2::timestamptz - make_interval(days => $3) "
            "WHERE encounter_id = $1",
            encounter_id(SOURCE, account),
            START,
            age,
        )
    purge = service(Settings(encounter_retention_days=40)).prunes
    assert await retention.prune(pool, START, event_retention_days=30, others=purge) == 1
    left = await pool.fetch("SELECT encounter_id, status FROM encounter ORDER BY status")
    assert [tuple(row) for row in left] == [
        (encounter_id(SOURCE, "B1"), "billed"),
        (encounter_id(SOURCE, "C1"), "open"),
    ]
    late = [
        (await door.take(charges(ft1("T2"), control=f"L{account}", account=account))).said
        for account in ("A1", "B1", "C1")
    ]
    assert late == [["claim.rejected.v1"], [RECORDED, RECEIVED], [RECORDED]]
    assert await retention.prune(pool, START, event_retention_days=30, others=purge) == 0


async def test_more_encounters_than_one_round_takes_are_all_deleted(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "AT_ONCE", 2)
    door = Door(pool)
    accounts = [f"A{number}" for number in range(5)]
    for account in accounts:
        await door.take(
            registration(account=account, control=f"R{account}"),
            charges(ft1("T1"), control=f"C{account}", account=account),
            final(account=account, control=f"F{account}"),
        )
    later = datetime.now(UTC) + timedelta(days=2)
    assert await watching.purger(1)(pool, later) == 5
    assert await pool.fetchval("SELECT count(*) FROM encounter") == 0
    assert await pool.fetchval("SELECT count(encounter_purged_at) FROM claim") == 5
    assert [claim.get("frequency", "1") for claim in await door.claims()] == ["1"] * 5


async def test_claims_under_one_number_are_told_apart_between_batches(pool: Pool) -> None:
    door = Door(pool)

    def claim(day: str, place: str) -> bytes:
        line = {
            "number": 1,
            "procedure": {"code": "97110"},
            "charge": "80.00",
            "service_from": day,
        }
        return json.dumps(
            document(
                "THERAPY",
                patient_control_number="THERAPY",
                charge="80.00",
                facility_code=place,
                service_lines=[line],
            )
        ).encode()

    for raw in (claim("2026-01-05", "11"), claim("2026-02-02", "11"), claim("2026-02-02", "12")):
        assert (await door.take(raw)).said == [RECEIVED]
    assert (await door.take(claim("2026-02-02", "12") + b" ")).said == ["claim.duplicated.v1"]
    rows = await pool.fetch("SELECT claim_id, number_id, revision FROM claim ORDER BY revision")
    number = claim_id(SOURCE, "THERAPY")
    assert [(row["number_id"], row["revision"]) for row in rows] == [(number, 1), (number, 2)]
    assert rows[0]["claim_id"] == number
    assert rows[1]["claim_id"] != number

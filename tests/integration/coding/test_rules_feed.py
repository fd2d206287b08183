"""Payer rules on their way: from the topic into two processes of coding, without a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deploy.local.kafka import Broker
from services.coding import rules_feed
from services.coding.app import NAME, service
from services.coding.domain.payer_rules.distribution import Announcement
from services.coding.rulebook import kept
from services.coding.rules_again import say_again
from services.coding.rules_feed import announced
from shared.contract.envelope import to_headers
from shared.contract.model import to_wire
from shared.database import Pool, bootstrap, create_pool, migrate, new_password, service_dsn
from shared.messaging import broker as clients
from shared.messaging.topics import create_topics, missing_topics
from shared.runner import Runner
from shared.settings import Settings, load
from tests.integration.coding.office import claim, received
from tests.integration.messaging.desk import Member, environment_of, until

_numbers = count(1)
"""Of packs and claims: all tests of a session share the broker's topics."""
START = datetime(2026, 1, 1, tzinfo=UTC)


def pack(name: str, message: str = "needs an authorization", version: int = 1) -> str:
    return f"""
pack: {name}
version: {version}
title: a payer's rules
scope: {{payers: [{name}]}}
rules:
  - id: authorization
    title: an authorization
    explanation: the payer asks for one
    severity: block
    effective: 2020-01-01
    when: claim.prior_authorization == ""
    field: prior_authorization
    message: {message}
    fix: enter the number
    source: a manual
    tests:
      - {{name: without, claim: {{}}, found: [prior_authorization]}}
      - {{name: with, claim: {{prior_authorization: A1}}, found: []}}
"""


class Line:
    """Two processes of coding on one database and one broker."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        self.settings = settings
        self.pool = pool
        self.members: list[Member] = []
        self.received: list[UUID] = []
        """The claims that were sent in."""

    async def start(self, processes: int) -> None:
        self.members += [
            Member(Runner(service(self.settings), self.settings)) for _ in range(processes)
        ]
        for member in self.members:
            await until(member.is_ready, "a process that is ready")

    async def announce(self, said: Announcement) -> None:
        await self.send("rules.payer", said.key, said.value)

    async def send(self, topic: str, key: bytes, value: bytes, headers: Any = ()) -> None:
        producer = clients.producer(self.settings, "test")
        await producer.start()
        try:
            await producer.send_and_wait(topic, value=value, key=key, headers=list(headers))
        finally:
            await producer.stop()

    async def receive(self, payer: str) -> str:
        """Sends a new claim in and returns the status that coding gives it."""
        number = next(_numbers)
        sent = received(claim(number, payer={"identifier": payer}))
        self.received.append(UUID(sent.subject))
        key = sent.subject.encode()
        await self.send("claims.intake", key, to_wire(sent.data), to_headers(sent))

        async def is_there() -> bool:
            return await self._status(number) is not None

        await until(is_there, "a verdict")
        status = await self._status(number)
        assert status is not None
        return status

    async def _status(self, number: int) -> str | None:
        found: str | None = await self.pool.fetchval(
            "SELECT status FROM claim WHERE claim_id = $1", claim(number).id
        )
        return found

    async def active(self) -> dict[str, Any]:
        rows = await self.pool.fetch("SELECT * FROM payer_pack WHERE state = 'active'")
        return {row["pack"]: row for row in rows}

    async def until_active(self, name: str, at: datetime) -> None:
        async def is_active() -> bool:
            row = (await self.active()).get(name)
            return row is not None and row["at"] == at and row["refusal"] is None

        await until(is_active, f"{name} to be active")

    async def stop(self) -> None:
        await asyncio.gather(*(member.stop() for member in self.members))
        self.members.clear()


@asynccontextmanager
async def line_on(broker: Broker, postgres: Any, folder: Path) -> AsyncIterator[Line]:
    """A line with a database of its own."""
    dsn, password = postgres.fresh_database(), new_password()
    await bootstrap(dsn, [NAME], {NAME: password})
    address = service_dsn(dsn, NAME, password)
    environment = environment_of(broker, NAME, dsn, folder, f"rules-{next(_numbers)}")
    with pytest.MonkeyPatch.context() as patch:
        for name, text in environment.items():
            patch.setenv(name, text)
        settings = load().model_copy(update={"postgres_dsn": type(load().postgres_dsn)(address)})
    await create_topics(settings)
    pool = await create_pool(address, NAME)
    await migrate(pool, NAME, service(settings).schema_dir)
    made = Line(settings, pool)
    yield made
    await made.stop()
    await pool.close()


@pytest.fixture
async def line(broker: Broker, postgres: Any, tmp_path: Path) -> AsyncIterator[Line]:
    async with line_on(broker, postgres, tmp_path) as made:
        yield made


async def test_a_pack_comes_into_force_in_every_process_without_a_restart(line: Line) -> None:
    name = f"feed-{next(_numbers)}"
    await line.start(2)
    assert await line.receive(name) == "coded"
    said = Announcement(name, "active", START, "ada", pack(name))
    await line.announce(said)
    await line.until_active(name, START)
    # Claims of all partitions, so that both processes judge some.
    assert {await line.receive(name) for _ in range(12)} == {"held"}
    # Of its own claims: a new group reads from the start what other tests left on the topic.
    ((ruleset,),) = await line.pool.fetch(
        "SELECT DISTINCT ruleset FROM claim WHERE status = 'held' AND claim_id = ANY($1)",
        line.received,
    )
    version = ruleset.split("/")[-1]
    async with line.pool.acquire() as connection:
        rules = await kept(connection, version)
    assert rules is not None
    assert name in {one.pack for one in rules.packs}

    withdrawn = Announcement(name, "active", START + timedelta(days=1), "ada", None)
    await line.announce(withdrawn)
    await line.until_active(name, withdrawn.at)
    assert await line.receive(name) == "coded"


async def test_a_bad_pack_is_refused_and_what_was_in_force_stays(line: Line) -> None:
    name = f"feed-{next(_numbers)}"
    await line.start(1)
    good = Announcement(name, "active", START, "ada", pack(name))
    await line.announce(good)
    await line.until_active(name, START)
    later = START + timedelta(days=1)
    bad = pack(name).replace('claim.prior_authorization == ""', "claim.no_such_field")
    await line.announce(replace(good, at=later, content=bad))
    await line.send("rules.payer", b"\xff/active", b"\x00 not json")
    last = Announcement(f"{name}-z", "published", later, "ada", pack(f"{name}-z"))
    await line.announce(last)

    async def is_refused() -> bool:
        return (await line.active())[name]["refusal"] is not None

    await until(is_refused, "the refusal")
    row = (await line.active())[name]
    assert row["refusal"] == "rules[0].when: the claim has no field no_such_field"
    assert row["at"] == START
    assert await line.receive(name) == "held"


async def test_no_claim_is_judged_before_the_rules_were_read_for_the_first_time(
    line: Line,
) -> None:
    name = f"feed-{next(_numbers)}"
    await line.announce(Announcement(name, "active", START, "ada", pack(name)))
    starting = asyncio.create_task(line.start(1))
    assert await line.receive(name) == "held"
    await starting


async def make_anew(settings: Settings) -> None:
    """The rules' topic as on a broker that lost its data: there, and empty."""
    admin = clients.administrator(settings)
    await admin.start()
    try:
        await admin.delete_topics(["rules.payer"])
    finally:
        await admin.close()

    async def is_gone() -> bool:
        return await missing_topics(settings, ("rules.payer",)) != []

    await until(is_gone, "the topic to be deleted")

    async def is_there() -> bool:
        await create_topics(settings)
        return await missing_topics(settings, ("rules.payer",)) == []

    await until(is_there, "the topic to be there")


async def test_a_topic_that_was_made_anew_is_followed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules_feed, "READ_AGAIN_S", 1.0)
    name = f"feed-{next(_numbers)}"
    await line.start(1)
    for day in range(3):
        said = Announcement(name, "active", START + timedelta(days=day), "ada", pack(name))
        await line.announce(said)
    await line.until_active(name, said.at)
    await make_anew(line.settings)
    # The first offset of the new topic: the process has long been past it.
    withdrawn = Announcement(name, "active", START + timedelta(days=9), "ada", None)
    await line.announce(withdrawn)
    await line.until_active(name, withdrawn.at)
    assert await line.receive(name) == "coded"


async def test_what_a_lost_topic_had_is_said_again_to_whoever_is_new(
    line: Line, broker: Broker, postgres: Any, tmp_path: Path
) -> None:
    name, gone = f"feed-{next(_numbers)}", f"feed-{next(_numbers)}"
    await line.start(1)
    in_force = Announcement(name, "active", START, "ada", pack(name))
    withdrawn = Announcement(gone, "active", START, "ben", None)
    bad = Announcement(f"{gone}-bad", "active", START, "ben", "no pack")
    for said in (in_force, withdrawn, bad):
        await line.announce(said)

    async def all_are_known() -> bool:
        return {name, gone, bad.pack} <= (await line.active()).keys()

    await until(all_are_known, "the packs to be known")
    await make_anew(line.settings)
    async with line.pool.acquire() as connection:
        count = await say_again(connection, line.settings)
        assert await say_again(connection, line.settings) == 0
    there = await announced(line.settings)
    assert count == len(there)
    assert there[in_force.key] == replace(in_force, content=there[in_force.key].content)
    assert there[withdrawn.key] == withdrawn
    assert bad.key not in there, "what was refused is not ours to say"

    async with line_on(broker, postgres, tmp_path) as fresh:
        await fresh.start(1)
        assert await fresh.receive(name) == "held"


async def test_what_the_topic_says_later_is_not_said_over(line: Line) -> None:
    name = f"feed-{next(_numbers)}"
    await line.start(1)
    await line.announce(Announcement(name, "active", START, "ada", pack(name)))
    await line.until_active(name, START)
    await line.stop()
    withdrawn = Announcement(name, "active", START + timedelta(days=1), "ada", None)
    await line.announce(withdrawn)
    async with line.pool.acquire() as connection:
        await say_again(connection, line.settings)
    assert (await announced(line.settings))[withdrawn.key] == withdrawn

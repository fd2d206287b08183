"""What the outside sees: the HTTP API, and a consumer that rebuilds the ledger from the topic."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import confluent_kafka
import httpx
import pytest
from aiokafka import TopicPartition
from starlette.applications import Starlette

from services.remittance import acting, app, questions
from services.remittance.domain.bank import deposits_of
from services.remittance.domain.commands import PatientPaid, WriteOff
from shared.contract import topics
from shared.contract.envelope import business_id
from shared.http import keys
from shared.messaging import outbox
from shared.messaging.ends import next_offsets, partitions_of
from shared.messaging.relay import kafka_sender
from shared.messaging.topics import create_topics
from shared.money import parse_cents
from shared.settings import PREFIX, Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHARED = ("1*300*200**12*P3*11*1", ["CAS*CO*45*60", "CAS*PR*2*40"])
REVERSED = ("22*-300*-200**12*P3*11*1", ["CAS*CO*45*-60", "CAS*PR*2*-40"])
DENIED = ("4*300*0**12*P2*11*1", ["CAS*CO*29*300"])


def _claim_id(number: str) -> Any:
    return business_id("claim", "hospital", number)


def _settings(broker: Any) -> Settings:
    fields = {name.removeprefix(PREFIX).lower(): text for name, text in broker.settings.items()}
    return Settings(**{"kafka_bootstrap_servers": broker.bootstrap_servers, **fields})


async def _relay(desk: Any, settings: Settings) -> int:
    """All that the service said on payments.posted, each event twice, as after a crash."""
    sender = await kafka_sender(settings, "test-relay")
    try:
        async with desk.pool.acquire() as connection:
            messages = await outbox.unsent(connection, 10_000, outbox.Said())
        public = [one for one in messages if one.topic == topics.PAYMENTS_POSTED]
        for _ in range(2):
            sent = await sender.send(public)
            assert sent.error is None
        return len(public)
    finally:
        await sender.close()


def _replay(
    settings: Settings, starts: dict[TopicPartition, int], expected: int
) -> tuple[Counter[str], int]:
    """A general ledger's consumer: every event once by `ce_id`, every leg on its account. It starts
    where the topic ended before: the tests of a run share a broker."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": settings.kafka_bootstrap_servers,
            "group.id": str(uuid4()),
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "session.timeout.ms": 6_000,
        }
    )
    balances: Counter[str] = Counter()
    applied: set[bytes] = set()
    consumer.assign(
        [
            confluent_kafka.TopicPartition(place.topic, place.partition, offset)
            for place, offset in starts.items()
        ]
    )
    try:
        for _ in range(2 * expected):
            record = consumer.poll(30.0)
            assert record is not None, "the topic ended early"
            assert record.error() is None
            identity = cast("bytes", dict(record.headers() or ())["ce_id"])
            if identity in applied:
                continue
            applied.add(identity)
            for entry in json.loads(record.value() or b"")["entries"]:
                for leg in entry["legs"]:
                    balances[leg["account"]] += parse_cents(leg["amount"])
    finally:
        consumer.close()
    return balances, len(applied)


async def _post_a_bit_of_everything(desk: Any, paper: Any) -> None:
    await desk.take(*(paper.claim(number) for number in "ABC"))
    await desk.take(paper.remittance([("A", *SHARED), ("B", *DENIED)], paid="200"))
    await desk.take(paper.remittance([("A", *REVERSED)], trace="T2", paid="-200"))
    await desk.take(paper.remittance([("C", *SHARED), ("X", *SHARED)], trace="T3", paid="400"))
    remittance_id = await desk.value("SELECT id FROM remittance WHERE trace_number = 'T1'")
    commands: list[Any] = [
        *deposits_of("date,amount,trace\n2026-03-02,200.00,T1\n2026-03-02,5.00,T9\n"),
        PatientPaid(_claim_id("C"), "TILL", 4_500, "card", date(2026, 3, 2), "a till"),
        WriteOff(_claim_id("B"), "a biller", "late", ((remittance_id, 1), 0)),
        WriteOff(_claim_id("C"), "a biller", "charity", amount=500),
    ]
    for command in commands:
        async with desk.pool.acquire() as connection:
            await acting.act(connection, desk.core.handler, [command], NOW)


async def test_a_consumer_that_replays_the_topic_reaches_the_trial_balance(
    desk: Any, paper: Any, broker: Any
) -> None:
    settings = _settings(broker)
    await create_topics(settings)
    await _post_a_bit_of_everything(desk, paper)
    places = await partitions_of(settings, (topics.PAYMENTS_POSTED,))
    starts = await next_offsets(settings, places)
    said = await _relay(desk, settings)
    balances, applied = await asyncio.to_thread(_replay, settings, starts, said)
    assert applied == said
    async with desk.pool.acquire() as connection:
        rows = await questions.trial_balance(connection, date(2026, 12, 31))
    ours = {(row["kind"], row["payer"]): parse_cents(row["balance"]) for row in rows}
    theirs: Counter[tuple[str, str | None]] = Counter()
    for code, cents in balances.items():
        kind, payer, *_ = [*code.split("|"), ""]
        theirs[kind, payer or None] += cents
    assert dict(theirs) == ours
    assert {kind for kind, _ in ours} >= {"bank", "write_off", "patient_payment"}


@pytest.fixture
async def api(desk: Any) -> AsyncIterator[httpx.AsyncClient]:
    key = keys.new_key()
    async with desk.pool.acquire() as connection:
        await keys.create(connection, key, name="k", source="a biller", scopes=("*",))
    context = SimpleNamespace(
        pool=desk.pool, settings=Settings(), wake_relay=lambda: None, stopping=asyncio.Event()
    )
    routes = app.service(Settings()).routes
    assert callable(routes)
    mounted = Starlette(routes=list(routes(cast("Any", context))))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=mounted),
        base_url="http://test",
        headers={"X-API-Key": key},
    ) as client:
        yield client


async def test_a_file_handed_in_goes_to_the_topic_and_no_other_does(
    desk: Any, paper: Any, api: httpx.AsyncClient
) -> None:
    content = paper.remittance([("A", *SHARED)], paid="200").value
    answer = await api.post("/remittances", content=content)
    assert answer.status_code == 202
    sent = await desk.value("SELECT value FROM event WHERE topic = 'payers.inbound'")
    assert sent == content
    refused = await api.post("/remittances", content=b"hello")
    assert (refused.status_code, refused.json()["code"]) == (422, "no-remittance")


async def test_a_held_set_is_seen_accepted_and_gone(
    desk: Any, paper: Any, api: httpx.AsyncClient
) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *SHARED)], paid="201"))
    (held,) = (await api.get("/remittances/held")).json()
    address = f"/remittances/{held['remittance_id']}/decision"
    said = (await api.post(address, json={"decision": "accept"})).json()
    assert said == {"events": {"adjustment.posted.v1": 1}, "judged": 1}
    again = await api.post(address, json={"decision": "accept"})
    assert (again.status_code, again.json()["code"]) == (409, "remittance-not-held")
    assert (await api.get("/remittances/held")).json() == []
    assert await desk.value("SELECT decided_by FROM remittance") == "a biller"
    rows = (await api.get("/ledger/trial-balance")).json()
    assert sum(parse_cents(row["balance"]) for row in rows) == 0


async def test_a_denial_is_worked_over_http(desk: Any, paper: Any, api: httpx.AsyncClient) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *DENIED)], paid="0"))
    (denial,) = (await api.get("/denials", params={"state": "open"})).json()
    address = f"/denials/{denial['id']}/decision"
    assert (await api.post(address, json={"state": "appealed"})).json() == {"state": "appealed"}
    letter = await api.get(f"/claims/{denial['claim_id']}/appeal")
    assert "Amount appealed: 300.00" in letter.text
    assert letter.headers["cache-control"] == "no-store"
    said = (await api.post(address, json={"state": "written_off"})).json()
    assert said == {"events": {"adjustment.posted.v1": 1}}
    assert (await api.get("/denials", params={"state": "open"})).json() == []


async def test_a_payment_and_a_statement_are_taken_in_once(
    desk: Any, paper: Any, api: httpx.AsyncClient
) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *SHARED)], paid="200"))
    body = {
        "claim_id": str(_claim_id("A")),
        "reference": "TILL-1",
        "amount": "40.00",
        "method": "cash",
        "received_on": "2026-03-02",
    }
    first = (await api.post("/patient-payments", json=body)).json()
    assert first == {"events": {"adjustment.posted.v1": 1}}
    assert (await api.post("/patient-payments", json=body)).json() == {"events": {}}
    unknown = await api.post("/patient-payments", json={**body, "claim_id": str(uuid4())})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-claim-of-ours")
    statement = b"date,amount,trace\n2026-03-02,200.00,T1\n"
    said = (await api.post("/deposits", content=statement)).json()
    assert said["events"] == {"adjustment.posted.v1": 1, "deposit.reconciled.v1": 1}
    assert (await api.post("/deposits", content=statement)).json()["events"] == {}
    broken = await api.post("/deposits", content=b"date,amount,trace\n2026-03-02,x,T1\n")
    assert (broken.status_code, broken.json()["code"]) == (422, "statement-unreadable")

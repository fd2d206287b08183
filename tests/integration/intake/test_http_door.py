"""intake's HTTP door on a real database and blob store: what is sent is decided as on Kafka, once,
and its sender is told."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
import pytest
import zstandard

from deploy.twins.hospital import Hospital, render_x12
from services.intake.app import service
from services.intake.domain.identity import claim_id
from shared.contract.envelope import business_id
from shared.database import Pool, bootstrap, create_pool, migrate, new_password, service_dsn
from shared.http import keys
from shared.messaging import outbox
from shared.messaging.batch import Core
from shared.messaging.decoding import unfold
from shared.messaging.handler import Record
from shared.messaging.store import postgres_transactions
from shared.messaging.wire import unpack_headers
from shared.service import Context, Service, clock
from shared.settings import Settings
from tests.documents import document
from tests.integration.contexts import app_of, context_of

_numbers = count(1)


def ndjson(*documents: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in documents)


@dataclass
class Door:
    """The service's HTTP, its database, and what stands for its consumer."""

    service: Service
    context: Context
    client: httpx.AsyncClient
    woken: list[int]

    @property
    def pool(self) -> Pool:
        return self.context.pool

    async def key(self, *scopes: str, source: str = "general") -> str:
        key = keys.new_key()
        async with self.pool.acquire() as connection:
            await keys.create(connection, key, name=source, source=source, scopes=scopes)
        return key

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/claims", content=body, headers=named)

    async def get(self, path: str, **parameters: Any) -> Any:
        answer = await self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def consume(self) -> int:
        """Reads what was handed over, as the consumer does; returns how many units it had."""
        core = Core(
            self.service.handler, postgres_transactions(self.pool), self.context.tracing, clock
        )
        async with self.pool.acquire() as connection:
            unsent = await outbox.unsent(connection, 10, outbox.Said())
            sent = [one for one in unsent if one.topic == "claims.inbound"]
            await outbox.forget(connection, [one.seq for one in sent])
        units = 0
        for one in sent:
            record = Record(
                one.topic,
                0,
                one.seq,
                one.key.encode(),
                one.value,
                one.headers,
                0,
                self.context.blobs,
            )
            batch = []
            for pending in unfold(self.service.handler, record):
                batch.append(pending)
                if len(batch) == 500:
                    await core.settle(batch)
                    units += len(batch)
                    batch = []
            await core.settle(batch)
            units += len(batch)
        return units

    async def count(self, table: str) -> int:
        return int(await self.pool.fetchval(f"SELECT count(*) FROM {table}"))


@pytest.fixture
async def door(postgres: Any, tmp_path: Path) -> AsyncIterator[Door]:
    dsn, password = postgres.fresh_database(), new_password()
    await bootstrap(dsn, ["intake"], {"intake": password})
    pool = await create_pool(service_dsn(dsn, "intake", password), "intake")
    settings = Settings(
        var_dir=tmp_path, claim_check_bytes=100_000, http_max_body_bytes=400_000_000
    )
    definition = service(settings)
    await migrate(pool, definition.name, definition.schema_dir)
    woken: list[int] = []
    context = context_of(
        "intake",
        pool,
        settings,
        metrics=f"intake {next(_numbers)}",
        wake_relay=lambda: woken.append(1),
    )
    app = app_of(definition, context)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://intake") as client:
        made = Door(definition, context, client, woken)
        client.headers["X-API-Key"] = await made.key("*")
        yield made
    await pool.close()


async def test_each_record_of_a_small_body_is_answered_at_once(door: Door) -> None:
    body = ndjson(document(1), document(1), document(2, kind="surgical"), document(3))
    answer = await door.post(body, content_type="application/x-ndjson", idempotency_key="k-1")
    assert answer.status_code == 202
    said = answer.json()
    submission = str(business_id("message", "general", "k-1"))
    first, third = (str(claim_id("general", f"PCN-{number}")) for number in (1, 3))
    assert said["submission_id"] == submission
    assert answer.headers["location"] == f"/submissions/{submission}"
    assert (said["status"], said["format"], said.get("next")) == ("complete", "ndjson", None)
    assert (said["accepted"], said["duplicated"], said["rejected"]) == (2, 1, 1)
    outcomes = [(one["position"], one["outcome"], one.get("claim_id")) for one in said["records"]]
    assert outcomes == [
        (0, "accepted", first),
        (1, "duplicated", first),
        (2, "rejected", None),
        (3, "accepted", third),
    ]
    (finding,) = said["records"][2]["findings"]
    assert (finding["code"], finding["path"]) == ("unknown-value", "kind")
    assert door.woken
    claim = await door.get(f"/claims/{first}")
    assert (claim["revision"], claim["status"], claim["message_id"]) == (1, "received", submission)
    assert await door.get(f"/submissions/{submission}") == said


async def test_the_same_request_is_answered_as_the_first_time_and_done_once(door: Door) -> None:
    body = ndjson(document(1), document(2))
    answers = await asyncio.gather(*(door.post(body, idempotency_key="once") for _ in range(6)))
    assert len({answer.text for answer in answers}) == 1
    again = await door.post(body)  # without a key the content's hash is one
    once_more = await door.post(body)
    assert again.json()["duplicated"] == 2
    assert again.text == once_more.text
    assert await door.count("claim") == 2
    types = await door.pool.fetch("SELECT type, count(*) FROM event GROUP BY type ORDER BY type")
    assert [tuple(row) for row in types] == [("claim.duplicated.v1", 2), ("claim.received.v1", 2)]


async def test_a_request_is_known_for_longer_than_the_inbox_is_kept(door: Door) -> None:
    body = ndjson(document(1), document(2, kind="surgical"))
    first = await door.post(body, idempotency_key="year")
    await door.pool.execute("DELETE FROM inbox")
    again = await door.post(body, idempotency_key="year")
    assert again.text == first.text
    assert await door.count("event") == 2


async def test_a_key_that_was_anothers_is_refused_and_nothing_is_taken_in(door: Door) -> None:
    await door.post(ndjson(document(1)), idempotency_key="k")
    reused = await door.post(ndjson(document(2)), idempotency_key="k")
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    assert await door.count("claim") == 1


async def test_a_request_that_died_in_the_middle_is_finished_by_the_next(door: Door) -> None:
    body = ndjson(document(1), document(2))
    headers = (("source", b"general"), ("message-id", b"half"), ("submission", b"1"))
    record = Record("claims.inbound", -1, 0, None, body, headers, 0)
    handler = door.service.handler
    core = Core(handler, postgres_transactions(door.pool), door.context.tracing, clock)
    await core.settle(list(unfold(handler, record))[:1])
    answer = await door.post(body, idempotency_key="half")
    assert (answer.json()["status"], answer.json()["accepted"]) == ("complete", 2)
    assert [one["outcome"] for one in answer.json()["records"]] == ["accepted", "accepted"]


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity"])
async def test_a_large_body_is_safe_before_it_is_answered_and_read_by_the_consumer(
    door: Door, encoding: str
) -> None:
    documents = [document(number) for number in range(1, 601)]
    plain = ndjson(*documents)
    assert len(plain) > 100_000
    compressed = {
        "gzip": gzip.compress(plain),
        "zstd": zstandard.compress(plain),
        "identity": plain,
    }[encoding]
    answer = await door.post(compressed, content_encoding=encoding, idempotency_key="big")
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["records"]) == ("reading", [])
    again = await door.post(compressed, content_encoding=encoding, idempotency_key="big")
    assert again.json() == answer.json()
    assert await door.consume() == 601  # the mark behind the last of them
    assert await door.count("claim") == 600
    address = answer.headers["location"]
    pages = [await door.get(address, limit=500)]
    pages.append(await door.get(address, limit=500, cursor=pages[0]["next"]))
    assert [len(page["records"]) for page in pages] == [500, 100]
    assert "next" not in pages[1]
    assert (pages[1]["status"], pages[1]["accepted"]) == ("complete", 600)
    late = await door.post(compressed, content_encoding=encoding, idempotency_key="big")
    assert (late.json()["status"], late.json()["accepted"]) == ("complete", 600)
    assert await door.consume() == 0


@pytest.mark.parametrize(
    ("encoding", "body", "status", "code"),
    [
        ("gzip", b"no gzip at all", 400, "body-undecodable"),
        ("gzip", gzip.compress(b"x" * 1000)[:-4], 400, "body-undecodable"),
        ("zstd", b"no zstd at all", 400, "body-undecodable"),
        ("zstd", zstandard.compress(b"x1y2" * 1000)[:-4], 400, "body-undecodable"),
        ("br", b"x", 415, "encoding-unknown"),
    ],
)
async def test_what_does_not_decompress_is_refused_whole(
    door: Door, encoding: str, body: bytes, status: int, code: str
) -> None:
    answer = await door.post(body, content_encoding=encoding)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await door.count("submission") == 0


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
async def test_a_bomb_ends_at_the_limit(door: Door, compress: Any) -> None:
    bomb = compress(bytes(8_000_000)) * 60  # 480 MB of zeros, in members one after another
    before = psutil.Process().memory_info().rss
    encoding = "gzip" if compress is gzip.compress else "zstd"
    answer = await door.post(bomb, content_encoding=encoding)
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert psutil.Process().memory_info().rss - before < 60_000_000
    assert not [path for path in door.context.settings.var_dir.rglob("*") if path.is_file()]


async def test_a_body_that_breaks_off_leaves_nothing(door: Door) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield ndjson(*(document(number) for number in range(200)))
        raise ValueError

    answer = await door.post(chunks())
    assert answer.json()["code"] == "internal-error"
    assert await door.count("submission") == 0
    assert not [path for path in door.context.settings.var_dir.rglob("*") if path.is_file()]


async def test_a_sender_of_x12_has_its_999_in_the_answer_and_on_the_topic(door: Door) -> None:
    claims = [
        one for one in Hospital(5, today=date(2026, 1, 5)).claims(6) if one.kind == "professional"
    ]
    body = render_x12(claims, date(2026, 1, 5), number=77)
    answer = await door.post(body, idempotency_key="x12")
    said = answer.json()
    assert (said["format"], said["accepted"]) == ("x12", len(claims))
    (acknowledgement,) = said["acknowledgements"]
    assert acknowledgement["transaction"] == "999"
    assert "AK1*HC*77*005010X222A1~" in acknowledgement["content"]
    again = await door.post(body, idempotency_key="x12")
    assert again.json() == said
    row = await door.pool.fetchrow("SELECT * FROM event WHERE topic = 'claims.acknowledgements'")
    assert row is not None
    assert row["value"].decode() == acknowledgement["content"]
    assert row["key"] == said["submission_id"]
    headers = dict(unpack_headers(row["headers"]))
    assert headers["source"] == b"general"
    assert headers["message-id"] == said["submission_id"].encode()


async def test_a_message_of_an_encounter_is_collected(door: Door) -> None:
    charge = (
        "MSH|^~\\&|ADT|HOSP|||202503101200||DFT^P03|1|P|2.5\r"
        "PID|1||MR1||ROE^JANE\rPV1|1|O|||||||||||||||||V1\rFT1|1|||20250301||CG|99213\r"
    )
    answer = await door.post(charge.encode(), idempotency_key="hl7")
    assert answer.status_code == 202
    (record,) = answer.json()["records"]
    assert record["outcome"] in ("collected", "rejected")
    assert not await door.count("parked")


async def test_what_no_format_fits_is_a_refused_record_and_no_failure(door: Door) -> None:
    answer = await door.post(b"hello", content_type="text/plain")
    assert answer.status_code == 202
    (record,) = answer.json()["records"]
    assert record["outcome"] == "rejected"
    assert record["findings"][0]["code"] == "format-unknown"


async def test_a_source_sees_its_own_submissions_only(door: Door) -> None:
    await door.post(ndjson(document(1)), idempotency_key="k", source="general")
    submission = business_id("message", "general", "k")
    stranger = {"X-API-Key": await door.key("claims:read", "claims:write", source="elsewhere")}
    reader = {"X-API-Key": await door.key("claims:read")}
    claim = claim_id("general", "PCN-1")
    for path in (f"/submissions/{submission}", f"/claims/{claim}", f"/claims/{UUID(int=0)}"):
        assert (await door.client.get(path, headers=stranger)).status_code == 404
    assert (await door.client.get(f"/claims/{claim}", headers=reader)).status_code == 200
    body = ndjson(document(2))
    refused = await door.client.post("/claims", content=body, headers=reader)
    assert refused.json()["code"] == "scope-missing"
    masked = await door.client.post(
        "/claims", content=body, headers=stranger | {"source": "general"}
    )
    assert masked.json()["code"] == "source-not-yours"


async def test_a_message_of_another_door_is_answered_in_counts(door: Door) -> None:
    headers = (("source", b"general"), ("message-id", b"m-1"))
    record = Record("claims.inbound", 0, 0, None, ndjson(document(1), document(2)), headers, 0)
    handler = door.service.handler
    core = Core(handler, postgres_transactions(door.pool), door.context.tracing, clock)
    pending = list(unfold(handler, record))
    address = f"/submissions/{business_id('message', 'general', 'm-1')}"
    assert (await door.client.get(address)).status_code == 404
    await core.settle(pending[:1])
    assert (await door.get(address))["status"] == "reading"
    await core.settle(pending)
    said = await door.get(address)
    assert (said["status"], said["accepted"], said["records"]) == ("complete", 2, [])


async def test_the_schema_of_the_canonical_claim_is_for_everyone(door: Door) -> None:
    answer = await door.client.get("/schemas/claim.json", headers={"X-API-Key": ""})
    assert answer.json()["$id"] == "urn:claimwire:claim"


async def test_nothing_is_taken_in_while_the_outbox_is_flooded(door: Door) -> None:
    door.context.is_flooded = lambda: True
    answer = await door.post(ndjson(document(1)))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def bodies(megabytes: int) -> Iterator[bytes]:
    """Distinct claims, a megabyte at a time."""
    numbers = count(1)
    for _ in range(megabytes):
        lines: list[bytes] = []
        size = 0
        while size < 1_000_000:
            line = ndjson(document(next(numbers), notes=[{"text": "N" * 200}] * 20))
            lines.append(line)
            size += len(line)
        yield b"".join(lines)


async def test_memory_does_not_grow_with_the_body(door: Door) -> None:
    """150 MB are taken in, and the first claims of them read, in the memory of a few chunks; the
    1 GB run is in the benchmark."""

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in bodies(150):
            yield chunk

    process = psutil.Process()
    await door.post(ndjson(document(1)), idempotency_key="warm")
    before = process.memory_info().rss
    highest = before
    posting = asyncio.create_task(door.post(chunks(), idempotency_key="huge"))
    started = time.monotonic()
    while not posting.done():
        highest = max(highest, process.memory_info().rss)
        await asyncio.sleep(0.01)
    answer = posting.result()
    assert answer.status_code == 202
    assert answer.json()["status"] == "reading"
    assert highest - before < 60_000_000, f"{(highest - before) / 1e6:.0f} MB"
    assert time.monotonic() - started < 120

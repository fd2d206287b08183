"""The local trace receiver against a real database, fed by the exporter the services use."""

import asyncio
import gzip
import http.client
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from deploy.local.otlp import BODY_MAX_BYTES, PLAIN_MAX_BYTES, PROTOBUF
from deploy.local.ports import free_port
from deploy.local.spans import Span, create_schema, expire, insert, spans_of_claim, spans_of_trace
from deploy.local.waterfall import render
from shared.telemetry import names
from shared.telemetry.tracing import parse, start
from tests.conftest import PostgresForTests

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def dsn(postgres: PostgresForTests) -> str:
    return postgres.fresh_database()


@pytest.fixture(scope="module")
async def port(dsn: str) -> AsyncIterator[int]:
    """A running receiver's port."""
    chosen = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CLAIMWIRE_POSTGRES_DSN": dsn,
        "CLAIMWIRE_HTTP_PORT": str(chosen),
    }
    receiver = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.local.otlp", env=environment
    )
    for _ in range(200):
        try:
            if (await asyncio.to_thread(answer, chosen, "GET", "/health/ready"))[0] == 200:
                break
        except OSError:
            await asyncio.sleep(0.1)
    yield chosen
    receiver.terminate()
    assert await asyncio.wait_for(receiver.wait(), 10) in (0, -15)


@pytest.fixture
async def connection(dsn: str, port: int) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    opened = await asyncpg.connect(dsn)
    yield opened
    await opened.close()


@pytest.fixture
def endpoint(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")


def answer(
    port: int,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        client.request(method, path, body, headers or {})
        response = client.getresponse()
        return response.status, response.read()
    finally:
        client.close()


async def test_a_claims_way_through_services_is_kept_and_found(
    endpoint: None, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    claim_id, other_claim = uuid4(), uuid4()
    intake, coding, remittance = (start(name, 1.0) for name in ("intake", "coding", "remittance"))
    with intake.span(names.SPAN_ENCOUNTERS) as door, intake.batch() as batch:
        received = batch.claim(
            door.traceparent, claim_id=str(claim_id), outcomes=["claim.received.v1"]
        )
        batch.claim(door.traceparent, claim_id=str(other_claim), outcomes=["claim.received.v1"])
    with coding.batch() as batch:
        coded = batch.claim(received, claim_id=str(claim_id), outcomes=["claim.coded.v1"])
    with remittance.span(names.SPAN_MAILBOX) as mailbox, remittance.batch() as batch:
        paid = batch.claim(
            mailbox.traceparent, claim_id=str(claim_id), outcomes=["claim.paid.v1"], links=[coded]
        )
    for tracer in (intake, coding, remittance):
        tracer.close()

    found = await spans_of_claim(connection, claim_id)
    assert [(span.service, span.name) for span in found if span.claim_id] == [
        ("intake", names.SPAN_DECIDE),
        ("coding", names.SPAN_DECIDE),
        ("remittance", names.SPAN_DECIDE),
    ]
    assert {span.span_id for span in found if span.claim_id is None} == {
        door.traceparent[36:52],
        mailbox.traceparent[36:52],
    }
    assert other_claim not in {span.claim_id for span in found}
    answered = next(span for span in found if span.span_id == paid[36:52])
    assert answered.links == (coded,)
    assert answered.attributes[names.OUTCOMES] == ["claim.paid.v1"]
    assert {span.trace_id for span in found} == {received[3:35], paid[3:35]}
    text = render(found)
    assert text.index("  coding: claim decide") > text.index("  intake: claim decide")
    assert f"answers trace {coded[3:35]}" in text


async def test_a_batch_of_five_hundred_keeps_all_its_links(
    endpoint: None, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    coding = start("coding", 1.0)
    with coding.batch() as batch:
        contexts = [batch.claim(None, claim_id=str(uuid4())) for _ in range(500)]
    coding.close()
    (whole,) = await spans_of_trace(connection, batch.traceparent[3:35])
    assert list(whole.links) == contexts


async def test_an_unsampled_claim_that_was_held_is_found(
    endpoint: None, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    claim_id = uuid4()
    coding = start("coding", 0.0)
    with coding.batch() as batch:
        context = batch.claim(None, claim_id=str(claim_id), outcomes=["claim.held.v1"])
        batch.claim(None, claim_id=str(uuid4()), outcomes=["claim.coded.v1"])
    coding.close()
    (span,) = await spans_of_claim(connection, claim_id)
    assert (span.trace_id, span.span_id, True) == parse(context)
    assert span.attributes[names.FORCED] is True


def request_of(span_id: bytes = b"\1" * 8, name: str = "x", text: str = "") -> bytes:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = b"\2" * 16, span_id, name
    pair = span.attributes.add()
    pair.key, pair.value.string_value = "text", text
    return bytes(request.SerializeToString())


BAD_BODIES = [
    (b"\xff not protobuf", {"content-type": PROTOBUF}, 400),
    (b"{}", {"content-type": "application/json"}, 415),
    (b"x", {"content-type": PROTOBUF, "content-encoding": "br"}, 415),
    (b"x", {"content-type": PROTOBUF, "content-encoding": "gzip"}, 400),
    (gzip.compress(request_of())[:-9], {"content-type": PROTOBUF, "content-encoding": "gzip"}, 400),
    (bytes(BODY_MAX_BYTES + 1), {"content-type": PROTOBUF}, 413),
    (
        gzip.compress(bytes(PLAIN_MAX_BYTES + 1)),
        {"content-type": PROTOBUF, "content-encoding": "gzip"},
        413,
    ),
]


@pytest.mark.parametrize(("body", "headers", "status"), BAD_BODIES)
async def test_bad_bodies_are_refused_and_the_receiver_goes_on(
    port: int, body: bytes, headers: dict[str, str], status: int
) -> None:
    try:
        got, _ = await asyncio.to_thread(answer, port, "POST", "/v1/traces", body, headers)
    except ConnectionError:
        got = 413  # it closed the connection before all of a body too large was sent
    assert got == status
    good = await asyncio.to_thread(
        answer, port, "POST", "/v1/traces", request_of(), {"content-type": PROTOBUF}
    )
    assert good[0] == 200


async def test_odd_spans_do_not_hinder_the_others(
    port: int, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    odd = request_of(span_id=b"\3")
    nul = request_of(span_id=b"\4" * 8, name="with\0nul", text="with\0nul \\u0000")
    sent = await asyncio.to_thread(
        answer, port, "POST", "/v1/traces", odd + nul, {"content-type": PROTOBUF}
    )
    assert sent[0] == 200
    kept = {span.span_id: span for span in await spans_of_trace(connection, "02" * 16)}
    assert kept["04" * 8].name == "withnul"
    assert kept["04" * 8].attributes == {"text": "withnul \\u0000"}
    assert "03" not in kept


async def test_the_same_span_sent_twice_is_kept_once(
    port: int, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    body = request_of(span_id=b"\5" * 8)
    for _ in range(2):
        sent = await asyncio.to_thread(
            answer, port, "POST", "/v1/traces", body, {"content-type": PROTOBUF}
        )
        assert sent[0] == 200
    kept = await spans_of_trace(connection, "02" * 16)
    assert [span.span_id for span in kept].count("05" * 8) == 1


async def test_old_spans_expire(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    claim_id = str(uuid4())
    columns = {"parent_id": None, "name": "x", "service": "x", "has_failed": False}
    now = time.time_ns()
    ages = {"6" * 16: now - 3600 * 10**9, "7" * 16: now + 10**9}
    await create_schema(connection)
    await insert(
        connection,
        [
            Span(
                trace_id="6" * 32,
                span_id=span_id,
                start_ns=start_ns,
                end_ns=start_ns,
                attributes={names.CLAIM_ID: claim_id},
                **columns,  # type: ignore[arg-type]
            )
            for span_id, start_ns in ages.items()
        ],
    )
    await expire(connection, now)
    assert [span.span_id for span in await spans_of_claim(connection, UUID(claim_id))] == ["7" * 16]

"""The local stack's trace receiver: OTLP over HTTP on loopback, spans kept in PostgreSQL.

`python -m deploy.local.otlp` listens on CLAIMWIRE_HTTP_HOST and _PORT and writes to
CLAIMWIRE_POSTGRES_DSN. Services find it by OTEL_EXPORTER_OTLP_ENDPOINT, as they would find any
collector. Bodies are bounded, compressed or not; a database that is away is answered with 503, upon
which exporters try again.
"""

import asyncio
import contextlib
import logging
import time
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import asyncpg
import uvicorn
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deploy.local import spans
from shared.settings import Settings, load
from shared.telemetry.logging import class_of, configure

BODY_MAX_BYTES = 8 * 1024 * 1024
PLAIN_MAX_BYTES = 32 * 1024 * 1024
"""A compressed body may grow to this size, and no further."""
EXPIRE_EVERY_S = 3600.0
PROTOBUF = "application/x-protobuf"

logger = logging.getLogger("claimwire.otlp")


class RefusedError(ValueError):
    """A request that cannot be taken. `status` is the HTTP status to answer with."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def application(pool: asyncpg.Pool) -> Starlette:
    """The HTTP application over a pool whose database has the schema."""

    async def traces(request: Request) -> Response:
        try:
            received = read_spans(await _body(request))
            async with pool.acquire(timeout=5) as connection:
                await spans.insert(connection, received)
        except RefusedError as refused:
            return PlainTextResponse(str(refused), refused.status)
        except ClientDisconnect:
            return Response(status_code=400)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            logger.warning("spans not kept: %s", class_of(error))
            return PlainTextResponse("the database is away", 503)
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type=PROTOBUF)

    async def live(_: Request) -> Response:
        return PlainTextResponse("live")

    async def ready(_: Request) -> Response:
        try:
            await pool.fetchval("SELECT 1 FROM telemetry.span LIMIT 1", timeout=2)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return PlainTextResponse("the database is away", 503)
        return PlainTextResponse("ready")

    return Starlette(
        routes=[
            Route("/v1/traces", traces, methods=["POST"]),
            Route("/health/live", live),
            Route("/health/ready", ready),
        ]
    )


def read_spans(body: bytes) -> list[spans.Span]:
    """The spans of an ExportTraceServiceRequest; those without proper ids are left out.

    Raises RefusedError (400) for bytes that are no such request.
    """
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        raise RefusedError(400, "the body is no OTLP trace request") from None
    return list(_spans(request))


def _spans(request: ExportTraceServiceRequest) -> Iterator[spans.Span]:
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        service = str(resource.get("service.name", "unknown"))
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                if len(span.trace_id) == 16 and len(span.span_id) == 8:
                    yield _span(span, service)


def _span(span: trace_pb2.Span, service: str) -> spans.Span:
    return spans.Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        name=_text(span.name),
        service=service,
        start_ns=_nanoseconds(span.start_time_unix_nano),
        end_ns=_nanoseconds(span.end_time_unix_nano),
        has_failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        attributes=_attributes(span.attributes),
        links=tuple(f"00-{link.trace_id.hex()}-{link.span_id.hex()}-01" for link in span.links),
    )


def _nanoseconds(unsigned: int) -> int:
    return min(unsigned, 2**63 - 1)


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {_text(pair.key): _value(pair.value) for pair in pairs}


def _text(text: str) -> str:
    """PostgreSQL keeps no NUL."""
    return text.replace("\0", "")


def _value(value: AnyValue) -> Any:
    """An attribute's value as JSON has it."""
    chosen = value.WhichOneof("value")
    if chosen == "array_value":
        return [_value(one) for one in value.array_value.values]
    if chosen == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if chosen == "string_value":
        return _text(value.string_value)
    if chosen == "bytes_value":
        return value.bytes_value.hex()
    if chosen == "double_value":
        return str(value.double_value)  # JSON has no infinity
    return getattr(value, chosen) if chosen else None


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != PROTOBUF:
        raise RefusedError(415, f"only {PROTOBUF} is taken")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX_BYTES:
            raise RefusedError(413, f"a body holds at most {BODY_MAX_BYTES} bytes")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return bytes(body)
    if encoding != "gzip":
        raise RefusedError(415, "the only content encoding taken is gzip")
    return _inflated(bytes(body))


def _inflated(body: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        plain = inflater.decompress(body, PLAIN_MAX_BYTES)
    except zlib.error:
        raise RefusedError(400, "the body is no gzip") from None
    if inflater.unconsumed_tail:
        raise RefusedError(413, f"a body inflates to at most {PLAIN_MAX_BYTES} bytes")
    if not inflater.eof:
        raise RefusedError(400, "the body's gzip is cut off")
    return plain


async def _expire_for_ever(pool: asyncpg.Pool) -> None:
    while True:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            async with pool.acquire() as connection:
                oldest_ns = time.time_ns() - spans.KEEP_DAYS * 86_400 * 10**9
                await spans.expire(connection, oldest_ns)
        await asyncio.sleep(EXPIRE_EVERY_S)


@contextlib.asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    dsn = settings.postgres_dsn.get_secret_value()
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
        async with pool.acquire() as connection:
            await spans.create_schema(connection)
        yield pool


async def serve(settings: Settings) -> None:
    """Receives until the process is told to stop."""
    async with _pool(settings) as pool:
        expiring = asyncio.create_task(_expire_for_ever(pool))
        server = uvicorn.Server(
            uvicorn.Config(
                application(pool),
                host=settings.http_host,
                port=settings.http_port,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=5,
            )
        )
        try:
            await server.serve()
        finally:
            expiring.cancel()


def main() -> None:
    """Runs the receiver with the settings of the environment."""
    settings = load()
    configure("otlp", settings.log_level)
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()

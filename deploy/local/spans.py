"""Where the local stack keeps spans: one table in the embedded PostgreSQL, in a schema of its own.

It is apart from the receiver so that `claimwire trace` can read without it running. In production
a collector and a trace store take its place.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import asyncpg

from shared.telemetry import names

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

KEEP_DAYS = 7
SPANS_MAX = 5_000
"""Spans of one answer, at most."""

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS telemetry;
CREATE TABLE IF NOT EXISTS telemetry.span (
    trace_id   text    NOT NULL,
    span_id    text    NOT NULL,
    parent_id  text,
    name       text    NOT NULL,
    service    text    NOT NULL,
    start_ns   bigint  NOT NULL,
    end_ns     bigint  NOT NULL,
    has_failed boolean NOT NULL,
    claim_id   uuid,
    attributes jsonb   NOT NULL,
    links      text[]  NOT NULL,
    PRIMARY KEY (trace_id, span_id)
);
CREATE INDEX IF NOT EXISTS span_of_claim ON telemetry.span (claim_id) WHERE claim_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS span_by_start ON telemetry.span (start_ns);
"""

# An array of arrays cannot be unnested row by row, so links travel as text with spaces between.
_INSERT = """
INSERT INTO telemetry.span
SELECT trace_id, span_id, parent_id, name, service, start_ns, end_ns, has_failed, claim_id,
       attributes::jsonb, string_to_array(links, ' ')
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
            $7::bigint[], $8::boolean[], $9::uuid[], $10::text[], $11::text[])
  AS given (trace_id, span_id, parent_id, name, service, start_ns, end_ns, has_failed, claim_id,
            attributes, links)
ON CONFLICT DO NOTHING
"""

_OF_TRACE = """
SELECT trace_id, span_id, parent_id, name, service, start_ns, end_ns, has_failed, attributes, links
FROM telemetry.span
WHERE trace_id = $1
ORDER BY start_ns, span_id
LIMIT $2
"""

# A payer's file is one trace with many claims in it: of such a trace only this claim's spans are
# wanted, and those that belong to no claim (the file was read, the interchange formed).
_OF_CLAIM = """
SELECT trace_id, span_id, parent_id, name, service, start_ns, end_ns, has_failed, attributes, links
FROM telemetry.span
WHERE trace_id IN (SELECT trace_id FROM telemetry.span WHERE claim_id = $1)
  AND (claim_id = $1 OR claim_id IS NULL)
ORDER BY start_ns, span_id
LIMIT $2
"""

_EXPIRE = "DELETE FROM telemetry.span WHERE start_ns < $1"


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Ids are hex, times nanoseconds since 1970, links traceparents."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    service: str
    start_ns: int
    end_ns: int
    has_failed: bool
    attributes: dict[str, Any]
    links: tuple[str, ...] = ()

    @property
    def claim_id(self) -> UUID | None:
        """The claim that the span is about, where it is about one."""
        text = self.attributes.get(names.CLAIM_ID)
        return UUID(text) if names.Kind.UUID.admits(text) else None


async def create_schema(connection: "Connection") -> None:
    """Creates the table where it is not there yet, whoever else is doing the same."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('claimwire telemetry'))")
        await connection.execute(_SCHEMA)


async def insert(connection: "Connection", spans: Sequence[Span]) -> None:
    """Keeps spans, in one statement. One that is there already stays as it is.

    Their texts must hold no NUL: PostgreSQL keeps none, neither as text nor in JSON.
    """
    if not spans:
        return
    rows = [
        (
            span.trace_id,
            span.span_id,
            span.parent_id,
            span.name,
            span.service,
            span.start_ns,
            span.end_ns,
            span.has_failed,
            span.claim_id,
            json.dumps(span.attributes),
            " ".join(span.links),
        )
        for span in spans
    ]
    await connection.execute(_INSERT, *map(list, zip(*rows, strict=True)))


async def spans_of_trace(connection: "Connection", trace_id: str) -> list[Span]:
    """All spans of a trace, by start."""
    return [_span(row) for row in await connection.fetch(_OF_TRACE, trace_id, SPANS_MAX)]


async def spans_of_claim(connection: "Connection", claim_id: UUID) -> list[Span]:
    """A claim's spans in every trace it has a part in, by start: the hospital's, each payer
    answer's."""
    return [_span(row) for row in await connection.fetch(_OF_CLAIM, claim_id, SPANS_MAX)]


async def expire(connection: "Connection", before_ns: int) -> None:
    """Deletes what started before that time."""
    await connection.execute(_EXPIRE, before_ns)


def _span(row: asyncpg.Record) -> Span:
    columns = dict(row)
    columns["attributes"] = json.loads(columns["attributes"])
    columns["links"] = tuple(columns["links"])
    return Span(**columns)

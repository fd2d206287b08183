"""Idempotency keys, honoured for ever: the same request under the same key has its effect once, and
gets the answer that it got the first time.

The answer is kept in the transaction of the effect, so that neither can be there without the other.
A second request that comes while the first is at work waits for its transaction and then finds the
answer. A key belongs to a source: another API key of the same source may repeat a request.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Header, Request
from pydantic_core import to_json
from starlette.responses import Response

from shared.database import Connection
from shared.http.access import Caller
from shared.http.problems import Problem

MAX_KEY_CHARACTERS = 200

IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=MAX_KEY_CHARACTERS,
        description="The same request again under this key is done once, whenever it comes.",
    ),
]


@dataclass(frozen=True, slots=True)
class Once:
    """A request's place in the table of answers."""

    source: str
    key: str
    request_hash: bytes

    async def answered(self, connection: Connection) -> Response | None:
        """The first answer, or None where this is the first time. Call it at the start of the
        transaction, which then is the only one at work under this key.

        Raises 422 where the key was another request's.
        """
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
            f"idempotency {self.source} {self.key}",
        )
        row = await connection.fetchrow(
            "SELECT request_hash, status, body FROM http_answer "
            "WHERE source = $1 AND idempotency_key = $2",
            self.source,
            self.key,
        )
        if row is None:
            return None
        if row["request_hash"] != self.request_hash:
            raise reused()
        return _response(row["status"], row["body"])

    async def keep(self, connection: Connection, answer: Any, status: int = 200) -> Response:
        """Keeps the answer, in the same transaction, and returns it to be sent."""
        body = to_json(answer)
        await connection.execute(
            "INSERT INTO http_answer (source, idempotency_key, request_hash, status, body) "
            "VALUES ($1, $2, $3, $4, $5)",
            self.source,
            self.key,
            self.request_hash,
            status,
            body,
        )
        return _response(status, body)


async def once(request: Request, caller: Caller, key: str) -> Once:
    """The place of this request: method, path and body are what makes it the same. Only for
    bodies that are read whole."""
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode())
    digest.update(await request.body())
    return Once(caller.source, key, digest.digest())


def reused() -> Problem:
    """422: the key was used before, for another request."""
    return Problem(
        422,
        "idempotency-key-reused",
        "This Idempotency-Key was used for another request.",
        hint="Give every new request a new key, such as a UUID.",
    )


def _response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, headers, "application/json")

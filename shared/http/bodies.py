"""Bounds on request bodies: what is too large is refused at its first byte too many, with a 413
that says how to go on."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.problems import Problem

MAX_DOCUMENT_BYTES = 1_000_000
"""Of a body that an endpoint reads whole."""


class Bounds:
    """Bounds every body: `limits` gives the bytes for paths that take more than documents."""

    def __init__(self, app: ASGIApp, limits: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._limits = dict(limits or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._limits.get(scope["path"], MAX_DOCUMENT_BYTES)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            raise too_large(limit)
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise too_large(limit)
            return message

        await self._app(scope, bounded, send)


def too_large(limit: int) -> Problem:
    """413: nothing of the body was taken in."""
    return Problem(
        413,
        "body-too-large",
        f"The body is larger than {limit} bytes; nothing of it was taken in.",
        hint="Send it in several requests, each with an Idempotency-Key of its own.",
        limit_bytes=limit,
    )

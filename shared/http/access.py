"""Who may come in: every request is known by its API key, held to the key's rate, and refused
before anything of it is read where it is not. Rates are counted by each process for itself.

It is a layer in front of the application and not a dependency of its endpoints, so that an endpoint
cannot forget it. What a key may do is the endpoint's to say, with `allowed`.
"""

import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.http.keys import EVERYTHING, ApiKey, parts
from shared.http.problems import Problem

KNOWN_FOR_S = 5.0
"""A key is looked up again after so long: a revoked one ends within it."""
BURST_S = 10.0
"""A key that was silent may make the requests of so many seconds at once."""

Lookup = Callable[[str], Awaitable[ApiKey | None]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is: the key's id, the source it speaks for, what it may do."""

    key_id: str
    source: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        return scope in self.scopes or EVERYTHING in self.scopes


def allowed(scope: str) -> Callable[[Request], Caller]:
    """A dependency: the caller, where its key has this scope; else 403."""

    def caller(request: Request) -> Caller:
        known: Caller = request.state.caller
        if not known.may(scope):
            raise Problem(
                403,
                "scope-missing",
                f"This key may not do that: it needs the scope {scope}.",
                hint=f"Ask for a key made with --scope {scope}.",
            )
        return known

    return caller


class Bucket:
    """A token bucket: so many requests a minute, evenly, after a first burst."""

    __slots__ = ("_at", "_burst", "_left", "_per_s")

    def __init__(self, per_minute: int, now: float) -> None:
        self._per_s = per_minute / 60
        self._burst = max(1.0, self._per_s * BURST_S)
        self._left = self._burst
        self._at = now

    def wait_s(self, now: float) -> float:
        """Takes one and returns 0, or returns the seconds until there is one."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self._per_s
        self._left -= 1
        return 0.0


@dataclass(slots=True)
class _Known:
    """A key that is good, by the id and the hash of its secret: the secret is not kept here."""

    key: ApiKey
    until: float
    bucket: Bucket


class Gate:
    """Lets requests with a good key through to `app`, and any request to the paths of `open_paths`
    (a path itself, or everything below one that ends in a slash)."""

    def __init__(
        self,
        app: ASGIApp,
        lookup: Lookup,
        open_paths: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._lookup = lookup
        self._open = frozenset(path for path in open_paths if not path.endswith("/"))
        self._open_below = tuple(path for path in open_paths if path.endswith("/"))
        self._clock = clock
        self._known: dict[tuple[str, bytes], _Known] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path not in self._open and not path.startswith(self._open_below or ("\0",)):
            scope.setdefault("state", {})["caller"] = await self._caller(Headers(scope=scope))
        await self._app(scope, receive, send)

    async def _caller(self, headers: Headers) -> Caller:
        text = key_of(headers)
        if text is None:
            raise _unauthorized("key-missing", "This needs an API key.")
        split = parts(text)
        now = self._clock()
        known = None if split is None else self._known.get(split)
        if split is not None and (known is None or known.until <= now):
            known = await self._look_up(split, text, now)
        if known is None:
            raise _unauthorized("key-unknown", "This API key is not valid here.")
        wait_s = known.bucket.wait_s(now)
        if wait_s > 0:
            raise too_many(wait_s)
        key = known.key
        return Caller(key.key_id, key.source, frozenset(key.scopes))

    async def _look_up(self, split: tuple[str, bytes], text: str, now: float) -> _Known | None:
        before = self._known.pop(split, None)
        key = await self._lookup(text)
        if key is None:
            return None
        is_same = before is not None and before.key == key
        bucket = before.bucket if before and is_same else Bucket(key.requests_per_minute, now)
        known = self._known[split] = _Known(key, now + KNOWN_FOR_S, bucket)
        return known


def key_of(headers: Headers) -> str | None:
    """The key a request brings, in either of its two places."""
    kind, _, credentials = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return headers.get("x-api-key")


def too_many(wait_s: float) -> Problem:
    """429, with the seconds after which the next request is taken."""
    seconds = max(1, int(wait_s + 0.999))
    return Problem(
        429,
        "rate-limited",
        "This key has made its requests for now.",
        hint="Wait for Retry-After seconds; send many claims in one request instead of one each.",
        headers={"Retry-After": str(seconds)},
    )


def _unauthorized(code: str, title: str) -> Problem:
    return Problem(
        401,
        code,
        title,
        hint="Send `Authorization: Bearer <key>` or `X-API-Key: <key>`; `claimwire key create` "
        "makes one.",
        headers={"WWW-Authenticate": "Bearer"},
    )

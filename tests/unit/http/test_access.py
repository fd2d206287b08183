"""Who comes in, how often, and what those hear who do not."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from shared.http import keys
from shared.http.access import Bucket, Gate
from shared.http.keys import ApiKey
from shared.http.problems import Guard

KEY = keys.new_key()
NOW = datetime(2026, 1, 5, tzinfo=UTC)


class Desk:
    """A gate before one address, a clock to turn, and the keys that are good."""

    def __init__(self, per_minute: int = 600) -> None:
        self.now = 0.0
        self.lookups = 0
        self.good = {KEY: ApiKey("0" * 12, "engine", "general", ("*",), per_minute, NOW, None)}

    async def lookup(self, key: str) -> ApiKey | None:
        self.lookups += 1
        return self.good.get(key)

    def client(self) -> httpx.AsyncClient:
        async def who(request: Request) -> Response:
            caller = getattr(request.state, "caller", None)
            return JSONResponse({"source": caller and caller.source})

        inner = Router([Route("/who", who), Route("/open", who), Route("/bills/{code}", who)])
        gate = Gate(inner, self.lookup, ("/open", "/bills/"), lambda: self.now)
        transport = httpx.ASGITransport(app=Guard(gate))
        return httpx.AsyncClient(transport=transport, base_url="http://desk")


@pytest.fixture
async def desk() -> Desk:
    return Desk()


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with desk.client() as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {KEY}"}, {"X-API-Key": KEY}],
)
async def test_a_key_is_taken_from_either_header(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.get("/who", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"source": "general"})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "key-missing"),
        ({"Authorization": "Basic abc"}, "key-missing"),
        ({"X-API-Key": "nonsense"}, "key-unknown"),
        ({"X-API-Key": keys.new_key()}, "key-unknown"),
        ({"X-API-Key": KEY[:-1] + ("A" if KEY[-1] != "A" else "B")}, "key-unknown"),
    ],
)
async def test_without_a_good_key_nothing_is_answered(
    client: httpx.AsyncClient, headers: dict[str, str], code: str
) -> None:
    answer = await client.get("/who", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == code
    assert answer.json()["hint"]


@pytest.mark.parametrize("path", ["/open", "/bills/x"])
async def test_what_is_open_needs_no_key(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).json() == {"source": None}


async def test_what_is_open_below_a_path_does_not_open_its_neighbours(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/openly")).status_code == 401
    assert (await client.get("/bills")).status_code == 401


async def test_a_revoked_key_ends_within_seconds(desk: Desk, client: httpx.AsyncClient) -> None:
    headers = {"X-API-Key": KEY}
    assert (await client.get("/who", headers=headers)).status_code == 200
    desk.good.clear()
    desk.now = 4.9
    assert (await client.get("/who", headers=headers)).status_code == 200
    assert desk.lookups == 1
    desk.now = 5.0
    assert (await client.get("/who", headers=headers)).status_code == 401


async def test_too_many_requests_are_told_when_to_come_again() -> None:
    desk = Desk(per_minute=60)  # one a second, ten at once
    async with desk.client() as client:
        headers = {"X-API-Key": KEY}
        codes = [(await client.get("/who", headers=headers)).status_code for _ in range(11)]
        assert codes == [200] * 10 + [429]
        refused = await client.get("/who", headers=headers)
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["code"] == "rate-limited"
        desk.now = 1.0
        assert (await client.get("/who", headers=headers)).status_code == 200
        assert (await client.get("/who", headers=headers)).status_code == 429


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(60, 0.0)
    assert [bucket.wait_s(1e6) for _ in range(10)] == [0.0] * 10
    assert bucket.wait_s(1e6) == pytest.approx(1.0)


def test_a_key_says_nothing_of_its_hash() -> None:
    split = keys.parts(KEY)
    assert split is not None
    assert split[0] in KEY
    assert len(split[1]) == 32
    assert keys.new_key() != KEY

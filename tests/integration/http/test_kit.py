"""The HTTP kit on a real database: keys, and answers that are given once and kept for ever."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from types import SimpleNamespace
from typing import Annotated, Any, cast

import httpx
import pytest
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.responses import Response

from shared.database import Pool, bootstrap, create_pool, migrate, new_password, service_dsn
from shared.http import app as kit
from shared.http import idempotency, keys
from shared.http.access import Caller, allowed
from shared.http.app import Serving
from shared.http.idempotency import IdempotencyKey

router = APIRouter()
_effects = count(1)
MayWrite = Annotated[Caller, Depends(allowed("orders:write"))]


class Order(BaseModel):
    number: int


@router.post("/orders")
async def order(
    request: Request,
    body: Order,
    caller: MayWrite,
    context: Serving,
    idempotency_key: IdempotencyKey,
) -> Response:
    once = await idempotency.once(request, caller, idempotency_key or "")
    async with context.pool.acquire() as connection, connection.transaction():
        answer = await once.answered(connection)
        if answer is not None:
            return answer
        if body.number < 0:
            raise ValueError("fails before it is done")
        return await once.keep(connection, {"effect": next(_effects)}, 201)


@pytest.fixture
async def pool(postgres: Any) -> AsyncIterator[Pool]:
    dsn, password = postgres.fresh_database(), new_password()
    await bootstrap(dsn, ["alpha"], {"alpha": password})
    pool = await create_pool(service_dsn(dsn, "alpha", password), "alpha")
    await migrate(pool, "alpha", None)
    yield pool
    await pool.close()


async def make_key(pool: Pool, *scopes: str, source: str = "general") -> str:
    key = keys.new_key()
    async with pool.acquire() as connection:
        assert await keys.create(connection, key, name="k", source=source, scopes=scopes)
        assert not await keys.create(connection, key, name="k", source=source, scopes=scopes)
    return key


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx.AsyncClient]:
    routes = kit.routes(cast("Any", SimpleNamespace(pool=pool)), "Test", [router])
    transport = httpx.ASGITransport(app=Starlette(routes=list(routes)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_key_opens_what_its_scopes_say(pool: Pool, client: httpx.AsyncClient) -> None:
    for scopes, status in ((["*"], 201), (["orders:write"], 201), (["orders:read"], 403)):
        headers = {"X-API-Key": await make_key(pool, *scopes), "Idempotency-Key": scopes[0]}
        answer = await client.post("/orders", json={"number": 1}, headers=headers)
        assert answer.status_code == status
    assert answer.json()["code"] == "scope-missing"
    assert (await client.post("/orders", json={"number": 1})).status_code == 401
    assert (await client.get("/openapi.json")).status_code == 200


async def test_only_a_keys_hash_is_kept_and_revoking_ends_it(pool: Pool) -> None:
    key = await make_key(pool, "*")
    dump = str(await pool.fetch("SELECT * FROM api_key"))
    assert key.split("_", 2)[2] not in dump
    async with pool.acquire() as connection:
        (kept,) = await keys.listed(connection)
        assert await keys.find(connection, key) == kept
        assert await keys.find(connection, key[:-1]) is None
        assert await keys.revoke(connection, kept.key_id)
        assert not await keys.revoke(connection, kept.key_id)
        assert await keys.find(connection, key) is None
        (revoked,) = await keys.listed(connection)
    assert revoked.revoked_at is not None


async def test_the_same_request_under_the_same_key_has_one_effect(
    pool: Pool, client: httpx.AsyncClient
) -> None:
    first, other = await make_key(pool, "*"), await make_key(pool, "*")
    stranger = await make_key(pool, "*", source="elsewhere")

    async def post(key: str, number: int = 1) -> httpx.Response:
        headers = {"X-API-Key": key, "Idempotency-Key": "one"}
        return await client.post("/orders", json={"number": number}, headers=headers)

    answers = await asyncio.gather(*(post(key) for key in (first, other) * 5))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert (await post(stranger)).text != answers[0].text
    reused = await post(first, number=2)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")


async def test_a_request_that_failed_may_be_sent_again(
    pool: Pool, client: httpx.AsyncClient
) -> None:
    headers = {"X-API-Key": await make_key(pool, "*"), "Idempotency-Key": "two"}
    assert (await client.post("/orders", json={"number": -1}, headers=headers)).status_code == 500
    assert (await client.post("/orders", json={"number": 1}, headers=headers)).status_code == 201

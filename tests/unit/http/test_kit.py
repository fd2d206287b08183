"""Problems, bounds, pages and versions, as a client of the kit's application meets them."""

import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, Literal, cast
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette

from shared.http import app as kit
from shared.http import pages, versions
from shared.http.pages import Cursor, Limit, Page
from shared.http.versions import ExpectedVersion

router = APIRouter()
SECRET = "DOE^JANE"


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    charge: int = Field(ge=1)
    kind: Literal["new", "old"] = "new"
    claim: UUID | None = None


class Order(BaseModel):
    lines: list[Line]


class Row(BaseModel):
    number: int


@router.post("/orders")
async def order(body: Order) -> int:
    return len(body.lines)


@router.get("/failing/{how}")
async def failing(how: str) -> None:
    if how == "database":
        raise asyncpg.CannotConnectNowError(SECRET)
    raise ValueError(SECRET)


@router.get("/numbers")
async def numbers(cursor: Cursor = None, limit: Limit = 3) -> Page[Row]:
    start = pages.after(cursor, int)
    found = range(start[0] + 1 if start else 0, 7)
    return pages.page(found[: limit + 1], limit, lambda one: (one,), lambda one: Row(number=one))


@router.get("/thing")
async def thing(response: Response) -> str:
    versions.set_etag(response, 3)
    return "thing"


@router.put("/thing")
async def change(expected: ExpectedVersion) -> str:
    versions.must_match(expected, 3)
    return "changed"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    context = cast("Any", SimpleNamespace(pool=None))
    limits = {"/orders": 2_000}
    routes = kit.routes(context, "Test", [router], body_limits=limits, open_paths=("/",))
    transport = httpx.ASGITransport(app=Starlette(routes=list(routes)), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def problem(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:claimwire:problem:{body['code']}"
    assert SECRET not in answer.text
    return body


async def test_a_bad_body_is_answered_by_place_and_never_by_value(
    client: httpx.AsyncClient,
) -> None:
    body = {"lines": [{"charge": 0, SECRET: 1}, {"kind": SECRET, "claim": SECRET}]}
    answer = await client.post("/orders", json=body)
    assert answer.status_code == 422
    assert problem(answer)["errors"] == [
        {
            "path": "body.lines[0].charge",
            "code": "greater-than-equal",
            "message": "must be at least 1",
        },
        {"path": "body.lines[0].*", "code": "extra-forbidden", "message": "is not known here"},
        {"path": "body.lines[1].charge", "code": "missing", "message": "is required"},
        {
            "path": "body.lines[1].kind",
            "code": "literal-error",
            "message": "must be 'new' or 'old'",
        },
        {"path": "body.lines[1].claim", "code": "uuid-parsing", "message": "must be a UUID"},
    ]


async def test_what_is_no_json_is_a_problem(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    answer = await client.post("/orders", content=f'{{"{SECRET}', headers=headers)
    assert problem(answer)["errors"] == [
        {"path": "body", "code": "json-invalid", "message": "is not JSON"}
    ]


@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_body_beyond_its_bound_is_refused(
    client: httpx.AsyncClient, is_announced: bool
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 500

    answer = await client.post("/orders", content=b"x" * 2_001 if is_announced else chunks())
    assert answer.status_code == 413
    assert problem(answer)["limit_bytes"] == 2_000


async def test_other_addresses_take_documents_only(client: httpx.AsyncClient) -> None:
    answer = await client.put("/thing", content=b"x" * 1_000_001)
    assert problem(answer)["code"] == "body-too-large"


async def test_what_nobody_foresaw_says_nothing(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "claimwire.http"):
        answer = await client.get("/failing/somehow")
    assert problem(answer) == {
        "type": "urn:claimwire:problem:internal-error",
        "title": "The service failed on this request.",
        "status": 500,
        "code": "internal-error",
    }
    assert [record.getMessage() for record in caplog.records] == ["a request failed"]


async def test_a_database_that_is_away_is_a_matter_of_time(client: httpx.AsyncClient) -> None:
    answer = await client.get("/failing/database")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert problem(answer)["code"] == "unavailable"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("PATCH", "/thing", 405)]
)
async def test_the_frameworks_errors_are_problems(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    assert problem(await client.request(method, path))["status"] == status


async def test_pages_lead_from_one_to_the_next(client: httpx.AsyncClient) -> None:
    seen: list[list[int]] = []
    cursor = None
    while True:
        answer = await client.get("/numbers", params={"cursor": cursor} if cursor else {})
        seen.append([row["number"] for row in answer.json()["rows"]])
        cursor = answer.json()["next"]
        if cursor is None:
            break
    assert seen == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize("cursor", ["%%%", "AAAA", "W10", "WyJ4Il0", "bnVsbA", "MQ"])
async def test_a_strange_cursor_is_refused(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await client.get("/numbers", params={"cursor": cursor})
    assert (answer.status_code, problem(answer)["code"]) == (400, "cursor-invalid")


@pytest.mark.parametrize("limit", ["0", "201", "many"])
async def test_a_page_is_bounded(client: httpx.AsyncClient, limit: str) -> None:
    answer = await client.get("/numbers", params={"limit": limit})
    assert problem(answer)["errors"][0]["path"] == "query.limit"


@pytest.mark.parametrize(
    ("if_match", "status"),
    [('"3"', 200), ("3", 200), ('W/"3"', 200), ('"2"', 412), ("*", 412), (None, 428)],
)
async def test_a_change_names_the_version_it_changes(
    client: httpx.AsyncClient, if_match: str | None, status: int
) -> None:
    assert (await client.get("/thing")).headers["etag"] == '"3"'
    headers = {"If-Match": if_match} if if_match else {}
    assert (await client.put("/thing", headers=headers)).status_code == status


async def test_the_document_says_what_every_service_has(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document == kit.document("Test", "1", [router])
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}
    answers = document["paths"]["/orders"]["post"]["responses"]
    assert set(answers) == {"200", "default"}
    assert "application/problem+json" in answers["default"]["content"]
    assert "HTTPValidationError" not in document["components"]["schemas"]

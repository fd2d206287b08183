"""What submission answers over HTTP: a claim's status with its evidence, interchanges, worklists.

Answers hold ids, states, codes and times; what identifies a patient stays in the database.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.submission import looking
from shared.service import Context

MAX_ROWS = 200


def routes(context: Context) -> Sequence[BaseRoute]:
    """The routes of the service's own HTTP."""

    async def claim(request: Request) -> Response:
        try:
            claim_id = UUID(request.path_params["claim_id"])
        except ValueError:
            return _error(400, "a claim id is a UUID")
        async with context.pool.acquire() as connection:
            found = await looking.claim(connection, claim_id)
        return JSONResponse(found) if found else _error(404, "no such claim here")

    async def listing(request: Request) -> Response:
        query = looking.LISTS[request.url.path.strip("/")]
        async with context.pool.acquire() as connection:
            return JSONResponse({"rows": await looking.listed(connection, query, MAX_ROWS)})

    return [
        Route("/claims/{claim_id}", claim),
        *(Route(f"/{name}", listing) for name in looking.LISTS),
    ]


def _error(status: int, message: str) -> JSONResponse:
    body: dict[str, Any] = {"error": message}
    return JSONResponse(body, status_code=status)

"""The application around a service's routers, as the one route that its process mounts."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount

from shared.http import keys, problems
from shared.http.access import Gate
from shared.http.bodies import Bounds
from shared.service import Context

OPENAPI = "/openapi.json"
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _context_of(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Serving = Annotated[Context, Depends(_context_of)]
"""The process an endpoint runs in: its pool, its settings, its outbox."""


def application(
    title: str, version: str, routers: Sequence[APIRouter], layers: Sequence[Middleware] = ()
) -> FastAPI:
    """The FastAPI application, enough to draw its OpenAPI document. Its pages of documentation
    are off: they load scripts from elsewhere."""
    app = FastAPI(
        title=title,
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url=OPENAPI,
        middleware=layers,
    )
    for router in routers:
        app.include_router(router)
    problems.install(app)
    return app


def document(title: str, version: str, routers: Sequence[APIRouter]) -> dict[str, Any]:
    """The OpenAPI document, with what every service has: keys, and problems."""
    return _described(application(title, version, routers))


def routes(
    context: Context,
    title: str,
    routers: Sequence[APIRouter],
    *,
    version: str = "1",
    body_limits: Mapping[str, int] | None = None,
    open_paths: Sequence[str] = (),
    state: Mapping[str, Any] | None = None,
) -> Sequence[BaseRoute]:
    """The service's routes. `body_limits` gives bytes for paths that take more than documents;
    `open_paths` need no API key (below one that ends in a slash, nothing does): what is open must
    check who comes by itself. `state` is what endpoints find in `request.app.state`, beside the
    `context`."""

    async def lookup(key: str) -> keys.ApiKey | None:
        async with context.pool.acquire() as connection:
            return await keys.find(connection, key)

    layers = (
        Middleware(problems.Guard),
        Middleware(Gate, lookup=lookup, open_paths=(OPENAPI, *open_paths)),
        Middleware(Bounds, limits=body_limits),
    )
    app = application(title, version, routers, layers)
    app.state.context = context
    for name, value in (state or {}).items():
        setattr(app.state, name, value)
    _described(app)
    return [Mount("", app=app)]


def _described(app: FastAPI) -> dict[str, Any]:
    """Draws the document once, and keeps it for `/openapi.json`."""
    document = app.openapi()
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = dict(problems.SCHEMA)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    document["security"] = [{"bearer": []}, {"header": []}]
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            responses.pop("422", None)
            responses["default"] = {"description": "A problem (RFC 9457).", "content": _PROBLEM}
    return document

"""Health, metrics and a service's own routes over HTTP, in the service's own event loop.

Live says that the loop turns; ready says that the service does its work, and why not. A service
that is not ready is not to be restarted for it: most of its reasons lie outside.
"""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.http import problems
from shared.telemetry import metrics

Checks = Callable[[], Mapping[str, bool]]


def application(checks: Checks) -> Starlette:
    """The routes every service has. `checks` gives each condition of readiness by name."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        conditions = dict(checks())
        is_ready = all(conditions.values())
        body = {"status": "ok" if is_ready else "not ready", "checks": conditions}
        return JSONResponse(body, status_code=200 if is_ready else 503)

    async def measure(_: Request) -> Response:
        body, content_type = metrics.exposition()
        return Response(body, media_type=content_type)

    async def not_found(_: Request, __: Exception) -> Response:
        # A service's own routes come with its database: until then their absence says nothing.
        is_opening = not checks().get("database", True)
        problem = problems.unavailable() if is_opening else problems.not_found()
        return problem.response()

    return Starlette(
        routes=[
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/metrics", measure),
        ],
        exception_handlers={404: not_found},
    )


class Server(uvicorn.Server):
    """uvicorn, with the signals left to the runner."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(app: Starlette) -> Server:
    """A server that logs nothing of requests; give its `serve` a listening socket."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    return Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=256)

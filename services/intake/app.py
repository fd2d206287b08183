"""Wiring only: what intake reads, who decides, and the one question that its HTTP answers."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.intake import store
from services.intake.handlers import IntakeHandler
from shared.contract import topics
from shared.service import Context, Service
from shared.settings import Settings

NAME = "intake"


def service(settings: Settings) -> Service:
    """The intake service."""
    return Service(
        name=NAME,
        topics=(topics.CLAIMS_INBOUND,),
        handler=IntakeHandler(settings.default_source),
        schema_dir=Path(__file__).parent / "schema",
        routes=_routes,
    )


def _routes(context: Context) -> Sequence[BaseRoute]:
    async def message(request: Request) -> Response:
        """What became of a message so far: counts of its records, never their content."""
        message_id: UUID = request.path_params["message_id"]
        async with context.pool.acquire() as connection:
            tally = await store.message(connection, message_id)
        if tally is None:
            return JSONResponse({"status": "unknown"}, status_code=404)
        return JSONResponse({"status": "complete" if _is_complete(tally) else "reading", **tally})

    return [Route("/messages/{message_id:uuid}", message)]


def _is_complete(tally: store.Tally) -> bool:
    decided = tally["accepted"] + tally["duplicated"] + tally["rejected"]
    return 0 < tally["records"] <= decided

"""Wiring of the submission service: its handler, a courier for each payer, its HTTP routes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from starlette.routing import BaseRoute

from services.submission.courier import courier_for
from services.submission.domain.profile import load_profiles
from services.submission.handlers import EVENT_TYPES, TOPICS, SubmissionHandler
from services.submission.leases import Leases
from services.submission.transport.choosing import transport_for
from shared.service import Context, Service, Worker
from shared.settings import Settings

SCHEMA = Path(__file__).parent / "schema"


def service(settings: Settings) -> Service:
    """The service as its process runs it. Raises ProfileError for unusable payer profiles."""
    profiles = load_profiles(settings.payer_profiles)
    # Of the connections one holds the leases; half stay for the handler, the relay and HTTP.
    turns = asyncio.Semaphore(max(1, settings.postgres_pool_max // 2 - 1))
    leases = Leases()
    workers: list[Worker] = [
        courier_for(profile, transport_for(profile, settings), settings, turns, leases).run
        for profile in profiles.all()
    ]
    return Service(
        name="submission",
        topics=TOPICS,
        handler=SubmissionHandler(profiles),
        schema_dir=SCHEMA,
        workers=workers,
        routes=_routes,
        event_types=EVENT_TYPES,
    )


def _routes(context: Context) -> Sequence[BaseRoute]:
    from services.submission.http import routes  # FastAPI takes its time, and tools do without
    from shared.http import app

    return app.routes(context, routes.TITLE, [routes.router])

"""Wiring of the submission service: its handler, a courier for each payer, its HTTP routes."""

import asyncio
from pathlib import Path

from services.submission.courier import courier_for
from services.submission.domain.profile import Profile, load_profiles
from services.submission.handlers import TOPICS, SubmissionHandler
from services.submission.routes import routes
from services.submission.transport import Transport
from services.submission.transport.folder import FolderTransport
from shared.service import Service, Worker
from shared.settings import Settings

SCHEMA = Path(__file__).parent / "schema"


def service(settings: Settings) -> Service:
    """The service as its process runs it. Raises ProfileError for unusable payer profiles."""
    profiles = load_profiles(settings.payer_profiles)
    # Half of the connections stay for the handler, the relay and HTTP.
    turns = asyncio.Semaphore(max(1, settings.postgres_pool_max // 2 - 1))
    workers: list[Worker] = [
        courier_for(profile, transport_for(profile, settings), settings, turns).run
        for profile in profiles.all()
    ]
    return Service(
        name="submission",
        topics=TOPICS,
        handler=SubmissionHandler(profiles),
        schema_dir=SCHEMA,
        workers=workers,
        routes=routes,
        event_types=("claim.coded.v1",),
    )


def transport_for(profile: Profile, settings: Settings) -> Transport:
    """The transport that a profile names."""
    return FolderTransport(settings.transport_dir / profile.name)

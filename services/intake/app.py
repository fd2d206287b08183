"""Wiring only: what intake reads, who decides, its HTTP and MLLP doors, its watch."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from starlette.routing import BaseRoute

from services.intake.domain.profile import load_profiles
from services.intake.handlers import IntakeHandler
from services.intake.mllp.listener import Listener
from services.intake.watching import purger, watcher
from shared.contract import topics
from shared.service import Context, Service, Worker
from shared.settings import Settings

NAME = "intake"


def service(settings: Settings) -> Service:
    """The intake service. Raises SourceProfileError for unusable source profiles."""
    profiles = load_profiles(settings.source_profiles)
    handler = IntakeHandler(settings.default_source, profiles)
    workers: list[Worker] = [watcher(profiles, settings.encounter_poll_s)]
    if settings.mllp_port is not None:
        workers.append(Listener(settings, handler).run)
    return Service(
        name=NAME,
        topics=(topics.CLAIMS_INBOUND,),
        handler=handler,
        schema_dir=Path(__file__).parent / "schema",
        workers=workers,
        routes=partial(_routes, handler),
        prunes=(purger(settings.encounter_retention_days),),
    )


def _routes(handler: IntakeHandler, context: Context) -> Sequence[BaseRoute]:
    from services.intake.http import routes  # FastAPI takes its time, and tools do without
    from services.intake.http.bodies import Reception
    from services.intake.http.submitting import Submitting
    from shared.http import app

    settings = context.settings
    limit = settings.http_max_body_bytes
    return app.routes(
        context,
        routes.TITLE,
        [routes.router],
        body_limits={routes.CLAIMS: limit},
        open_paths=(routes.SCHEMA,),
        state={
            "reception": Reception(context.blobs, settings.claim_check_bytes, limit),
            "submitting": Submitting(context, handler),
        },
    )

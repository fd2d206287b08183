"""Wiring only: what coding reads, who decides, and its HTTP API."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from starlette.routing import BaseRoute

from services.coding.handlers import WANTED, CodingHandler
from services.coding.reference.library import Library
from services.coding.rulebook import Rulebook
from services.coding.rules_feed import follower
from shared.contract import topics
from shared.service import Context, Service
from shared.settings import Settings

NAME = "coding"


def service(settings: Settings) -> Service:
    """The coding service."""
    rulebook = Rulebook(Library(settings.reference_dir).current)
    key = settings.patient_hash_key.get_secret_value().encode()
    return Service(
        name=NAME,
        topics=(topics.CLAIMS_INTAKE, topics.CLAIMS_SUBMISSION, topics.CLAIMS_REMITTANCE),
        handler=CodingHandler(rulebook, key),
        schema_dir=Path(__file__).parent / "schema",
        workers=(follower(rulebook),),
        routes=partial(_routes, rulebook, key),
        event_types=WANTED,
        keys=("patient_hash_key",),
    )


def _routes(rulebook: Rulebook, key: bytes, context: Context) -> Sequence[BaseRoute]:
    from services.coding.desk import Desk
    from services.coding.http import routes  # FastAPI takes its time, and tools do without
    from shared.http import app

    def told(event_types: Sequence[str]) -> None:
        context.metrics.decided(event_types)
        context.wake_relay()

    desk = Desk(context.pool, rulebook, told, context.tracing, key)
    return app.routes(context, routes.TITLE, [routes.router], state={"desk": desk})

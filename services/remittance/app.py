"""Wiring of the remittance service."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from starlette.routing import BaseRoute

from services.remittance.acting import releaser
from services.remittance.handlers import TOPICS, RemittanceHandler
from services.remittance.policies import load_policy
from shared.service import Context, Service
from shared.settings import Settings
from shared.telemetry.metrics import ServiceMetrics

NAME = "remittance"


def handler_of(settings: Settings) -> RemittanceHandler:
    """The service's handler. Raises SettingsError for a policy that cannot be used."""
    key = settings.account_hash_key.get_secret_value().encode()
    policy = load_policy(settings.remittance_policy)
    return RemittanceHandler(key, ServiceMetrics(NAME).posted, policy)


def service(settings: Settings) -> Service:
    """The remittance service, with these settings."""
    handler = handler_of(settings)
    return Service(
        name=NAME,
        topics=TOPICS,
        handler=handler,
        schema_dir=Path(__file__).parent / "schema",
        workers=[releaser(handler)],
        routes=partial(_routes, handler),
        event_types=("claim.submitted.v1", "claim.acknowledged.v1"),
    )


def _routes(handler: RemittanceHandler, context: Context) -> Sequence[BaseRoute]:
    from services.remittance.http import routes  # FastAPI takes its time, and tools do without
    from shared.http import app

    return app.routes(
        context,
        routes.TITLE,
        [routes.router],
        body_limits={
            routes.REMITTANCES: context.settings.http_max_body_bytes,
            routes.DEPOSITS: routes.MAX_STATEMENT_BYTES,
        },
        state={"handler": handler},
    )

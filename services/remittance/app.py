"""Wiring of the remittance service."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from starlette.routing import BaseRoute

from services.remittance.acting import releaser
from services.remittance.handlers import TOPICS, RemittanceHandler
from services.remittance.looking_again import matcher
from services.remittance.policies import load_policy
from services.remittance.statements.terms import load_terms
from services.remittance.statements.worker import statement_maker
from shared.service import Context, Service
from shared.settings import Settings
from shared.telemetry.metrics import ServiceMetrics

NAME = "remittance"


def handler_of(settings: Settings) -> RemittanceHandler:
    """The service's handler. Raises SettingsError for a policy or terms that cannot be used."""
    key = settings.account_hash_key.get_secret_value().encode()
    policy = load_policy(settings.remittance_policy)
    terms = load_terms(settings.patient_billing)
    return RemittanceHandler(key, ServiceMetrics(NAME).posted, policy, terms)


def service(settings: Settings) -> Service:
    """The remittance service, with these settings."""
    handler = handler_of(settings)
    return Service(
        name=NAME,
        topics=TOPICS,
        handler=handler,
        schema_dir=Path(__file__).parent / "schema",
        workers=[
            releaser(handler),
            matcher(handler),
            statement_maker(handler, settings.statement_poll_s),
        ],
        routes=partial(_routes, handler),
        event_types=("claim.submitted.v1", "claim.acknowledged.v1"),
        keys=("account_hash_key",),
    )


def _routes(handler: RemittanceHandler, context: Context) -> Sequence[BaseRoute]:
    from services.remittance.http import routes  # FastAPI takes its time, and tools do without
    from services.remittance.statements.office import StatementOffice
    from shared.http import app

    return app.routes(
        context,
        routes.TITLE,
        [routes.router],
        body_limits={
            routes.REMITTANCES: context.settings.http_max_body_bytes,
            routes.DEPOSITS: routes.MAX_STATEMENT_BYTES,
        },
        open_paths=routes.OPEN_PATHS,
        state={
            "handler": handler,
            "statement_office": StatementOffice(context.pool, handler.rules),
        },
    )

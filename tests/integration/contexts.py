"""What the runner gives a service's workers and endpoints, without a runner."""

import asyncio
import logging
from collections.abc import Callable

from starlette.applications import Starlette

from shared.blobs import Blobs
from shared.database import Pool
from shared.service import Context, Service
from shared.settings import Settings
from shared.telemetry.metrics import ServiceMetrics
from shared.telemetry.tracing import Tracing


def context_of(
    service: str,
    pool: Pool,
    settings: Settings,
    *,
    metrics: str | None = None,
    wake_relay: Callable[[], None] = lambda: None,
) -> Context:
    """A context over a pool. `metrics` names its registry where a process has several."""
    return Context(
        service=service,
        settings=settings,
        pool=pool,
        blobs=Blobs.from_settings(settings),
        tracing=Tracing(service, 0.0),
        metrics=ServiceMetrics(metrics or service),
        wake_relay=wake_relay,
        stopping=asyncio.Event(),
        logger=logging.getLogger(f"claimwire.{service}"),
    )


def app_of(definition: Service, context: Context) -> Starlette:
    """The service's HTTP as an application."""
    assert callable(definition.routes)
    return Starlette(routes=list(definition.routes(context)))

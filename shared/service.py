"""A service as one object, and the runner that makes a process of it.

The runner wires what every service has (database, migrations, consumer, relay, replay, retention,
workers, HTTP) and stops it in the right order. It writes nothing to stdout.
"""

import argparse
import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from shared.messaging.handler import Handler
from shared.settings import Settings

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from shared.blobs import Blobs
    from shared.database import Pool
    from shared.telemetry.metrics import ServiceMetrics
    from shared.telemetry.tracing import Tracing


@dataclass(slots=True)
class Context:
    """What a worker or a route may use of the process it runs in."""

    service: str
    settings: Settings
    pool: "Pool"
    blobs: "Blobs"
    tracing: "Tracing"
    metrics: "ServiceMetrics"
    wake_relay: Callable[[], None]
    """Call it after committing a transaction that appended to the outbox."""
    stopping: asyncio.Event
    """Set when the process is to end: a worker returns soon after."""
    logger: logging.Logger
    is_flooded: Callable[[], bool] = lambda: False
    """Whether the outbox is so deep that nothing should be taken in."""
    ready: dict[str, bool] = field(default_factory=dict)
    """A worker's own conditions of readiness, by name; False turns the service's red."""


Worker: TypeAlias = Callable[[Context], Awaitable[None]]
"""Runs for the life of the process; restarted with backoff when it raises or returns."""

Prune: TypeAlias = "Callable[[Pool, datetime], Awaitable[int]]"
"""Deletes what a service has kept long enough by this time; returns how many rows."""

Routes: TypeAlias = "Sequence[BaseRoute] | Callable[[Context], Sequence[BaseRoute]]"


@dataclass(frozen=True, slots=True)
class Service:
    """What a service brings. `event_types` are those it takes from its topics, where it reads
    events of ours (None: all); `routes` may be made when the context is there."""

    name: str
    topics: Sequence[str]
    handler: Handler[Any, Any, Any]
    schema_dir: Path | None = None
    workers: Sequence[Worker] = ()
    routes: Routes = ()
    event_types: Collection[str] | None = None
    prunes: Sequence[Prune] = ()
    """What of its own tables is deleted in time, beside the kernel's."""
    keys: Sequence[str] = ()
    """Settings with the keys of its hashes: it warns of those that everybody knows."""


def clock() -> datetime:
    """The time of now, aware and in UTC: read here and passed on as an argument."""
    return datetime.now(UTC)


def main(make: Callable[[Settings], Service], arguments: Sequence[str] | None = None) -> None:
    """Runs a service with the settings of the environment, until SIGTERM or SIGINT."""
    from shared import settings
    from shared.telemetry import logging as telemetry_logging

    parser = argparse.ArgumentParser(description="Runs one service of Claimwire.")
    parser.add_argument("--env-file", help="file of settings for what the environment lacks")
    try:
        loaded = settings.load(parser.parse_args(arguments).env_file)
    except settings.SettingsError as error:
        parser.exit(2, f"{error}\n")
    service = make(loaded)
    telemetry_logging.configure(service.name, loaded.log_level)
    settings.warn_of_public_keys(loaded, service.keys)
    try:
        asyncio.run(run(service, loaded))
    except settings.SettingsError as error:
        parser.exit(2, f"{error}\n")


async def run(service: Service, settings: Settings) -> None:
    """Runs a service until SIGTERM or SIGINT, then finishes its batch and leaves its group."""
    from shared.runner import Runner

    runner = Runner(service, settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runner.stop)
    await runner.run()

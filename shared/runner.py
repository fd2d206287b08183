"""Runs one service as a process: opens what it needs, however long that takes, watches over its
parts, and stops them in the order that loses nothing and repeats little.

It is apart from `shared.service` so that importing a service stays cheap.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial

from aiokafka.errors import KafkaError

from shared import health
from shared.blobs import Blobs
from shared.database import MigrationError, Pool, create_pool, is_current, lease, migrate
from shared.messaging import outbox, parking, retention
from shared.messaging.batch import Core
from shared.messaging.consumer import Consumer, tune_garbage_collection
from shared.messaging.decoding import unfold
from shared.messaging.faults import wait_before_retry
from shared.messaging.fuse import Fuse
from shared.messaging.gate import Gate
from shared.messaging.relay import Relay, kafka_sender
from shared.messaging.replay import PostgresLot, replay
from shared.messaging.store import postgres_transactions
from shared.messaging.topics import wait_for_topics
from shared.service import Context, Service, Worker, clock
from shared.settings import Settings
from shared.telemetry import tracing
from shared.telemetry.metrics import ServiceMetrics

OUTBOX_LOOK_S = 1.0
LAG_LOOK_S = 5.0
REPLAY_LOOK_S = 2.0
PRUNE_EVERY_S = 3600.0
KERNEL_CONNECTIONS = 4
"""Beside the service's own: the relay's, the replay's lease, the retention's leases."""
STEADY_S = 60.0
"""A worker that ran for so long starts its backoff anew."""
FLUSH_S = 3.0
JOIN_S = 5.0
"""How long a client that starts is waited for, when the process is told to stop."""

logger = logging.getLogger("claimwire.service")


class Runner:
    """One process of a service."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self.stopping = asyncio.Event()
        self.http_port = 0
        self.consumer: Consumer | None = None
        self.relay: Relay | None = None
        self._relay_stopping = asyncio.Event()
        self._said = outbox.Said()
        self._metrics = ServiceMetrics(service.name)
        self._gate = Gate(settings.outbox_high_mark, self._metrics)
        self._fuse = Fuse(settings.fuse_in_a_row, settings.fuse_window, settings.fuse_ratio)
        self._unfold = partial(unfold, service.handler)
        self._context: Context | None = None
        self._is_broker_there = False
        self._is_making_progress = True

    def stop(self) -> None:
        """Asks the process to end: it finishes what it has in hand."""
        self.stopping.set()

    async def run(self) -> None:
        """Runs until `stop` is called. Raises MigrationError where the schema is not ours."""
        app = health.application(self.checks)
        http = health.server(app)
        listening = health.listen(self.settings.http_host, self.settings.http_port)
        self.http_port = listening.getsockname()[1]
        address = f"http://{self.settings.http_host}:{self.http_port}"
        logger.info("listening", extra={"address": address})
        serving = asyncio.create_task(http.serve(sockets=[listening]), name="http")
        traces = tracing.start(self.service.name, self.settings.trace_sample_ratio)
        pool: Pool | None = None
        try:
            pool = await self._open_database()
            if pool is not None:
                context = self._context = self._make_context(pool, traces)
                routes = self.service.routes
                app.router.routes.extend(routes(context) if callable(routes) else routes)
                await self._work(context)
        finally:
            http.should_exit = True
            await serving
            if pool is not None:
                await _close(pool)
            traces.close()

    def checks(self) -> Mapping[str, bool]:
        """The conditions of readiness, by name."""
        consumer, relay = self.consumer, self.relay
        conditions = {
            "database": self._context is not None,
            "running": not self.stopping.is_set(),
            "broker": self._is_broker_there and (relay is None or relay.failures < 3),
            "consumer": not self.service.topics or (consumer is not None and consumer.has_joined),
            "progress": self._is_making_progress,
            "fuse": not self._fuse.is_open,
        }
        if self._context is not None:
            conditions.update(self._context.ready)
        return conditions

    # Opening

    async def _open_database(self) -> Pool | None:
        """The pool, once the database answers and its schema is current; None to stop instead."""
        dsn = self.settings.postgres_dsn.get_secret_value()
        size = self.settings.postgres_pool_max + KERNEL_CONNECTIONS
        attempt = 0
        while not self.stopping.is_set():
            pool: Pool | None = None
            try:
                pool = await create_pool(dsn, self.service.name, max_size=size)
                await self._make_current(pool)
                return pool
            except MigrationError:
                raise
            except Exception as error:
                logger.warning("the database is not ready", exc_info=error)
                if pool is not None:
                    await _close(pool)
            await wait_before_retry(attempt, self.stopping)
            attempt += 1
        return None

    async def _make_current(self, pool: Pool) -> None:
        service = self.service
        for name in await migrate(pool, service.name, service.schema_dir):
            logger.info("migration applied: %s", name)
        async with pool.acquire() as connection:
            if not await is_current(connection, service.name, service.schema_dir):
                raise MigrationError(f"the schema {service.name} is not current")

    def _make_context(self, pool: Pool, traces: tracing.Tracing) -> Context:
        blobs = Blobs.from_settings(self.settings)
        outbox.claim_checks.blobs = blobs
        outbox.claim_checks.limit = self.settings.claim_check_bytes
        self.relay = Relay(
            pool,
            partial(kafka_sender, self.settings, f"claimwire-{self.service.name}-relay"),
            self._metrics,
            self._relay_stopping,
            self._said,
        )
        return Context(
            service=self.service.name,
            settings=self.settings,
            pool=pool,
            blobs=blobs,
            tracing=traces,
            metrics=self._metrics,
            wake_relay=self.relay.wake,
            stopping=self.stopping,
            logger=logging.getLogger(f"claimwire.{self.service.name}"),
            is_flooded=lambda: self._gate.is_closed,
        )

    # Running

    async def _work(self, context: Context) -> None:
        assert self.relay is not None
        transactions = postgres_transactions(context.pool, self._said)
        core = Core(self.service.handler, transactions, context.tracing, clock)
        relaying = asyncio.create_task(self.relay.run(), name="relay")
        consuming = None
        tasks = [
            asyncio.create_task(self._keep("outbox watch", partial(self._watch_outbox, context))),
            asyncio.create_task(
                self._keep(
                    "retention", partial(self._hourly, "pruned", partial(self._prune, context))
                )
            ),
            asyncio.create_task(
                self._keep(
                    "blob retention",
                    partial(self._hourly, "blobs expired", partial(self._expire_blobs, context)),
                )
            ),
            asyncio.create_task(self._keep("replay", partial(self._replay, context, core))),
            *(
                asyncio.create_task(self._keep(_name(worker), partial(worker, context)))
                for worker in self.service.workers
            ),
        ]
        if self.service.topics:
            self.consumer = Consumer(
                self.service.name,
                self.service.topics,
                self.settings,
                core=core,
                unfold=self._unfold,
                gate=self._gate,
                fuse=self._fuse,
                metrics=self._metrics,
                wake_relay=self.relay.wake,
                stopping=self.stopping,
                blobs=context.blobs,
            )
            consuming = asyncio.create_task(self._keep("consumer", self._consume))
            tasks.append(consuming)
        else:
            self._is_broker_there = True
            tune_garbage_collection()
        await self.stopping.wait()
        await self._wind_down(tasks, consuming, relaying)

    async def _wind_down(
        self,
        tasks: list[asyncio.Task[None]],
        consuming: asyncio.Task[None] | None,
        relaying: asyncio.Task[None],
    ) -> None:
        assert self.relay is not None
        logger.info("stopping")
        if self.consumer is not None and consuming is not None:
            # First: a client that is stopped while it still starts would start all the same, and
            # one that is cut off while it connects never closes what it has opened.
            await asyncio.wait([consuming], timeout=JOIN_S)
            consuming.cancel()
            await asyncio.wait([consuming], timeout=self.settings.stop_s)
            with suppress(KafkaError, OSError):
                await self.consumer.stop()
        _, late = await asyncio.wait(tasks, timeout=self.settings.stop_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.relay.is_active:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.relay.flush(), FLUSH_S)
        self._relay_stopping.set()
        self.relay.wake()
        # A round cut short is sent again, with the same ids, by whoever relays next.
        await asyncio.wait([relaying], timeout=FLUSH_S)
        relaying.cancel()
        await asyncio.gather(relaying, return_exceptions=True)

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Runs work for the life of the process, again whenever it ends."""
        attempt = 0
        while not self.stopping.is_set():
            started = time.monotonic()
            try:
                await work()
            except Exception as error:
                logger.warning("%s failed and is started again", name, exc_info=error)
            if time.monotonic() - started > STEADY_S:
                attempt = 0
            await wait_before_retry(attempt, self.stopping)
            attempt += 1

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    # The kernel's own workers

    async def _consume(self) -> None:
        assert self.consumer is not None
        if not await wait_for_topics(self.settings, self.service.topics, self.stopping):
            return
        try:
            await self.consumer.start()
            self._is_broker_there = True
            while not self.stopping.is_set():
                await self._watch_consumer(self.consumer)
                await self._pause(LAG_LOOK_S)
        except BaseException:
            if not self.stopping.is_set():
                await self.consumer.stop()
            raise

    async def _watch_consumer(self, consumer: Consumer) -> None:
        consumer.check()
        try:
            lags = await asyncio.wait_for(consumer.lag(), LAG_LOOK_S)
        except (KafkaError, OSError, TimeoutError):
            self._is_broker_there = False
            return
        self._is_broker_there = True
        for (topic, partition), records in lags.items():
            self._metrics.lag(topic, partition, records)
        if not any(lags.values()):
            consumer.progressed_at = time.monotonic()
        still_s = time.monotonic() - consumer.progressed_at
        self._is_making_progress = still_s < self.settings.stall_s
        if not self._is_making_progress and not consumer.is_busy:
            # There is work, nobody works on it, and nothing is in the way: the client is stuck.
            logger.error("the consumer does not get its records: joining the group again")
            await consumer.restart()

    async def _watch_outbox(self, context: Context) -> None:
        looks = 0
        while not self.stopping.is_set():
            async with context.pool.acquire() as connection:
                depth, age_s = await outbox.depth(connection)
                if looks % 5 == 0:
                    for state, count in (await parking.counts(connection)).items():
                        self._metrics.parked_now(state, count)
            self._metrics.outbox_depth.set(depth)
            self._metrics.outbox_age.set(age_s)
            self._gate.observe(depth)
            looks += 1
            await self._pause(OUTBOX_LOOK_S)

    async def _replay(self, context: Context, core: Core) -> None:
        lot = PostgresLot(context.pool, context.blobs)
        while not self.stopping.is_set():
            async with lease(context.pool, "replay") as is_ours:
                if is_ours and not self._fuse.is_open:
                    outcome = await replay(lot, core, self._unfold, self.settings.batch_max_units)
                    if outcome.messages:
                        context.wake_relay()
                    self._metrics.decided(outcome.said)
            await self._pause(REPLAY_LOOK_S)

    async def _hourly(self, said: str, delete: Callable[[], Awaitable[int]]) -> None:
        while not self.stopping.is_set():
            deleted = await delete()
            if deleted:
                logger.info(said, extra={"count": deleted})
            await self._pause(PRUNE_EVERY_S)

    async def _prune(self, context: Context) -> int:
        days = self.settings.event_retention_days
        return await retention.prune(context.pool, clock(), days, self.service.prunes)

    async def _expire_blobs(self, context: Context) -> int:
        settings = self.settings
        days = retention.blob_days(settings.blob_retention_days, settings.event_retention_days)
        return await retention.expire_blobs(context.pool, context.blobs, clock(), days)


def _name(worker: Worker) -> str:
    return getattr(worker, "__name__", type(worker).__name__)


async def _close(pool: Pool) -> None:
    with suppress(Exception):
        await asyncio.wait_for(pool.close(), 5)
    pool.terminate()

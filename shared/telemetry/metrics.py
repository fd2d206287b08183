"""The metrics of `names` as Prometheus objects, and the text that `/metrics` answers.

They live in a registry of our own, so that nothing a library registers is published by accident.
Labels hold services, topics, event types and error classes, never anything of a claim.
"""

from collections.abc import Iterable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from shared.telemetry import names

# A second series for each of ours that only says when it began.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)


def _counter(metric: names.Metric) -> Counter:
    return Counter(metric.name, metric.summary, metric.labels, registry=REGISTRY)


def _gauge(metric: names.Metric) -> Gauge:
    return Gauge(metric.name, metric.summary, metric.labels, registry=REGISTRY)


def _histogram(metric: names.Metric) -> Histogram:
    return Histogram(
        metric.name, metric.summary, metric.labels, buckets=metric.buckets, registry=REGISTRY
    )


CONSUMER_LAG = _gauge(names.CONSUMER_LAG)
BATCH_UNITS = _histogram(names.BATCH_UNITS)
BATCH_SECONDS = _histogram(names.BATCH_SECONDS)
BATCH_RETRIES = _counter(names.BATCH_RETRIES)
DUPLICATES = _counter(names.DUPLICATES)
EVENTS = _counter(names.EVENTS)
OUTBOX_DEPTH = _gauge(names.OUTBOX_DEPTH)
OUTBOX_AGE = _gauge(names.OUTBOX_AGE)
RELAY_SENT = _counter(names.RELAY_SENT)
PARKED_RECORDS = _gauge(names.PARKED_RECORDS)
PARKINGS = _counter(names.PARKINGS)
FUSE_OPEN = _gauge(names.FUSE_OPEN)
PAUSED = _gauge(names.PAUSED)
MONEY_POSTED = _counter(names.MONEY_POSTED)
MONEY_REVERSED = _counter(names.MONEY_REVERSED)


class ServiceMetrics:
    """One service's children of the metrics, looked up once: what the kernel writes to."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.batch_units = BATCH_UNITS.labels(service)
        self.batch_seconds = BATCH_SECONDS.labels(service)
        self.duplicates = DUPLICATES.labels(service)
        self.outbox_depth = OUTBOX_DEPTH.labels(service)
        self.outbox_age = OUTBOX_AGE.labels(service)
        self.fuse_open = FUSE_OPEN.labels(service)
        self.paused = PAUSED.labels(service)

    def lag(self, topic: str, partition: int, records: int) -> None:
        CONSUMER_LAG.labels(self.service, topic, str(partition)).set(records)

    def forget_partition(self, topic: str, partition: int) -> None:
        """Drops the lag of a partition that another process has now."""
        try:
            CONSUMER_LAG.remove(self.service, topic, str(partition))
        except KeyError:
            return

    def decided(self, event_types: Iterable[str]) -> None:
        """Counts the events of a committed batch."""
        counts: dict[str, int] = {}
        for event_type in event_types:
            counts[event_type] = counts.get(event_type, 0) + 1
        for event_type, count in counts.items():
            EVENTS.labels(self.service, event_type).inc(count)

    def retried(self, error: str) -> None:
        BATCH_RETRIES.labels(self.service, error).inc()

    def parked(self, error: str, count: int = 1) -> None:
        PARKINGS.labels(self.service, error).inc(count)

    def parked_now(self, state: str, records: int) -> None:
        PARKED_RECORDS.labels(self.service, state).set(records)

    def sent(self, topic: str, count: int) -> None:
        RELAY_SENT.labels(self.service, topic).inc(count)

    def posted(self, category: str, amount_cents: int) -> None:
        """Adds to money posted; a negative amount is money taken back."""
        target = MONEY_POSTED if amount_cents >= 0 else MONEY_REVERSED
        target.labels(self.service, category).inc(abs(amount_cents))


def exposition() -> tuple[bytes, str]:
    """The body and the content type that `/metrics` answers."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST

"""Recorded spans on their way out: made into OpenTelemetry's, checked, sent by OTLP.

It is apart from `tracing` so that a process with nothing to send to never loads the SDK. The
exporter is configured by the standard `OTEL_` variables alone. What is not on the list of
`names`, or not of its kind, is dropped here, at the one place everything passes.
"""

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shared.telemetry import names
from shared.telemetry.tracing import Attribute, Recorded, Sink

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import SpanContext

logger = logging.getLogger("claimwire.telemetry")

QUEUE_SPANS = 8_192
"""Spans waiting to be sent, at most; more are dropped. `OTEL_BSP_MAX_QUEUE_SIZE` overrides."""
CLOSE_S = 3.0
LINKS_MAX = 5_000
"""Well above a batch, whose every member has a link (the SDK's own limit is 128)."""


def sink_from_environment(service: str) -> Sink | None:
    """A sink to the OTLP endpoint that the environment names, or None where it names none."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    chosen = os.environ.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower()
    if chosen not in ("otlp", "none", ""):
        logger.warning("OTEL_TRACES_EXPORTER: only otlp and none are known; no traces are sent")
    has_endpoint = any(
        os.environ.get(name)
        for name in ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    )
    if chosen != "otlp" or not has_endpoint:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OpenTelemetrySink(service, OTLPSpanExporter())


def permitted(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """The attributes that may leave: their key is on the list and their value of its kind."""
    return {
        key: value
        for key, value in attributes.items()
        if (kind := names.ATTRIBUTES.get(key)) is not None and kind.admits(value)
    }


class OpenTelemetrySink:
    """Hands spans to the SDK's batch processor, which sends them from a thread of its own."""

    def __init__(self, service: str, exporter: "SpanExporter") -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        has_name = bool(os.environ.get("OTEL_SERVICE_NAME"))
        self._resource = Resource.create({} if has_name else {"service.name": service})
        self._scope = InstrumentationScope("claimwire")
        self._exporter = exporter
        has_size = bool(os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE"))
        self._processor = BatchSpanProcessor(
            exporter, max_queue_size=None if has_size else QUEUE_SPANS
        )

    def keep(self, spans: Sequence[Recorded]) -> None:
        for span in spans:
            self._processor.on_end(self._readable(span))

    def close(self) -> None:
        """Sends what is queued, and gives up on what cannot be sent within CLOSE_S: a collector
        that is away must not hold a service's stop."""
        closing = threading.Thread(target=self._processor.shutdown, name="spans-close", daemon=True)
        closing.start()
        closing.join(CLOSE_S)
        if closing.is_alive():
            logger.warning("spans that were still queued could not be sent")
            self._exporter.shutdown()

    def _readable(self, span: Recorded) -> "ReadableSpan":
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import Link, SpanKind, Status, StatusCode

        return ReadableSpan(
            name=span.name if span.name in names.SPANS else "unnamed",
            context=_context(span.trace_id, span.span_id),
            parent=_context(span.trace_id, span.parent_id, is_remote=True)
            if span.parent_id is not None
            else None,
            resource=self._resource,
            attributes=permitted(span.attributes),
            links=[
                Link(_context(link[3:35], link[36:52], is_remote=True))
                for link in span.links[:LINKS_MAX]
            ],
            kind=SpanKind.CONSUMER if span.is_consumer else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR if span.has_failed else StatusCode.UNSET),
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=self._scope,
        )


def _context(trace_id: str, span_id: str, *, is_remote: bool = False) -> "SpanContext":
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote, TraceFlags(1))

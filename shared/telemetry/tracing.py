"""Traces: one per claim, from the hospital's `traceparent` through the four services.

It is apart from OpenTelemetry's own tracer because most claims are not sampled, and an unrecorded
span there costs more than deciding the claim. Here the context is a `traceparent` string; only what
is recorded becomes an OpenTelemetry span (`shared.telemetry.spans`), once its outcome is known.

How the kernel uses it, once per attempt at a transaction:

    with tracing.batch(names.SPAN_BATCH) as batch:
        for unit in units:
            started_ns = time.time_ns()
            decision = handler.decide(...)
            traceparent = batch.claim(
                unit.traceparent,
                claim_id=unit.key,
                outcomes=[event.type for event in decision.events],   # or [names.PARKED]
                links=decision.trace_links,
                started_ns=started_ns,
            )
            # stamp `traceparent` on this decision's events, whose own is None
        await commit()

Leaving the block without an error records the claims and one batch span with a link to each;
leaving it with an error records the batch alone, as failed: a claim is recorded once, by the
attempt that was committed. `batch.claim` always returns a child context to publish: sampled as the
parent was, or by the ratio where there was no parent, or because the outcome is one that is always
recorded. `links` are traceparents of other traces that this answers: an 835's decision links to the
claim's. Elsewhere (a door, a mailbox, an interchange) `tracing.span(...)` makes one span whose
`traceparent` goes onto what it publishes, and `span.fail(error)` marks it.
"""

import random
import re
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import field
from types import TracebackType
from typing import Protocol

from shared.light import dataclass
from shared.telemetry import names

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_SAMPLED_DIGITS = frozenset("13579bdf")
_bits = random.Random(random.SystemRandom().getrandbits(256)).getrandbits

Attribute = str | int | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A span that is over and is to be kept. Ids are hex; times are nanoseconds since 1970."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    is_consumer: bool = False
    has_failed: bool = False


class Sink(Protocol):
    """Where recorded spans go. Must not block and must not raise."""

    def keep(self, spans: Sequence[Recorded]) -> None: ...

    def close(self) -> None: ...


def parse(traceparent: str | None) -> tuple[str, str, bool] | None:
    """Trace id, span id and the sampled flag of a W3C traceparent; None where it is not one."""
    if traceparent is None or _TRACEPARENT.fullmatch(traceparent) is None:
        return None
    return traceparent[3:35], traceparent[36:52], traceparent[54] in _SAMPLED_DIGITS


_current: ContextVar[tuple[str, str] | None] = ContextVar("claimwire_trace", default=None)


def current() -> tuple[str, str] | None:
    """Trace id and span id that a log line written now belongs to."""
    return _current.get()


class Tracing:
    """One service's tracing. `sink` is None where nothing is configured to receive spans."""

    def __init__(self, service: str, sample_ratio: float, sink: Sink | None = None) -> None:
        self.service = service
        self._threshold = round(sample_ratio * 2**64)
        self._sink = sink

    def child(self, traceparent: str | None, *, force: bool = False) -> str:
        """A new span's traceparent: in the given trace, or in a new one where there is none."""
        if traceparent is None or _TRACEPARENT.fullmatch(traceparent) is None:
            trace = _bits(128) or 1
            sampled = force or (trace & 0xFFFFFFFFFFFFFFFF) < self._threshold
            return f"00-{trace:032x}-{_bits(64) or 1:016x}-{'01' if sampled else '00'}"
        sampled = force or traceparent[54] in _SAMPLED_DIGITS
        return f"{traceparent[:36]}{_bits(64) or 1:016x}-{'01' if sampled else '00'}"

    def batch(
        self, name: str = names.SPAN_BATCH, attributes: Mapping[str, Attribute] | None = None
    ) -> "Batch":
        """A context manager for one attempt at a transaction over many claims."""
        return Batch(self, name, attributes or {})

    def span(
        self,
        name: str,
        traceparent: str | None = None,
        *,
        links: Sequence[str] = (),
        attributes: Mapping[str, Attribute] | None = None,
    ) -> "Span":
        """A context manager for one span of its own."""
        return Span(self, name, traceparent, links, attributes or {})

    def keep(self, spans: Sequence[Recorded]) -> None:
        if self._sink is not None and spans:
            self._sink.keep(spans)

    @property
    def is_exporting(self) -> bool:
        return self._sink is not None

    def close(self) -> None:
        """Sends what is still queued, within the exporter's time-out."""
        if self._sink is not None:
            self._sink.close()


class Batch:
    """Claims decided in one transaction. See the module's text."""

    __slots__ = (
        "_attributes",
        "_claims",
        "_name",
        "_size",
        "_start_ns",
        "_token",
        "_tracing",
        "traceparent",
    )

    def __init__(self, tracing: Tracing, name: str, attributes: Mapping[str, Attribute]) -> None:
        self._tracing = tracing
        self._name = name
        self._attributes = attributes
        self._claims: list[Recorded] = []
        self._size = 0
        self._start_ns = 0
        self._token: Token[tuple[str, str] | None] | None = None
        self.traceparent = tracing.child(None)

    def __enter__(self) -> "Batch":
        self._start_ns = time.time_ns()
        self._token = _current.set((self.traceparent[3:35], self.traceparent[36:52]))
        return self

    def claim(
        self,
        traceparent: str | None,
        *,
        claim_id: str | None = None,
        outcomes: Sequence[str] = (),
        links: Sequence[str] = (),
        started_ns: int | None = None,
        name: str = names.SPAN_DECIDE,
    ) -> str:
        """The traceparent for what this claim's decision publishes. Records the claim's span
        when it is sampled, or its outcome is one that is always recorded."""
        self._size += 1
        forced = not names.ALWAYS_RECORDED.isdisjoint(outcomes)
        context = self._tracing.child(traceparent, force=forced)
        if context[54] == "1" and self._tracing.is_exporting:
            self._claims.append(
                Recorded(
                    name=name,
                    trace_id=context[3:35],
                    span_id=context[36:52],
                    parent_id=_parent_id(context, traceparent),
                    start_ns=started_ns or self._start_ns,
                    end_ns=time.time_ns(),
                    attributes=_claim_attributes(claim_id, outcomes, forced=forced),
                    links=tuple(links),
                    is_consumer=True,
                )
            )
        return context

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)
        if not self._tracing.is_exporting or (error_type is None and not self._claims):
            return
        attributes: dict[str, Attribute] = {**self._attributes, names.BATCH_SIZE: self._size}
        if error_type is not None:
            self._claims.clear()
            attributes[names.ERROR_TYPE] = error_type.__name__
        span = Recorded(
            name=self._name,
            trace_id=self.traceparent[3:35],
            span_id=self.traceparent[36:52],
            parent_id=None,
            start_ns=self._start_ns,
            end_ns=time.time_ns(),
            attributes=attributes,
            links=tuple(f"00-{claim.trace_id}-{claim.span_id}-01" for claim in self._claims),
            has_failed=error_type is not None,
        )
        self._tracing.keep([*self._claims, span])


class Span:
    """One span of its own, open while the block runs. `traceparent` is its context."""

    __slots__ = (
        "_attributes",
        "_error",
        "_links",
        "_name",
        "_parent",
        "_start_ns",
        "_token",
        "_tracing",
        "traceparent",
    )

    def __init__(
        self,
        tracing: Tracing,
        name: str,
        parent: str | None,
        links: Sequence[str],
        attributes: Mapping[str, Attribute],
    ) -> None:
        self._tracing = tracing
        self._name = name
        self._parent = parent
        self._links = tuple(links)
        self._attributes = dict(attributes)
        self._error: str | None = None
        self._start_ns = 0
        self._token: Token[tuple[str, str] | None] | None = None
        self.traceparent = tracing.child(parent)

    def __enter__(self) -> "Span":
        self._start_ns = time.time_ns()
        self._token = _current.set((self.traceparent[3:35], self.traceparent[36:52]))
        return self

    def set(self, key: str, value: Attribute) -> None:
        """Adds an attribute of `names.ATTRIBUTES`."""
        self._attributes[key] = value

    def fail(self, error: str) -> None:
        """Marks the span as failed, with the class of the error. It is recorded even unsampled."""
        self._error = error

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)
        if error_type is not None:
            self._error = error_type.__name__
        if self.traceparent[54] != "1" and self._error is None:
            return
        if self._error is not None:
            self._attributes[names.ERROR_TYPE] = self._error
        self._tracing.keep(
            [
                Recorded(
                    name=self._name,
                    trace_id=self.traceparent[3:35],
                    span_id=self.traceparent[36:52],
                    parent_id=_parent_id(self.traceparent, self._parent),
                    start_ns=self._start_ns,
                    end_ns=time.time_ns(),
                    attributes=self._attributes,
                    links=self._links,
                    has_failed=self._error is not None,
                )
            ]
        )


def _parent_id(context: str, parent: str | None) -> str | None:
    return parent[36:52] if parent is not None and parent[:36] == context[:36] else None


def _claim_attributes(
    claim_id: str | None, outcomes: Sequence[str], *, forced: bool
) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {names.OUTCOMES: tuple(outcomes)}
    if claim_id is not None:
        attributes[names.CLAIM_ID] = claim_id
    if forced:
        attributes[names.FORCED] = True
    return attributes


def start(service: str, sample_ratio: float) -> Tracing:
    """This process's tracing. Spans go to the OTLP endpoint of the `OTEL_` variables, where set."""
    from shared.telemetry.spans import sink_from_environment

    return Tracing(service, sample_ratio, sink_from_environment(service))

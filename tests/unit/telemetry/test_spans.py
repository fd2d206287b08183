"""What leaves as an OpenTelemetry span: all of what is permitted, and nothing else."""

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

from shared.telemetry import names
from shared.telemetry.spans import OpenTelemetrySink, permitted, sink_from_environment
from shared.telemetry.tracing import Recorded, Tracing

CLAIM = "6f1d3b0c-5b0e-5c43-9a3e-0d8a3d1c7e11"
SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class KeptExports(SpanExporter):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.threads: set[int] = set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans.extend(spans)
        self.threads.add(threading.get_ident())
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.is_shut_down = True


@pytest.fixture(autouse=True)
def no_otel(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_TRACES_EXPORTER",
        "OTEL_SDK_DISABLED",
        "OTEL_SERVICE_NAME",
    ):
        monkeypatch.delenv(name, raising=False)


def test_a_claims_span_keeps_its_ids_its_times_and_its_service() -> None:
    exports = KeptExports()
    tracer = Tracing("coding", 0.0, OpenTelemetrySink("coding", exports))
    with tracer.batch() as batch:
        context = batch.claim(SAMPLED, claim_id=CLAIM, outcomes=("claim.held.v1",), started_ns=7)
    tracer.close()
    claim, whole = exports.spans
    assert claim.context is not None
    assert claim.parent is not None
    assert f"00-{claim.context.trace_id:032x}-{claim.context.span_id:016x}-01" == context
    assert f"{claim.parent.span_id:016x}" == "b7ad6b7169203331"
    assert claim.start_time == 7
    assert claim.kind is SpanKind.CONSUMER
    assert claim.resource.attributes["service.name"] == "coding"
    assert claim.attributes == {
        names.CLAIM_ID: CLAIM,
        names.OUTCOMES: ("claim.held.v1",),
        names.FORCED: True,
    }
    assert [link.context.span_id for link in whole.links] == [claim.context.span_id]
    assert threading.get_ident() not in exports.threads


def test_a_batch_has_a_link_for_each_of_its_claims() -> None:
    exports = KeptExports()
    tracer = Tracing("coding", 1.0, OpenTelemetrySink("coding", exports))
    with tracer.batch() as batch:
        for _ in range(500):
            batch.claim(None)
    tracer.close()
    (whole,) = [span for span in exports.spans if span.name == names.SPAN_BATCH]
    assert len(whole.links) == 500


PHI: dict[str, Any] = {
    "patient.name": "Zyxwvut Canary",
    names.CLAIM_ID: "ZYX-ACCOUNT-1",
    names.OUTCOMES: ("claim.held.v1", "Zyxwvut Canary"),
    names.PAYER_PROFILE: "Zyxwvut, Canary",
    names.BATCH_SIZE: "Zyxwvut",
    names.INTERCHANGE_ID: True,
    names.FORCED: "1961-02-03",
    "exception.message": "canary",
}


def test_attributes_off_the_list_or_of_another_kind_are_dropped() -> None:
    good = {names.PAYER_PROFILE: "00431-medicaid"}
    assert permitted({**PHI, **good}) == good


def test_nothing_unlisted_leaves_by_any_part_of_a_span() -> None:
    exports = KeptExports()
    sink = OpenTelemetrySink("coding", exports)
    sink.keep(
        [
            Recorded(
                name="decide Zyxwvut Canary",
                trace_id=SAMPLED[3:35],
                span_id=SAMPLED[36:52],
                parent_id=None,
                start_ns=1,
                end_ns=2,
                attributes=PHI,
                has_failed=True,
            )
        ]
    )
    sink.close()
    (span,) = exports.spans
    text = span.to_json().lower()
    assert "canary" not in text
    assert "zyx" not in text
    assert span.status.status_code is StatusCode.ERROR


def test_without_an_endpoint_there_is_no_sink() -> None:
    assert sink_from_environment("coding") is None


@pytest.mark.parametrize(
    "variables",
    [{"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true"}],
)
def test_the_standard_variables_turn_traces_off(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    assert sink_from_environment("coding") is None


def test_a_collector_that_is_away_does_not_hold_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr("shared.telemetry.spans.CLOSE_S", 0.5)
    sink = sink_from_environment("coding")
    tracer = Tracing("coding", 1.0, sink)
    with tracer.batch() as batch:
        for _ in range(1_000):
            batch.claim(None)
    began = time.monotonic()
    tracer.close()
    assert time.monotonic() - began < 3


def test_an_endpoint_gives_a_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    sink = sink_from_environment("coding")
    assert sink is not None
    sink.close()

"""A claim's traces as text."""

from typing import Any

import pytest

from deploy.local.spans import Span
from deploy.local.waterfall import duration, render
from shared.telemetry import names

TRACE, OTHER_TRACE = "a" * 32, "b" * 32
MS = 10**6
START = 1_750_000_000 * 10**9


def span(span_id: str, parent_id: str | None = None, **given: Any) -> Span:
    columns: dict[str, Any] = {
        "trace_id": TRACE,
        "name": names.SPAN_DECIDE,
        "service": "intake",
        "start_ns": START,
        "end_ns": START + 10 * MS,
        "has_failed": False,
        "attributes": {},
    }
    return Span(span_id=span_id, parent_id=parent_id, **{**columns, **given})


def test_nothing_is_rendered_of_nothing() -> None:
    assert render([]) == ""


def test_each_span_stands_below_its_parent_in_order_of_time() -> None:
    text = render(
        [
            span("3", "2", service="submission", start_ns=START + 60 * MS, end_ns=START + 80 * MS),
            span("1"),
            span("2", "1", service="coding", start_ns=START + 20 * MS, end_ns=START + 50 * MS),
        ]
    )
    lines = text.splitlines()
    assert lines[0] == f"trace {TRACE}  2025-06-15T15:06:40.000+00:00  80 ms"
    assert [line.partition(":")[0] for line in lines[1:]] == [
        "intake",
        "  coding",
        "    submission",
    ]
    assert "+20 ms" in lines[2]
    assert lines[2].endswith(" 30 ms")


def test_bars_are_to_scale_and_never_leave_their_column() -> None:
    text = render(
        [
            span("1", start_ns=START, end_ns=START + 100 * MS),
            span("2", start_ns=START + 50 * MS, end_ns=START + 100 * MS),
            span("3", start_ns=START + 100 * MS, end_ns=START + 100 * MS),
        ]
    )
    bars = text.splitlines()[1:]
    lengths = [line.count("█") for line in bars]
    assert lengths[0] == 2 * lengths[1]
    assert lengths[2] == 1
    assert len({line.rindex("█") for line in bars}) == 1


def test_outcomes_errors_and_links_are_told() -> None:
    text = render(
        [
            span(
                "1",
                trace_id=OTHER_TRACE,
                attributes={names.OUTCOMES: ["claim.denied.v1"], names.ERROR_TYPE: "LookupError"},
                links=(f"00-{TRACE}-{'1' * 16}-01",),
                has_failed=True,
            )
        ]
    )
    assert f"claim.denied.v1; error: LookupError; answers trace {TRACE}" in text
    assert "▓" in text


def test_traces_are_blocks_of_their_own_in_order() -> None:
    text = render([span("1", trace_id=OTHER_TRACE, start_ns=START + MS), span("1")])
    first, second = text.split("\n\n")
    assert TRACE in first
    assert OTHER_TRACE in second


def test_orphans_and_circles_are_shown_all_the_same() -> None:
    text = render([span("1", "unknown"), span("2", "3"), span("3", "2"), span("4", "4")])
    assert text.count("intake: claim decide") == 4


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_500, "1.5 µs"),
        (12_345_678, "12.35 ms"),
        (59_500_000_000, "59.5 s"),
        (61 * 10**9, "1 min 01 s"),
        (7_500 * 10**9, "2 h 05 min"),
        ((3 * 24 + 4) * 3_600 * 10**9, "3 d 4 h"),
    ],
)
def test_durations_are_in_units_that_suit_them(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text

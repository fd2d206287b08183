"""A claim's traces as text: who had it when, for how long, and what came of it.

Pure: spans in, lines out. `claimwire trace` prints what this returns.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from deploy.local.spans import Span
from shared.telemetry import names

WIDTH = 100
LABEL_WIDTH = 44
_BAR, _FAILED_BAR = "█", "▓"
_UNITS = ((10**9, "s"), (10**6, "ms"), (10**3, "µs"), (1, "ns"))


def render(spans: Sequence[Span], width: int = WIDTH) -> str:
    """One block per trace, in order of their start; a line per span, indented below its parent."""
    traces: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id)):
        traces.setdefault(span.trace_id, []).append(span)
    return "\n\n".join("\n".join(_trace(trace, width)) for trace in traces.values())


def duration(nanoseconds: int) -> str:
    """A length of time in the unit that suits it: `1.2 ms`, `3.4 s`, `2 h 05 min`, `3 d 4 h`."""
    if nanoseconds < 60 * 10**9:
        unit_ns, unit = next(row for row in _UNITS if nanoseconds >= row[0] or row[0] == 1)
        return f"{nanoseconds / unit_ns:.4g} {unit}"
    minutes, seconds = divmod(nanoseconds // 10**9, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    if minutes < 1440:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def _trace(trace: Sequence[Span], width: int) -> Iterator[str]:
    start_ns = trace[0].start_ns
    total_ns = max(max(span.end_ns for span in trace) - start_ns, 1)
    began = datetime.fromtimestamp(start_ns / 10**9, UTC).isoformat(timespec="milliseconds")
    yield f"trace {trace[0].trace_id}  {began}  {duration(total_ns)}"
    bar_width = max(width - LABEL_WIDTH - 24, 10)
    for span, depth in _nested(trace):
        label = f"{'  ' * depth}{span.service}: {span.name}"
        offset = duration(span.start_ns - start_ns)
        bar = _bar(span, start_ns, total_ns, bar_width)
        took = duration(span.end_ns - span.start_ns)
        yield f"{label[:LABEL_WIDTH]:{LABEL_WIDTH}} {'+' + offset:>11} {bar} {took}"
        if remark := _remark(span):
            yield f"{'  ' * depth}  {remark}"


def _nested(trace: Sequence[Span]) -> Iterator[tuple[Span, int]]:
    """Each span after its parent, with its depth. One whose parent was not recorded is a root."""
    known = {span.span_id for span in trace}
    children: dict[str | None, list[Span]] = {}
    for span in trace:
        parent_id = span.parent_id if span.parent_id in known else None
        children.setdefault(parent_id, []).append(span)
    waiting = [(span, 0) for span in reversed(children.pop(None, []))]
    while waiting:
        span, depth = waiting.pop()
        yield span, depth
        below = children.pop(span.span_id, [])
        waiting.extend((child, depth + 1) for child in reversed(below))
    for left_in_a_circle in children.values():
        yield from ((span, 0) for span in left_in_a_circle)


def _bar(span: Span, start_ns: int, total_ns: int, width: int) -> str:
    first = min((span.start_ns - start_ns) * width // total_ns, width - 1)
    length = max((span.end_ns - span.start_ns) * width // total_ns, 1)
    length = min(length, width - first)
    mark = _FAILED_BAR if span.has_failed else _BAR
    return " " * first + mark * length + " " * (width - first - length)


def _remark(span: Span) -> str:
    attributes: Mapping[str, object] = span.attributes
    outcomes = attributes.get(names.OUTCOMES)
    parts = [", ".join(map(str, outcomes))] if isinstance(outcomes, list | tuple) else []
    if error := attributes.get(names.ERROR_TYPE):
        parts.append(f"error: {error}")
    parts.extend(f"answers trace {link[3:35]}" for link in span.links[:1] if outcomes)
    return "; ".join(part for part in parts if part)

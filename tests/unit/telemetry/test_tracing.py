"""Contexts are handed on rightly, and exactly the right spans are recorded."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry import names, tracing
from shared.telemetry.tracing import Recorded, Tracing

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = SAMPLED[:-2] + "00"
CODED = ("claim.coded.v1",)


class KeptSpans:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.spans: list[Recorded] = []
        self.is_closed = False

    def keep(self, spans: Sequence[Recorded]) -> None:
        self.spans.extend(spans)

    def close(self) -> None:
        self.is_closed = True

    def named(self, name: str) -> list[Recorded]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def kept() -> KeptSpans:
    return KeptSpans()


def flags(traceparent: str) -> str:
    assert tracing.parse(traceparent) is not None
    return traceparent[-2:]


def test_a_child_is_in_its_parents_trace_under_an_id_of_its_own() -> None:
    child = Tracing("intake", 0.0).child(SAMPLED)
    parsed = tracing.parse(child)
    assert parsed is not None
    assert parsed[0] == "0af7651916cd43dd8448eb211c80319c"
    assert parsed[1] != "b7ad6b7169203331"
    assert parsed[2] is True


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_the_parents_sampling_decision_is_kept(ratio: float) -> None:
    assert flags(Tracing("intake", ratio).child(SAMPLED)) == "01"
    assert flags(Tracing("intake", ratio).child(UNSAMPLED)) == "00"
    assert flags(Tracing("intake", ratio).child(SAMPLED[:-2] + "03")) == "01"


MALFORMED = [
    "",
    "not a traceparent",
    SAMPLED.upper(),
    SAMPLED[:-1],
    SAMPLED + "0",
    "ff" + SAMPLED[2:],
    "00-" + "0" * 32 + SAMPLED[35:],
    SAMPLED[:36] + "0" * 16 + "-01",
    SAMPLED + "\n",
]


@pytest.mark.parametrize("malformed", [None, *MALFORMED])
def test_without_a_good_parent_a_new_trace_begins(malformed: str | None) -> None:
    assert tracing.parse(malformed) is None
    child = Tracing("intake", 1.0).child(malformed)
    parsed = tracing.parse(child)
    assert parsed is not None
    assert parsed[0] not in SAMPLED


@given(st.text(max_size=80))
def test_no_header_text_breaks_a_child_context(text: str) -> None:
    assert tracing.parse(Tracing("intake", 0.5).child(text)) is not None


def test_new_traces_are_sampled_by_the_ratio() -> None:
    quarter = Tracing("intake", 0.25)
    sampled = sum(flags(quarter.child(None)) == "01" for _ in range(4000))
    assert 800 < sampled < 1200
    assert all(flags(Tracing("intake", 0.0).child(None)) == "00" for _ in range(100))
    assert all(flags(Tracing("intake", 1.0).child(None)) == "01" for _ in range(100))


def test_a_sampled_claim_is_recorded_as_a_child_of_what_came_in(kept: KeptSpans) -> None:
    claim_id = str(uuid4())
    with Tracing("coding", 0.0, kept).batch() as batch:
        context = batch.claim(SAMPLED, claim_id=claim_id, outcomes=CODED, started_ns=5)
    (span,) = kept.named(names.SPAN_DECIDE)
    assert (span.trace_id, span.span_id, True) == tracing.parse(context)
    assert span.parent_id == "b7ad6b7169203331"
    assert span.start_ns == 5 < span.end_ns
    assert span.attributes == {names.CLAIM_ID: claim_id, names.OUTCOMES: CODED}


def test_a_batch_says_what_it_is_about_beside_its_size(kept: KeptSpans) -> None:
    about = {names.PAYER_PROFILE: "medicaid"}
    with Tracing("submission", 1.0, kept).batch(names.SPAN_INTERCHANGE, about) as batch:
        batch.claim(None)
        batch.claim(None)
    (whole,) = kept.named(names.SPAN_INTERCHANGE)
    assert whole.attributes == {names.PAYER_PROFILE: "medicaid", names.BATCH_SIZE: 2}


def test_an_unsampled_claim_leaves_nothing(kept: KeptSpans) -> None:
    with Tracing("coding", 1.0, kept).batch() as batch:
        assert flags(batch.claim(UNSAMPLED, outcomes=CODED)) == "00"
    assert kept.spans == []


@pytest.mark.parametrize("outcome", sorted(names.ALWAYS_RECORDED))
def test_what_went_wrong_is_recorded_and_sampled_from_there_on(
    kept: KeptSpans, outcome: str
) -> None:
    with Tracing("coding", 0.0, kept).batch() as batch:
        context = batch.claim(UNSAMPLED, outcomes=(outcome,))
    assert flags(context) == "01"
    (span,) = kept.named(names.SPAN_DECIDE)
    assert span.attributes[names.FORCED] is True


def test_a_batch_links_to_each_claim_it_recorded(kept: KeptSpans) -> None:
    with Tracing("coding", 0.0, kept).batch() as batch:
        contexts = [batch.claim(SAMPLED, outcomes=CODED) for _ in range(500)]
        batch.claim(UNSAMPLED, outcomes=CODED)
    (span,) = kept.named(names.SPAN_BATCH)
    assert list(span.links) == contexts
    assert span.attributes == {names.BATCH_SIZE: 501}
    assert span.trace_id not in SAMPLED


def test_a_batch_that_failed_records_itself_and_no_claim(kept: KeptSpans) -> None:
    tracer = Tracing("coding", 0.0, kept)
    with pytest.raises(ConnectionError), tracer.batch() as batch:  # noqa: PT012 - the point
        batch.claim(SAMPLED, outcomes=CODED)
        raise ConnectionError("the canary")
    (span,) = kept.spans
    assert span.name == names.SPAN_BATCH
    assert span.has_failed
    assert span.links == ()
    assert span.attributes == {names.BATCH_SIZE: 1, names.ERROR_TYPE: "ConnectionError"}


def test_an_answer_weeks_later_has_its_own_trace_and_a_link_to_the_claims(kept: KeptSpans) -> None:
    with Tracing("remittance", 1.0, kept).batch() as batch:
        batch.claim(None, outcomes=("claim.paid.v1",), links=[SAMPLED])
    (span,) = kept.named(names.SPAN_DECIDE)
    assert span.links == (SAMPLED,)
    assert span.parent_id is None
    assert span.trace_id not in SAMPLED


def test_a_span_of_its_own_is_recorded_with_its_attributes(kept: KeptSpans) -> None:
    with Tracing("intake", 0.0, kept).span(names.SPAN_MAILBOX, SAMPLED) as span:
        span.set(names.BATCH_SIZE, 3)
    (recorded,) = kept.spans
    assert recorded.parent_id == "b7ad6b7169203331"
    assert recorded.attributes == {names.BATCH_SIZE: 3}
    assert not recorded.has_failed


def test_a_failed_span_is_recorded_even_when_unsampled(kept: KeptSpans) -> None:
    tracer = Tracing("intake", 0.0, kept)
    with tracer.span(names.SPAN_MAILBOX, UNSAMPLED):
        pass
    assert kept.spans == []
    with tracer.span(names.SPAN_MAILBOX, UNSAMPLED) as span:
        span.fail("EnvelopeError")
    with pytest.raises(ValueError, match="canary"), tracer.span(names.SPAN_MAILBOX, UNSAMPLED):
        raise ValueError("canary")
    assert [span.attributes[names.ERROR_TYPE] for span in kept.spans] == [
        "EnvelopeError",
        "ValueError",
    ]


def test_the_current_context_is_that_of_the_innermost_block() -> None:
    tracer = Tracing("intake", 0.0)
    assert tracing.current() is None
    with tracer.span(names.SPAN_MAILBOX) as outer:
        with tracer.batch() as inner:
            assert tracing.current() == (inner.traceparent[3:35], inner.traceparent[36:52])
        assert tracing.current() == (outer.traceparent[3:35], outer.traceparent[36:52])
    assert tracing.current() is None


def test_closing_closes_the_sink(kept: KeptSpans) -> None:
    Tracing("intake", 0.0, kept).close()
    assert kept.is_closed

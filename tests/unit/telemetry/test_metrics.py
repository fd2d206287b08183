"""Metrics: all of the list are published, under its names."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.telemetry import metrics, names


def value(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, labels)


def test_every_listed_metric_is_published_and_no_other_of_ours() -> None:
    body, content_type = metrics.exposition()
    families = text_string_to_metric_families(body.decode())
    ours = {family.name for family in families if family.name.startswith("claimwire_")}
    assert ours == {metric.name.removesuffix("_total") for metric in names.METRICS}
    assert content_type.startswith("text/plain")


@pytest.mark.parametrize("metric", names.METRICS, ids=lambda metric: metric.name)
def test_names_say_what_they_count(metric: names.Metric) -> None:
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert not {"claim_id", "patient", "trace_id"} & set(metric.labels)


def test_events_of_a_batch_are_counted_by_type() -> None:
    service = metrics.ServiceMetrics("test-events")
    service.decided(["claim.coded.v1", "claim.held.v1", "claim.coded.v1"])
    service.decided(["claim.coded.v1"])
    assert value("claimwire_events_total", service="test-events", type="claim.coded.v1") == 3
    assert value("claimwire_events_total", service="test-events", type="claim.held.v1") == 1


def test_money_taken_back_is_counted_apart() -> None:
    service = metrics.ServiceMetrics("test-money")
    service.posted("paid", 12_550)
    service.posted("paid", -550)
    labels = {"service": "test-money", "category": "paid"}
    assert value("claimwire_money_posted_cents_total", **labels) == 12_550
    assert value("claimwire_money_reversed_cents_total", **labels) == 550


def test_the_lag_of_a_partition_that_was_given_up_is_forgotten() -> None:
    service = metrics.ServiceMetrics("test-lag")
    labels = {"service": "test-lag", "topic": "claims.intake", "partition": "3"}
    service.lag("claims.intake", 3, 40)
    assert value("claimwire_consumer_lag_records", **labels) == 40
    service.forget_partition("claims.intake", 3)
    service.forget_partition("claims.intake", 3)
    assert value("claimwire_consumer_lag_records", **labels) is None

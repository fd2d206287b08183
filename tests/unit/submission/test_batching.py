"""When pending claims close into an interchange."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.submission.domain.batching import Limits, Waiting, closing_count

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
LIMITS = Limits(max_claims=3, max_bytes=1_000, window_s=5)


def _waiting(count: int, age_s: float = 0, size: int = 10) -> list[Waiting]:
    return [Waiting(NOW - timedelta(seconds=age_s), size)] * count


def test_nothing_closes_without_claims() -> None:
    assert closing_count([], LIMITS, NOW) == 0


def test_a_fresh_claim_waits_for_more() -> None:
    assert closing_count(_waiting(2), LIMITS, NOW) == 0


def test_the_count_closes() -> None:
    assert closing_count(_waiting(3), LIMITS, NOW) == 3


def test_no_more_than_the_count_goes_into_one() -> None:
    assert closing_count(_waiting(4), LIMITS, NOW) == 3


def test_the_window_of_the_oldest_closes() -> None:
    young = Waiting(NOW, 10)
    assert closing_count([*_waiting(1, age_s=5), young], LIMITS, NOW) == 2


def test_the_size_closes_before_the_claim_that_would_exceed_it() -> None:
    assert closing_count(_waiting(3, size=600), LIMITS, NOW) == 1


def test_a_claim_larger_than_the_size_goes_alone() -> None:
    assert closing_count(_waiting(2, size=5_000), LIMITS, NOW) == 1


@given(
    st.lists(st.tuples(st.floats(0, 20), st.integers(1, 1_500)), max_size=6),
    st.integers(1, 4),
)
def test_what_closes_never_exceeds_a_limit(rows: list[tuple[float, int]], most: int) -> None:
    limits = Limits(max_claims=most, max_bytes=1_000, window_s=5)
    waiting = [Waiting(NOW - timedelta(seconds=age), size) for age, size in rows]
    count = closing_count(waiting, limits, NOW)
    assert count <= min(most, len(waiting))
    assert count <= 1 or sum(claim.content_bytes for claim in waiting[:count]) <= 1_000

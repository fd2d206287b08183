"""What is kept of a patient's day stays small whatever is sent."""

from uuid import UUID

from services.coding.domain.history import MOST_CLAIMS, ClaimDay, PatientDay


def _after(count: int) -> PatientDay:
    day = PatientDay(b"day")
    for number in range(count):
        day = day.with_claim(UUID(int=number), ClaimDay(1, ()))
    return day


def test_the_oldest_of_too_many_claims_is_forgotten() -> None:
    day = _after(MOST_CLAIMS + 3)
    assert list(day.claims) == [UUID(int=number) for number in range(3, MOST_CLAIMS + 3)]


def test_a_newer_revision_takes_no_other_claims_place() -> None:
    day = _after(MOST_CLAIMS).with_claim(UUID(int=0), ClaimDay(2, ()))
    assert len(day.claims) == MOST_CLAIMS
    assert day.claims[UUID(int=0)] == ClaimDay(2, ())

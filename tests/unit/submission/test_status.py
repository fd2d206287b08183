"""The way of a claim through submission, as a machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.submission.domain.status import ANSWERS, Happening, Status, next_status, starts

ORDER = (
    Status.PENDING,
    Status.FORMED,
    Status.SENT,
    Status.ACCEPTED,
    Status.FORWARDED,
    Status.ACKNOWLEDGED,
)
FINAL = (Status.ACKNOWLEDGED, Status.REFUSED)


def _after(status: Status, happenings: list[Happening]) -> list[Status]:
    path = [status]
    for happening in happenings:
        path.append(next_status(path[-1], happening) or path[-1])
    return path


def test_the_usual_way_ends_in_adjudication() -> None:
    happenings = [
        Happening.FORM,
        Happening.SEND,
        Happening.SYNTAX_ACCEPTED,
        Happening.FORWARD,
        Happening.ACKNOWLEDGE,
    ]
    assert _after(Status.PENDING, happenings) == list(ORDER)


@given(st.lists(st.sampled_from(sorted(Happening))))
def test_no_happening_moves_a_claim_backwards_but_coding_it_again(
    happenings: list[Happening],
) -> None:
    path = _after(Status.PENDING, happenings)
    for before, after, happening in zip(path[:-1], path[1:], happenings, strict=True):
        if before in ORDER and after in ORDER and happening is not Happening.CODED_AGAIN:
            assert ORDER.index(after) >= ORDER.index(before)


@given(st.sampled_from(FINAL), st.lists(st.sampled_from(sorted(ANSWERS - {Happening.ADJUDICATE}))))
def test_no_answer_but_an_835_moves_a_claim_that_is_settled(
    status: Status, answers: list[Happening]
) -> None:
    assert set(_after(status, answers)) == {status}


@given(st.lists(st.sampled_from(sorted(Happening))))
def test_what_an_835_decided_on_stays_decided(happenings: list[Happening]) -> None:
    assert set(_after(Status.ADJUDICATED, happenings)) == {Status.ADJUDICATED}


@given(
    st.sampled_from((Status.FORMED, Status.SENT)),
    st.permutations([Happening.SYNTAX_ACCEPTED, Happening.FORWARD, Happening.ACKNOWLEDGE]),
    st.integers(1, 3),
)
def test_good_answers_lead_to_the_same_status_in_any_order_and_number(
    start: Status, answers: list[Happening], times: int
) -> None:
    assert _after(start, answers * times)[-1] is Status.ACKNOWLEDGED


@pytest.mark.parametrize("status", [Status.PENDING, Status.SUPERSEDED, Status.UNWRITABLE])
def test_no_answer_moves_what_was_never_sent(status: Status) -> None:
    assert all(next_status(status, answer) is None for answer in ANSWERS)


def test_a_send_that_is_recorded_late_does_not_take_back_an_answer() -> None:
    path = _after(Status.FORMED, [Happening.ACKNOWLEDGE, Happening.SEND])
    assert path[-1] is Status.ACKNOWLEDGED


def test_the_starts_of_a_happening_are_those_that_it_moves() -> None:
    for happening in Happening:
        for status in Status:
            assert (status in starts(happening)) == (next_status(status, happening) is not None)

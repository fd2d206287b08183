"""What a coded claim does when it arrives."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest

from services.submission.domain.changes import (
    ClaimRecord,
    CodedClaim,
    Leg,
    Moved,
    Queued,
    Submission,
)
from services.submission.domain.queueing import queue
from services.submission.domain.status import Status

MakeCoded = Callable[..., CodedClaim]
MakeSubmission = Callable[..., Submission]


def _leg(revision: int, payer_sequence: str = "P") -> Leg:
    return Leg(UUID(int=1), revision, payer_sequence)


def test_a_new_claim_is_pending(coded: MakeCoded, now: datetime) -> None:
    queued = queue(None, coded(), now)
    assert queued is not None
    record, changes = queued
    assert record.legs[_leg(1)].status is Status.PENDING
    assert changes == (Queued(coded(), Status.PENDING, now),)


def test_a_newer_revision_replaces_one_that_was_not_sent(coded: MakeCoded, now: datetime) -> None:
    first = queue(None, coded(revision=1), now)
    assert first is not None
    second = queue(first[0], coded(revision=2), now)
    assert second is not None
    assert {leg.revision: row.status for leg, row in second[0].legs.items()} == {
        1: Status.SUPERSEDED,
        2: Status.PENDING,
    }
    assert isinstance(second[1][0], Moved)


def test_a_newer_revision_leaves_alone_what_was_sent(
    coded: MakeCoded, submission: MakeSubmission, now: datetime
) -> None:
    record = ClaimRecord({_leg(1): submission(status=Status.SENT)})
    queued = queue(record, coded(revision=2), now)
    assert queued is not None
    assert queued[0].legs[_leg(1)].status is Status.SENT


def test_an_older_revision_that_comes_late_is_not_sent(coded: MakeCoded, now: datetime) -> None:
    newer = queue(None, coded(revision=2), now)
    assert newer is not None
    late = queue(newer[0], coded(revision=1), now)
    assert late is not None
    assert late[0].legs[_leg(1)].status is Status.SUPERSEDED
    assert late[0].legs[_leg(2)].status is Status.PENDING


@pytest.mark.parametrize(
    "status", [s for s in Status if s not in (Status.REFUSED, Status.UNWRITABLE)]
)
def test_the_same_revision_again_is_nothing_new(
    coded: MakeCoded, submission: MakeSubmission, now: datetime, status: Status
) -> None:
    assert queue(ClaimRecord({_leg(1): submission(status=status)}), coded(), now) is None


@pytest.mark.parametrize("status", [Status.REFUSED, Status.UNWRITABLE])
def test_the_same_revision_is_tried_again_after_it_came_to_nothing(
    coded: MakeCoded, submission: MakeSubmission, now: datetime, status: Status
) -> None:
    refused = replace(submission(), status=status)
    queued = queue(ClaimRecord({_leg(1): refused}), coded(), now)
    assert queued is not None
    assert queued[0].legs[_leg(1)].status is Status.PENDING


def test_the_next_payers_turn_is_a_sending_of_its_own(
    coded: MakeCoded, submission: MakeSubmission, now: datetime
) -> None:
    record = ClaimRecord({_leg(1): submission(status=Status.ADJUDICATED)})
    due = replace(coded(), payer_sequence="S")
    queued = queue(record, due, now)
    assert queued is not None
    assert queued[0].legs[_leg(1)].status is Status.ADJUDICATED
    assert queued[0].legs[_leg(1, "S")].status is Status.PENDING
    assert queue(queued[0], due, now) is None


def test_a_new_revision_stops_the_next_payer_from_being_billed_for_the_old_one(
    coded: MakeCoded, submission: MakeSubmission, now: datetime
) -> None:
    waiting = submission(status=Status.PENDING, payer_sequence="S")
    record = ClaimRecord({_leg(1): submission(status=Status.ADJUDICATED), waiting.leg: waiting})
    queued = queue(record, coded(revision=2), now)
    assert queued is not None
    assert queued[0].legs[_leg(1, "S")].status is Status.SUPERSEDED

"""What a coded claim does when it arrives."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from services.submission.domain.changes import (
    ClaimRecord,
    CodedClaim,
    Moved,
    Queued,
    Submission,
)
from services.submission.domain.queueing import queue
from services.submission.domain.status import Status

MakeCoded = Callable[..., CodedClaim]
MakeSubmission = Callable[..., Submission]


def test_a_new_claim_is_pending(coded: MakeCoded, now: datetime) -> None:
    queued = queue(None, coded(), now)
    assert queued is not None
    record, changes = queued
    assert record.revisions[1].status is Status.PENDING
    assert changes == (Queued(coded(), Status.PENDING, now),)


def test_a_newer_revision_replaces_one_that_was_not_sent(coded: MakeCoded, now: datetime) -> None:
    first = queue(None, coded(revision=1), now)
    assert first is not None
    second = queue(first[0], coded(revision=2), now)
    assert second is not None
    assert {r: row.status for r, row in second[0].revisions.items()} == {
        1: Status.SUPERSEDED,
        2: Status.PENDING,
    }
    assert isinstance(second[1][0], Moved)


def test_a_newer_revision_leaves_alone_what_was_sent(
    coded: MakeCoded, submission: MakeSubmission, now: datetime
) -> None:
    record = ClaimRecord({1: submission(status=Status.SENT)})
    queued = queue(record, coded(revision=2), now)
    assert queued is not None
    assert queued[0].revisions[1].status is Status.SENT


def test_an_older_revision_that_comes_late_is_not_sent(coded: MakeCoded, now: datetime) -> None:
    newer = queue(None, coded(revision=2), now)
    assert newer is not None
    late = queue(newer[0], coded(revision=1), now)
    assert late is not None
    assert late[0].revisions[1].status is Status.SUPERSEDED
    assert late[0].revisions[2].status is Status.PENDING


@pytest.mark.parametrize(
    "status", [s for s in Status if s not in (Status.REFUSED, Status.UNWRITABLE)]
)
def test_the_same_revision_again_is_nothing_new(
    coded: MakeCoded, submission: MakeSubmission, now: datetime, status: Status
) -> None:
    assert queue(ClaimRecord({1: submission(status=status)}), coded(), now) is None


@pytest.mark.parametrize("status", [Status.REFUSED, Status.UNWRITABLE])
def test_the_same_revision_is_tried_again_after_it_came_to_nothing(
    coded: MakeCoded, submission: MakeSubmission, now: datetime, status: Status
) -> None:
    refused = replace(submission(), status=status)
    queued = queue(ClaimRecord({1: refused}), coded(), now)
    assert queued is not None
    assert queued[0].revisions[1].status is Status.PENDING

"""What a coded claim does when it arrives: it waits for an interchange, unless it already went.

A newer revision takes the place of an older one that was not sent yet. The same revision again is
the same claim again, unless its first try came to nothing.
"""

from dataclasses import replace
from datetime import datetime

from services.submission.domain.changes import (
    Change,
    ClaimRecord,
    CodedClaim,
    Moved,
    Queued,
    Submission,
)
from services.submission.domain.status import Happening, Status, next_status


def queue(
    record: ClaimRecord | None, coded: CodedClaim, now: datetime
) -> tuple[ClaimRecord, tuple[Change, ...]] | None:
    """The claim's record with this revision in it and what to write; None where nothing is new."""
    revisions = dict(record.revisions) if record else {}
    known = revisions.get(coded.revision)
    if known is not None and next_status(known.status, Happening.CODED_AGAIN) is None:
        return None
    changes: list[Change] = []
    for revision, submission in revisions.items():
        superseded = next_status(submission.status, Happening.SUPERSEDE)
        if revision < coded.revision and superseded is not None:
            changes.append(Moved(coded.claim_id, revision, superseded, now))
            revisions[revision] = replace(submission, status=superseded)
    is_newest = all(revision <= coded.revision for revision in revisions)
    status = Status.PENDING if is_newest else Status.SUPERSEDED
    changes.append(Queued(coded, status, now))
    revisions[coded.revision] = Submission(
        claim_id=coded.claim_id,
        revision=coded.revision,
        payer=coded.payer,
        status=status,
        patient_control_number=coded.patient_control_number,
        charge_cents=coded.charge_cents,
        traceparent=coded.traceparent,
    )
    return ClaimRecord(revisions), tuple(changes)

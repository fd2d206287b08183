"""What a claim does when it arrives: it waits for an interchange, unless it already went.

A newer revision takes the place of an older one that was not sent yet, whichever payer's turn it
was: what an earlier payer decided on the old revision is no ground to bill the next one. The same
revision for the same payer's turn is the same claim again, unless its first try came to nothing.
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
    """The claim's record with this leg in it and what to write; None where nothing is new."""
    legs = dict(record.legs) if record else {}
    known = legs.get(coded.leg)
    if known is not None and next_status(known.status, Happening.CODED_AGAIN) is None:
        return None
    changes: list[Change] = []
    for leg, submission in legs.items():
        superseded = next_status(submission.status, Happening.SUPERSEDE)
        if leg.revision < coded.revision and superseded is not None:
            changes.append(Moved(leg, superseded, now))
            legs[leg] = replace(submission, status=superseded)
    is_newest = all(leg.revision <= coded.revision for leg in legs)
    status = Status.PENDING if is_newest else Status.SUPERSEDED
    changes.append(Queued(coded, status, now))
    legs[coded.leg] = Submission(
        claim_id=coded.claim_id,
        revision=coded.revision,
        payer_sequence=coded.payer_sequence,
        payer=coded.payer,
        status=status,
        patient_control_number=coded.patient_control_number,
        charge_cents=coded.charge_cents,
        traceparent=coded.traceparent,
        payer_identifier=coded.payer_identifier,
    )
    return ClaimRecord(legs), tuple(changes)

"""The claims that one answer moves, gathered with what is said of each and what is to be written.

It is apart from the rules of `acknowledgement` because it keeps the score: several claims of one
answer may be the same claim, and each must see what the one before it did.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.submission.domain.acknowledgement import Evidence, claim_event, moved
from services.submission.domain.changes import Change, ClaimRecord, Leg, Moved, Submission
from services.submission.domain.status import Happening
from shared.contract.envelope import Event
from shared.contract.events import ClaimAnswer
from shared.contract.model import Finding


@dataclass(slots=True)
class Moves:
    """`look_up` finds a claim's record as it was before; `records` are those that changed."""

    look_up: Callable[[UUID], ClaimRecord | None]
    evidence: Evidence
    records: dict[UUID, ClaimRecord] = field(default_factory=dict)
    rows: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def _record(self, claim_id: UUID) -> ClaimRecord | None:
        return self.records.get(claim_id) or self.look_up(claim_id)

    def legs(self, claim_ids: Sequence[UUID]) -> list[Submission]:
        """All legs of these claims, as they stand by now."""
        records = map(self._record, claim_ids)
        return [row for record in records if record for row in record.legs.values()]

    def listed(self, legs: Sequence[Leg]) -> list[Submission]:
        """These legs, as they stand by now."""
        found = ((self._record(leg.claim_id), leg) for leg in legs)
        return [record.legs[leg] for record, leg in found if record]

    def move(
        self,
        submission: Submission,
        happening: Happening,
        answer: ClaimAnswer | None = None,
        findings: Sequence[Finding] = (),
    ) -> bool:
        """Moves a claim, where the answer does, and says so by an event; whether it moved.

        `findings` give the reason where no answer to the claim itself does.
        """
        after = moved(submission, happening)
        if after is None:
            return False
        record = self._record(submission.claim_id)
        known = record.legs if record else {}
        self.records[submission.claim_id] = ClaimRecord({**known, after.leg: after})
        number = answer.payer_claim_control_number if answer else None
        at = self.evidence.at
        self.rows.append(Moved(after.leg, after.status, at, number))
        reasons = answer.findings if answer else findings
        self.events.append(claim_event(after, self.evidence, reasons, answer))
        return True

"""What a payer's answer does to our claims: which claim it is about, how far it moves it, and what
is said of that.

An answer is related by what we gave the payer: control numbers for a TA1 or a 999, the patient
control number within the batch for a 277CA. Never by a name, and never by a guess: an answer that
could be about several claims moves none and is kept for a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.submission.domain.changes import Relation, Submission
from services.submission.domain.control_numbers import parse_control_number
from services.submission.domain.status import Happening, Status, next_status
from shared.contract.envelope import Event, business_id
from shared.contract.events import (
    AcknowledgementEvidence,
    AcknowledgementRead,
    ClaimAcknowledged,
    ClaimAnswer,
    ClaimRefused,
    TransactionAnswer,
)
from shared.contract.model import Finding

SOURCE = "claimwire/submission"

_HAPPENINGS: Mapping[str, Happening] = {
    "refused": Happening.REFUSE,
    # Pending and finalized are said of claims that are in adjudication, or were.
    "pending": Happening.ACKNOWLEDGE,
    "finalized": Happening.ACKNOWLEDGE,
}
_STAGES: Mapping[Status, Literal["clearinghouse", "payer"]] = {
    Status.FORWARDED: "clearinghouse",
    Status.ACKNOWLEDGED: "payer",
}
_AT_A_PAYER = frozenset(
    {
        Status.FORMED,
        Status.SENT,
        Status.ACCEPTED,
        Status.FORWARDED,
        Status.ACKNOWLEDGED,
        Status.REFUSED,
        Status.ADJUDICATED,
    }
)
_PAID_AS: Mapping[str, str] = {"1": "P", "19": "P", "2": "S", "20": "S", "3": "T", "21": "T"}
"""CLP02: which payer's turn the 835 says it was. A denial (4) does not say."""
_SAME_NUMBER_AGAIN = "ta1-025"

_TURNS = "PSTABCDEFGH"
"""SBR01 in the order of payers' turns."""
_CONTROL_DIGITS, _SET_DIGITS = 9, 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """The answer that moves claims: which message of a payer, and when we took it."""

    message_id: UUID
    transaction: Literal["TA1", "999", "277CA", "277"]
    control_number: str | None
    at: datetime
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which claims of an interchange something is said of. `everything` includes the rest."""

    everything: bool = False
    sets: tuple[str, ...] = ()
    billing_npis: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.everything or bool(self.sets or self.billing_npis)


def happening_of(answer: ClaimAnswer) -> Happening | None:
    """What an answer does to its claim; None where it says nothing of the claim."""
    if answer.outcome == "acknowledged":
        return Happening.ACKNOWLEDGE if answer.stage == "payer" else Happening.FORWARD
    return _HAPPENINGS.get(answer.outcome)


def refused_scope(read: AcknowledgementRead, sendings: int = 1) -> Scope:
    """The claims of the answered interchange that are refused without being listed one by one.
    `sendings`: how often the interchange was sent."""
    if read.transaction in ("TA1", "999") and read.outcome == "rejected":
        return Scope(everything=not (sendings > 1 and _refuses_copy(read)))
    if read.refuses_batch:
        of_set = _batch(read)[1]
        return Scope(sets=(of_set,)) if of_set else Scope(everything=True)
    rejected = tuple(
        answer.transaction_control_number
        for answer in read.transactions
        if answer.outcome == "rejected"
    )
    return Scope(sets=rejected, billing_npis=read.refused_providers)


def _refuses_copy(read: AcknowledgementRead) -> bool:
    """Whether a TA1 refuses the number as one that its receiver has had. Of an interchange that
    was sent twice, that is the second copy: the claims of the first are there."""
    return read.transaction == "TA1" and any(
        finding.code == _SAME_NUMBER_AGAIN for finding in read.findings
    )


def accepted_sets(read: AcknowledgementRead) -> tuple[str, ...] | None:
    """Transaction sets whose syntax a 999 accepts; None for all of the interchange.

    A partial answer accepts what it lists as accepted, and nothing else.
    """
    if read.transaction != "999" or read.outcome == "rejected":
        return ()
    accepted = tuple(
        answer.transaction_control_number
        for answer in read.transactions
        if answer.outcome != "rejected"
    )
    is_whole = read.outcome != "partially_accepted" and len(accepted) == len(read.transactions)
    return None if is_whole else accepted


def answered_control_number(read: AcknowledgementRead) -> int | None:
    """The control number of our interchange that an answer names; None where it names none.

    Our group control number is the interchange's.
    """
    named = read.interchange_control_number or read.group_control_number
    return parse_control_number(named) if named else _batch(read)[0]


def _batch(read: AcknowledgementRead) -> tuple[int | None, str | None]:
    """Interchange and set that a 277CA's batch reference names: our BHT03 is the nine digits of
    the one and the four or more of the other."""
    reference = read.batch_reference or ""
    of_set = reference[_CONTROL_DIGITS:]
    if len(of_set) < _SET_DIGITS or not of_set.isdigit():
        return parse_control_number(reference), None
    return parse_control_number(reference[:_CONTROL_DIGITS]), of_set


def relate(
    answer: ClaimAnswer, candidates: Sequence[Submission], batch_number: int | None
) -> tuple[Relation, Submission | None]:
    """The claim an answer is about, among ours with its patient control number.

    The batch it names and the charge it repeats narrow the choice where they leave one; what is
    left must be one claim, and its newest revision at the payer whose turn it is is meant.
    """
    left = [row for row in candidates if row.status in _AT_A_PAYER]
    left = [row for row in left if row.control_number == batch_number] or left
    left = [row for row in left if row.charge_cents == answer.charge] or left
    if not left:
        return "nothing", None
    if len({row.claim_id for row in left}) > 1:
        return "several", None
    left = [row for row in left if row.status is not Status.ADJUDICATED] or left
    return "claim", max(left, key=lambda row: (row.revision, _TURNS.find(row.payer_sequence)))


def adjudicated_leg(
    candidates: Sequence[Submission], revision: int, clp_status: str, payer_identifier: str
) -> Submission | None:
    """The leg of a claim that an 835 decided on: the one whose turn CLP02 says, else the one at the
    payer that paid, else the only one there is. None where that leaves several or none."""
    left = [row for row in candidates if row.revision == revision and row.status in _AT_A_PAYER]
    turn = _PAID_AS.get(clp_status)
    left = [row for row in left if row.payer_sequence == turn] or left
    left = [row for row in left if row.payer_identifier == payer_identifier] or left
    return left[0] if len(left) == 1 else None


def moved(submission: Submission, happening: Happening) -> Submission | None:
    """The submission after what happened, or None where that does not move it."""
    status = next_status(submission.status, happening)
    return None if status is None else replace(submission, status=status)


def claim_event(
    submission: Submission,
    evidence: Evidence,
    findings: Sequence[Finding] = (),
    answer: ClaimAnswer | None = None,
) -> Event:
    """`claim.refused` or `claim.acknowledged`, by the status that the claim has reached.

    The id is the same whichever copy of an answer moves the claim there.
    """
    proof = AcknowledgementEvidence(
        transaction=evidence.transaction,
        control_number=evidence.control_number,
        received_at=evidence.at,
        status_codes=answer.status_codes if answer else (),
        message_id=evidence.message_id,
        path=answer.path if answer else None,
    )
    data: ClaimRefused | ClaimAcknowledged
    if submission.status is Status.REFUSED:
        data = ClaimRefused(
            revision=submission.revision,
            findings=tuple(findings) or (_unexplained(evidence),),
            evidence=proof,
            payer_sequence=submission.payer_sequence,
        )
    else:
        data = ClaimAcknowledged(
            revision=submission.revision,
            stage=_STAGES[submission.status],
            payer_claim_control_number=answer.payer_claim_control_number if answer else None,
            evidence=proof,
            payer_sequence=submission.payer_sequence,
        )
    return Event(
        id=business_id(
            "submission", submission.status, submission.claim_id, submission.interchange_id
        ),
        source=SOURCE,
        subject=str(submission.claim_id),
        time=evidence.at,
        data=data,
        sequence=submission.revision,
        traceparent=submission.traceparent,
        causation_id=evidence.message_id,
    )


def findings_for(read: AcknowledgementRead, submission: Submission) -> tuple[Finding, ...]:
    """Why a claim is refused together with its set or interchange."""
    of_set: TransactionAnswer | None = next(
        (
            answer
            for answer in read.transactions
            if answer.transaction_control_number == submission.transaction_control_number
        ),
        None,
    )
    return (of_set.findings if of_set else ()) + read.findings


def _unexplained(evidence: Evidence) -> Finding:
    return Finding(
        code=f"{evidence.transaction.lower()}-refused",
        message="The answer refuses the claim and does not say why.",
        hint="Ask the payer for the reason, then correct the claim and send it again.",
        source=evidence.transaction,
    )

"""What a TA1, a 999 and a 997 mean: whether envelope and syntax of what we sent were accepted.

It is apart from what a 277CA means, which is about claims: a 999 says nothing of a claim's content.
Nothing from the patient goes into a finding, not even the bad value that an IK4 copies.
"""

from collections.abc import Iterator
from typing import Literal

from shared.contract.acknowledgement import (
    ElementError,
    GroupAnswer,
    InterchangeAnswer,
    SegmentError,
    SetAnswer,
)
from shared.contract.events import AcknowledgementRead, TransactionAnswer
from shared.contract.model import Finding
from shared.x12.answers import codes
from shared.x12.answers.values import clip
from shared.x12.errors import Severity

SetOutcome = Literal["accepted", "accepted_with_errors", "rejected"]
GroupOutcome = Literal["accepted", "accepted_with_errors", "partially_accepted", "rejected"]

MAX_FINDINGS = 200
"""Per set of a 999: a payer that finds a thousand faults in a file has made its point."""

_GROUP_OUTCOMES: dict[str, GroupOutcome] = {
    "A": "accepted",
    "E": "accepted_with_errors",
    "P": "partially_accepted",
    "R": "rejected",
    "M": "rejected",
    "W": "rejected",
    "X": "rejected",
}
_SET_OUTCOMES: dict[str, SetOutcome] = {
    "A": "accepted",
    "E": "accepted_with_errors",
    "R": "rejected",
    "M": "rejected",
    "W": "rejected",
    "X": "rejected",
}


def of_interchange(answer: InterchangeAnswer) -> AcknowledgementRead:
    """A TA1's meaning. A code that is none of A, E and R is taken as R: it accepts nothing."""
    outcome = _GROUP_OUTCOMES.get(answer.outcome, "rejected")
    findings: tuple[Finding, ...] = ()
    if outcome != "accepted" or answer.note not in ("", "000"):
        words = codes.INTERCHANGE_NOTES.get(answer.note, "its note code is not in the standard")
        findings = (
            Finding(
                code=f"ta1-{clip(answer.note) or 'none'}",
                severity="block" if outcome == "rejected" else "warn",
                path="ISA",
                message=f"The receiver says of the interchange: {words}.",
                hint=_RESEND if outcome == "rejected" else None,
                source=f"TA1 {clip(answer.outcome)} {clip(answer.note)}",
            ),
        )
    return AcknowledgementRead(
        transaction="TA1",
        outcome=outcome,
        interchange_control_number=clip(answer.interchange_control_number),
        findings=findings,
    )


_RESEND = "Nothing in it was read: put the fault right and send all of it again."


def of_group(answer: GroupAnswer) -> AcknowledgementRead:
    """The meaning of a 999 or 997: about syntax only, set by set.

    A group without AK9 is judged by its sets, a set without IK5 by its group; where neither says
    anything it is taken as rejected, for nothing says that it was accepted.
    """
    outcome = _group_outcome(answer)
    severity: Severity = "block" if outcome == "rejected" else "warn"
    findings = list(answer.findings)
    for code in answer.codes:
        words = codes.GROUP_ERRORS.get(code, "its error code is not in the standard")
        findings.append(
            Finding(
                code=f"999-ak9-{clip(code).lower()}",
                severity=severity,
                path="GS",
                message=f"The receiver says of the functional group: {words}.",
                source=f"AK9 {clip(code)}",
            )
        )
    if answer.outcome is None:
        findings.append(_missing("999-ak9-missing", "GS", "the functional group"))
    return AcknowledgementRead(
        transaction="999",
        outcome=outcome,
        group_control_number=clip(answer.group_control_number),
        transactions=tuple(_of_set(part, answer.outcome) for part in answer.sets),
        findings=tuple(findings),
    )


def _group_outcome(answer: GroupAnswer) -> GroupOutcome:
    if answer.outcome is not None:
        return _GROUP_OUTCOMES.get(answer.outcome, "rejected")
    said = {_SET_OUTCOMES.get(part.outcome or "", "rejected") for part in answer.sets}
    if not said or said == {"rejected"}:
        return "rejected"
    if "rejected" in said:
        return "partially_accepted"
    return "accepted" if said == {"accepted"} else "accepted_with_errors"


def _of_set(answer: SetAnswer, group_outcome: str | None) -> TransactionAnswer:
    said = answer.outcome or (group_outcome if group_outcome in ("A", "R") else None)
    outcome = _SET_OUTCOMES.get(said or "", "rejected")
    severity: Severity = "block" if outcome == "rejected" else "warn"
    findings: list[Finding] = []
    for segment in answer.segment_errors:
        findings.extend(_of_segment(segment, severity))
        if len(findings) >= MAX_FINDINGS:
            break
    for code in answer.codes:
        words = codes.SET_ERRORS.get(code, "its error code is not in the standard")
        findings.append(
            Finding(
                code=f"999-ik5-{clip(code).lower()}",
                severity=severity,
                path="ST",
                message=f"The receiver says of the transaction set: {words}.",
                source=f"IK5 {clip(code)}",
            )
        )
    if answer.outcome is None:
        findings.append(_missing("999-ik5-missing", "ST", "the transaction set"))
    return TransactionAnswer(
        transaction_control_number=clip(answer.control_number),
        outcome=outcome,
        findings=tuple(findings[: MAX_FINDINGS + 10]),
    )


def _missing(code: str, path: str, what: str) -> Finding:
    return Finding(
        code=code,
        path=path,
        message=f"The answer ends without saying what became of {what}.",
        hint="Ask the receiver what it meant; it was judged by the rest of the answer.",
    )


def _of_segment(error: SegmentError, severity: Severity) -> Iterator[Finding]:
    path = f"{error.loop}/" if error.loop else ""
    path = clip(f"{path}{error.segment}[{error.position}]")
    if error.code and not (error.code == "8" and error.elements):
        words = codes.SEGMENT_ERRORS.get(error.code, "its error code is not in the standard")
        yield Finding(
            code=f"999-ik3-{clip(error.code).lower()}",
            severity=severity,
            path=path,
            message=f"The receiver says of this segment: {words}.",
            source=f"IK3 {clip(error.code)}",
        )
    for element in error.elements:
        words = codes.ELEMENT_ERRORS.get(element.code, "its error code is not in the standard")
        yield Finding(
            code=f"999-ik4-{clip(element.code).lower()}",
            severity=severity,
            path=f"{path}/{_element_name(error, element)}",
            message=f"The receiver says of this element: {words}.",
            source=f"IK4 {clip(element.code)}",
        )


def _element_name(error: SegmentError, element: ElementError) -> str:
    name = f"{clip(error.segment)}{element.position:02d}"
    return name if element.component is None else f"{name}-{element.component}"

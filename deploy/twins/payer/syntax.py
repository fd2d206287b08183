"""The twin's TA1 and 999: was the envelope in order, and the syntax of each transaction set.

A table turns the reader's findings into the codes that a 999 speaks in (IK304, IK403, IK502), so
that a sender finds the segment and the element.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.twins.payer.reception import Fault, Received, ReceivedGroup, ReceivedSet
from shared.contract.acknowledgement import (
    ElementError,
    ErrorContext,
    GroupAnswer,
    InterchangeAnswer,
    SegmentError,
    SetAnswer,
)

FAULTS_SHOWN = 50
DUPLICATE = "025"
"""TA105: an interchange with this control number came before."""

_SET_CODES = {
    "set-truncated": "2",
    "se-control-number": "3",
    "se-count": "4",
    "version-not-supported": "I6",
    "version-not-read": "I6",
    "not-a-claim-set": "1",
}
_ELEMENT_CODES = {
    "required-missing": "1",
    "too-long": "5",
    "invalid-date": "8",
    "invalid-time": "9",
    "invalid-code": "7",
    "code-not-expected": "I6",
    "element-not-expected": "I10",
    "character-not-allowed": "6",
}
_SEGMENT_CODES = {"required-missing": "3", "too-many": "5", "segment-not-expected": "2"}
_OPENS = {"2300": "CLM", "2320": "SBR", "2400": "LX", "2410": "LIN", "2430": "SVD"}
"""The segment that a loop begins with, where it is no NM1."""
_PLACE = re.compile(
    r"(?:(?P<loop>.*)/)?(?P<segment>[A-Z][A-Z0-9]{1,2}?)(?P<element>\d\d)?(?:-\d+)?"
)


@dataclass(frozen=True, slots=True)
class _Place:
    loop: str | None
    segment: str
    element: int | None


def interchange_answer(received: Received, note: str = "000") -> InterchangeAnswer:
    """A TA1; `note` other than 000 rejects the interchange."""
    header = received.header
    return InterchangeAnswer(
        interchange_control_number=header.control_number,
        outcome="A" if note == "000" else "R",
        note=note,
        interchange_date=header.date,
        interchange_time=header.time,
    )


def group_answer(group: ReceivedGroup) -> GroupAnswer:
    """A 999. Where the group itself is spoilt, none of its sets is accepted."""
    answers = tuple(_set_answer(one) for one in group.sets)
    rejected = len(answers) if group.codes else sum(one.outcome == "R" for one in answers)
    outcome = "R" if rejected == len(answers) else "P" if rejected else "A"
    if outcome == "A" and any(one.outcome == "E" for one in answers):
        outcome = "E"
    return GroupAnswer(
        functional_group=group.header.functional_id,
        group_control_number=group.header.control_number,
        outcome=outcome,
        version=group.header.version,
        sets=answers,
        included=len(answers),
        received=len(answers),
        accepted=len(answers) - rejected,
        codes=group.codes[:5],
    )


def _set_answer(one: ReceivedSet) -> SetAnswer:
    told = one.faults or one.remarks
    codes = [code for fault in one.faults if (code := _SET_CODES.get(fault.finding.code))]
    errors = [error for fault in told[:FAULTS_SHOWN] if (error := _segment_error(fault))]
    if errors and one.faults:
        codes.append("5")
    outcome = "R" if one.faults else "E" if one.remarks else "A"
    return SetAnswer(
        transaction=one.code,
        control_number=one.control_number,
        outcome=outcome,
        version=one.version,
        segment_errors=tuple(errors),
        codes=_once(codes or (["I5"] if one.faults else []))[:5],
    )


def _once(codes: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(codes))


def _segment_error(fault: Fault) -> SegmentError | None:
    finding = fault.finding
    if finding.code in _SET_CODES:
        return None
    place = _place(finding.path or "")
    code = _SEGMENT_CODES.get(finding.code, "8")
    element: tuple[ElementError, ...] = ()
    if place.element is not None:
        code = "8"
        element = (ElementError(place.element, _ELEMENT_CODES.get(finding.code, "6")),)
    contexts = (ErrorContext(name="CLM01", value=fault.claim),) if fault.claim else ()
    return SegmentError(
        segment=place.segment,
        position=finding.position or 1,
        loop=place.loop,
        code=code,
        contexts=contexts,
        elements=element,
    )


def _place(path: str) -> _Place:
    """`2400[2]/SV102` as loop 2400, segment SV1, element 2; a loop alone by its first segment."""
    match = _PLACE.fullmatch(path)
    if match is None:
        missing = path.rpartition("/")[2].partition("[")[0][:6]
        return _Place(missing or None, _OPENS.get(missing, "NM1"), None)
    loop = (match["loop"] or "").rpartition("/")[2].partition("[")[0]
    element = int(match["element"]) if match["element"] else None
    return _Place(loop or None, match["segment"], element)

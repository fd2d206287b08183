"""The answer to a sender of X12: a 999 for each functional group, a TA1 where ISA14 asks for one.

It says what the reader found in the sender's syntax, not what became of the claims: a duplicate is
acknowledged like any other. A set of which some claims could be read is accepted with errors
(IK501 E), since those claims are let in; one of which none could is rejected (R).
Codes are those of X12 005010X231A1 (AK9, IK3, IK4, IK5) and of TA105.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from uuid import UUID

from shared.contract.acknowledgement import (
    ElementError,
    ErrorContext,
    GroupAnswer,
    InterchangeAnswer,
    SegmentError,
    SetAnswer,
)
from shared.contract.model import Finding
from shared.x12.answers.writing import write_group_answers, write_interchange_answers
from shared.x12.claims.reading import ReadClaim
from shared.x12.envelope import Envelope, GroupHeader, InterchangeHeader
from shared.x12.errors import X12Error, X12Problem
from shared.x12.interchange import InterchangeEnvelope

MAX_ERRORS = 50
"""Segment errors told of one set."""
MAX_ALL_ERRORS = 2_000
"""Of one message: a bound on what a hostile file can make us say."""

_PLACE = re.compile(r"([A-Z0-9]{2,3}?)(\d{2})?(?:-(\d+))?")
_TA1_NOTES: Mapping[str, str] = {
    "iea-control-number": "001",
    "iea-count": "021",
    "iea-missing": "023",
    "iea-unexpected": "024",
}
_GROUP_CODES: Mapping[str, str] = {
    "ge-missing": "3",
    "ge-control-number": "4",
    "ge-count": "5",
}
_SET_CODES: Mapping[str, str] = {
    "not-a-claim-set": "1",
    "version-not-supported": "1",
    "set-truncated": "2",
    "se-control-number": "3",
    "se-count": "4",
}
_SEGMENT_ERRORS = "5"
"""IK502: one or more segments in error."""
_REQUIRED_SEGMENT, _ELEMENT_ERRORS = "3", "8"
"""IK304: a required segment is missing; a segment has data element errors."""
_ELEMENT_CODES: Mapping[str, str] = {
    "required-missing": "1",
    "blank-value": "1",
    "too-long": "5",
    "character-not-allowed": "6",
}
_INVALID_CODE = "7"


@dataclass(slots=True)
class _Set:
    control_number: str
    version: str
    claims: int = 0
    refused: int = 0
    is_refused: bool = False
    codes: list[str] = field(default_factory=list)
    errors: list[SegmentError] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        if self.is_refused or self.claims == self.refused:
            return "R"
        return "E" if self.codes or self.errors else "A"


@dataclass(slots=True)
class _Group:
    header: GroupHeader
    sets: list[_Set] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Interchange:
    header: InterchangeHeader
    groups: list[_Group] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Receipt:
    """Takes note of what a reader finds, set by set. Give `open_interchange` and `open_set` to
    the reader."""

    def __init__(self) -> None:
        self.interchanges: list[_Interchange] = []
        self._set: _Set | None = None
        self._errors = 0

    def open_interchange(self, header: InterchangeHeader) -> None:
        """An interchange begins; it may hold no set."""
        self._set = None
        self.interchanges.append(_Interchange(header))

    def open_set(self, envelope: Envelope) -> None:
        """A transaction set begins. One outside of a group cannot be answered."""
        self._set = None
        header = envelope.transaction
        if envelope.interchange is None or envelope.group is None or header is None:
            return
        groups = self.interchanges[-1].groups
        if not groups or groups[-1].header is not envelope.group:
            groups.append(_Group(envelope.group))
        self._set = _Set(header.control_number, header.version)
        groups[-1].sets.append(self._set)

    def claim(self, found: ReadClaim, *, is_refused: bool) -> None:
        """A claim of the open set was read."""
        if self._set is None:
            return
        self._set.claims += 1
        self._set.refused += is_refused
        if is_refused:
            self._note(found.findings, found.patient_control_number)

    def problem(self, problem: X12Problem) -> None:
        """Something is wrong with an envelope or a set."""
        if not self.interchanges:
            return
        interchange = self.interchanges[-1]
        for finding in problem.findings:
            code = finding.code
            if code in _TA1_NOTES:
                interchange.notes.append(_TA1_NOTES[code])
            elif code in _GROUP_CODES:
                if interchange.groups:
                    interchange.groups[-1].codes.append(_GROUP_CODES[code])
            elif self._set is not None and problem.control.transaction is not None:
                if code in _SET_CODES:
                    self._set.codes.append(_SET_CODES[code])
                if finding.severity == "block":
                    self._set.is_refused = True
                    if code not in _SET_CODES:
                        self._note((finding,), None)

    def _note(self, findings: tuple[Finding, ...], claim: str | None) -> None:
        assert self._set is not None
        if _SEGMENT_ERRORS not in self._set.codes:
            self._set.codes.append(_SEGMENT_ERRORS)
        told: set[tuple[int | None, str | None]] = set()
        for finding in findings:
            place = finding.position, finding.path
            if finding.severity != "block" or place in told:
                continue
            told.add(place)
            if len(self._set.errors) >= MAX_ERRORS or self._errors >= MAX_ALL_ERRORS:
                return
            self._errors += 1
            self._set.errors.append(_segment_error(finding, claim))


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a message's receipt comes to, to be written when the message is decided."""

    receipt: Receipt = field(repr=False, compare=False)

    def written(self, delivery_id: UUID, now: datetime) -> Iterator[tuple[str, bytes]]:
        """`999` or `TA1`, and the interchange that says it, for each interchange that was sent.

        The control number comes of the delivery: the same one again gives the same."""
        for place, interchange in enumerate(self.receipt.interchanges):
            for kind, write in (("TA1", _write_ta1), ("999", _write_999)):
                if not (interchange.header.wants_ta1 if kind == "TA1" else interchange.groups):
                    continue
                number = _number(f"{delivery_id} {place} {kind}")
                try:
                    yield kind, write(interchange, number, now)
                except X12Error:
                    continue  # the sender's own ids do not fit an envelope: nobody to answer


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8]) % 999_999_999 + 1


def _envelope(interchange: _Interchange, number: int, now: datetime) -> InterchangeEnvelope:
    """From whom the claims were sent to, back to who sent them."""
    header = interchange.header
    group = interchange.groups[0].header if interchange.groups else None
    return InterchangeEnvelope(
        sender=header.receiver,
        receiver=header.sender,
        control_number=number,
        created_at=now,
        sender_qualifier=header.receiver_qualifier,
        receiver_qualifier=header.sender_qualifier,
        usage=header.usage or "P",
        group_sender=group.receiver if group else None,
        group_receiver=group.sender if group else None,
    )


def _write_ta1(interchange: _Interchange, number: int, now: datetime) -> bytes:
    header = interchange.header
    answer = InterchangeAnswer(
        interchange_control_number=header.control_number,
        outcome="E" if interchange.notes else "A",
        note=interchange.notes[0] if interchange.notes else "000",
        interchange_date=header.date,
        interchange_time=header.time,
    )
    out = BytesIO()
    write_interchange_answers(out, _envelope(interchange, number, now), (answer,))
    return out.getvalue()


def _write_999(interchange: _Interchange, number: int, now: datetime) -> bytes:
    out = BytesIO()
    answers = [_group_answer(group) for group in interchange.groups]
    write_group_answers(out, _envelope(interchange, number, now), answers)
    return out.getvalue()


def _group_answer(group: _Group) -> GroupAnswer:
    outcomes = [one.outcome for one in group.sets]
    rejected = outcomes.count("R")
    if rejected:
        outcome = "R" if rejected == len(outcomes) else "P"
    else:
        outcome = "E" if "E" in outcomes or group.codes else "A"
    return GroupAnswer(
        functional_group=group.header.functional_id,
        group_control_number=group.header.control_number,
        outcome=outcome,
        version=group.header.version,
        sets=tuple(_set_answer(one) for one in group.sets),
        included=len(group.sets),
        received=len(group.sets),
        accepted=len(group.sets) - rejected,
        codes=tuple(dict.fromkeys(group.codes))[:5],
    )


def _set_answer(one: _Set) -> SetAnswer:
    return SetAnswer(
        transaction="837",
        control_number=one.control_number,
        outcome=one.outcome,
        version=one.version,
        segment_errors=tuple(one.errors),
        codes=tuple(dict.fromkeys(one.codes))[:5],
    )


def _segment_error(finding: Finding, claim: str | None) -> SegmentError:
    """IK3 of a finding at `2400[2]/SV102-1`, with its element below it, and the claim beside it."""
    loop, _, place = (finding.path or "ST").rpartition("/")
    match = _PLACE.fullmatch(place)
    segment = match[1] if match else "ST"
    elements: tuple[ElementError, ...] = ()
    code = _REQUIRED_SEGMENT if finding.code == "required-missing" else _ELEMENT_ERRORS
    if match is not None and match[2] is not None:
        code = _ELEMENT_ERRORS
        component = int(match[3]) if match[3] else None
        element = _ELEMENT_CODES.get(finding.code, _INVALID_CODE)
        elements = (ElementError(int(match[2]), element, component),)
    contexts = (ErrorContext("CLM01", claim),) if claim else ()
    return SegmentError(
        segment=segment,
        position=finding.position or 1,
        loop=loop.rpartition("/")[2].partition("[")[0] or None,
        code=code,
        contexts=contexts,
        elements=elements,
    )

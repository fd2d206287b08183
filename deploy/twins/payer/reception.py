"""What comes in as the payer twin takes it: the claims of each 837 set, the questions of each 276,
and what is wrong with envelope and syntax.

Strict, as a payer's front door: a claim that cannot be read, or a trailer that does not fit, spoils
its whole set; what the guide does not have is accepted and told.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO

from shared.contract.acknowledgement import StatusLevel
from shared.contract.claim import Claim
from shared.contract.model import Finding
from shared.x12.answers.acknowledgements import read_acknowledgements
from shared.x12.claims.reading import ReadClaim, read_claims
from shared.x12.envelope import EnvelopeReader, GroupHeader, InterchangeHeader, TransactionSet
from shared.x12.errors import X12Problem

SOURCE = "payer-twin"

_SPOILS = frozenset({"se-count", "se-control-number", "set-without-claims"})
"""Warnings to a reader that wants to lose nothing; a payer rejects the set."""
_NOTES = {
    "iea-missing": "023",
    "iea-control-number": "001",
    "iea-count": "021",
    "ge-missing": "022",
}
"""What is wrong with the envelope, as TA105."""
_LINE_FAULT = re.compile(r"2400\[(\d+)\]/([A-Z0-9]{2,3}?)(?:\d\d)?(?:-\d+)?")
_GROUP_CODES = {"ge-control-number": "4", "ge-count": "5"}
"""What is wrong with a functional group, as AK905."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a set; `claim` is the CLM01 of the claim that it is in, if it is in
    one."""

    finding: Finding
    claim: str | None = None


@dataclass(slots=True)
class ReceivedSet:
    """One ST. `batch` is its BHT03; `levels` are those of a 276."""

    code: str
    control_number: str
    version: str
    batch: str
    claims: list[Claim] = field(default_factory=list)
    levels: list[StatusLevel] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """What spoils the set."""
    remarks: list[Fault] = field(default_factory=list)
    """What does not."""


@dataclass(slots=True)
class ReceivedGroup:
    """One GS. `codes` are AK905s that spoil all of it."""

    header: GroupHeader
    sets: list[ReceivedSet] = field(default_factory=list)
    codes: tuple[str, ...] = ()


@dataclass(slots=True)
class Received:
    """One interchange. `note` is the TA105 of what spoils all of it, 000 for nothing."""

    header: InterchangeHeader
    groups: list[ReceivedGroup]
    note: str = "000"

    @property
    def created_at(self) -> datetime:
        """ISA09 and ISA10."""
        try:
            return datetime.strptime(f"{self.header.date}{self.header.time}+0000", "%y%m%d%H%M%z")
        except ValueError:
            return datetime(2000, 1, 1, tzinfo=UTC)


class NotAnInterchangeError(ValueError):
    """Bytes in which no ISA and GS with a set can be found: there is nobody to answer."""


def receive(content: bytes) -> Received:
    """Everything of one 837 or 276 file, in order. Raises NotAnInterchangeError."""
    received = _skeleton(content)
    if received is None:
        raise NotAnInterchangeError("no interchange with an 837 or a 276 in it")
    sets = {
        (group.header.control_number, one.control_number): one
        for group in received.groups
        for one in group.sets
    }
    if any(one.code == "837" for one in sets.values()):
        _read_claims(content, sets)
    if any(one.code == "276" for one in sets.values()):
        _read_inquiries(content, sets)
    if any(one.faults for one in sets.values()):
        _locate(content, sets)
    return received


def _read_claims(content: bytes, sets: dict[tuple[str, str], ReceivedSet]) -> None:
    for part in read_claims(BytesIO(content), source=SOURCE):
        control = part.envelope.control if isinstance(part, ReadClaim) else part.control
        one = sets.get((control.group or "", control.transaction or ""))
        if one is None or one.code != "837":
            continue
        number = part.patient_control_number if isinstance(part, ReadClaim) else None
        for finding in part.findings:
            is_spoilt = finding.severity == "block" or finding.code in _SPOILS
            (one.faults if is_spoilt else one.remarks).append(Fault(finding, number))
        if isinstance(part, ReadClaim) and part.claim is not None:
            one.claims.append(part.claim)


def _read_inquiries(content: bytes, sets: dict[tuple[str, str], ReceivedSet]) -> None:
    one: ReceivedSet | None = None
    for part in read_acknowledgements(BytesIO(content)):
        envelope = getattr(part, "envelope", None)
        if envelope is not None:
            control = envelope.group_control_number, envelope.transaction_control_number
            one = sets.get((control[0] or "", control[1] or ""))
        if one is None or one.code != "276":
            continue
        if isinstance(part, StatusLevel):
            one.levels.append(part)
        for finding in getattr(part, "findings", ()):
            is_spoilt = finding.severity == "block" or finding.code in _SPOILS
            (one.faults if is_spoilt else one.remarks).append(Fault(finding))


def _locate(content: bytes, sets: dict[tuple[str, str], ReceivedSet]) -> None:
    """Finds the segments that faults of service lines are in: the reader says where the claim
    begins."""
    for part in EnvelopeReader(BytesIO(content)).parts():
        if not isinstance(part, TransactionSet):
            continue
        control = part.envelope.control
        one = sets.get((control.group or "", control.transaction or ""))
        if one is None or not one.faults:
            continue
        names = ["ST", *(elements[0] for elements in part.segments())]
        one.faults = [_located(fault, names) for fault in one.faults]


def _located(fault: Fault, names: Sequence[str]) -> Fault:
    match = _LINE_FAULT.fullmatch(fault.finding.path or "")
    start = fault.finding.position
    if match is None or start is None or names[start - 1 : start] != ["CLM"]:
        return fault
    lines = [at for at in range(start, len(names)) if names[at] == "LX"][int(match[1]) - 1 :]
    if not lines:
        return fault
    end = lines[1] if len(lines) > 1 else len(names)
    within = range(lines[0], end)
    at = next((at for at in within if names[at] == match[2]), lines[0])
    return replace(fault, finding=fault.finding.model_copy(update={"position": at + 1}))


def _skeleton(content: bytes) -> Received | None:
    """The envelopes alone. Whole sets are skipped over by their text, not by their segments."""
    header: InterchangeHeader | None = None
    groups: list[ReceivedGroup] = []
    note = "000"
    for part in EnvelopeReader(BytesIO(_envelopes(content))).parts():
        if isinstance(part, X12Problem):
            for finding in part.findings:
                note = _NOTES.get(finding.code, note)
                if groups and finding.code in _GROUP_CODES:
                    groups[-1].codes += (_GROUP_CODES[finding.code],)
            continue
        if not isinstance(part, TransactionSet):
            continue
        envelope = part.envelope
        if envelope.interchange is None or envelope.group is None or envelope.transaction is None:
            continue
        header = header or envelope.interchange
        if not groups or groups[-1].header is not envelope.group:
            groups.append(ReceivedGroup(envelope.group))
        batch = next((elements[3] for elements in part.segments() if len(elements) > 3), "")
        transaction = envelope.transaction
        groups[-1].sets.append(
            ReceivedSet(transaction.code, transaction.control_number, envelope.version, batch)
        )
    is_answerable = header is not None and header.control_number.isdigit()
    return Received(header, groups, note) if header and is_answerable else None


def _envelopes(content: bytes) -> bytes:
    return b"".join(_control_segments(content))


def _control_segments(content: bytes) -> Iterator[bytes]:
    """The ISA and every GS, ST, BHT, SE, GE and IEA, as they stand."""
    if not content.startswith(b"ISA") or len(content) < 106:
        yield content
        return
    end = re.escape(content[105:106])
    element = re.escape(content[3:4])
    yield content[:106]
    pattern = rb"(?:GS|ST|BHT|SE|GE|IEA)" + element + rb"[^" + end + rb"]*" + end
    after = rb"(?<=" + end + rb")[\r\n]*"
    for match in re.finditer(after + rb"(" + pattern + rb")", content):
        yield match[1]

"""An 837 as the payer twin takes it in: the claims of each transaction set, and what is wrong with
its syntax. Strict: a claim that cannot be read spoils its whole set, as a 999 does it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO

from shared.contract.claim import Claim
from shared.contract.model import Finding
from shared.x12.claims.reading import ReadClaim, read_claims
from shared.x12.envelope import EnvelopeReader, GroupHeader, InterchangeHeader, TransactionSet

SOURCE = "payer-twin"


@dataclass(slots=True)
class ReceivedSet:
    """One ST of an 837. `batch` is its BHT03."""

    control_number: str
    version: str
    batch: str
    claims: list[Claim] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class ReceivedGroup:
    """One GS."""

    header: GroupHeader
    sets: list[ReceivedSet] = field(default_factory=list)


@dataclass(slots=True)
class Received:
    """One interchange file."""

    header: InterchangeHeader
    groups: list[ReceivedGroup]

    @property
    def created_at(self) -> datetime:
        """ISA09 and ISA10: the twin's answers carry the same time, so that answering the same file
        again gives the same bytes."""
        try:
            return datetime.strptime(f"{self.header.date}{self.header.time}+0000", "%y%m%d%H%M%z")
        except ValueError:
            return datetime(2000, 1, 1, tzinfo=UTC)


class NotAnInterchangeError(ValueError):
    """Bytes in which no ISA and GS with an 837 can be found: there is nobody to answer."""


def receive(content: bytes) -> Received:
    """Everything of one 837 file, its claims in order. Raises NotAnInterchangeError."""
    skeleton = _skeleton(content)
    if skeleton is None:
        raise NotAnInterchangeError("no interchange with an 837 in it")
    by_place = {
        (group.header.control_number, one.control_number): one
        for group in skeleton.groups
        for one in group.sets
    }
    for part in read_claims(BytesIO(content), source=SOURCE):
        control = part.envelope.control if isinstance(part, ReadClaim) else part.control
        one = by_place.get((control.group or "", control.transaction or ""))
        if one is None:
            continue
        one.faults += [finding for finding in part.findings if finding.severity == "block"]
        if isinstance(part, ReadClaim) and part.claim is not None:
            one.claims.append(part.claim)
    return skeleton


def _skeleton(content: bytes) -> Received | None:
    """The envelopes alone. Whole sets are skipped over by their text, not by their segments."""
    header: InterchangeHeader | None = None
    groups: list[ReceivedGroup] = []
    for part in EnvelopeReader(BytesIO(_envelopes(content))).parts():
        if not isinstance(part, TransactionSet):
            continue
        envelope = part.envelope
        if envelope.interchange is None or envelope.group is None or envelope.transaction is None:
            continue
        header = envelope.interchange
        if not groups or groups[-1].header is not envelope.group:
            groups.append(ReceivedGroup(envelope.group))
        batch = next((elements[3] for elements in part.segments() if len(elements) > 3), "")
        number = envelope.transaction.control_number
        groups[-1].sets.append(ReceivedSet(number, envelope.version, batch))
    is_answerable = header is not None and header.control_number.isdigit()
    return Received(header, groups) if header and is_answerable else None


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

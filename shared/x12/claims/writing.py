"""Canonical claims to 837 interchanges, streamed.

It is apart from the tables because it owns what stands around claims: envelopes, batches, and the
HL tree in which claims that follow each other share a billing provider, a subscriber and a
patient.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from uuid import UUID

from shared.contract.claim import Claim, ClaimKind, Party
from shared.x12.claims.checking import check_writable, writers_of
from shared.x12.claims.reading import TABLES
from shared.x12.interchange import MAX_CONTROL_NUMBER, interchange_header
from shared.x12.interchange import InterchangeEnvelope as Envelope
from shared.x12.table import TransactionTable
from shared.x12.writer import ELEMENT, finish

__all__ = [
    "InterchangeEnvelope",
    "Placement",
    "WrittenInterchange",
    "check_writable",
    "write_interchange",
]

CLAIMS_PER_SET = 5000
_FLUSH_SEGMENTS = 4096


@dataclass(frozen=True, slots=True)
class InterchangeEnvelope(Envelope):
    """An interchange of claims. `submitter` and `receiver_party` are 1000A and 1000B; None: each
    claim's own."""

    submitter: Party | None = None
    receiver_party: Party | None = None
    claims_per_set: int = CLAIMS_PER_SET


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a claim stands in what was written."""

    claim_id: UUID
    group_control_number: str
    transaction_control_number: str


@dataclass(slots=True)
class WrittenInterchange:
    """What `write_interchange` wrote."""

    control_number: str
    groups: int = 0
    sets: int = 0
    claims: int = 0
    segments: int = 0
    placements: list[Placement] = field(default_factory=list)


def write_interchange(
    claims: Iterable[Claim], envelope: InterchangeEnvelope, out: BinaryIO
) -> WrittenInterchange:
    """Writes one interchange and says what is in it; nothing at all for no claims.

    A new group begins where the claims' kind changes, a new set after `claims_per_set` claims or
    where submitter, receiver or kind of submission change. Claims that follow each other and have
    equal billing providers (subscribers, patients) share an HL loop. Raises X12Error for an
    envelope that cannot be written and for a claim that has more of something than the standard
    holds (`check_writable` finds that beforehand).
    """
    stream = _Stream(envelope, out)
    for claim in claims:
        stream.add(claim)
    return stream.end()


class _Stream:
    """An interchange being written: what is open, and what has been counted."""

    def __init__(self, envelope: InterchangeEnvelope, out: BinaryIO) -> None:
        self._envelope = envelope
        self._out = out
        self._lines: list[str] = []
        self._written = WrittenInterchange(f"{envelope.control_number:09d}")
        self._kind: ClaimKind | None = None
        self._set: _Set | None = None
        self._sets_in_group = 0
        self._group_number = ""

    def add(self, claim: Claim) -> None:
        open_set = self._set
        if claim.kind != self._kind:
            self._end_group()
            self._begin_group(claim.kind)
            open_set = None
        if open_set is None or not open_set.takes(claim, self._envelope):
            self._end_set()
            open_set = self._begin_set(claim)
        open_set.add(claim)
        self._written.claims += 1
        self._written.placements.append(
            Placement(claim.id, self._group_number, open_set.control_number)
        )
        if len(self._lines) >= _FLUSH_SEGMENTS:
            self._flush()

    def end(self) -> WrittenInterchange:
        if self._kind is not None:
            self._end_group()
            self._put("IEA", str(self._written.groups), self._written.control_number)
            self._flush()
        return self._written

    def _put(self, *elements: str) -> None:
        self._lines.append(ELEMENT.join(elements).rstrip(ELEMENT))

    def _flush(self) -> None:
        if not self._lines:
            return
        text = finish(self._lines, self._envelope.separators)
        if self._envelope.line_ends:
            end = self._envelope.separators.segment
            text = text.replace(end, end + "\n")
        self._out.write(text.encode("ascii"))
        self._written.segments += len(self._lines)
        self._lines.clear()

    def _begin_group(self, kind: ClaimKind) -> None:
        envelope = self._envelope
        if self._kind is None:
            self._out.write(interchange_header(envelope))
            self._written.segments += 1
        self._kind = kind
        ordinal = envelope.control_number + self._written.groups
        self._group_number = str((ordinal - 1) % MAX_CONTROL_NUMBER + 1)
        self._written.groups += 1
        self._sets_in_group = 0
        self._put(
            "GS",
            "HC",
            envelope.group_sender or envelope.sender,
            envelope.group_receiver or envelope.receiver,
            f"{envelope.created_at:%Y%m%d}",
            f"{envelope.created_at:%H%M}",
            self._group_number,
            "X",
            TABLES[kind].version,
        )

    def _end_group(self) -> None:
        self._end_set()
        if self._kind is not None:
            self._put("GE", str(self._sets_in_group), self._group_number)

    def _begin_set(self, claim: Claim) -> "_Set":
        self._sets_in_group += 1
        self._written.sets += 1
        assert self._kind is not None
        number = f"{self._sets_in_group:04d}"
        self._set = _Set(self._kind, number, self._lines, self._envelope, claim)
        return self._set

    def _end_set(self) -> None:
        if self._set is not None:
            self._put("SE", str(self._set.segments + 1), self._set.control_number)
            self._set = None


class _Set:
    """One ST to SE: the HL tree as it grows."""

    def __init__(
        self,
        kind: ClaimKind,
        control_number: str,
        lines: list[str],
        envelope: InterchangeEnvelope,
        first: Claim,
    ) -> None:
        self.control_number = control_number
        self.segments = 0
        self._lines = lines
        self._put = lines.append
        table = TABLES[kind]
        self._writers = writers_of(table)
        self._claims = 0
        self._submission = (first.submitter, first.receiver, first.submission_kind)
        self._level = 0
        self._provider: Claim | None = None
        self._provider_level = 0
        self._subscriber: Claim | None = None
        self._subscriber_level = 0
        self._patient: Claim | None = None
        before = len(lines)
        self._begin(table, envelope, first)
        self.segments += len(lines) - before

    def _begin(self, table: TransactionTable, envelope: InterchangeEnvelope, first: Claim) -> None:
        created = envelope.created_at
        batch = f"{envelope.control_number:09d}{self.control_number}"
        self._put(ELEMENT.join(("ST", table.code, self.control_number, table.version)))
        self._put(
            ELEMENT.join(
                (
                    "BHT",
                    "0019",
                    "00",
                    batch,
                    f"{created:%Y%m%d}",
                    f"{created:%H%M%S}",
                    first.submission_kind or "CH",
                )
            )
        )
        self._writers.root.write(
            {
                "submitter": envelope.submitter or first.submitter,
                "receiver": envelope.receiver_party or first.receiver,
            },
            self._put,
        )

    def takes(self, claim: Claim, envelope: InterchangeEnvelope) -> bool:
        """Whether the claim may stand in this set."""
        submitter, receiver, submission_kind = self._submission
        return (
            self._claims < envelope.claims_per_set
            and claim.submission_kind == submission_kind
            and (envelope.submitter is not None or _same(claim.submitter, submitter))
            and (envelope.receiver_party is not None or _same(claim.receiver, receiver))
        )

    def add(self, claim: Claim) -> None:
        writers, before = self._writers, len(self._lines)
        self._claims += 1
        if self._provider is None or not _same_provider(self._provider, claim):
            self._provider, self._subscriber, self._patient = claim, None, None
            self._provider_level = self._open_level(None, "20", has_child=True)
            writers.provider.write(claim, self._put)
        is_dependent = claim.patient is not None
        if self._subscriber is None or not _same_subscriber(self._subscriber, claim):
            self._subscriber, self._patient = claim, None
            self._subscriber_level = self._open_level(
                self._provider_level, "22", has_child=is_dependent
            )
            writers.subscriber.write(_subscriber_fields(claim), self._put)
        if is_dependent and (self._patient is None or not _same_patient(self._patient, claim)):
            self._patient = claim
            self._open_level(self._subscriber_level, "23", has_child=False)
            writers.patient.write(claim, self._put)
        writers.claim.write(claim, self._put)
        self.segments += len(self._lines) - before

    def _open_level(self, parent: int | None, code: str, *, has_child: bool) -> int:
        self._level += 1
        above = "" if parent is None else str(parent)
        self._put(ELEMENT.join(("HL", str(self._level), above, code, "1" if has_child else "0")))
        return self._level


def _same(one: Any, other: Any) -> bool:
    return one is other or one == other


def _same_provider(one: Claim, other: Claim) -> bool:
    return (
        _same(one.billing_provider, other.billing_provider)
        and one.currency == other.currency
        and _same(one.pay_to_provider, other.pay_to_provider)
        and _same(one.pay_to_plan, other.pay_to_plan)
    )


def _same_subscriber(one: Claim, other: Claim) -> bool:
    return (
        (one.patient is None) == (other.patient is None)
        and _same(one.subscriber, other.subscriber)
        and _same(one.payer, other.payer)
        and one.payer_sequence == other.payer_sequence
        and one.filing_indicator == other.filing_indicator
        and (one.patient is not None or one.patient_relationship == other.patient_relationship)
    )


def _same_patient(one: Claim, other: Claim) -> bool:
    return (
        _same(one.patient, other.patient) and one.patient_relationship == other.patient_relationship
    )


def _subscriber_fields(claim: Claim) -> dict[str, Any]:
    """SBR02 says `self` where the subscriber is the patient; else PAT01 says who he is."""
    fields = dict(vars(claim))
    if claim.patient is not None:
        fields["patient_relationship"] = None
    return fields

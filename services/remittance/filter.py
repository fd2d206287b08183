"""`claimwire remit`: 835 files into events, with no broker and no database.

It is apart from the handler because it knows no claims: each claim that balances is told as its
payer tells it, under the id that intake would give it. Nothing is posted.
"""

import io
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, cast

from services.remittance.domain.adjudication import (
    DENIED,
    SILENT_STATUSES,
    adjudicate,
    denial_findings,
    status_of,
)
from services.remittance.domain.incoming import ClaimRead, Opening
from services.remittance.domain.opening import open_remittance, read_again
from services.remittance.domain.posting import Posting
from services.remittance.domain.settling import examine
from services.remittance.domain.state import Arrived, LedgerClaim, Remittance, State
from services.remittance.domain.telling import EVENT_SOURCE, Teller, claim_event
from services.remittance.reading import read_transactions
from shared.contract.envelope import Event, business_id
from shared.contract.events import AdjustmentPosted, MessageOrigin, MessageRejected
from shared.contract.model import Finding
from shared.contract.remittance import RemittanceProblem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SPOOLED_BYTES = 16_000_000
"""Of a pipe, kept in memory; the rest goes to a temporary file without a name."""

_NO_REMITTANCE = Finding(
    code="no-remittance",
    path="ST01",
    message="There is no 835 in this.",
    hint="`claimwire ack` reads TA1, 999, 277CA and 277.",
)
_HELD = Finding(
    code="remittance-held",
    path="BPR02",
    message="The claim waits with its transaction set, which may not be posted as it is.",
)


def remit(stream: BinaryIO, *, now: datetime, source: str = "cli") -> Iterator[Event]:
    """The events of every 835 in the stream: for each transaction set `remittance.read.v1`, then
    what became of each claim. `message.rejected.v1` for what cannot be read as an 835 at all.

    A stream that cannot be read twice is kept meanwhile. `source` is the sender whose claims the
    payer answers: claim ids are made of it and the patient control number.
    """
    if stream.seekable():
        yield from _Reading(stream, now, source).events()
        return
    with tempfile.SpooledTemporaryFile(SPOOLED_BYTES) as spool:
        shutil.copyfileobj(stream, spool)
        spool.seek(0)
        yield from _Reading(cast("BinaryIO", spool), now, source).events()


class _Reading:
    """One file on its way through, with what came before in it."""

    def __init__(self, stream: BinaryIO, now: datetime, source: str) -> None:
        self._stream = stream
        self._start = stream.tell()
        self._source = source
        self._teller = Teller(b"", now)
        self._file_id = business_id("remittance-file", now.isoformat())
        self._states: dict[str, State] = {}
        self._remittance: Remittance | None = None
        self._sets = 0

    def events(self) -> Iterator[Event]:
        rejected = 0
        for body in read_transactions(lambda: io.BufferedReader(_View(self._stream, self._start))):
            if isinstance(body, RemittanceProblem):
                if body.is_blocking:
                    yield self._rejected(body.findings, rejected)
                    rejected += 1
            elif isinstance(body, Opening):
                yield from self._open(body)
            elif isinstance(body, ClaimRead) and self._remittance is not None:
                yield from self._claim(body, self._remittance)
        if not self._sets and not rejected:
            yield self._rejected((_NO_REMITTANCE,), 0)

    def _open(self, opening: Opening) -> Iterator[Event]:
        self._sets += 1
        set_id = business_id(self._file_id, self._sets)
        opened = open_remittance(self._states, opening, set_id, self._teller)
        self._states |= opened.states
        self._remittance = opened.remittance if opened.is_new else None
        if not opened.is_new:
            yield read_again(opening, set_id, self._teller)
            return
        # Of what is posted nothing is said: nothing is posted here.
        yield from (one for one in opened.events if not isinstance(one.data, AdjustmentPosted))

    def _claim(self, body: ClaimRead, remittance: Remittance) -> Iterator[Event]:
        claim = self._claim_of(body)
        arrived = Arrived(remittance.source, body.claim, body.content)
        difference, findings = examine(body.claim)
        if remittance.status == "held":
            findings += (_HELD,)
        if findings:
            yield self._teller.claim_quarantined(arrived, claim, difference, findings)
        elif body.claim.status not in SILENT_STATUSES:
            yield self._teller.claim_told(claim, arrived, claim_event(_told(claim, arrived)))

    def _claim_of(self, body: ClaimRead) -> LedgerClaim:
        number = body.claim.patient_control_number
        return LedgerClaim(
            id=business_id("claim", self._source, number),
            revision=1,
            patient_control_number=number,
            account_id="",
            payer_identifier=body.opening.payer_identifier,
            charge=body.claim.charge,
            charge_entry=None,
            charge_revision=0,
        )

    def _rejected(self, findings: tuple[Finding, ...], position: int) -> Event:
        origin = MessageOrigin(
            message_id=self._file_id, source=self._source, format="x12", position=position
        )
        return Event(
            id=business_id("message.rejected.v1", self._file_id, position),
            source=EVENT_SOURCE,
            subject=str(self._file_id),
            time=self._teller.now,
            data=MessageRejected(origin=origin, findings=findings),
        )


def _told(claim: LedgerClaim, arrived: Arrived) -> Posting:
    """What posting would say of the claim, with nothing posted."""
    remitted = arrived.claim
    is_denied = remitted.status == DENIED
    adjudication = adjudicate(
        remitted,
        revision=claim.revision,
        remittance_id=arrived.remittance.id,
        payer_identifier=arrived.remittance.payer_identifier,
        is_denied=is_denied,
    )
    status = status_of(adjudication)
    findings = denial_findings(remitted, is_denied=is_denied) if status == "denied" else ()
    return Posting(claim, (), adjudication, status, findings)


class _View(io.RawIOBase):
    """A stream of its own over a file that others read too: each keeps its place."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        super().__init__()
        self._file = file
        self._at = start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._file.seek(self._at)
        chunk = self._file.read(memoryview(buffer).nbytes)
        memoryview(buffer).cast("B")[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)

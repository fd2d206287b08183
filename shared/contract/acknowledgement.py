"""What payers answer before they pay, as values: TA1, 999 (and 997), 277CA and 277; and the 276
that asks for a 277.

Like the remittance values these never travel: `shared.x12.answers` reads them, says in the
contract's events what they mean, and writes them for the payer twin. Plain frozen dataclasses
(without slots: the X12 tables read and write them through their `__dict__`); amounts are integer
cents; values that may name a patient have no repr.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from shared.contract.claim import Contact, Procedure
from shared.contract.model import Finding


@dataclass(frozen=True)
class AnswerEnvelope:
    """Where an answer stood: whose interchange, which group, which transaction set."""

    interchange_control_number: str | None = None
    group_control_number: str | None = None
    transaction_control_number: str | None = None
    sender: str | None = None
    """ISA06."""
    receiver: str | None = None
    version: str | None = None
    """ST03, else GS08."""


@dataclass(frozen=True)
class InterchangeAnswer:
    """TA1: what became of one interchange of ours, as an envelope."""

    interchange_control_number: str = ""
    """Of the interchange that is answered."""
    outcome: str = "A"
    """TA104: A accepted, E accepted with errors, R rejected."""
    note: str = "000"
    """TA105."""
    interchange_date: str | None = None
    """TA102 (YYMMDD) and TA103 (HHMM) as they stood in our ISA."""
    interchange_time: str | None = None
    envelope: AnswerEnvelope = AnswerEnvelope()


@dataclass(frozen=True, repr=False)
class ErrorContext:
    """CTX: what an error hangs on. `CLM01` with a value names the claim, `SITUATIONAL TRIGGER`
    the element that made another one necessary."""

    name: str = ""
    value: str | None = None
    segment: str | None = None
    segment_position: int | None = None
    loop: str | None = None
    element_position: int | None = None
    element_component: int | None = None
    element_repetition: int | None = None
    reference: str | None = None
    component_reference: str | None = None


@dataclass(frozen=True, repr=False)
class ElementError:
    """IK4 (AK4 in a 997)."""

    position: int = 0
    code: str = ""
    """IK403."""
    component: int | None = None
    repetition: int | None = None
    reference: str | None = None
    """The data element's number in the standard."""
    bad_value: str | None = None
    """A copy of what stood there: a patient's, perhaps. Never goes into a finding."""
    contexts: tuple[ErrorContext, ...] = ()


@dataclass(frozen=True, repr=False)
class SegmentError:
    """IK3 (AK3 in a 997) with the element errors beneath it."""

    segment: str = ""
    position: int = 0
    """Counted from ST, which is 1."""
    loop: str | None = None
    code: str | None = None
    """IK304."""
    contexts: tuple[ErrorContext, ...] = ()
    elements: tuple[ElementError, ...] = ()


@dataclass(frozen=True)
class SetAnswer:
    """One AK2 loop: the answer to one transaction set."""

    transaction: str = "837"
    """AK201: 837."""
    control_number: str = ""
    """AK202: its ST02."""
    outcome: str | None = None
    """IK501: A accepted, E with errors, R rejected; M, W, X rejected for security reasons. None
    where the loop ends without it."""
    version: str | None = None
    segment_errors: tuple[SegmentError, ...] = ()
    codes: tuple[str, ...] = ()
    """IK502 to IK506."""


@dataclass(frozen=True)
class GroupAnswer:
    """A 999 (or 997): the answer to one functional group of ours."""

    functional_group: str = "HC"
    """AK101: HC for claims."""
    group_control_number: str = ""
    """AK102: the GS06 that is answered."""
    outcome: str | None = None
    """AK901: A, E, P partially accepted, R; M, W, X. None where AK9 is missing."""
    version: str | None = None
    sets: tuple[SetAnswer, ...] = ()
    included: int | None = None
    received: int | None = None
    accepted: int | None = None
    codes: tuple[str, ...] = ()
    """AK905 to AK909."""
    transaction: Literal["999", "997"] = "999"
    envelope: AnswerEnvelope = AnswerEnvelope()
    findings: tuple[Finding, ...] = ()
    """What was odd about the answer itself."""


@dataclass(frozen=True)
class StatusCode:
    """C043 in STC01, STC10, STC11: category, status and the entity they are about."""

    category: str = ""
    status: str | None = None
    entity: str | None = None
    list_qualifier: str | None = None
    """RX where the status is a pharmacy reject code."""

    @property
    def text(self) -> str:
        """`A7:562:85`: the code as events carry it."""
        parts = (self.category, self.status or "", self.entity or "")
        return ":".join(parts).rstrip(":")


@dataclass(frozen=True, repr=False)
class Status:
    """STC. Amounts in cents."""

    code: StatusCode = StatusCode()
    """STC01."""
    on: date | None = None
    action: str | None = None
    """STC03: WQ accepted, U rejected (277CA only)."""
    charge: int | None = None
    paid: int | None = None
    """STC05, in a 277."""
    adjudicated_on: date | None = None
    payment_method: str | None = None
    payment_date: date | None = None
    check_number: str | None = None
    second_code: StatusCode | None = None
    """STC10: it adds to the first."""
    third_code: StatusCode | None = None
    """STC11."""
    message: str | None = None
    """STC12: the payer's free words."""

    @property
    def codes(self) -> tuple[StatusCode, ...]:
        """STC01 and what is there of STC10 and STC11."""
        return tuple(code for code in (self.code, self.second_code, self.third_code) if code)


@dataclass(frozen=True, repr=False)
class StatusReference:
    """REF: 1K payer claim number, D9 clearinghouse number, EJ patient control number, BLT bill
    type, FJ line control number."""

    qualifier: str = ""
    value: str | None = None


@dataclass(frozen=True, repr=False)
class StatusDate:
    """DTP: 472 service, 050 received, 009 processed. `through` where the format is RD8."""

    qualifier: str = ""
    on: date = date.min
    through: date | None = None


@dataclass(frozen=True)
class StatusAmount:
    """AMT: YU accepted, YY rejected, T3 submitted. In cents."""

    qualifier: str = ""
    amount: int = 0


@dataclass(frozen=True)
class StatusQuantity:
    """QTY: 90 accepted, AA rejected, QA and QC at the provider's level."""

    qualifier: str = ""
    quantity: Decimal = Decimal(0)


@dataclass(frozen=True, repr=False)
class StatusParty:
    """NM1 of a level."""

    role: str = ""
    """NM101: PR payer, AY clearinghouse, 41 receiver, 85 or 1P provider, QC patient, IL insured."""
    is_person: bool = False
    name: str | None = None
    first_name: str | None = None
    middle_name: str | None = None
    suffix: str | None = None
    identifier_qualifier: str | None = None
    identifier: str | None = None


@dataclass(frozen=True, repr=False)
class StatusLine:
    """2220: SVC and what follows. Amounts in cents."""

    procedure: Procedure | None = None
    charge: int | None = None
    paid: int | None = None
    revenue_code: str | None = None
    units: Decimal | None = None
    statuses: tuple[Status, ...] = ()
    references: tuple[StatusReference, ...] = ()
    dates: tuple[StatusDate, ...] = ()


@dataclass(frozen=True, repr=False)
class StatusTrace:
    """2200: TRN and what follows: one claim's answer, or a batch's where the level is above it."""

    kind: str | None = None
    """TRN01: 1 the payer's own, 2 the number that we gave."""
    number: str | None = None
    """TRN02: at a patient's level CLM01 (277CA) or the 276's trace (277); at the receiver's
    level BHT03 of the 837."""
    statuses: tuple[Status, ...] = ()
    references: tuple[StatusReference, ...] = ()
    dates: tuple[StatusDate, ...] = ()
    amounts: tuple[StatusAmount, ...] = ()
    quantities: tuple[StatusQuantity, ...] = ()
    lines: tuple[StatusLine, ...] = ()

    def reference(self, qualifier: str) -> str | None:
        """The value of the first REF with this qualifier."""
        return next((ref.value for ref in self.references if ref.qualifier == qualifier), None)


@dataclass(frozen=True, repr=False)
class StatusLevel:
    """One HL with all that belongs to it, but not its children: those follow as levels."""

    number: str = ""
    """HL01."""
    parent: str | None = None
    """HL02."""
    code: str = ""
    """HL03: 20 source, 21 receiver, 19 provider, 22 subscriber, 23 dependent, PT patient."""
    has_children: bool | None = None
    """HL04."""
    party: StatusParty | None = None
    birth_date: date | None = None
    gender: str | None = None
    contacts: tuple[Contact, ...] = ()
    traces: tuple[StatusTrace, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class StatusHeader:
    """BHT of a 277CA, a 277 or a 276, with where it stood."""

    transaction: Literal["277CA", "277", "276"]
    reference: str | None = None
    """BHT03."""
    purpose: str = "08"
    created_on: date | None = None
    created_at: str | None = None
    """BHT05, HHMM or HHMMSS."""
    kind: str | None = None
    """BHT06: TH acknowledgement, DG response."""
    envelope: AnswerEnvelope = AnswerEnvelope()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class StatusTrailer:
    """The end of the set: how many levels there were, and what was odd about the set."""

    levels: int = 0
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class AnswerProblem:
    """What is wrong with no one answer: a set in another version, bytes that are no X12 (these
    block), or counts of an envelope that do not fit (these warn)."""

    findings: tuple[Finding, ...]
    envelope: AnswerEnvelope = AnswerEnvelope()

    @property
    def is_blocking(self) -> bool:
        """Whether something could not be read."""
        return any(finding.severity == "block" for finding in self.findings)


AnswerPart = (
    InterchangeAnswer | GroupAnswer | StatusHeader | StatusLevel | StatusTrailer | AnswerProblem
)

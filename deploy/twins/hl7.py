"""The hospital's HL7 v2 feed: each claim as an encounter that is told in several messages.

Charges come before, with and after the registration; charges are corrected, credited and sent
twice; patients and accounts are merged; terminators and delimiters differ from message to message.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from deploy.twins.publication import HL7, SOURCE, Message, Published
from shared.contract.claim import Address, Claim, Insured, Patient, Provider, ServiceLine
from shared.money import format_cents

FACILITIES = {"institutional": "GH", "professional": "GC"}
_ADMISSION = {"1": "E", "2": "U", "3": "C", "4": "N"}
_RELATIONSHIPS = {"18": "SEL", "01": "SPO", "19": "CHD"}
_TERMINATORS = ("\r", "\r", "\r\n", "\n")


@dataclass(frozen=True, slots=True)
class Marks:
    """MSH-1 and MSH-2."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    def text(self, value: str) -> str:
        """A value with its delimiters escaped (HL7 2.7.1)."""
        marks = {
            self.escape: "E",
            self.field: "F",
            self.component: "S",
            self.subcomponent: "T",
            self.repetition: "R",
        }
        if not any(mark in value for mark in marks):
            return value
        return "".join(
            f"{self.escape}{marks[letter]}{self.escape}" if letter in marks else letter
            for letter in value
        )


STANDARD = Marks()
_UNUSUAL = Marks(component="$", repetition="%")

Components = Sequence[str | None]
Value = str | Components | Sequence[Components] | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One message in the writing: its segments as numbers and values, and how it is written."""

    trigger: str
    control_id: str
    at: datetime
    facility: str
    segments: tuple[tuple[str, Mapping[int, Value]], ...]
    marks: Marks = STANDARD
    terminator: str = "\r"
    version: str = "2.5.1"
    charset: str | None = None

    def render(self) -> bytes:
        """The message's bytes."""
        header: dict[int, Value] = {
            3: "GHADT",
            4: self.facility,
            5: "CLAIMWIRE",
            6: "CLAIMWIRE",
            7: stamp(self.at),
            9: self.trigger.split("^"),
            10: self.control_id,
            11: "P",
            12: self.version,
            18: self.charset,
        }
        marks = self.marks
        encoding = f"{marks.component}{marks.repetition}{marks.escape}{marks.subcomponent}"
        msh = _segment("MSH", {number - 1: value for number, value in header.items()}, marks)
        msh = f"MSH{marks.field}{encoding}{msh[4:]}"
        event = _segment("EVN", {1: self.trigger.partition("^")[2], 2: stamp(self.at)}, marks)
        lines = [msh, event, *(_segment(name, row, marks) for name, row in self.segments)]
        text = self.terminator.join(lines) + self.terminator
        return text.encode("utf-8")


def stamp(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S")


def _segment(name: str, row: Mapping[int, Value], marks: Marks) -> str:
    fields = [_field(row.get(number), marks) for number in range(1, max(row, default=0) + 1)]
    while fields and not fields[-1]:
        fields.pop()
    return marks.field.join([name, *fields])


def _field(value: Value, marks: Marks) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return marks.text(value)
    if value and not isinstance(value[0], str | None):
        return marks.repetition.join(_composite(row, marks) for row in value)  # type: ignore[arg-type]
    return _composite(value, marks)  # type: ignore[arg-type]


def _composite(parts: Components, marks: Marks) -> str:
    return marks.component.join(marks.text(part or "") for part in parts).rstrip(marks.component)


# Segments of a claim


def patient_segment(claim: Claim, record: str, account: str) -> tuple[str, Mapping[int, Value]]:
    person = claim.patient or claim.subscriber
    return "PID", {
        1: "1",
        3: [[record, None, None, "GH", "MR"], ["999-00-1234", None, None, "USSSA", "SS"]],
        5: _name(person),
        7: day(person.birth_date),
        8: person.gender,
        11: address(person.address),
        18: account,
    }


def _name(person: Insured | Patient | Provider) -> Components:
    return [person.name, person.first_name, person.middle_name, person.suffix]


def day(on: date | None) -> str | None:
    return on.strftime("%Y%m%d") if on else None


def address(place: Address | None) -> Components | None:
    if place is None:
        return None
    code = place.postal_code or ""
    zip_code = f"{code[:5]}-{code[5:]}" if len(code) == 9 else code
    return [place.line1, place.line2, place.city, place.state, zip_code]


def provider(who: Provider | None) -> Components | None:
    if who is None:
        return None
    return [who.npi, *_name(who), None, None, None, "NPI", None, None, None, "NPI"]


def visit_segment(claim: Claim, *, is_ended: bool) -> tuple[str, Mapping[int, Value]]:
    is_inpatient = claim.facility_code == "11" and claim.kind == "institutional"
    last = claim.statement_through or claim.service_lines[-1].service_from
    return "PV1", {
        1: "1",
        2: "I" if is_inpatient else "O",
        4: _ADMISSION.get(claim.admission_type or ""),
        7: provider(claim.attending_provider or claim.rendering_provider),
        8: provider(claim.referring_providers[0] if claim.referring_providers else None),
        14: claim.admission_source,
        36: claim.patient_status if is_ended else None,
        44: _moment(claim.admitted_on, claim.admission_time),
        45: _moment(last, claim.discharge_time or "1200") if is_ended else None,
    }


def _moment(on: date | None, time: str | None) -> str | None:
    return f"{day(on)}{time or ''}" if on else None


def insurance_segments(claim: Claim) -> Iterator[tuple[str, Mapping[int, Value]]]:
    """IN1 for the payer of the claim, and for each other one."""
    rows = [(claim.payer, claim.subscriber, claim.patient_relationship, claim.prior_authorization)]
    rows += [
        (other.payer, other.subscriber or Insured(), other.relationship or "18", None)
        for other in claim.other_coverages
    ]
    for number, (payer, insured, relationship, authorization) in enumerate(rows, start=1):
        yield (
            "IN1",
            {
                1: str(number),
                2: [f"PLAN{number}", "A PLAN"],
                3: payer.identifier,
                4: payer.name,
                8: insured.group_number,
                9: insured.group_name,
                14: authorization,
                16: _name(insured),
                17: _RELATIONSHIPS.get(relationship, relationship),
                18: day(insured.birth_date),
                19: address(insured.address),
                22: str(number),
                36: insured.identifier,
                43: insured.gender,
            },
        )


def diagnosis_segments(claim: Claim) -> Iterator[tuple[str, Mapping[int, Value]]]:
    for number, diagnosis in enumerate(claim.diagnoses, start=1):
        code = diagnosis.code
        dotted = f"{code[:3]}.{code[3:]}" if len(code) > 3 else code
        yield (
            "DG1",
            {
                1: str(number),
                3: [dotted, None, "I10C"],
                6: "A" if diagnosis.role == "admitting" else "F",
                15: str(number),
                26: diagnosis.present_on_admission,
            },
        )


def value_segments(claim: Claim) -> Iterator[tuple[str, Mapping[int, Value]]]:
    """UB2: condition, value, occurrence and span codes of an institutional claim."""
    if claim.values or claim.conditions or claim.occurrences or claim.occurrence_spans:
        yield (
            "UB2",
            {
                1: "1",
                3: [[code] for code in claim.conditions] or None,
                6: [[one.code, format_cents(one.amount)] for one in claim.values] or None,
                7: [[one.code, day(one.on)] for one in claim.occurrences] or None,
                8: [[one.code, day(one.start), day(one.through)] for one in claim.occurrence_spans]
                or None,
            },
        )


def charge_segment(
    claim: Claim,
    line: ServiceLine,
    number: int,
    *,
    kind: str = "CG",
    cents: int | None = None,
) -> tuple[str, Mapping[int, Value]]:
    """FT1 of one line; `cents` in place of its own charge."""
    procedure = line.procedure
    amount = line.charge if cents is None else cents
    pointed = [claim.diagnoses[at - 1] for at in line.diagnosis_pointers]
    performer = line.rendering_provider or claim.rendering_provider
    return "FT1", {
        1: str(number),
        2: charge_id(claim, line),
        4: [day(line.service_from), day(line.service_through)],
        6: kind,
        7: [line.revenue_code, "REVENUE", "NUBC"] if line.revenue_code else ["CDM1", "ITEM", "L"],
        10: format(line.units or 1, "f"),
        11: format_cents(amount),
        19: [[one.code, None, "I10C"] for one in pointed] or None,
        20: provider(performer) if claim.kind != "institutional" else None,
        21: provider(line.ordering_provider),
        25: [procedure.code, None, "C4"] if procedure else None,
        26: [[code] for code in procedure.modifiers] or None if procedure else None,
        29: line.drug.ndc if line.drug else None,
        43: [format(line.drug.quantity or 1, "f"), line.drug.unit] if line.drug else None,
    }


def charge_id(claim: Claim, line: ServiceLine) -> str:
    return f"{claim.patient_control_number}-{line.number}"


# Encounters


def publish(
    claims: Sequence[Claim], random: Random, *, run: str, number: int, today: date
) -> list[Message]:
    """The claims as encounters, their messages among each other as a day brings them. Within an
    encounter the last message is the one that makes its claim complete."""
    told = [
        _Telling(claim, random, f"{run}-H{number}-{at}", today) for at, claim in enumerate(claims)
    ]
    queues = [telling.messages() for telling in told]
    woven: list[Message] = []
    while any(queues):
        queue = random.choice([queue for queue in queues if queue])
        woven.append(queue.pop(0))
    if woven:
        again = random.choice(woven)
        copy = Message(f"{again.message_id}-again", HL7, again.value, again.records, key=again.key)
        woven.append(copy)
    return woven


class _Telling:
    """How one encounter is told."""

    def __init__(self, claim: Claim, random: Random, name: str, today: date) -> None:
        self._claim = claim
        self._random = random
        self._name = name
        self._account = claim.patient_control_number
        self._record = f"M{claim.patient_control_number}"
        self._clock = datetime.combine(today, datetime.min.time()) + timedelta(hours=6)
        self._sent = 0
        self._is_discharged = random.random() < 0.4

    def messages(self) -> list[Message]:
        """In the order they are published."""
        random = self._random
        registration = self._registration()
        charges = self._charges()
        coding = [self._sheet("BAR^P12", [*diagnosis_segments(self._claim)])]
        merge = self._merge(charges)
        middle = charges + coding
        random.shuffle(middle)
        ending = [self._ending()]
        sheets = middle + merge + ending
        # The registration may come first, among the charges, or when all else is there.
        place = random.choice((0, 0, random.randrange(len(sheets)), len(sheets)))
        if merge:
            place = 0
        sheets[place:place] = registration
        return [
            self._message(sheet, is_last=at == len(sheets) - 1) for at, sheet in enumerate(sheets)
        ]

    def _registration(self) -> list[Sheet]:
        claim = self._claim
        rows = [
            visit_segment(claim, is_ended=False),
            *insurance_segments(claim),
            *value_segments(claim),
        ]
        first = self._sheet("BAR^P01" if self._random.random() < 0.3 else "ADT^A04", rows)
        if self._random.random() < 0.2:  # an update that overtakes what it updates
            wrong = claim.model_copy(
                update={"subscriber": claim.subscriber.model_copy(update={"identifier": "OLD"})}
            )
            old = [visit_segment(claim, is_ended=False), *insurance_segments(wrong)]
            stale = self._sheet("ADT^A04", old)
            update = self._sheet("ADT^A08", rows)
            return [update, stale]
        return [first]

    def _charges(self) -> list[Sheet]:
        """Each in a DFT of its own or several in one, some corrected, some taken back."""
        claim, random = self._claim, self._random
        sheets: list[Sheet] = []
        lines = list(claim.service_lines)
        while lines:
            count = random.randrange(1, len(lines) + 1)
            some, lines = lines[:count], lines[count:]
            if random.random() < 0.15:  # the wrong amount first; the newer message counts
                wrong = [
                    charge_segment(claim, line, at, cents=line.charge + 500)
                    for at, line in enumerate(some, start=1)
                ]
                sheets.append(self._sheet("DFT^P03", wrong))
            right = [charge_segment(claim, line, at) for at, line in enumerate(some, start=1)]
            sheets.append(self._sheet("DFT^P03" if random.random() < 0.8 else "DFT^P11", right))
        if random.random() < 0.15:  # charged by mistake and taken back, in either order
            mistake = claim.service_lines[0].model_copy(update={"number": 99})
            sheets += [
                self._sheet("DFT^P03", [charge_segment(claim, mistake, 1)]),
                self._sheet("DFT^P03", [charge_segment(claim, mistake, 1, kind="CD")]),
            ]
        return sheets

    def _merge(self, charges: list[Sheet]) -> list[Sheet]:
        """Some charges were written for an account that is merged into this one."""
        if len(charges) < 2 or self._random.random() > 0.2:
            return []
        prior = f"X{self._account}"
        charges[0] = _for_account(charges[0], prior)
        pid = patient_segment(self._claim, self._record, self._account)
        return [
            self._sheet(
                "ADT^A40",
                [("MRG", {1: [f"X{self._record}", None, None, "GH", "MR"], 3: prior})],
                pid,
            )
        ]

    def _ending(self) -> Sheet:
        trigger = "ADT^A03" if self._is_discharged else "BAR^P06"
        return self._sheet(trigger, [visit_segment(self._claim, is_ended=True)])

    def _sheet(
        self,
        trigger: str,
        rows: Sequence[tuple[str, Mapping[int, Value]]],
        pid: tuple[str, Mapping[int, Value]] | None = None,
    ) -> Sheet:
        self._sent += 1
        self._clock += timedelta(minutes=self._random.randrange(1, 30))
        random = self._random
        own = ("ZGH", {1: "A|SITE^S OWN", 2: ["x", "y"]})
        return Sheet(
            trigger=trigger,
            control_id=f"{self._name}-{self._sent}",
            at=self._clock,
            facility=FACILITIES[self._claim.kind],
            segments=(pid or patient_segment(self._claim, self._record, self._account), *rows, own),
            marks=_UNUSUAL if random.random() < 0.1 else STANDARD,
            terminator=random.choice(_TERMINATORS),
            version=random.choice(("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8")),
        )

    def _message(self, sheet: Sheet, *, is_last: bool) -> Message:
        claim = self._claim
        return Message(
            sheet.control_id,
            HL7,
            sheet.render(),
            (Published(self._account, 0, "gathered"),),
            (Published(self._account, claim.charge, "accepted"),) if is_last else (),
            key=self._record,
        )


def _for_account(sheet: Sheet, account: str) -> Sheet:
    (name, pid), *rest = sheet.segments
    changed = (name, {**pid, 18: account})
    return Sheet(
        sheet.trigger,
        sheet.control_id,
        sheet.at,
        sheet.facility,
        (changed, *rest),
        sheet.marks,
        sheet.terminator,
        sheet.version,
    )


def broken(run: str, claim: Claim, today: date) -> Iterator[Message]:
    """Messages that must be refused, none of which may take another down with it."""
    refused = (Published("", 0, "rejected"),)
    at = datetime.combine(today, datetime.min.time())
    line = claim.service_lines[0]
    pid = patient_segment(claim, "M0", f"{run}-BROKEN")
    charge_name, charge = charge_segment(claim, line, 1)
    sheets = {
        "unknown-event": Sheet("ADT^A60", "B1", at, "GH", (pid,)),
        "no-account": Sheet("ADT^A04", "B2", at, "GH", (patient_segment(claim, "M0", ""),)),
        "bad-amount": Sheet(
            "DFT^P03", "B3", at, "GH", (pid, (charge_name, {**charge, 11: "12.345"}))
        ),
        "no-such-day": Sheet(
            "DFT^P03", "B4", at, "GH", (pid, (charge_name, {**charge, 4: "20260231"}))
        ),
        "old-version": Sheet("ADT^A04", "B5", at, "GH", (pid,), version="2.1"),
    }
    for name, sheet in sheets.items():
        yield Message(f"{run}-hl7-{name}", HL7, sheet.render(), refused)
    yield Message(f"{run}-hl7-no-header", HL7, b"PID|1||4711\rPV1|1|O\r", refused)


def profile(claims: Sequence[Claim]) -> dict[str, Any]:
    """The hospital's source profile, as its operator would write it: what its HL7 does not say.
    `claims` are some of its own, for its providers and payers."""
    by_facility = {
        FACILITIES[claim.kind]: claim.billing_provider.model_dump(mode="json", exclude_none=True)
        for claim in claims
    }
    payers = {
        str(claim.payer.identifier): {
            "identifier": claim.payer.identifier,
            "filing_indicator": claim.filing_indicator,
        }
        for claim in claims
    }
    return {
        "sources": {
            SOURCE: {
                "billing_providers": by_facility,
                "payers": payers,
                "places_of_service": {"O": "11"},
            }
        }
    }

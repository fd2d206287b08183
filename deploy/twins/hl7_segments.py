"""Writes HL7 v2: messages in any delimiters and terminators, and the segments of a claim."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from shared.contract.claim import Address, Claim, Insured, Patient, Provider, ServiceLine
from shared.money import format_cents

FACILITIES = {"institutional": "GH", "professional": "GC"}
_ADMISSION = {"1": "E", "2": "U", "3": "C", "4": "N"}
_RELATIONSHIPS = {"18": "SEL", "01": "SPO", "19": "CHD"}


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
UNUSUAL = Marks(component="$", repetition="%")

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

"""Claim.supportingInfo: what base FHIR has no element for, told by its category or its code system.

Categories of HL7's claiminformationcategory and of the CARIN guide; NUBC's code systems for
occurrence, value and condition codes.
"""

from collections.abc import Callable, Mapping
from datetime import date

from services.intake.domain.fhir import codes
from services.intake.domain.fhir.elements import Element, Findings, Node, set_if, whole_cents

Take = Callable[[Element, str, Node, Findings], None]


def read_information(claim: Element, node: Node, findings: Findings) -> None:
    """Sets the claim's fields that come from supportingInfo."""
    for _, path, information in findings.objects_at(claim, "supportingInfo", ""):
        systems = {system for system, _ in findings.codings_at(information, "code", path)}
        takers = [BY_SYSTEM[system] for system in systems if system in BY_SYSTEM]
        if not takers:
            categories = findings.codings_at(information, "category", path)
            takers = [BY_CATEGORY[code] for _, code in categories if code in BY_CATEGORY]
        for take in takers[:1]:
            take(information, path, node, findings)


def _code_into(name: str) -> Take:
    def take(information: Element, path: str, node: Node, findings: Findings) -> None:
        set_if(node, name, findings.code_at(information, "code", path))

    return take


def _text_into(name: str) -> Take:
    def take(information: Element, path: str, node: Node, findings: Findings) -> None:
        set_if(node, name, findings.text_at(information, "valueString", path))

    return take


def _period_into(start: str, end: str | None) -> Take:
    def take(information: Element, path: str, node: Node, findings: Findings) -> None:
        first, last = timing_of(information, path, findings)
        set_if(node, start, first)
        if end is not None:
            set_if(node, end, last)

    return take


def timing_of(
    information: Element, path: str, findings: Findings
) -> tuple[date | None, date | None]:
    """timingDate or timingPeriod."""
    day = findings.date_at(information, "timingDate", path)
    if day is not None:
        return day, None
    return findings.period_of(information, "timingPeriod", path)


def _bill_type(information: Element, path: str, node: Node, findings: Findings) -> None:
    code = findings.code_at(information, "code", path)
    if code is not None:
        set_bill_type(code, node)


def set_bill_type(code: str, node: Node) -> None:
    """A type of bill, with or without its leading zero, as CLM05-1 and CLM05-3."""
    plain = code.removeprefix("0") if len(code) == 4 else code
    if len(plain) == 3:
        node["facility_code"], node["frequency"] = plain[:2], plain[2]


def _frequency(information: Element, path: str, node: Node, findings: Findings) -> None:
    code = findings.code_at(information, "code", path, (codes.FREQUENCY,))
    set_if(node, "frequency", code)


def _occurrence(information: Element, path: str, node: Node, findings: Findings) -> None:
    code = findings.code_at(information, "code", path, (codes.OCCURRENCE,))
    on, _ = timing_of(information, path, findings)
    node.setdefault("occurrences", []).append({"code": code, "on": on})


def _occurrence_span(information: Element, path: str, node: Node, findings: Findings) -> None:
    code = findings.code_at(information, "code", path, (codes.OCCURRENCE_SPAN,))
    start, through = timing_of(information, path, findings)
    entry = {"code": code, "start": start, "through": through}
    node.setdefault("occurrence_spans", []).append(entry)


def _value(information: Element, path: str, node: Node, findings: Findings) -> None:
    code = findings.code_at(information, "code", path, (codes.VALUE,))
    quantity = findings.object_at(information, "valueQuantity", path)
    value = findings.quantity_of(quantity, f"{path}.valueQuantity")
    cents = None if value is None else whole_cents(value)
    if cents is None:
        findings.add(
            "amount-format",
            f"{path}.valueQuantity",
            "a value code has a value with at most two decimal places",
        )
        return
    node.setdefault("values", []).append({"code": code, "amount": cents})


def _condition(information: Element, path: str, node: Node, findings: Findings) -> None:
    code = findings.code_at(information, "code", path, (codes.CONDITION,))
    node.setdefault("conditions", []).append(code)


def _note(information: Element, path: str, node: Node, findings: Findings) -> None:
    text = findings.text_at(information, "valueString", path)
    if text is not None:
        node.setdefault("notes", []).append({"kind": "ADD", "text": text})


def _hospitalized(information: Element, path: str, node: Node, findings: Findings) -> None:
    first, last = timing_of(information, path, findings)
    set_if(node, "admitted_on", first)
    if node["kind"] == "professional":  # an institutional claim says it by its statement dates
        set_if(node, "discharged_on", last)


BY_SYSTEM: Mapping[str | None, Take] = {
    codes.FREQUENCY: _frequency,
    codes.OCCURRENCE: _occurrence,
    codes.OCCURRENCE_SPAN: _occurrence_span,
    codes.VALUE: _value,
    codes.CONDITION: _condition,
}
BY_CATEGORY: Mapping[str, Take] = {
    "typeofbill": _bill_type,
    "admtype": _code_into("admission_type"),
    "pointoforigin": _code_into("admission_source"),
    "discharge": _code_into("patient_status"),
    "discharge-status": _code_into("patient_status"),
    "drg": _code_into("diagnosis_related_group"),
    "hospitalized": _hospitalized,
    "admissionperiod": _hospitalized,
    "onset": _period_into("onset_on", None),
    "medicalrecordnumber": _text_into("medical_record_number"),
    "referralnum": _text_into("referral_number"),
    "info": _note,
}

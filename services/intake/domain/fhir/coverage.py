"""Insurance: whose coverage pays, in which order, and who is insured by it.

Claim.insurance and Coverage against SBR, 2010BA, 2010BB and 2320 of the 837.
"""

from typing import NamedTuple

from services.intake.domain.fhir import codes
from services.intake.domain.fhir.elements import Element, Findings, Node, set_if
from services.intake.domain.fhir.parties import first_identifier, payer_of, person_of
from services.intake.domain.fhir.references import References

_SUBSCRIBER_FIELDS = ("name", "first_name", "middle_name", "suffix", "address", "is_person")


class Insurance(NamedTuple):
    """One entry of Claim.insurance, with its coverage."""

    path: str
    entry: Element
    coverage: Element
    order: int


def read_insurance(
    claim: Element, patient: Element | None, references: References, findings: Findings, node: Node
) -> None:
    """Sets payer, subscriber, patient and other coverages of a claim."""
    entries = list(_entries(claim, references, findings))
    focal = [one for one in entries if one.entry.get("focal") is True] or entries[:1]
    if not focal:
        if not findings.is_blocked:
            findings.add(
                "required-missing",
                "insurance",
                "the claim says nothing of an insurance",
                "Send the coverage it is made to.",
            )
        return
    own = focal[0]
    node["payer_sequence"] = _sequence(own.order)
    auths = findings.texts_at(own.entry, "preAuthRef", own.path)
    if auths:
        node["prior_authorization"] = auths[0]
    relationship, insured = insured_of(own, patient, references, findings)
    node["patient_relationship"] = relationship
    if relationship == "18":
        if patient is not None:
            insured = {**insured, **person_of(patient, findings)}
    elif patient is not None:
        node["patient"] = person_of(patient, findings)
    node["subscriber"] = insured
    set_if(node, "filing_indicator", filing_indicator(own, findings))
    node["payer"] = payer_for(claim, own, references, findings)
    others = [one for one in entries if one is not own]
    if others:
        node["other_coverages"] = [
            _other(one, patient, references, findings)
            for one in sorted(others, key=lambda one: one.order)
        ]


def _entries(claim: Element, references: References, findings: Findings) -> "list[Insurance]":
    found = []
    for index, path, entry in findings.objects_at(claim, "insurance", ""):
        coverage = references.follow(entry, "coverage", path)
        if coverage is None:
            if "coverage" not in entry:
                findings.add("required-missing", f"{path}.coverage", "the coverage is not there")
            continue
        order = coverage.get("order", entry.get("sequence", index + 1))
        is_order = type(order) is int and 0 < order <= len(codes.SEQUENCES)
        found.append(Insurance(path, entry, coverage, order if is_order else index + 1))
    return found


def _sequence(order: int) -> str:
    return codes.SEQUENCES[min(order, len(codes.SEQUENCES)) - 1]


def insured_of(
    own: Insurance, patient: Element | None, references: References, findings: Findings
) -> tuple[str, Node]:
    """The patient's relationship to the subscriber, and what the coverage says of that one."""
    coverage = own.coverage
    code = findings.code_at(coverage, "relationship", "Coverage", (codes.RELATIONSHIP,))
    subscriber = references.follow(coverage, "subscriber", "Coverage")
    is_self = code == "self" or (code is None and (subscriber is None or subscriber is patient))
    node: Node = {"is_person": True}
    number = findings.text_at(coverage, "subscriberId", "Coverage") or first_identifier(
        coverage, "Coverage", findings, ("MB", "MC")
    )
    if number is not None:
        node["identifier"], node["identifier_qualifier"] = number, "MI"
    for kind, value, name in _classes(coverage, findings):
        if kind == "group":
            set_if(node, "group_number", value)
            set_if(node, "group_name", name)
    if is_self:
        return "18", node
    if subscriber is not None:
        node |= person_of(subscriber, findings)
        node.pop("death_date", None)
    relationship = codes.RELATIONSHIPS.get(code or "other")
    if relationship is None or relationship == "18":
        relationship = "G8"
    return relationship, node


def _classes(
    coverage: Element, findings: Findings
) -> "list[tuple[str | None, str | None, str | None]]":
    return [
        (
            findings.code_at(entry, "type", path),
            findings.text_at(entry, "value", path),
            findings.text_at(entry, "name", path),
        )
        for _, path, entry in findings.objects_at(coverage, "class", "Coverage")
    ]


def filing_indicator(own: Insurance, findings: Findings) -> str | None:
    codings = list(findings.codings_at(own.coverage, "type", "Coverage"))
    for system, code in codings:
        if system == codes.FILING_INDICATOR:
            return code
    return next(
        (codes.FILING_BY_COVERAGE[code] for _, code in codings if code in codes.FILING_BY_COVERAGE),
        None,
    )


def payer_for(
    claim: Element | None, own: Insurance, references: References, findings: Findings
) -> Node:
    """Claim.insurer, whom the claim is made to; without an identifier there, Coverage.payor."""
    found: Node = {}
    if claim is not None and "insurer" in claim:
        insurer = references.follow(claim, "insurer", "")
        found = payer_of(insurer, findings) if insurer is not None else {}
        if "identifier" in found:
            return found
    for _, path, payor in findings.objects_at(own.coverage, "payor", "Coverage"):
        resource = references.resource_of(payor, path)
        if resource is not None:
            return {**found, **payer_of(resource, findings)}
        break
    return found


def _other(
    one: Insurance, patient: Element | None, references: References, findings: Findings
) -> Node:
    relationship, insured = insured_of(one, patient, references, findings)
    if relationship == "18" and patient is not None:
        whole = person_of(patient, findings)
        insured |= {name: whole[name] for name in _SUBSCRIBER_FIELDS if name in whole}
    for name in ("birth_date", "gender"):
        insured.pop(name, None)
    node: Node = {
        "sequence": _sequence(one.order),
        "relationship": relationship,
        "payer": payer_for(None, one, references, findings),
    }
    for name in ("group_number", "group_name"):
        set_if(node, name, insured.pop(name, None))
    node["subscriber"] = insured
    set_if(node, "filing_indicator", filing_indicator(one, findings))
    return node

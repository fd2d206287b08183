"""One FHIR Claim as a canonical claim: its head. Lines and insurance stand beside it."""

from services.intake.domain.fhir import codes
from services.intake.domain.fhir.coded import read_diagnoses, read_procedures
from services.intake.domain.fhir.coverage import read_insurance
from services.intake.domain.fhir.elements import Element, Findings, Node, set_if
from services.intake.domain.fhir.information import read_information, set_bill_type
from services.intake.domain.fhir.items import read_items
from services.intake.domain.fhir.parties import (
    first_identifier,
    provider_of,
    taxonomy_of,
)
from services.intake.domain.fhir.references import References, Resources
from shared.contract.claim import ClaimKind


def read_claim(claim: Element, resources: Resources, findings: Findings) -> Node:
    """The fields of the claim. Whatever is wrong is in the findings."""
    node: Node = {}
    set_if(node, "patient_control_number", _number(claim, findings))
    _refuse_what_changes_the_meaning(claim, findings)
    kind = _kind(claim, findings)
    _use_and_status(claim, node, findings)
    if kind is None:
        return node
    node["kind"] = kind
    references = References(claim, resources, findings)
    patient = references.follow(claim, "patient", "")
    if "patient" not in claim:
        findings.add("required-missing", "patient", "the claim does not say whose it is")
    _billing_provider(claim, references, node, findings)
    read_insurance(claim, patient, references, findings, node)
    _facility(claim, references, node, findings)
    _period(claim, node, findings)
    _bill(claim, node, findings)
    read_information(claim, node, findings)
    read_diagnoses(claim, references, node, findings)
    read_procedures(claim, references, node, findings)
    _accident(claim, node, findings)
    _related(claim, node, findings)
    team = _care_team(claim, references, kind, node, findings)
    read_items(claim, references, node, team, findings)
    _charge(claim, node, findings)
    if patient is not None and "medical_record_number" not in node:
        _medical_record(patient, node, findings)
    return node


def _number(claim: Element, findings: Findings) -> str | None:
    number = first_identifier(claim, "", findings, ("uc", "PLAC"))
    number = number or findings.text_at(claim, "id", "")
    if number is None:
        findings.add(
            "required-missing",
            "identifier",
            "the claim has no number of its sender's",
            "Give each claim an identifier that payers may echo.",
        )
    return number


def _refuse_what_changes_the_meaning(claim: Element, findings: Findings) -> None:
    if "modifierExtension" in claim or "implicitRules" in claim:
        findings.add(
            "modifier-extension",
            "modifierExtension" if "modifierExtension" in claim else "implicitRules",
            "the claim's meaning is changed by an extension that is not known here",
            "Send the claim without modifier extensions and implicit rules.",
        )


def _kind(claim: Element, findings: Findings) -> ClaimKind | None:
    code = findings.code_at(claim, "type", "", (codes.CLAIM_TYPE,))
    kind = codes.KINDS.get(code or "")
    if kind is None:
        findings.add(
            "claim-type-not-supported" if code else "required-missing",
            "type",
            "the claim is none of professional, institutional and oral",
            "Pharmacy and vision claims do not travel as 837.",
        )
    return kind


def _use_and_status(claim: Element, node: Node, findings: Findings) -> None:
    use, status = findings.text_at(claim, "use", ""), findings.text_at(claim, "status", "")
    if use == "predetermination" and _is_oral(claim, findings):
        node["predetermination"] = "PB"
    elif use != "claim":
        findings.add(
            "not-a-claim",
            "use",
            "it asks for something else than payment",
            "Claims are taken; authorizations go another way.",
        )
    if status != "active":
        findings.add(
            "not-active",
            "status",
            "the claim is not active",
            "Send a claim when it is ready; take one back with frequency 8.",
        )


def _is_oral(claim: Element, findings: Findings) -> bool:
    return findings.code_at(claim, "type", "", (codes.CLAIM_TYPE,)) == "oral"


def _billing_provider(
    claim: Element, references: References, node: Node, findings: Findings
) -> None:
    provider = references.follow(claim, "provider", "")
    if provider is not None:
        node["billing_provider"] = provider_of(provider, references, findings)
    elif "provider" not in claim:
        findings.add("required-missing", "provider", "the claim does not say who bills")


def _facility(claim: Element, references: References, node: Node, findings: Findings) -> None:
    facility = references.follow(claim, "facility", "")
    if facility is not None:
        made = provider_of(facility, references, findings)
        if made:
            node["facility"] = made


def _period(claim: Element, node: Node, findings: Findings) -> None:
    if node["kind"] == "institutional":
        start, end = findings.period_of(claim, "billablePeriod", "")
        set_if(node, "statement_from", start)
        set_if(node, "statement_through", end or start)


def _bill(claim: Element, node: Node, findings: Findings) -> None:
    code = findings.code_at(claim, "subType", "")
    if code is not None and node["kind"] == "institutional":
        set_bill_type(code, node)


def _accident(claim: Element, node: Node, findings: Findings) -> None:
    accident = findings.object_at(claim, "accident", "")
    if accident is None:
        return
    day = findings.date_at(accident, "date", "accident")
    code = findings.code_at(accident, "type", "accident")
    set_if(node, "accident_on", day)
    if node["kind"] == "institutional":  # there an occurrence code says it
        return
    causes: Node = {"causes": [codes.ACCIDENTS.get(code or "", "OA")]}
    location = findings.object_at(accident, "locationAddress", "accident")
    if location is not None:
        set_if(causes, "state", findings.text_at(location, "state", "accident.locationAddress"))
    node["related_causes"] = causes


def _related(claim: Element, node: Node, findings: Findings) -> None:
    """The claim it replaces: the payer's number for that one makes it a replacement, where nothing
    else says its frequency."""
    for _, path, related in findings.objects_at(claim, "related", ""):
        relationship = findings.code_at(related, "relationship", path)
        if relationship not in (None, "prior", "replaces"):
            continue
        reference = findings.object_at(related, "reference", path)
        number = findings.text_at(reference, "value", path) if reference else None
        if number is None:
            continue
        node["payer_claim_control_number"] = number
        if node.get("frequency", "1") == "1":
            node["frequency"] = "7"


def _care_team(
    claim: Element, references: References, kind: ClaimKind, node: Node, findings: Findings
) -> dict[int, tuple[str, Node]]:
    """Role and provider of each member by its sequence. Those whom only some items name belong to
    these; all others to the claim."""
    named: dict[int, int] = {}
    items = 0
    for _, path, item in findings.objects_at(claim, "item", ""):
        items += 1
        for sequence in set(findings.numbers_at(item, "careTeamSequence", path)):
            named[sequence] = named.get(sequence, 0) + 1
    team: dict[int, tuple[str, Node]] = {}
    for index, path, member in findings.objects_at(claim, "careTeam", ""):
        provider = references.follow(member, "provider", path)
        if provider is None:
            continue
        code = findings.code_at(member, "role", path)
        role = codes.PRACTITIONER_ROLES.get(code or "", codes.PRIMARY_ROLE[kind])
        made = provider_of(provider, references, findings)
        qualification = (
            {"qualification": [member["qualification"]]} if "qualification" in member else {}
        )
        set_if(made, "taxonomy", taxonomy_of(qualification, "qualification", path, findings))
        given = member.get("sequence")
        sequence = given if type(given) is int else index + 1
        if not 0 < named.get(sequence, 0) < items and _has_room(role, node):
            _put(node, role, made)
        else:
            team[sequence] = (role, made)
    return team


def _has_room(role: str, node: Node) -> bool:
    return role == "referring_providers" or role not in node


def _put(owner: Node, role: str, provider: Node) -> None:
    if role == "referring_providers":
        owner.setdefault(role, []).append(provider)
    else:
        owner[role] = provider


def _charge(claim: Element, node: Node, findings: Findings) -> None:
    total = findings.object_at(claim, "total", "")
    charge = findings.cents_of(total, "total")
    if charge is None:
        charge = sum(line.get("charge", 0) for line in node.get("service_lines", ()))
    node["charge"] = charge


def _medical_record(patient: Element, node: Node, findings: Findings) -> None:
    for _, path, identifier in findings.objects_at(patient, "identifier", "Patient"):
        types = [code for _, code in findings.codings_at(identifier, "type", path)]
        if "MR" in types:
            set_if(node, "medical_record_number", findings.text_at(identifier, "value", path))
            return

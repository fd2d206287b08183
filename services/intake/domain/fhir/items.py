"""Claim.item as service lines: SV1, SV2, SV3, TOO and 2410 of the 837."""

from collections import Counter
from decimal import Decimal

from services.intake.domain.fhir import codes
from services.intake.domain.fhir.elements import Element, Findings, Node, pick, set_if, whole_cents
from services.intake.domain.fhir.references import References

Team = dict[int, tuple[str, Node]]


def read_items(
    claim: Element, references: References, node: Node, team: Team, findings: Findings
) -> None:
    """Sets the claim's service lines, and the place of service that most of them share."""
    places = node.pop("#diagnoses")
    lines: list[Node] = []
    for index, path, item in findings.objects_at(claim, "item", ""):
        sequence = item.get("sequence", index + 1)
        line: Node = {"number": sequence if type(sequence) is int else index + 1}
        if type(sequence) is not int:
            findings.wrong_type(f"{path}.sequence", "a whole number")
        _service(item, path, line, node["kind"], findings)
        _amounts(item, path, line, findings)
        _dates(item, path, line, references, findings)
        _pointers(item, path, line, places, node["kind"], findings)
        _drug(item, path, line, findings)
        if node["kind"] == "dental":
            _tooth(item, path, line, findings)
        for number in findings.numbers_at(item, "careTeamSequence", path):
            if number in team:
                role, provider = team[number]
                _put(line, role, provider)
        lines.append(line)
    node["service_lines"] = lines
    if not lines:
        findings.add("no-service-lines", "item", "the claim has no items")
    if node["kind"] != "institutional":
        _share_place(lines, node)
    else:
        for line in lines:
            line.pop("place_of_service", None)


def read_service_line(item: Element, path: str, references: References, findings: Findings) -> Node:
    """The line of something that is shaped like an item and stands alone: a charge."""
    line: Node = {}
    kind = "dental" if _is_dental(item, path, findings) else "professional"
    _service(item, path, line, kind, findings)
    _amounts(item, path, line, findings)
    _dates(item, path, line, references, findings)
    _drug(item, path, line, findings)
    line.pop("place_of_service", None)
    return line


def _is_dental(item: Element, path: str, findings: Findings) -> bool:
    codings = findings.codings_at(item, "productOrService", path)
    return any(system in codes.CDT for system, _ in codings)


def _put(line: Node, role: str, provider: Node) -> None:
    if role == "referring_providers":
        line.setdefault(role, []).append(provider)
    elif role != "attending_provider":  # a claim's, never a line's
        line.setdefault(role, provider)


def _share_place(lines: list[Node], node: Node) -> None:
    counts = Counter(line["place_of_service"] for line in lines if "place_of_service" in line)
    if not counts:
        return
    shared = counts.most_common(1)[0][0]
    node.setdefault("facility_code", shared)
    for line in lines:
        if line.get("place_of_service") == node["facility_code"]:
            del line["place_of_service"]


def _service(item: Element, path: str, line: Node, kind: str, findings: Findings) -> None:
    set_if(line, "revenue_code", findings.code_at(item, "revenue", path))
    codings = list(findings.codings_at(item, "productOrService", path))
    code = pick(codings, codes.PROCEDURE_SYSTEMS)
    system = next((system for system, each in codings if each == code), None)
    if code is not None and system in (None, *codes.PROCEDURE_SYSTEMS):
        qualifier = "AD" if kind == "dental" else "HP" if system == codes.HIPPS else "HC"
        procedure: Node = {"code": code, "qualifier": qualifier}
        modifiers = [
            modifier
            for _, where, concept in findings.objects_at(item, "modifier", path)
            if (modifier := pick(list(findings.codings_of(concept, where)), ())) is not None
        ]
        set_if(procedure, "modifiers", modifiers)
        line["procedure"] = procedure
    else:
        revenue = pick([one for one in codings if one[0] in codes.REVENUE], codes.REVENUE)
        if "revenue_code" not in line:
            set_if(line, "revenue_code", revenue)
        if "revenue_code" not in line:
            findings.add(
                "service-not-coded",
                f"{path}.productOrService",
                "the service has no code that an 837 can carry",
                "Code it in CPT, HCPCS or CDT, or send a revenue code.",
            )
    set_if(line, "place_of_service", findings.code_at(item, "locationCodeableConcept", path))


def _amounts(item: Element, path: str, line: Node, findings: Findings) -> None:
    quantity = findings.object_at(item, "quantity", path)
    units = findings.quantity_of(quantity, f"{path}.quantity")
    unit = findings.text_at(quantity, "code", f"{path}.quantity") if quantity else None
    line["units"] = Decimal(1) if units is None else units
    line["unit"] = codes.UNITS.get(unit or "", "UN")
    net = findings.object_at(item, "net", path)
    charge = findings.cents_of(net, f"{path}.net")
    if net is None:
        price = findings.cents_of(findings.object_at(item, "unitPrice", path), f"{path}.unitPrice")
        factor = findings.decimal_at(item, "factor", path)
        if price is not None:
            exact = Decimal(price) / 100 * line["units"] * (1 if factor is None else factor)
            charge = whole_cents(exact)
            if charge is None:
                findings.add(
                    "amount-format",
                    f"{path}.unitPrice",
                    "price times quantity is no whole number of cents",
                    "Send the item's net.",
                )
        else:
            findings.add("required-missing", f"{path}.net", "the item has no amount")
    line["charge"] = 0 if charge is None else charge


def _dates(
    item: Element, path: str, line: Node, references: References, findings: Findings
) -> None:
    day = findings.date_at(item, "servicedDate", path)
    start, end = (day, None) if day else findings.period_of(item, "servicedPeriod", path)
    if start is None:
        for _, where, reference in findings.objects_at(item, "encounter", path):
            encounter = references.resource_of(reference, where)
            if encounter is not None:
                start, _ = findings.period_of(encounter, "period", "Encounter")
            break
    set_if(line, "service_from", start)
    if end is not None and end != start:
        line["service_through"] = end


def _pointers(
    item: Element, path: str, line: Node, places: dict[int, int], kind: str, findings: Findings
) -> None:
    pointers = []
    for index, sequence in enumerate(findings.numbers_at(item, "diagnosisSequence", path)):
        if sequence in places:
            pointers.append(places[sequence])
        else:
            findings.add(
                "diagnosis-sequence-unknown",
                f"{path}.diagnosisSequence[{index}]",
                "there is no diagnosis with this sequence",
            )
    if kind != "institutional":
        set_if(line, "diagnosis_pointers", pointers)


def _drug(item: Element, path: str, line: Node, findings: Findings) -> None:
    """The first detail, or coding of the item itself, with a National Drug Code."""
    for system, code in findings.codings_at(item, "productOrService", path):
        if system == codes.NDC:
            line["drug"] = {"ndc": code.replace("-", "")}
    for _, where, detail in findings.objects_at(item, "detail", path):
        codings = list(findings.codings_at(detail, "productOrService", where))
        ndc = next((code for system, code in codings if system == codes.NDC), None)
        if ndc is None:
            findings.add(
                "line-detail-not-carried",
                where,
                "an item's details do not travel in an 837: the item's own amounts do",
                severity="inform",
            )
        elif "drug" not in line:
            drug: Node = {"ndc": ndc.replace("-", "")}
            quantity = findings.object_at(detail, "quantity", where)
            set_if(drug, "quantity", findings.quantity_of(quantity, f"{where}.quantity"))
            if quantity is not None and "quantity" in drug:
                unit = findings.text_at(quantity, "code", f"{where}.quantity")
                drug["unit"] = codes.DRUG_UNITS.get(unit or "1", "UN")
            line["drug"] = drug


def _tooth(item: Element, path: str, line: Node, findings: Findings) -> None:
    number = findings.code_at(item, "bodySite", path)
    surfaces = [
        code
        for _, where, concept in findings.objects_at(item, "subSite", path)
        for _, code in findings.codings_of(concept, where)
    ]
    if number is not None or surfaces:
        line["teeth"] = [{"number": number, "surfaces": surfaces}]

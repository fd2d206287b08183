"""People and organizations of FHIR as the parties of a claim.

Findings name the resource that the sender wrote (`Organization.address[0].city`), since that is
where it is to be corrected.
"""

from collections.abc import Sequence

from services.intake.domain.fhir import codes
from services.intake.domain.fhir.elements import Element, Findings, Node, set_if
from services.intake.domain.fhir.references import References, type_of

_PEOPLE = frozenset({"Patient", "Practitioner", "RelatedPerson", "Person"})
_HOME_COUNTRIES = frozenset({"US", "USA", "UNITED STATES"})


def person_of(resource: Element, findings: Findings) -> Node:
    """A Patient or RelatedPerson: name, address, day of birth, gender."""
    kind = type_of(resource) or "Patient"
    node = _named(resource, kind, findings)
    node["is_person"] = True
    set_if(node, "address", _address(resource, kind, findings))
    set_if(node, "birth_date", findings.date_at(resource, "birthDate", kind))
    gender = findings.text_at(resource, "gender", kind)
    if gender is not None and gender not in codes.GENDERS:
        findings.add(
            "unknown-value", f"{kind}.gender", "no code of this element", "Use male or female."
        )
    set_if(node, "gender", codes.GENDERS.get(gender or ""))
    if "deceasedDateTime" in resource:
        set_if(node, "death_date", findings.date_at(resource, "deceasedDateTime", kind))
    return node


def provider_of(resource: Element, references: References, findings: Findings) -> Node:
    """A Practitioner, PractitionerRole, Organization or Location as a provider.

    A role is its practitioner, in its organization only where it names no practitioner.
    """
    if type_of(resource) == "PractitionerRole":
        return _role(resource, references, findings)
    kind = type_of(resource) or "provider"
    node = _named(resource, kind, findings)
    if kind in _PEOPLE:
        node["is_person"] = True
    _identifiers(resource, kind, node, findings)
    set_if(node, "address", _address(resource, kind, findings))
    set_if(node, "contacts", _contacts(resource, kind, findings))
    if kind == "Organization":
        set_if(node, "taxonomy", taxonomy_of(resource, "type", kind, findings))
    return node


def _role(resource: Element, references: References, findings: Findings) -> Node:
    kind = "PractitionerRole"
    inner = references.follow(resource, "practitioner", kind)
    if inner is None:
        inner = references.follow(resource, "organization", kind)
    node: Node = {}
    if inner is not None and type_of(inner) != kind:
        node = provider_of(inner, references, findings)
    own: Node = {}
    _identifiers(resource, kind, own, findings)
    if "npi" not in node and "npi" in own:
        node["npi"] = own["npi"]
        node.pop("identifier", None)
    set_if(node, "taxonomy", taxonomy_of(resource, "specialty", kind, findings))
    set_if(node, "contacts", node.get("contacts") or _contacts(resource, kind, findings))
    return node


def taxonomy_of(owner: Element, name: str, path: str, findings: Findings) -> str | None:
    """The first taxonomy code in a list of CodeableConcepts."""
    for _, where, concept in findings.objects_at(owner, name, path):
        for system, code in findings.codings_of(concept, where):
            if system == codes.TAXONOMY:
                return code
    return None


def payer_of(resource: Element, findings: Findings) -> Node:
    """An Organization, or a reference by identifier, as a payer."""
    kind = type_of(resource) or "insurer"
    node = _named(resource, kind, findings)
    number = first_identifier(resource, kind, findings)
    if number is not None:
        node["identifier"], node["identifier_qualifier"] = number, "PI"
    set_if(node, "address", _address(resource, kind, findings))
    return node


def first_identifier(
    resource: Element, path: str, findings: Findings, types: Sequence[str] = ()
) -> str | None:
    """The value of the first identifier of one of these types, else of the first there is."""
    values: list[tuple[bool, str]] = []
    for _, where, identifier in findings.objects_at(resource, "identifier", path):
        value = findings.text_at(identifier, "value", where)
        if value is not None:
            kinds = [code for _, code in findings.codings_at(identifier, "type", where)]
            values.append((any(code in types for code in kinds), value))
    wanted = [value for is_wanted, value in values if is_wanted]
    chosen = wanted or [value for _, value in values]
    return chosen[0] if chosen else None


def _identifiers(resource: Element, kind: str, node: Node, findings: Findings) -> None:
    other = None
    for _, where, identifier in findings.objects_at(resource, "identifier", kind):
        value = findings.text_at(identifier, "value", where)
        system = findings.text_at(identifier, "system", where)
        types = {code.upper() for _, code in findings.codings_at(identifier, "type", where)}
        if value is None:
            continue
        if system == codes.NPI or "NPI" in types:
            node.setdefault("npi", value)
            if len(value) != 10 or not value.isascii() or not value.isdecimal():
                findings.add(
                    "npi-malformed",
                    f"{where}.value",
                    "an NPI has exactly ten digits",
                    "Check the number against the NPI registry.",
                )
        elif system in codes.TAX_IDS or types & {"TAX", "EN"}:
            node.setdefault("tax_id", value.replace("-", ""))
        elif system == codes.SSN or "SS" in types:
            node.setdefault("tax_id", value.replace("-", ""))
            node.setdefault("tax_id_qualifier", "SY")
        elif other is None:
            other = value
    if "npi" not in node:
        set_if(node, "identifier", other)


def _named(resource: Element, kind: str, findings: Findings) -> Node:
    """The name: an organization's text, or a person's official HumanName (else the first)."""
    name = resource.get("name")
    if name is None or isinstance(name, str):
        text = findings.text_at(resource, "name", kind)
        return {} if text is None else {"name": text}
    names = list(findings.objects_at(resource, "name", kind))
    chosen = next((one for one in names if one[2].get("use") == "official"), None)
    if not names:
        return {}
    _, where, human = chosen or names[0]
    node: Node = {}
    set_if(node, "name", findings.text_at(human, "family", where))
    if "name" not in node:
        set_if(node, "name", findings.text_at(human, "text", where))
    given = findings.texts_at(human, "given", where)
    if given:
        node["first_name"] = given[0]
        set_if(node, "middle_name", " ".join(given[1:]) or None)
    set_if(node, "suffix", " ".join(findings.texts_at(human, "suffix", where)) or None)
    return node


def _address(resource: Element, kind: str, findings: Findings) -> Node | None:
    value = resource.get("address")
    if isinstance(value, dict):  # a Location has one, everybody else a list
        return address_of(value, f"{kind}.address", findings)
    for _, where, address in findings.objects_at(resource, "address", kind):
        return address_of(address, where, findings)
    return None


def address_of(address: Element, where: str, findings: Findings) -> Node | None:
    """An Address as N3 and N4; the country only where it is another than the United States."""
    node: Node = {}
    lines = findings.texts_at(address, "line", where)
    for name, line in zip(("line1", "line2"), lines, strict=False):
        node[name] = line
    set_if(node, "city", findings.text_at(address, "city", where))
    set_if(node, "state", findings.text_at(address, "state", where))
    postal_code = findings.text_at(address, "postalCode", where)
    set_if(node, "postal_code", postal_code and postal_code.replace("-", ""))
    country = findings.text_at(address, "country", where)
    if country is not None and country.upper() not in _HOME_COUNTRIES:
        node["country"] = country
    return node or None


def _contacts(resource: Element, kind: str, findings: Findings) -> list[Node]:
    numbers: list[Node] = []
    for _, where, point in findings.objects_at(resource, "telecom", kind):
        system = findings.text_at(point, "system", where)
        value = findings.text_at(point, "value", where)
        contact = codes.CONTACT_KINDS.get(system or "")
        if value is not None and contact is not None and len(numbers) < 3:
            numbers.append({"kind": contact, "value": _number(contact, value)})
    return [{"function": "IC", "numbers": numbers}] if numbers else []


def _number(contact: str, value: str) -> str:
    """A telephone's digits, without the country's one; anything else as it is."""
    if contact not in ("TE", "FX"):
        return value
    digits = "".join(filter(str.isdecimal, value))
    return digits[1:] if len(digits) == 11 and digits[0] == "1" else digits

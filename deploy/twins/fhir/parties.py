"""Patients, subscribers, providers and payers as FHIR resources."""

from deploy.twins.fhir.parts import HL7, X12, Node, concept, put
from shared.contract.claim import (
    Address,
    Claim,
    Insured,
    Party,
    Patient,
    Payer,
    Provider,
)

_RELATIONSHIPS = {"18": "self", "01": "spouse", "19": "child", "53": "common"}
_GENDERS = {"F": "female", "M": "male", "U": "unknown"}
_POINTS = {"TE": "phone", "FX": "fax", "EM": "email", "UR": "url"}
_SEQUENCES = "PSTABCDEFGH"


def person(insured: Insured | Patient, claim: Claim | None = None) -> Node:
    """A Patient; `claim` gives its medical record number."""
    node: Node = {"resourceType": "Patient", **_name(insured), **_contact(insured)}
    if claim is not None and claim.medical_record_number is not None:
        kind = concept(f"{HL7}/v2-0203", "MR")
        node["identifier"] = [{"type": kind, "value": claim.medical_record_number}]
    if insured.birth_date is not None:
        node["birthDate"] = insured.birth_date.isoformat()
    if insured.gender is not None:
        node["gender"] = _GENDERS[insured.gender]
    if insured.death_date is not None:
        node["deceasedDateTime"] = insured.death_date.isoformat()
    return node


def relative(insured: Insured, patient: Node) -> Node:
    """A subscriber who is not the patient."""
    return {**person(insured), "resourceType": "RelatedPerson", "patient": patient}


def _name(party: Party) -> Node:
    human: Node = {"use": "official"}
    put(human, "family", party.name)
    put(human, "given", [text for text in (party.first_name, party.middle_name) if text])
    put(human, "suffix", [party.suffix] if party.suffix else [])
    return {"name": [human]} if len(human) > 1 else {}


def organization(provider: Provider, kind: str) -> Node:
    node: Node = {"resourceType": kind, **_identified(provider), **_contact(provider)}
    put(node, "name", provider.name)
    if kind == "Location" and "address" in node:
        node["address"] = node["address"][0]
    if provider.taxonomy is not None:
        node["type"] = [concept("http://nucc.org/provider-taxonomy", provider.taxonomy)]
    return node


def practitioner(provider: Provider) -> Node:
    """A person who provides."""
    return {
        "resourceType": "Practitioner",
        **_identified(provider),
        **_name(provider),
        **_contact(provider),
    }


def _identified(provider: Provider) -> Node:
    numbers = []
    if provider.npi is not None:
        numbers.append({"system": "http://hl7.org/fhir/sid/us-npi", "value": provider.npi})
    if provider.tax_id is not None:
        is_ssn = provider.tax_id_qualifier == "SY"
        system = "http://hl7.org/fhir/sid/us-ssn" if is_ssn else "urn:oid:2.16.840.1.113883.4.4"
        numbers.append({"system": system, "value": provider.tax_id})
    return {"identifier": numbers} if numbers else {}


def payer(payer: Payer) -> Node:
    node: Node = {"resourceType": "Organization", **_contact(payer)}
    put(node, "name", payer.name)
    if payer.identifier is not None:
        node["identifier"] = [{"system": "urn:hospital:payers", "value": payer.identifier}]
    return node


def _contact(party: Party) -> Node:
    node: Node = {}
    points = [
        {"system": _POINTS[number.kind], "value": number.value}
        for contact in party.contacts
        for number in contact.numbers
    ]
    put(node, "telecom", points)
    if party.address is not None:
        node["address"] = [_address(party.address)]
    return node


def _address(address: Address) -> Node:
    node: Node = {}
    put(node, "line", [line for line in (address.line1, address.line2) if line])
    put(node, "city", address.city)
    put(node, "state", address.state)
    put(node, "postalCode", address.postal_code)
    put(node, "country", address.country)
    return node


def coverage_of(
    insured: Insured, sequence: str, relationship: str, patient: Node, subscriber: Node
) -> Node:
    node: Node = {
        "resourceType": "Coverage",
        "status": "active",
        "beneficiary": patient,
        "subscriber": subscriber,
        "relationship": concept(
            f"{HL7}/subscriber-relationship", _RELATIONSHIPS.get(relationship, "other")
        ),
        "order": _SEQUENCES.index(sequence) + 1,
    }
    put(node, "subscriberId", insured.identifier)
    if insured.group_number is not None:
        group: Node = {
            "type": concept(f"{HL7}/coverage-class", "group"),
            "value": insured.group_number,
        }
        put(group, "name", insured.group_name)
        node["class"] = [group]
    return node


def filing(indicator: str | None) -> Node | None:
    return None if indicator is None else concept(f"{X12}/1032", indicator)

"""Writes canonical claims as FHIR R4, as a hospital's system would: a Bundle with the Claim and
what it refers to, or the Claim with these contained.

It is apart from the reader and knows nothing of it: what one writes and the other reads is held
together by the tests, and by `fhir.resources` as a judge. Code systems are written out here again
for the same reason.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from shared.contract.claim import (
    Address,
    Claim,
    Insured,
    OtherCoverage,
    Party,
    Patient,
    Payer,
    Provider,
    ServiceLine,
)
from shared.money import format_cents

FHIR = "application/fhir+json"
Node = dict[str, Any]

_HL7 = "http://terminology.hl7.org/CodeSystem"
_CARIN = "http://hl7.org/fhir/us/carin-bb/CodeSystem"
_X12 = "https://codesystem.x12.org/005010"
_NUBC = "https://www.nubc.org/CodeSystem"
_POS = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
_TYPES = {"professional": "professional", "institutional": "institutional", "dental": "oral"}
_PROCEDURES = {
    "HC": "http://www.ama-assn.org/go/cpt",
    "AD": "http://www.ada.org/cdt",
    "HP": "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/"
    "ProspMedicareFeeSvcPmtGen/HIPPSCodes",
}
_ICD = {
    "icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "icd9cm": "http://hl7.org/fhir/sid/icd-9-cm",
    "icd10pcs": "http://hl7.org/fhir/sid/icd-10-pcs",
    "icd9pcs": "http://www.cms.gov/Medicare/Coding/ICD9",
}
_DIAGNOSIS_TYPES = {
    "principal": "principal",
    "admitting": "admitting",
    "reason_for_visit": "patientreasonforvisit",
    "external_cause": "externalcauseofinjury",
    "other": "other",
}
_ROLES = {
    "rendering_provider": "rendering",
    "attending_provider": "attending",
    "operating_provider": "operating",
    "other_operating_provider": "otheroperating",
    "supervising_provider": "supervising",
    "assistant_surgeon": "assist",
}
_RELATIONSHIPS = {"18": "self", "01": "spouse", "19": "child", "53": "common"}
_GENDERS = {"F": "female", "M": "male", "U": "unknown"}
_POINTS = {"TE": "phone", "FX": "fax", "EM": "email", "UR": "url"}
_UNITS = {"MJ": "min", "DA": "d"}
_DRUG_UNITS = {"F2": "[iU]", "GR": "g", "ME": "mg", "ML": "mL", "UN": "1"}
_SEQUENCES = "PSTABCDEFGH"
_ACCIDENTS = {"AA": "MVA", "EM": "WPA"}
_NUMBER = re.compile(rb'"#(-?[0-9.]+)#"')


def write_bundle(claims: Iterable[Claim], kind: str = "message") -> bytes:
    """One Bundle with these claims and everything they refer to."""
    entries: list[Node] = []
    for place, claim in enumerate(claims, 1):
        resources = _Resources(claim, f"{place}-", contained=False)
        for resource in resources.all():
            address = f"urn:claim:{resource['resourceType']}/{resource['id']}"
            entry: Node = {"fullUrl": address, "resource": resource}
            if kind == "transaction":
                entry["request"] = {"method": "POST", "url": resource["resourceType"]}
            entries.append(entry)
    return _dumped({"resourceType": "Bundle", "type": kind, "entry": entries})


def write_claim(claim: Claim) -> bytes:
    """The Claim resource alone, with everything it refers to contained in it."""
    head, *rest = _Resources(claim, "", contained=True).all()
    return _dumped({**head, "contained": rest})


def _dumped(document: Node) -> bytes:
    return _NUMBER.sub(rb"\1", json.dumps(document, separators=(",", ":")).encode())


def _number(value: Decimal | str) -> str:
    """Stands for a number of exactly these digits: JSON's own writer knows floats only."""
    text = value if isinstance(value, str) else format(value, "f")
    return f"#{text}#"


class _Resources:
    """The resources of one claim; `contained` decides how they refer to each other."""

    def __init__(self, claim: Claim, prefix: str, *, contained: bool) -> None:
        self._claim = claim
        self._prefix = prefix
        self._contained = contained
        self._made: list[Node] = []

    def all(self) -> list[Node]:
        """The Claim first, then the others in the order in which it names them."""
        head = self._head()
        return [head, *self._made]

    def _refer(self, resource: Node) -> Node:
        kind = resource["resourceType"]
        identity = f"{self._prefix}{kind.lower()}-{len(self._made) + 1}"
        self._made.append({"resourceType": kind, "id": identity, **resource})
        if self._contained:
            return {"reference": f"#{identity}"}
        return {"reference": f"urn:claim:{kind}/{identity}"}

    def _head(self) -> Node:
        claim = self._claim
        patient = self._refer(_person(claim.patient or claim.subscriber, claim))
        head: Node = {
            "resourceType": "Claim",
            "id": f"{self._prefix}claim",
            "identifier": [{"value": claim.patient_control_number}],
            "status": "active",
            "type": _concept(f"{_HL7}/claim-type", _TYPES[claim.kind]),
            "use": "predetermination" if claim.predetermination else "claim",
            "patient": patient,
            "created": "2025-01-01",
            "priority": _concept(f"{_HL7}/processpriority", "normal"),
            "provider": self._provider(claim.billing_provider),
            "insurer": self._refer(_payer(claim.payer)),
            "insurance": list(self._insurance(patient)),
            "total": _money(claim.charge),
        }
        if claim.facility is not None:
            head["facility"] = self._refer(_organization(claim.facility, "Location"))
        if claim.kind == "institutional":
            if claim.facility_code is not None:
                bill = f"0{claim.facility_code}{claim.frequency}"
                head["subType"] = _concept(f"{_NUBC}/TypeOfBill", bill)
            if claim.statement_from is not None:
                head["billablePeriod"] = _period(claim.statement_from, claim.statement_through)
        if claim.payer_claim_control_number is not None:
            head["related"] = [
                {
                    "relationship": _concept(f"{_HL7}/ex-relatedclaimrelationship", "prior"),
                    "reference": {"value": claim.payer_claim_control_number},
                }
            ]
        team, by_line = self._care_team()
        _put(head, "careTeam", team)
        _put(head, "supportingInfo", _numbered(_information(claim)))
        _put(head, "diagnosis", _numbered(_diagnoses(claim)))
        _put(head, "procedure", _numbered(_procedures(claim)))
        if claim.accident_on is not None:
            head["accident"] = _accident(claim)
        head["item"] = [
            _item(line, claim, by_line.get(line.number, ())) for line in claim.service_lines
        ]
        return head

    def _provider(self, provider: Provider) -> Node:
        if not provider.is_person:
            return self._refer(_organization(provider, "Organization"))
        practitioner = {
            "resourceType": "Practitioner",
            **_identified(provider),
            **_name(provider),
            **_contact(provider),
        }
        return self._refer(practitioner)

    def _insurance(self, patient: Node) -> Iterator[Node]:
        claim = self._claim
        subscriber = patient
        if claim.patient is not None:
            subscriber = self._refer(_relative(claim.subscriber, patient))
        coverage = _coverage(
            claim.subscriber, claim.payer_sequence, claim.patient_relationship, patient, subscriber
        )
        coverage["payor"] = [self._refer(_payer(claim.payer))]
        _put(coverage, "type", _filing(claim.filing_indicator))
        entry: Node = {"sequence": 1, "focal": True, "coverage": self._refer(coverage)}
        if claim.prior_authorization is not None:
            entry["preAuthRef"] = [claim.prior_authorization]
        yield entry
        for place, other in enumerate(claim.other_coverages, 2):
            yield {"sequence": place, "focal": False, "coverage": self._other(other, patient)}

    def _other(self, other: OtherCoverage, patient: Node) -> Node:
        insured = other.subscriber or Insured()
        subscriber = patient
        if other.relationship != "18":
            subscriber = self._refer(_relative(insured, patient))
        coverage = _coverage(
            insured.model_copy(
                update={"group_number": other.group_number, "group_name": other.group_name}
            ),
            other.sequence,
            other.relationship or "18",
            patient,
            subscriber,
        )
        coverage["payor"] = [self._refer(_payer(other.payer))]
        _put(coverage, "type", _filing(other.filing_indicator))
        return self._refer(coverage)

    def _care_team(self) -> tuple[list[Node], dict[int, list[int]]]:
        """The team, and the sequences that each line names."""
        team: list[Node] = []
        by_line: dict[int, list[int]] = {}

        def add(role: str, provider: Provider) -> int:
            member: Node = {
                "sequence": len(team) + 1,
                "provider": self._provider(provider.model_copy(update={"taxonomy": None})),
                "role": _concept(f"{_CARIN}/C4BBClaimCareTeamRole", role),
            }
            if provider.taxonomy is not None:
                member["qualification"] = _concept(
                    "http://nucc.org/provider-taxonomy", provider.taxonomy
                )
            team.append(member)
            return len(team)

        owners: tuple[Claim | ServiceLine, ...] = (self._claim, *self._claim.service_lines)
        for owner in owners:
            named = [
                add(role, provider)
                for field, role in _ROLES.items()
                if (provider := getattr(owner, field, None)) is not None
            ]
            named += [add("referring", provider) for provider in owner.referring_providers]
            if isinstance(owner, ServiceLine):
                by_line[owner.number] = named
        return team, by_line


# Parties


def _person(person: Insured | Patient, claim: Claim | None = None) -> Node:
    node: Node = {"resourceType": "Patient", **_name(person), **_contact(person)}
    if claim is not None and claim.medical_record_number is not None:
        kind = _concept(f"{_HL7}/v2-0203", "MR")
        node["identifier"] = [{"type": kind, "value": claim.medical_record_number}]
    if person.birth_date is not None:
        node["birthDate"] = person.birth_date.isoformat()
    if person.gender is not None:
        node["gender"] = _GENDERS[person.gender]
    if person.death_date is not None:
        node["deceasedDateTime"] = person.death_date.isoformat()
    return node


def _relative(insured: Insured, patient: Node) -> Node:
    """A subscriber who is not the patient."""
    return {**_person(insured), "resourceType": "RelatedPerson", "patient": patient}


def _name(party: Party) -> Node:
    human: Node = {"use": "official"}
    _put(human, "family", party.name)
    _put(human, "given", [text for text in (party.first_name, party.middle_name) if text])
    _put(human, "suffix", [party.suffix] if party.suffix else [])
    return {"name": [human]} if len(human) > 1 else {}


def _organization(provider: Provider, kind: str) -> Node:
    node: Node = {"resourceType": kind, **_identified(provider), **_contact(provider)}
    _put(node, "name", provider.name)
    if kind == "Location" and "address" in node:
        node["address"] = node["address"][0]
    if provider.taxonomy is not None:
        node["type"] = [_concept("http://nucc.org/provider-taxonomy", provider.taxonomy)]
    return node


def _identified(provider: Provider) -> Node:
    numbers = []
    if provider.npi is not None:
        numbers.append({"system": "http://hl7.org/fhir/sid/us-npi", "value": provider.npi})
    if provider.tax_id is not None:
        is_ssn = provider.tax_id_qualifier == "SY"
        system = "http://hl7.org/fhir/sid/us-ssn" if is_ssn else "urn:oid:2.16.840.1.113883.4.4"
        numbers.append({"system": system, "value": provider.tax_id})
    return {"identifier": numbers} if numbers else {}


def _payer(payer: Payer) -> Node:
    node: Node = {"resourceType": "Organization", **_contact(payer)}
    _put(node, "name", payer.name)
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
    _put(node, "telecom", points)
    if party.address is not None:
        node["address"] = [_address(party.address)]
    return node


def _address(address: Address) -> Node:
    node: Node = {}
    _put(node, "line", [line for line in (address.line1, address.line2) if line])
    _put(node, "city", address.city)
    _put(node, "state", address.state)
    _put(node, "postalCode", address.postal_code)
    _put(node, "country", address.country)
    return node


def _coverage(
    insured: Insured, sequence: str, relationship: str, patient: Node, subscriber: Node
) -> Node:
    node: Node = {
        "resourceType": "Coverage",
        "status": "active",
        "beneficiary": patient,
        "subscriber": subscriber,
        "relationship": _concept(
            f"{_HL7}/subscriber-relationship", _RELATIONSHIPS.get(relationship, "other")
        ),
        "order": _SEQUENCES.index(sequence) + 1,
    }
    _put(node, "subscriberId", insured.identifier)
    if insured.group_number is not None:
        group: Node = {
            "type": _concept(f"{_HL7}/coverage-class", "group"),
            "value": insured.group_number,
        }
        _put(group, "name", insured.group_name)
        node["class"] = [group]
    return node


def _filing(indicator: str | None) -> Node | None:
    return None if indicator is None else _concept(f"{_X12}/1032", indicator)


# The rest of the head


def _information(claim: Claim) -> Iterator[Node]:
    category = f"{_HL7}/claiminformationcategory"
    carin = f"{_CARIN}/C4BBSupportingInfoType"
    if claim.kind != "institutional" and claim.frequency not in ("1", "7"):
        yield {
            "category": _concept(category, "info"),
            "code": _concept(f"{_X12}/1325", claim.frequency),
        }
    for value, system, name in (
        (claim.admission_type, carin, "admtype"),
        (claim.admission_source, carin, "pointoforigin"),
        (claim.patient_status, carin, "discharge-status"),
        (claim.diagnosis_related_group, carin, "drg"),
    ):
        if value is not None:
            yield {"category": _concept(system, name), "code": _concept(f"{_NUBC}/{name}", value)}
    if claim.admitted_on is not None:
        period = _period(claim.admitted_on, claim.discharged_on)
        yield {"category": _concept(category, "hospitalized"), "timingPeriod": period}
    if claim.onset_on is not None:
        day = claim.onset_on.isoformat()
        yield {"category": _concept(category, "onset"), "timingDate": day}
    if claim.referral_number is not None:
        yield {"category": _concept(carin, "referralnum"), "valueString": claim.referral_number}
    for note in claim.notes:
        yield {"category": _concept(category, "info"), "valueString": note.text}
    yield from _nubc_codes(claim, _concept(category, "info"))


def _nubc_codes(claim: Claim, category: Node) -> Iterator[Node]:
    for occurrence in claim.occurrences:
        code = _concept(f"{_NUBC}/OccurrenceCodes", occurrence.code)
        entry: Node = {"category": category, "code": code}
        _put(entry, "timingDate", occurrence.on and occurrence.on.isoformat())
        yield entry
    for span in claim.occurrence_spans:
        code = _concept(f"{_NUBC}/OccurrenceSpanCodes", span.code)
        entry = {"category": category, "code": code}
        if span.start is not None:
            entry["timingPeriod"] = _period(span.start, span.through)
        yield entry
    for value in claim.values:
        yield {
            "category": category,
            "code": _concept(f"{_NUBC}/ValueCodes", value.code),
            "valueQuantity": {"value": _number(format_cents(value.amount))},
        }
    for condition in claim.conditions:
        code = _concept(f"{_NUBC}/ConditionCodes", condition)
        yield {"category": category, "code": code}


def _diagnoses(claim: Claim) -> Iterator[Node]:
    for diagnosis in claim.diagnoses:
        code = diagnosis.code
        pointed = f"{code[:3]}.{code[3:]}" if len(code) > 3 else code
        kind = _DIAGNOSIS_TYPES[diagnosis.role]
        entry: Node = {
            "diagnosisCodeableConcept": _concept(_ICD[diagnosis.system], pointed),
            "type": [_concept(f"{_HL7}/ex-diagnosistype", kind)],
        }
        if diagnosis.present_on_admission is not None:
            entry["onAdmission"] = _concept(
                f"{_HL7}/ex-diagnosis-on-admission", diagnosis.present_on_admission.lower()
            )
        yield entry


def _procedures(claim: Claim) -> Iterator[Node]:
    for procedure in claim.procedures:
        entry: Node = {"procedureCodeableConcept": _concept(_ICD[procedure.system], procedure.code)}
        _put(entry, "date", procedure.on and procedure.on.isoformat())
        yield entry


def _accident(claim: Claim) -> Node:
    assert claim.accident_on is not None
    node: Node = {"date": claim.accident_on.isoformat()}
    causes = claim.related_causes
    if causes is not None and causes.causes:
        node["type"] = _concept(f"{_HL7}/v3-ActCode", _ACCIDENTS.get(causes.causes[0], "SPT"))
        if causes.state is not None:
            node["locationAddress"] = {"state": causes.state}
    return node


# Items


def _item(line: ServiceLine, claim: Claim, team: Iterable[int]) -> Node:
    item: Node = {"sequence": line.number}
    procedure = line.procedure
    if procedure is not None:
        item["productOrService"] = _concept(_PROCEDURES[procedure.qualifier], procedure.code)
        _put(item, "modifier", [_concept(None, modifier) for modifier in procedure.modifiers])
    else:
        item["productOrService"] = _concept(f"{_NUBC}/RevenueCodes", line.revenue_code or "")
    if line.revenue_code is not None:
        item["revenue"] = _concept(f"{_NUBC}/RevenueCodes", line.revenue_code)
    place = line.place_of_service
    if claim.kind != "institutional":
        place = place or claim.facility_code
        _put(item, "locationCodeableConcept", place and _concept(_POS, place))
    if line.service_through is not None and line.service_from is not None:
        item["servicedPeriod"] = _period(line.service_from, line.service_through)
    elif line.service_from is not None:
        item["servicedDate"] = line.service_from.isoformat()
    item["quantity"] = {"value": _number(line.units if line.units is not None else Decimal(1))}
    if line.unit in _UNITS:
        item["quantity"] |= {"system": "http://unitsofmeasure.org", "code": _UNITS[line.unit]}
    item["net"] = _money(line.charge)
    _put(item, "diagnosisSequence", list(line.diagnosis_pointers))
    _put(item, "careTeamSequence", list(team))
    if line.drug is not None:
        detail: Node = {
            "sequence": 1,
            "productOrService": _concept("http://hl7.org/fhir/sid/ndc", line.drug.ndc),
        }
        if line.drug.quantity is not None:
            detail["quantity"] = {
                "value": _number(line.drug.quantity),
                "system": "http://unitsofmeasure.org",
                "code": _DRUG_UNITS[line.drug.unit or "UN"],
            }
        item["detail"] = [detail]
    for tooth in line.teeth:
        if tooth.number is not None:
            item["bodySite"] = _concept(
                "http://terminology.hl7.org/CodeSystem/ex-tooth", tooth.number
            )
        _put(item, "subSite", [_concept(f"{_HL7}/FDI-surface", one) for one in tooth.surfaces])
    return item


# Small things


def _concept(system: str | None, code: str) -> Node:
    return {"coding": [{"system": system, "code": code} if system else {"code": code}]}


def _money(cents: int) -> Node:
    return {"value": _number(format_cents(cents)), "currency": "USD"}


def _period(start: date, end: date | None) -> Node:
    node = {"start": start.isoformat()}
    return node if end is None else {**node, "end": end.isoformat()}


def _numbered(entries: Iterable[Node]) -> list[Node]:
    return [{"sequence": place, **entry} for place, entry in enumerate(entries, 1)]


def _put(node: Node, name: str, value: object) -> None:
    if value not in (None, [], ()):
        node[name] = value

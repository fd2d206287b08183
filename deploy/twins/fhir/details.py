"""What stands in a Claim beside its references: supportingInfo, diagnoses, procedures, items."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from deploy.twins.fhir.parts import (
    CARIN,
    HL7,
    NUBC,
    X12,
    Node,
    concept,
    money,
    number,
    period_of,
    put,
)
from shared.contract.claim import (
    Claim,
    ServiceLine,
)
from shared.money import format_cents

_POS = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
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
_UNITS = {"MJ": "min", "DA": "d"}
_DRUG_UNITS = {"F2": "[iU]", "GR": "g", "ME": "mg", "ML": "mL", "UN": "1"}
_ACCIDENTS = {"AA": "MVA", "EM": "WPA"}


def information(claim: Claim) -> Iterator[Node]:
    category = f"{HL7}/claiminformationcategory"
    carin = f"{CARIN}/C4BBSupportingInfoType"
    if claim.kind != "institutional" and claim.frequency not in ("1", "7"):
        yield {
            "category": concept(category, "info"),
            "code": concept(f"{X12}/1325", claim.frequency),
        }
    for value, system, name in (
        (claim.admission_type, carin, "admtype"),
        (claim.admission_source, carin, "pointoforigin"),
        (claim.patient_status, carin, "discharge-status"),
        (claim.diagnosis_related_group, carin, "drg"),
    ):
        if value is not None:
            yield {"category": concept(system, name), "code": concept(f"{NUBC}/{name}", value)}
    if claim.admitted_on is not None:
        period = period_of(claim.admitted_on, claim.discharged_on)
        yield {"category": concept(category, "hospitalized"), "timingPeriod": period}
    if claim.onset_on is not None:
        day = claim.onset_on.isoformat()
        yield {"category": concept(category, "onset"), "timingDate": day}
    if claim.referral_number is not None:
        yield {"category": concept(carin, "referralnum"), "valueString": claim.referral_number}
    for note in claim.notes:
        yield {"category": concept(category, "info"), "valueString": note.text}
    yield from _nubc_codes(claim, concept(category, "info"))


def _nubc_codes(claim: Claim, category: Node) -> Iterator[Node]:
    for occurrence in claim.occurrences:
        code = concept(f"{NUBC}/OccurrenceCodes", occurrence.code)
        entry: Node = {"category": category, "code": code}
        put(entry, "timingDate", occurrence.on and occurrence.on.isoformat())
        yield entry
    for span in claim.occurrence_spans:
        code = concept(f"{NUBC}/OccurrenceSpanCodes", span.code)
        entry = {"category": category, "code": code}
        if span.start is not None:
            entry["timingPeriod"] = period_of(span.start, span.through)
        yield entry
    for value in claim.values:
        yield {
            "category": category,
            "code": concept(f"{NUBC}/ValueCodes", value.code),
            "valueQuantity": {"value": number(format_cents(value.amount))},
        }
    for condition in claim.conditions:
        code = concept(f"{NUBC}/ConditionCodes", condition)
        yield {"category": category, "code": code}


def diagnoses(claim: Claim) -> Iterator[Node]:
    for diagnosis in claim.diagnoses:
        code = diagnosis.code
        pointed = f"{code[:3]}.{code[3:]}" if len(code) > 3 else code
        kind = _DIAGNOSIS_TYPES[diagnosis.role]
        entry: Node = {
            "diagnosisCodeableConcept": concept(_ICD[diagnosis.system], pointed),
            "type": [concept(f"{HL7}/ex-diagnosistype", kind)],
        }
        if diagnosis.present_on_admission is not None:
            entry["onAdmission"] = concept(
                f"{HL7}/ex-diagnosis-on-admission", diagnosis.present_on_admission.lower()
            )
        yield entry


def procedures(claim: Claim) -> Iterator[Node]:
    for procedure in claim.procedures:
        entry: Node = {"procedureCodeableConcept": concept(_ICD[procedure.system], procedure.code)}
        put(entry, "date", procedure.on and procedure.on.isoformat())
        yield entry


def accident(claim: Claim) -> Node:
    assert claim.accident_on is not None
    node: Node = {"date": claim.accident_on.isoformat()}
    causes = claim.related_causes
    if causes is not None and causes.causes:
        node["type"] = concept(f"{HL7}/v3-ActCode", _ACCIDENTS.get(causes.causes[0], "SPT"))
        if causes.state is not None:
            node["locationAddress"] = {"state": causes.state}
    return node


def item(line: ServiceLine, claim: Claim, team: Iterable[int]) -> Node:
    item: Node = {"sequence": line.number}
    procedure = line.procedure
    if procedure is not None:
        item["productOrService"] = concept(_PROCEDURES[procedure.qualifier], procedure.code)
        put(item, "modifier", [concept(None, modifier) for modifier in procedure.modifiers])
    else:
        item["productOrService"] = concept(f"{NUBC}/RevenueCodes", line.revenue_code or "")
    if line.revenue_code is not None:
        item["revenue"] = concept(f"{NUBC}/RevenueCodes", line.revenue_code)
    place = line.place_of_service
    if claim.kind != "institutional":
        place = place or claim.facility_code
        put(item, "locationCodeableConcept", place and concept(_POS, place))
    if line.service_through is not None and line.service_from is not None:
        item["servicedPeriod"] = period_of(line.service_from, line.service_through)
    elif line.service_from is not None:
        item["servicedDate"] = line.service_from.isoformat()
    item["quantity"] = {"value": number(line.units if line.units is not None else Decimal(1))}
    if line.unit in _UNITS:
        item["quantity"] |= {"system": "http://unitsofmeasure.org", "code": _UNITS[line.unit]}
    item["net"] = money(line.charge)
    put(item, "diagnosisSequence", list(line.diagnosis_pointers))
    put(item, "careTeamSequence", list(team))
    if line.drug is not None:
        detail: Node = {
            "sequence": 1,
            "productOrService": concept("http://hl7.org/fhir/sid/ndc", line.drug.ndc),
        }
        if line.drug.quantity is not None:
            detail["quantity"] = {
                "value": number(line.drug.quantity),
                "system": "http://unitsofmeasure.org",
                "code": _DRUG_UNITS[line.drug.unit or "UN"],
            }
        item["detail"] = [detail]
    for tooth in line.teeth:
        if tooth.number is not None:
            item["bodySite"] = concept(
                "http://terminology.hl7.org/CodeSystem/ex-tooth", tooth.number
            )
        put(item, "subSite", [concept(f"{HL7}/FDI-surface", one) for one in tooth.surfaces])
    return item

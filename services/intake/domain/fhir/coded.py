"""Diagnoses and procedures of a Claim (HI of the 837): coded in place, or in resources."""

from services.intake.domain.fhir import codes
from services.intake.domain.fhir.elements import Element, Findings, Node, pick, set_if
from services.intake.domain.fhir.references import References, type_of


def read_diagnoses(claim: Element, references: References, node: Node, findings: Findings) -> None:
    """Diagnoses in the order of their sequences; `#diagnoses` keeps each sequence's place."""
    found: list[tuple[int, Node]] = []
    has_types = False
    for index, path, entry in findings.objects_at(claim, "diagnosis", ""):
        concept, where = findings.object_at(entry, "diagnosisCodeableConcept", path), path
        if concept is None and "diagnosisReference" in entry:
            condition = references.follow(entry, "diagnosisReference", path)
            if condition is None:
                continue
            concept, where = findings.object_at(condition, "code", type_of(condition)), path
        codings = (
            list(findings.codings_of(concept, f"{where}.diagnosisCodeableConcept"))
            if concept
            else []
        )
        code, system = icd(codings)
        if code is None:
            findings.add(
                "diagnosis-not-coded",
                path,
                "the diagnosis has no ICD code",
                "Code it in ICD-10-CM, beside whatever else it is coded in.",
            )
            continue
        role = "other"
        for _, type_path, each in findings.objects_at(entry, "type", path):
            for _, name in findings.codings_of(each, type_path):
                role = codes.DIAGNOSIS_ROLES.get(name.replace("-", "").lower(), role)
                has_types = True
        diagnosis: Node = {"code": code.replace(".", ""), "role": role, "system": system}
        if node["kind"] == "institutional":
            poa = findings.code_at(entry, "onAdmission", path)
            set_if(diagnosis, "present_on_admission", poa and poa.upper())
        set_if(node, "diagnosis_related_group", findings.code_at(entry, "packageCode", path))
        sequence = entry.get("sequence")
        found.append((sequence if type(sequence) is int else index + 1, diagnosis))
    found.sort(key=lambda pair: pair[0])
    diagnoses = [diagnosis for _, diagnosis in found]
    if diagnoses and not has_types:
        diagnoses[0]["role"] = "principal"
    set_if(node, "diagnoses", diagnoses)
    node["#diagnoses"] = {sequence: place for place, (sequence, _) in enumerate(found, 1)}


def icd(codings: list[tuple[str | None, str]]) -> tuple[str | None, str]:
    """The ICD code among these and its system; one without a system is taken for ICD-10-CM."""
    for systems, name in ((codes.ICD10_CM, "icd10cm"), (codes.ICD9_CM, "icd9cm")):
        code = next((code for system, code in codings if system in systems), None)
        if code is not None:
            return code, name
    return pick([one for one in codings if one[0] is None], ()), "icd10cm"


def read_procedures(claim: Element, references: References, node: Node, findings: Findings) -> None:
    """Sets the procedures of an institutional claim, in the order of their sequences."""
    if node["kind"] != "institutional":
        return
    found: list[tuple[int, Node]] = []
    for index, path, entry in findings.objects_at(claim, "procedure", ""):
        concept = findings.object_at(entry, "procedureCodeableConcept", path)
        if concept is None and "procedureReference" in entry:
            procedure = references.follow(entry, "procedureReference", path)
            if procedure is None:
                continue
            concept = findings.object_at(procedure, "code", "Procedure")
        codings = list(findings.codings_of(concept, path)) if concept else []
        code, system = _surgical(codings)
        if code is None:
            findings.add("procedure-not-coded", path, "the procedure has no ICD procedure code")
            continue
        surgical: Node = {"code": code.replace(".", ""), "system": system}
        set_if(surgical, "on", findings.date_at(entry, "date", path))
        sequence = entry.get("sequence")
        found.append((sequence if type(sequence) is int else index + 1, surgical))
    found.sort(key=lambda pair: pair[0])
    for place, (_, surgical) in enumerate(found):
        surgical["role"] = "other" if place else "principal"
    set_if(node, "procedures", [surgical for _, surgical in found])


def _surgical(codings: list[tuple[str | None, str]]) -> tuple[str | None, str]:
    for systems, name in ((codes.ICD10_PCS, "icd10pcs"), (codes.ICD9_PCS, "icd9pcs")):
        code = next((code for system, code in codings if system in systems), None)
        if code is not None:
            return code, name
    return pick([one for one in codings if one[0] is None], ()), "icd10pcs"

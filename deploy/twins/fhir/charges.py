"""A visit's charges as FHIR: billable ChargeItems with their Encounter, Account and Coverage."""

from collections.abc import Iterable, Iterator

from deploy.twins.fhir.parties import coverage_of, organization, payer, person, practitioner
from deploy.twins.fhir.parts import HL7, Node, concept, dumped, money
from shared.contract.claim import Claim

_CPT = "http://www.ama-assn.org/go/cpt"
_ICD = "http://hl7.org/fhir/sid/icd-10-cm"
_PARTS = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


def write_charges(claim: Claim) -> tuple[bytes, bytes]:
    """A professional claim of one visit as two Bundles: its charges, and the visit with all that
    they refer to. The patient must be the subscriber, and no line may have a drug: a ChargeItem
    does not carry one."""
    return _bundle(_charges(claim), "2026-01-05T08:00:00Z"), _bundle(
        _visit(claim), "2026-01-05T18:00:00Z"
    )


def _bundle(resources: Iterable[Node], timestamp: str) -> bytes:
    entries = [
        {"fullUrl": f"urn:visit:{one['resourceType']}/{one['id']}", "resource": one}
        for one in resources
    ]
    bundle = {"resourceType": "Bundle", "type": "message", "timestamp": timestamp}
    return dumped({**bundle, "entry": entries})


def _refer(kind: str, identity: str) -> Node:
    return {"reference": f"urn:visit:{kind}/{identity}"}


def _account(claim: Claim) -> Node:
    return {"type": "Account", "identifier": {"value": claim.patient_control_number}}


def _visit(claim: Claim) -> Iterator[Node]:
    patient = _refer("Patient", "p")
    yield {**person(claim.subscriber), "id": "p"}
    yield {**organization(claim.billing_provider, "Organization"), "id": "o"}
    yield {**payer(claim.payer), "id": "i"}
    coverage = coverage_of(claim.subscriber, "P", "18", patient, patient)
    coverage |= {"id": "v", "payor": [_refer("Organization", "i")]}
    if claim.filing_indicator is not None:
        coverage["type"] = concept("https://codesystem.x12.org/005010/1032", claim.filing_indicator)
    yield coverage
    yield {
        "resourceType": "Account",
        "id": "a",
        "status": "active",
        "identifier": [{"value": claim.patient_control_number}],
        "subject": [patient],
        "coverage": [{"coverage": _refer("Coverage", "v"), "priority": 1}],
    }
    yield from _encounter(claim, patient)


def _charges(claim: Claim) -> Iterator[Node]:
    for line in claim.service_lines:
        assert line.procedure is not None
        assert line.service_from is not None
        yield {
            "resourceType": "ChargeItem",
            "id": f"c{line.number}",
            "status": "billable",
            "code": concept(_CPT, line.procedure.code),
            "subject": _refer("Patient", "p"),
            "context": _refer("Encounter", "e"),
            "account": [_account(claim)],
            "occurrenceDateTime": line.service_from.isoformat(),
            "quantity": {"value": 1},
            "priceOverride": money(line.charge),
        }


def _encounter(claim: Claim, patient: Node) -> Iterator[Node]:
    encounter: Node = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"system": f"{HL7}/v3-ActCode", "code": "AMB"},
        "subject": patient,
        "account": [_refer("Account", "a")],
        "serviceProvider": _refer("Organization", "o"),
        "diagnosis": [
            {"condition": _refer("Condition", f"d{rank}"), "rank": rank}
            for rank, _ in enumerate(claim.diagnoses, 1)
        ],
    }
    for rank, diagnosis in enumerate(claim.diagnoses, 1):
        yield {
            "resourceType": "Condition",
            "id": f"d{rank}",
            "code": concept(_ICD, diagnosis.code),
            "subject": patient,
        }
    if claim.rendering_provider is not None:
        yield {**practitioner(claim.rendering_provider), "id": "r"}
        role = [concept(_PARTS, "PPRF")]
        encounter["participant"] = [{"type": role, "individual": _refer("Practitioner", "r")}]
    yield encounter

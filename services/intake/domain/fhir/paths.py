"""Places in a canonical claim as places in the FHIR Claim that it was read from.

For what the rules of the door find: the sender knows no canonical claim.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from shared.contract.model import Finding

_LINE = re.compile(r"service_lines\[(\d+)\](?:\.(.*))?")

_CLAIM: Mapping[str, str] = {
    "patient_control_number": "identifier",
    "charge": "total",
    "service_lines": "item",
    "payer": "insurer",
    "subscriber": "insurance.coverage",
    "patient": "patient",
    "billing_provider": "provider",
    "facility": "facility",
    "diagnoses": "diagnosis",
    "procedures": "procedure",
    "other_coverages": "insurance",
    "statement_from": "billablePeriod.start",
    "statement_through": "billablePeriod.end",
    "payer_claim_control_number": "related.reference",
    "prior_authorization": "insurance.preAuthRef",
    "accident_on": "accident.date",
    "related_causes": "accident",
}
_ITEM: Mapping[str, str] = {
    "number": "sequence",
    "procedure": "productOrService",
    "revenue_code": "revenue",
    "charge": "net",
    "units": "quantity",
    "place_of_service": "locationCodeableConcept",
    "diagnosis_pointers": "diagnosisSequence",
    "service_from": "servicedDate",
    "service_through": "servicedPeriod.end",
    "drug": "detail",
    "teeth": "bodySite",
}


def in_fhir(path: str) -> str:
    """`service_lines[1].service_from` is `item[1].servicedDate`. What has no place of its own is
    in supportingInfo or the care team."""
    line = _LINE.fullmatch(path)
    if line is not None:
        rest = line[2]
        return f"item[{line[1]}]" + (f".{_mapped(rest, _ITEM, 'careTeamSequence')}" if rest else "")
    return _mapped(path, _CLAIM, "careTeam" if "provider" in path else "supportingInfo")


_ENCOUNTER: Mapping[str, str] = {
    "patient_control_number": "Account.identifier",
    "payer": "Coverage.payor",
    "subscriber": "Coverage.subscriber",
    "patient": "Patient",
    "billing_provider": "Encounter.serviceProvider",
    "diagnoses": "Encounter.diagnosis",
    "other_coverages": "Account.coverage",
}


def of_charges(findings: Iterable[Finding], places: Sequence[str]) -> tuple[Finding, ...]:
    """Findings about the claim of an encounter, at the resources that its charges came in."""
    return tuple(
        finding.model_copy(update={"path": _charged(finding.path or "", places)})
        for finding in findings
    )


def _charged(path: str, places: Sequence[str]) -> str:
    line = _LINE.fullmatch(path)
    if line is not None and int(line[1]) < len(places):
        return places[int(line[1])]
    return _mapped(path, _ENCOUNTER, "Encounter")


def _mapped(path: str, table: Mapping[str, str], otherwise: str) -> str:
    head = re.split(r"[.\[]", path, maxsplit=1)[0]
    return table.get(head, otherwise)

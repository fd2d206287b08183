"""Writes canonical claims as FHIR R4, as a hospital's system would: a Bundle with the Claim and
what it refers to, or the Claim with these contained.

It is apart from the reader and knows nothing of it: what one writes and the other reads is held
together by the tests, and by `fhir.resources` as a judge. Code systems are written out here again
for the same reason.
"""

from collections.abc import Iterable, Iterator

from deploy.twins.fhir.details import accident, diagnoses, information, item, procedures
from deploy.twins.fhir.parties import (
    coverage_of,
    filing,
    organization,
    payer,
    person,
    practitioner,
    relative,
)
from deploy.twins.fhir.parts import (
    CARIN,
    HL7,
    NUBC,
    Node,
    concept,
    dumped,
    money,
    numbered,
    period_of,
    put,
)
from shared.contract.claim import (
    Claim,
    Insured,
    OtherCoverage,
    Provider,
    ServiceLine,
)

_TYPES = {"professional": "professional", "institutional": "institutional", "dental": "oral"}
_ROLES = {
    "rendering_provider": "rendering",
    "attending_provider": "attending",
    "operating_provider": "operating",
    "other_operating_provider": "otheroperating",
    "supervising_provider": "supervising",
    "assistant_surgeon": "assist",
}


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
    return dumped({"resourceType": "Bundle", "type": kind, "entry": entries})


def write_claim(claim: Claim) -> bytes:
    """The Claim resource alone, with everything it refers to contained in it."""
    head, *rest = _Resources(claim, "", contained=True).all()
    return dumped({**head, "contained": rest})


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
        patient = self._refer(person(claim.patient or claim.subscriber, claim))
        head: Node = {
            "resourceType": "Claim",
            "id": f"{self._prefix}claim",
            "identifier": [{"value": claim.patient_control_number}],
            "status": "active",
            "type": concept(f"{HL7}/claim-type", _TYPES[claim.kind]),
            "use": "predetermination" if claim.predetermination else "claim",
            "patient": patient,
            "created": "2025-01-01",
            "priority": concept(f"{HL7}/processpriority", "normal"),
            "provider": self._provider(claim.billing_provider),
            "insurer": self._refer(payer(claim.payer)),
            "insurance": list(self._insurance(patient)),
            "total": money(claim.charge),
        }
        if claim.facility is not None:
            head["facility"] = self._refer(organization(claim.facility, "Location"))
        if claim.kind == "institutional":
            if claim.facility_code is not None:
                bill = f"0{claim.facility_code}{claim.frequency}"
                head["subType"] = concept(f"{NUBC}/TypeOfBill", bill)
            if claim.statement_from is not None:
                head["billablePeriod"] = period_of(claim.statement_from, claim.statement_through)
        if claim.payer_claim_control_number is not None:
            head["related"] = [
                {
                    "relationship": concept(f"{HL7}/ex-relatedclaimrelationship", "prior"),
                    "reference": {"value": claim.payer_claim_control_number},
                }
            ]
        team, by_line = self._care_team()
        put(head, "careTeam", team)
        put(head, "supportingInfo", numbered(information(claim)))
        put(head, "diagnosis", numbered(diagnoses(claim)))
        put(head, "procedure", numbered(procedures(claim)))
        if claim.accident_on is not None:
            head["accident"] = accident(claim)
        head["item"] = [
            item(line, claim, by_line.get(line.number, ())) for line in claim.service_lines
        ]
        return head

    def _provider(self, provider: Provider) -> Node:
        if provider.is_person:
            return self._refer(practitioner(provider))
        return self._refer(organization(provider, "Organization"))

    def _insurance(self, patient: Node) -> Iterator[Node]:
        claim = self._claim
        subscriber = patient
        if claim.patient is not None:
            subscriber = self._refer(relative(claim.subscriber, patient))
        coverage = coverage_of(
            claim.subscriber, claim.payer_sequence, claim.patient_relationship, patient, subscriber
        )
        coverage["payor"] = [self._refer(payer(claim.payer))]
        put(coverage, "type", filing(claim.filing_indicator))
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
            subscriber = self._refer(relative(insured, patient))
        coverage = coverage_of(
            insured.model_copy(
                update={"group_number": other.group_number, "group_name": other.group_name}
            ),
            other.sequence,
            other.relationship or "18",
            patient,
            subscriber,
        )
        coverage["payor"] = [self._refer(payer(other.payer))]
        put(coverage, "type", filing(other.filing_indicator))
        return self._refer(coverage)

    def _care_team(self) -> tuple[list[Node], dict[int, list[int]]]:
        """The team, and the sequences that each line names."""
        team: list[Node] = []
        by_line: dict[int, list[int]] = {}

        def add(role: str, provider: Provider) -> int:
            member: Node = {
                "sequence": len(team) + 1,
                "provider": self._provider(provider.model_copy(update={"taxonomy": None})),
                "role": concept(f"{CARIN}/C4BBClaimCareTeamRole", role),
            }
            if provider.taxonomy is not None:
                member["qualification"] = concept(
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

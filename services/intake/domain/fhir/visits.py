"""What a Bundle says of a visit beside its charges: patient, coverages, providers, diagnoses.

FHIR's Encounter and Account as the visit of `domain.encounter`.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from services.intake.domain.encounter import Coverage, Visit
from services.intake.domain.fhir.coded import icd
from services.intake.domain.fhir.coverage import Insurance, filing_indicator, insured_of, payer_for
from services.intake.domain.fhir.defaults import name_payer
from services.intake.domain.fhir.elements import Element, Findings, Node, set_if
from services.intake.domain.fhir.parties import person_of, provider_of
from services.intake.domain.fhir.references import References, Resources, type_of
from services.intake.domain.profile import SourceProfile
from shared.contract.claim import Diagnosis, Patient

Entry = tuple[int, str | None, Element]
_CLASSES = {
    "IMP": "I",
    "ACUTE": "I",
    "NONAC": "I",
    "EMER": "E",
    "OBSENC": "B",
    "AMB": "O",
    "VR": "O",
    "HH": "O",
}
"""HL7's patient class (table 0004), by which profiles choose places and bill types, by the
encounter's (v3-ActCode)."""
_ROLES = {
    "ATND": "attending_provider",
    "ADM": "attending_provider",
    "PPRF": "rendering_provider",
    "REF": "referring_provider",
}
"""The visit's provider by v3-ParticipationType."""


class VisitReader:
    """Reads what is said of one account's visit. What is not in the Bundle may come in another:
    references to it are no fault."""

    def __init__(
        self,
        told: Sequence[Entry],
        entries: Sequence[Entry],
        encounter: Element,
        account: Element,
        resources: Resources,
        profile: SourceProfile,
        findings: Findings,
    ) -> None:
        self._told = told
        self._entries = entries
        self._encounter = encounter
        self._account = account
        self._references = References({}, resources, Findings())
        self._profile = profile
        self._findings = findings

    def patient(self) -> Element | None:
        """Whose account it is, where that one is in the Bundle."""
        for _, _, resource in self._told:
            for name in ("subject", "patient"):
                if isinstance(resource.get(name), dict):
                    found = self._references.follow(resource, name, "")
                    if found is not None:
                        return found
        return None

    def patient_of(self, patient: Element | None) -> Patient | None:
        """That one as a claim's patient."""
        if patient is None:
            return None
        return Patient.model_validate(person_of(patient, self._findings))

    def coverages(self, patient: Element | None) -> Iterator[Coverage]:
        """Those of the Account by priority; else every one that came with it, by its order."""
        found: list[tuple[int, Element]] = []
        for _, path, cover in self._findings.objects_at(self._account, "coverage", "Account"):
            coverage = self._references.follow(cover, "coverage", path)
            if coverage is not None:
                found.append((rank(cover.get("priority")), coverage))
        if not found:
            found = [
                (rank(one.get("order")), one)
                for _, _, one in self._entries
                if type_of(one) == "Coverage"
            ]
        found.sort(key=lambda pair: pair[0])
        for place, (_, coverage) in enumerate(found, 1):
            own = Insurance("Account.coverage", {}, coverage, place)
            relationship, insured = insured_of(own, patient, self._references, self._findings)
            node: Node = {
                "priority": place,
                "relationship": relationship,
                "insured": insured,
                "payer": payer_for(None, own, self._references, self._findings),
            }
            set_if(node, "filing_indicator", filing_indicator(own, self._findings))
            name_payer(node["payer"], node, self._profile, is_own=place == 1)
            yield Coverage.model_validate(node)

    def visit(self) -> Visit | None:
        """What the Encounter says; None where it says nothing."""
        encounter, findings = self._encounter, self._findings
        node: Node = {}
        kind = findings.object_at(encounter, "class", "Encounter") or {}
        set_if(node, "patient_class", _CLASSES.get(str(kind.get("code"))))
        stay = findings.object_at(encounter, "hospitalization", "Encounter") or {}
        set_if(node, "admission_source", findings.code_at(stay, "admitSource", "Encounter"))
        set_if(node, "patient_status", findings.code_at(stay, "dischargeDisposition", "Encounter"))
        start, end = findings.period_of(encounter, "period", "Encounter")
        set_if(node, "admitted_on", start)
        if encounter.get("status") == "finished":
            set_if(node, "discharged_on", end)
            period = findings.object_at(encounter, "period", "Encounter") or {}
            set_if(node, "discharged_at", moment_of(period.get("end")))
        for role, provider in self._participants():
            node.setdefault(role, provider)
        set_if(node, "billing_provider", self._billing_provider())
        return Visit.model_validate(node) if node else None

    def _participants(self) -> Iterator[tuple[str, Node]]:
        findings = self._findings
        for _, path, part in findings.objects_at(self._encounter, "participant", "Encounter"):
            person = self._references.follow(part, "individual", path)
            for _, where, concept in findings.objects_at(part, "type", path):
                for _, code in findings.codings_of(concept, where):
                    if code in _ROLES and person is not None:
                        yield _ROLES[code], provider_of(person, self._references, findings)

    def _billing_provider(self) -> Node | None:
        owners = [(self._encounter, "serviceProvider")]
        owners += [(one, "performingOrganization") for _, _, one in self._told]
        for owner, name in owners:
            found = self._references.follow(owner, name, "")
            if found is not None:
                return provider_of(found, self._references, self._findings)
        return None

    def diagnoses(self) -> Iterator[Diagnosis]:
        """The Encounter's, by their rank."""
        findings = self._findings
        rows = list(findings.objects_at(self._encounter, "diagnosis", "Encounter"))
        for _, path, entry in sorted(rows, key=lambda row: rank(row[2].get("rank"))):
            condition = self._references.follow(entry, "condition", path)
            if condition is None or type_of(condition) == "Procedure":
                continue
            code, system = icd(list(findings.codings_at(condition, "code", "Condition")))
            if code is None:
                findings.add(
                    "diagnosis-not-coded",
                    path,
                    "the diagnosis has no ICD code, and was passed over",
                    severity="warn",
                )
                continue
            use = findings.code_at(entry, "use", path)
            role = "admitting" if use == "AD" else "other"
            yield Diagnosis.model_validate(
                {"code": code.replace(".", ""), "role": role, "system": system}
            )


def moment_of(value: object) -> datetime | None:
    """A dateTime or instant; a day alone is its first moment, in UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def rank(value: object) -> int:
    """A rank, an order or a priority; what has none comes last."""
    return value if type(value) is int else 1_000

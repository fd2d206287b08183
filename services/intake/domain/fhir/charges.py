"""Charges of FHIR: billable ChargeItems with their Encounter, Account and Coverage, as claims.

One claim for each Account (or, without one, for each Encounter): a Claim resource is put together
of what is there and read like any other, so that there is one mapping. Findings are translated
back to the resources that were sent.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from services.intake.domain.fhir import codes
from services.intake.domain.fhir.elements import Element, Findings, Node
from services.intake.domain.fhir.references import References, Resources, type_of

Entry = tuple[int, str | None, Element]
Paths = dict[str, str]
_BILLABLE = "billable"
_INPATIENT = frozenset({"IMP", "ACUTE", "NONAC", "OBSENC"})
_PLACES = {"IMP": "21", "ACUTE": "21", "EMER": "23", "HH": "12", "VR": "02"}
"""Place of service by the encounter's class (v3-ActCode); 11 for what is ambulatory."""
_BILL_TYPES = {True: "111", False: "131"}
"""Hospital inpatient and outpatient, admit through discharge, by whether it is an inpatient's."""
_ROLES = {"ATND": "attending", "PPRF": "performing", "REF": "referring", "ADM": "attending"}
"""Care team role by v3-ParticipationType."""
_USES = {
    "CC": "patientreasonforvisit",
    "AD": "admitting",
    "billing": "principal",
}


def claims_of_charges(
    entries: Sequence[Entry], resources: Resources
) -> Iterator[tuple[Node, Paths]]:
    """A Claim resource for each group of charges, and where its places came from."""
    quiet = Findings()
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        _, _, resource = entry
        if type_of(resource) == "ChargeItem" and resource.get("status") == _BILLABLE:
            groups.setdefault(_group_of(resource, quiet), []).append(entry)
    for charges in groups.values():
        yield _Assembly(charges, resources).claim()


def _group_of(charge: Element, quiet: Findings) -> str:
    for _, _, account in quiet.objects_at(charge, "account", ""):
        return str(account.get("reference") or account.get("identifier"))
    context = charge.get("context")
    return str(context.get("reference") if isinstance(context, dict) else context)


class _Assembly:
    """Puts one Claim together. What is wrong in a charge is found when the claim is read."""

    def __init__(self, charges: Sequence[Entry], resources: Resources) -> None:
        self._charges = charges
        self._resources = resources
        self._quiet = Findings()
        first = charges[0][2]
        self._references = References({}, resources, self._quiet)
        self._account = self._one(first, "account")
        self._encounter = self._references.follow(first, "context", "")
        self._paths: Paths = {
            "insurance": "Account.coverage",
            "provider": "Encounter.serviceProvider",
            "patient": "ChargeItem.subject",
            "identifier": "Account.identifier",
            "billablePeriod": "Encounter.period",
            "diagnosis": "Encounter.diagnosis",
            "careTeam": "Encounter.participant",
        }

    def _one(self, owner: Element, name: str) -> Element | None:
        for _, path, reference in self._quiet.objects_at(owner, name, ""):
            return self._references.resource_of(reference, path)
        return None

    def claim(self) -> tuple[Node, Paths]:
        encounter = self._encounter or {}
        is_inpatient = self._class() in _INPATIENT
        items = [self._item(place, entry) for place, entry in enumerate(self._charges)]
        is_institutional = is_inpatient or any("revenue" in item for item in items)
        claim: Node = {
            "resourceType": "Claim",
            "status": "active",
            "use": "claim",
            "type": _concept(
                codes.CLAIM_TYPE, "institutional" if is_institutional else "professional"
            ),
            "item": items,
            "identifier": self._identifiers(),
            "insurance": list(self._insurance()),
        }
        subject = self._charges[0][2].get("subject")
        if subject is not None:
            claim["patient"] = subject
        provider = self._provider()
        if provider is not None:
            claim["provider"] = provider
        if is_institutional:
            claim["subType"] = _concept(codes.BILL_TYPE, _BILL_TYPES[is_inpatient])
            if "period" in encounter:
                claim["billablePeriod"] = encounter["period"]
            claim["supportingInfo"] = list(self._information(is_inpatient=is_inpatient))
        else:
            place = _concept(codes.PLACE_OF_SERVICE, _PLACES.get(self._class(), "11"))
            for item in items:
                item["locationCodeableConcept"] = place
        self._diagnoses(claim, items)
        self._care_team(claim)
        return claim, self._paths

    def _class(self) -> str:
        found = (self._encounter or {}).get("class")
        code = found.get("code") if isinstance(found, dict) else None
        return code if isinstance(code, str) else ""

    def _identifiers(self) -> object:
        for owner in (self._account, self._encounter):
            if owner is not None and owner.get("identifier"):
                return owner["identifier"]
        owner = self._account or self._encounter or {}
        return [{"value": owner["id"]}] if isinstance(owner.get("id"), str) else []

    def _provider(self) -> object:
        charge = self._charges[0][2]
        encounter, account = self._encounter or {}, self._account or {}
        return (
            charge.get("performingOrganization")
            or encounter.get("serviceProvider")
            or account.get("owner")
        )

    def _insurance(self) -> Iterator[Node]:
        covers = list(self._quiet.objects_at(self._account or {}, "coverage", "Account"))
        covers.sort(key=lambda cover: _rank(cover[2].get("priority")))
        for place, (_, _, cover) in enumerate(covers):
            yield {"sequence": place + 1, "focal": not place, "coverage": cover.get("coverage")}

    def _item(self, place: int, entry: Entry) -> Node:
        index, _, charge = entry
        self._paths[f"item[{place}].productOrService"] = f"entry[{index}].resource.code"
        self._paths[f"item[{place}].unitPrice"] = f"entry[{index}].resource.priceOverride"
        self._paths[f"item[{place}].net"] = f"entry[{index}].resource.priceOverride"
        self._paths[f"item[{place}]"] = f"entry[{index}].resource"
        item: Node = {"sequence": place + 1}
        for name, source in (
            ("productOrService", "code"),
            ("quantity", "quantity"),
            ("net", "priceOverride"),
            ("servicedDate", "occurrenceDateTime"),
            ("servicedPeriod", "occurrencePeriod"),
        ):
            if source in charge:
                item[name] = charge[source]
        factor = charge.get("factorOverride")
        if isinstance(factor, Decimal | int) and "net" in item:
            item["unitPrice"], item["factor"] = item.pop("net"), factor
        code = charge.get("code")
        codings = list(self._quiet.codings_of(code, "")) if isinstance(code, dict) else []
        revenue = next((each for system, each in codings if system in codes.REVENUE), None)
        if revenue is not None:
            item["revenue"] = _concept(codes.REVENUE[0], revenue)
        return item

    def _information(self, *, is_inpatient: bool) -> Iterator[Node]:
        encounter = self._encounter or {}
        stay = encounter.get("hospitalization")
        if is_inpatient and "period" in encounter:
            yield _information("hospitalized", timingPeriod=encounter["period"])
        if isinstance(stay, dict):
            for name, category in (
                ("admitSource", "pointoforigin"),
                ("dischargeDisposition", "discharge"),
            ):
                if name in stay:
                    yield _information(category, code=stay[name])

    def _diagnoses(self, claim: Node, items: list[Node]) -> None:
        found = list(self._quiet.objects_at(self._encounter or {}, "diagnosis", "Encounter"))
        found.sort(key=lambda one: _rank(one[2].get("rank")))
        diagnoses = []
        for place, (_, path, entry) in enumerate(found):
            diagnosis = {"sequence": place + 1, "diagnosisReference": entry.get("condition")}
            use = self._quiet.code_at(entry, "use", path)
            if use in _USES:
                diagnosis["type"] = [_concept(codes.DIAGNOSIS_TYPE, _USES[use])]
            diagnoses.append(diagnosis)
        if diagnoses:
            claim["diagnosis"] = diagnoses
            for item in items:
                item["diagnosisSequence"] = list(range(1, min(len(diagnoses), 4) + 1))

    def _care_team(self, claim: Node) -> None:
        team: list[Node] = []
        for _, path, part in self._quiet.objects_at(self._encounter or {}, "participant", ""):
            for _, where, concept in self._quiet.objects_at(part, "type", path):
                for _, code in self._quiet.codings_of(concept, where):
                    if code in _ROLES and "individual" in part:
                        role = _concept(codes.CARE_TEAM_ROLE, _ROLES[code])
                        member = {"sequence": len(team) + 1, "provider": part["individual"]}
                        team.append({**member, "role": role})
        if team:
            claim["careTeam"] = team


def _concept(system: str, code: str) -> Node:
    return {"coding": [{"system": system, "code": code}]}


def _information(category: str, **more: object) -> Node:
    return {"category": _concept(codes.INFORMATION, category), **more}


def _rank(value: object) -> int:
    return value if type(value) is int else 1_000

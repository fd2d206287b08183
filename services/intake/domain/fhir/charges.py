"""Charges of FHIR: ChargeItems, their Encounter, Account and Coverages as news of an encounter.

What a Bundle without Claims says is put to the encounter of its account like an HL7 message:
charges may come before, with and after the registration, in as many Bundles as it takes. An
Encounter that is finished discharges.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pydantic import ValidationError

from services.intake.domain.arrival import ClaimRefusal, capped
from services.intake.domain.encounter import Charge, EncounterNews
from services.intake.domain.fhir import codes
from services.intake.domain.fhir.coded import icd
from services.intake.domain.fhir.elements import Element, Findings, Node
from services.intake.domain.fhir.items import read_service_line
from services.intake.domain.fhir.parties import first_identifier, provider_of
from services.intake.domain.fhir.references import References, Resources, type_of
from services.intake.domain.fhir.visits import Entry, VisitReader, moment_of
from services.intake.domain.profile import SourceProfile
from services.intake.domain.profile_tables import Meaning
from shared.contract.claim import Diagnosis, ServiceLine
from shared.contract.model import Finding

TRIGGER = "FHIR^ChargeItem"
"""What takes the place of an HL7 trigger in events and profiles."""
_STANDS, _TAKEN_BACK = "billable", frozenset({"aborted", "entered-in-error"})
_SPOKEN_OF = frozenset({"ChargeItem", "Encounter", "Account"})
_OF_CHARGE = {
    "productOrService": "code",
    "net": "priceOverride",
    "unitPrice": "priceOverride",
    "servicedDate": "occurrenceDateTime",
    "servicedPeriod": "occurrencePeriod",
}


def read_charges(
    bundle: Element, entries: Sequence[Entry], resources: Resources, profile: SourceProfile
) -> Iterator[EncounterNews | ClaimRefusal]:
    """What the Bundle says of each account, or all that is wrong with it."""
    accounts: dict[str, list[Entry]] = {}
    for entry in entries:
        if type_of(entry[2]) in _SPOKEN_OF:
            number = _account_of(entry[2], resources)
            accounts.setdefault(number, []).append(entry)
    for number, told in accounts.items():
        if any(type_of(resource) != "Account" for _, _, resource in told):
            yield _Reader(bundle, number, told, entries, resources, profile).news()


def _account_of(resource: Element, resources: Resources) -> str:
    """The account's number: its identifier, else its id; without an account the encounter's."""
    quiet = Findings()
    if type_of(resource) == "Account":
        return first_identifier(resource, "", quiet) or str(resource.get("id") or "")
    for _, _, reference in quiet.objects_at(resource, "account", ""):
        found = References({}, resources, quiet).resource_of(reference, "")
        if found is not None:
            return _account_of({**found, "resourceType": "Account"}, resources)
        return str(reference.get("reference") or "").rpartition("/")[2]
    if type_of(resource) == "Encounter":
        return first_identifier(resource, "", quiet) or str(resource.get("id") or "")
    context = References({}, resources, quiet).follow(resource, "context", "")
    if context is not None and type_of(context) == "Encounter":
        return _account_of(context, resources)
    named = resource.get("context")
    address = named.get("reference") if isinstance(named, dict) else None
    return address.rpartition("/")[2] if isinstance(address, str) else ""


class _Reader:
    """Reads what is said of one account."""

    def __init__(
        self,
        bundle: Element,
        account: str,
        told: Sequence[Entry],
        entries: Sequence[Entry],
        resources: Resources,
        profile: SourceProfile,
    ) -> None:
        self._bundle = bundle
        self._account = account.strip()
        self._told = told
        self._findings = Findings()
        # What is not in this Bundle may come in another: references to it are no fault.
        self._references = References({}, resources, Findings())
        self._encounter = self._first("Encounter") or {}
        self._visit = VisitReader(
            told,
            entries,
            self._encounter,
            self._first("Account") or {},
            resources,
            profile,
            self._findings,
        )
        self._where = f"entry[{told[0][0]}].resource"

    def _first(self, kind: str) -> Element | None:
        return next((one for _, _, one in self._told if type_of(one) == kind), None)

    def news(self) -> EncounterNews | ClaimRefusal:
        findings = self._findings
        if len(self._account) > 80:
            findings.add(
                "too-long",
                f"{self._where}.account",
                "the account's number has more than 80 characters",
                "Send a shorter number of the account.",
            )
        if not self._account:
            findings.add(
                "account-missing",
                f"{self._where}.account",
                "nothing says which account it belongs to",
                "Refer to an Account with an identifier.",
            )
        occurred_at = self._occurred_at()
        try:
            made = self._made(occurred_at) if occurred_at is not None else None
        except ValidationError:
            made = None
            findings.add(
                "value-invalid",
                self._where,
                "a value does not fit the field of an 837 it goes into",
            )
        if made is None or findings.is_blocked:
            number = self._account if 0 < len(self._account) <= 80 else None
            return ClaimRefusal(capped(findings.found), number)
        return made

    def _made(self, occurred_at: datetime) -> EncounterNews:
        patient = self._visit.patient()
        charges = tuple(self._charges(occurred_at))
        status = self._encounter.get("status")
        meaning: Meaning = "charge"
        if self._encounter:
            meaning = "discharge" if status == "finished" else "update"
        record = None
        if patient is not None:
            record = first_identifier(patient, "Patient", self._findings, ("MR",))
        return EncounterNews(
            trigger=TRIGGER,
            meaning=meaning,
            account=self._account,
            occurred_at=occurred_at,
            medical_record_number=record,
            patient=self._visit.patient_of(patient),
            visit=self._visit.visit(),
            coverages=tuple(self._visit.coverages(patient)),
            diagnoses=tuple(self._visit.diagnoses()),
            charges=charges,
            notes=capped(self._findings.found),
        )

    def _occurred_at(self) -> datetime | None:
        """When it was said: the Bundle's time, else the newest that a resource of it has."""
        moments = [moment_of(self._bundle.get("timestamp"))]
        if moments[0] is None:
            for _, _, resource in self._told:
                meta, period = resource.get("meta"), resource.get("period")
                moments.append(moment_of(resource.get("enteredDate")))
                moments.append(moment_of(resource.get("occurrenceDateTime")))
                if isinstance(meta, dict):
                    moments.append(moment_of(meta.get("lastUpdated")))
                if isinstance(period, dict):
                    moments.append(moment_of(period.get("end") or period.get("start")))
        found = max((moment for moment in moments if moment is not None), default=None)
        if found is None:
            self._findings.add(
                "time-missing",
                "Bundle.timestamp",
                "nothing says when it was said",
                "Send the Bundle's timestamp: what is newer counts.",
            )
        return found

    def _charges(self, occurred_at: datetime) -> Iterator[Charge]:
        for index, _, resource in self._told:
            status = resource.get("status")
            if type_of(resource) != "ChargeItem" or status not in (_STANDS, *_TAKEN_BACK):
                continue
            where = f"entry[{index}].resource"
            own = Findings()
            line = read_service_line(_as_item(resource), where, self._references, own)
            if "service_from" not in line and not own.is_blocked:
                own.add(
                    "required-missing",
                    f"{where}.servicedDate",
                    "the charge does not say when it occurred",
                )
            self._findings.found += [_of_charge(finding) for finding in own.found]
            if own.is_blocked:
                continue
            self._performer(resource, where, line)
            line |= {"number": 1, "charge": abs(cents := line["charge"])}
            yield Charge(
                key=first_identifier(resource, where, self._findings)
                or str(resource.get("id") or f"{occurred_at.isoformat()}#{index}")[:80],
                line=ServiceLine.model_validate(
                    {**line, "number": 1, "charge": abs(line["charge"])}
                ),
                diagnoses=tuple(self._reasons(resource, where)),
                is_credit=status in _TAKEN_BACK or cents < 0,
                place=where,
                occurred_at=occurred_at,
            )

    def _performer(self, resource: Element, where: str, line: Node) -> None:
        for _, path, performer in self._findings.objects_at(resource, "performer", where):
            actor = self._references.follow(performer, "actor", path)
            if actor is not None and type_of(actor) in ("Practitioner", "PractitionerRole"):
                provider = provider_of(actor, self._references, self._findings)
                line.setdefault("rendering_provider", provider)

    def _reasons(self, resource: Element, where: str) -> Iterator[Diagnosis]:
        for _, path, reason in self._findings.objects_at(resource, "reason", where):
            code, system = icd(list(self._findings.codings_of(reason, path)))
            if code is not None:
                yield Diagnosis.model_validate({"code": code.replace(".", ""), "system": system})


def _as_item(charge: Element) -> Node:
    """A ChargeItem in the shape of a Claim's item, so that there is one mapping of services."""
    item: Node = {
        name: charge[source]
        for name, source in (
            ("productOrService", "code"),
            ("quantity", "quantity"),
            ("net", "priceOverride"),
            ("servicedDate", "occurrenceDateTime"),
            ("servicedPeriod", "occurrencePeriod"),
        )
        if source in charge
    }
    if "factorOverride" in charge and "net" in item:
        item |= {"unitPrice": item.pop("net"), "factor": charge["factorOverride"]}
    quiet = Findings()
    for system, code in quiet.codings_at(charge, "code", ""):
        if system in codes.REVENUE:
            item["revenue"] = {"coding": [{"system": system, "code": code}]}
    return item


def _of_charge(finding: Finding) -> Finding:
    """The finding under the name that the ChargeItem has for the place."""
    path = finding.path or ""
    for name, own in _OF_CHARGE.items():
        path = path.replace(f".{name}", f".{own}")
    return finding.model_copy(update={"path": path})

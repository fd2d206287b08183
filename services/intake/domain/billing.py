"""An encounter becomes a claim: the one place where what a hospital said is put into 837 terms.

Nothing is invented. What the messages and the source's profile do not say is left out, and the
rules of the door or coding's checks say that it is missing.
"""

from base64 import b32encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.intake.domain.arrival import ClaimRefusal, capped
from services.intake.domain.credits import net
from services.intake.domain.encounter import Charge, Encounter, sent_as
from services.intake.domain.gathering import united
from services.intake.domain.parties import billing_provider, other_coverage, people
from services.intake.domain.profile import SourceProfile
from shared.contract.claim import (
    Claim,
    ClaimKind,
    Diagnosis,
    Provider,
    RelatedCauses,
    ServiceLine,
)
from shared.contract.envelope import business_id
from shared.contract.model import Finding

MAX_LINES = 999
MAX_DIAGNOSES = {"professional": 12, "dental": 4, "institutional": 25}
MAX_POINTERS = 4
_SEQUENCES = "PSTABCDEFGH"


@dataclass(frozen=True, slots=True)
class Billed:
    """The claim of an encounter, and what had to be left out of it."""

    claim: Claim
    notes: tuple[Finding, ...]
    places: tuple[str, ...]
    """Where each service line stood in the sender's messages."""


def bill(
    encounter: Encounter, profile: SourceProfile, frequency: str = "1"
) -> Billed | ClaimRefusal:
    """The claim, or why there can be none. Its id is the encounter's. A replacement of which
    nothing is left is a void (frequency 8), which repeats what it takes back."""
    notes: list[Finding] = []
    charges = net(encounter.charges, notes)
    if not charges and frequency in ("7", "8"):
        frequency = "8"
        charges = [charge for charge in encounter.charges if not charge.is_credit]
    if not charges or len(charges) > MAX_LINES:
        return ClaimRefusal(
            capped([_line_count(encounter, len(charges)), *notes]), encounter.account
        )
    kind = _kind(encounter, charges, profile)
    diagnoses = _diagnoses(encounter, charges, kind, notes)
    lines = tuple(
        _line(encounter, charge, number, kind, diagnoses)
        for number, charge in enumerate(charges, start=1)
    )
    first, *others = encounter.coverages
    claim = Claim(
        id=encounter.id,
        kind=kind,
        source=encounter.source,
        patient_control_number=encounter.account,
        charge=sum(line.charge for line in lines),
        facility_code=_facility(encounter, kind, profile),
        frequency=frequency,
        accepts_assignment=profile.accepts_assignment,
        benefits_assigned=profile.benefits_assigned,
        release_of_information=profile.release_of_information,
        payer_sequence="P",
        filing_indicator=first.filing_indicator,
        **people(encounter, first),
        payer=first.payer,
        billing_provider=billing_provider(encounter, profile),
        prior_authorization=first.authorization,
        medical_record_number=encounter.medical_record_number,
        diagnoses=diagnoses,
        other_coverages=tuple(
            other_coverage(encounter, coverage, sequence, profile)
            for coverage, sequence in zip(others, _SEQUENCES[1:], strict=False)
        ),
        **(_institutional if kind == "institutional" else _office)(encounter, lines),
    )
    return Billed(claim, tuple(notes), tuple(charge.place for charge in charges))


def _line_count(encounter: Encounter, count: int) -> Finding:
    path = sent_as(encounter.format, "FT1")
    if count:
        return Finding(
            code="too-many-lines",
            path=path,
            message=f"the encounter has {count} charges; a claim takes {MAX_LINES}",
            hint="Split the account into interim bills.",
            source="837 loop 2400",
        )
    return Finding(
        code="no-service-lines",
        path=path,
        message="every charge of the encounter was credited",
        hint="Nothing is to be billed; send the charges that stand.",
        source="837 loop 2400",
    )


# Lines


def _line(
    encounter: Encounter,
    charge: Charge,
    number: int,
    kind: ClaimKind,
    diagnoses: Sequence[Diagnosis],
) -> ServiceLine:
    line = charge.line
    is_institutional = kind == "institutional"
    changes: dict[str, Any] = {
        "number": number,
        "line_control_number": line.line_control_number or _control_number(encounter, charge),
        "diagnosis_pointers": () if is_institutional else _pointers(charge, diagnoses),
    }
    if is_institutional:
        changes |= {"ordering_provider": None, "rendering_provider": None, "place_of_service": None}
    else:
        changes["revenue_code"] = None
    return line.model_copy(update=changes)


def _control_number(encounter: Encounter, charge: Charge) -> str:
    """Of the charge and not of its place: a late or credited charge must not rename the others."""
    return b32encode(business_id("line", encounter.id, charge.key).bytes[:15]).decode()


def _pointers(charge: Charge, diagnoses: Sequence[Diagnosis]) -> tuple[int, ...]:
    place = {one.code: at for at, one in enumerate(diagnoses, start=1)}
    found = [place[one.code] for one in charge.diagnoses if one.code in place][:MAX_POINTERS]
    return tuple(found) or ((1,) if diagnoses else ())


def _kind(encounter: Encounter, charges: Sequence[Charge], profile: SourceProfile) -> ClaimKind:
    if profile.claim_kind != "auto":
        return profile.claim_kind
    if encounter.visit.patient_class == "I" or any(one.line.revenue_code for one in charges):
        return "institutional"
    procedures = [one.line.procedure for one in charges]
    is_dental = all(one is not None and one.qualifier == "AD" for one in procedures)
    return "dental" if is_dental else "professional"


def _diagnoses(
    encounter: Encounter, charges: Sequence[Charge], kind: ClaimKind, notes: list[Finding]
) -> tuple[Diagnosis, ...]:
    """The encounter's, then those that only its charges name; the principal one first."""
    of_charges = [one for charge in charges for one in charge.diagnoses]
    all_of = list(united(encounter.diagnoses, of_charges))
    if kind != "institutional":
        all_of = [one for one in all_of if one.role != "admitting"]
    if all_of and not any(one.role == "principal" for one in all_of):
        first = next((at for at, one in enumerate(all_of) if one.role == "other"), None)
        if first is not None:
            all_of[first] = all_of[first].model_copy(update={"role": "principal"})
    all_of.sort(key=lambda one: one.role != "principal")
    limit = MAX_DIAGNOSES[kind]
    if len(all_of) > limit:
        notes.append(
            Finding(
                code="too-many-diagnoses",
                severity="warn",
                path=sent_as(encounter.format, "DG1"),
                message=f"the encounter has more than {limit} diagnoses; the last were left out",
                hint="Rank the diagnoses (DG1-15, Encounter.diagnosis.rank).",
                source="837 HI",
            )
        )
    return tuple(all_of[:limit])


# The two families


def _facility(encounter: Encounter, kind: ClaimKind, profile: SourceProfile) -> str | None:
    """CLM05-1: place of service, or the first two digits of the type of bill."""
    if encounter.visit.facility_code:
        return encounter.visit.facility_code
    table = profile.bill_types if kind == "institutional" else profile.places_of_service
    return table.get(encounter.visit.patient_class or "", table.get(""))


def _institutional(encounter: Encounter, lines: Sequence[ServiceLine]) -> dict[str, Any]:
    visit = encounter.visit
    is_inpatient = visit.patient_class == "I"
    first, last = _span(lines)
    start = min(filter(None, (visit.admitted_on, first)), default=None) if is_inpatient else first
    end = max(filter(None, (visit.discharged_on, last)), default=None) if is_inpatient else last
    return {
        "statement_from": start,
        "statement_through": end,
        "admitted_on": visit.admitted_on if is_inpatient else None,
        "admission_time": visit.admission_time if is_inpatient else None,
        "discharge_time": visit.discharge_time if is_inpatient else None,
        "admission_type": visit.admission_type,
        "admission_source": visit.admission_source,
        "patient_status": visit.patient_status,
        "diagnosis_related_group": visit.diagnosis_related_group,
        "procedures": encounter.procedures,
        "attending_provider": visit.attending_provider,
        "operating_provider": visit.operating_provider,
        "referring_providers": _unlike(visit.referring_provider, visit.attending_provider),
        "occurrences": visit.occurrences,
        "occurrence_spans": visit.occurrence_spans,
        "values": visit.values,
        "conditions": visit.conditions,
        "service_lines": tuple(lines),
    }


def _unlike(provider: Provider | None, other: Provider | None) -> tuple[Provider, ...]:
    is_same = provider is None or (other is not None and provider.npi == other.npi)
    return () if provider is None or is_same else (provider,)


def _office(encounter: Encounter, lines: Sequence[ServiceLine]) -> dict[str, Any]:
    """Professional and dental: the provider of most lines is the claim's, any other its line's."""
    visit = encounter.visit
    performers = Counter(one.rendering_provider.npi for one in lines if one.rendering_provider)
    usual = performers.most_common(1)[0][0] if performers else None
    of_lines = next(
        (
            one.rendering_provider
            for one in lines
            if one.rendering_provider and one.rendering_provider.npi == usual
        ),
        None,
    )
    rendering = visit.rendering_provider or of_lines or visit.attending_provider
    own = rendering.npi if rendering else None
    cause = visit.accident_cause
    return {
        "provider_signature": True,
        "rendering_provider": rendering,
        "referring_providers": _unlike(visit.referring_provider, None),
        "accident_on": visit.accident_on if cause else None,
        "related_causes": RelatedCauses(
            causes=(cause,), state=visit.accident_state if cause == "AA" else None
        )
        if cause
        else None,
        "service_lines": tuple(
            one.model_copy(update={"rendering_provider": None})
            if one.rendering_provider and one.rendering_provider.npi == own
            else one
            for one in lines
        ),
    }


def _span(lines: Sequence[ServiceLine]) -> tuple[date | None, date | None]:
    days = [day for line in lines for day in (line.service_from, line.service_through) if day]
    return (min(days), max(days)) if days else (None, None)

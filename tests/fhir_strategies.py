"""Claims that FHIR can carry, in the form in which a reader would give them: what of a canonical
claim has a place in a FHIR Claim, and nothing else. Sums and codes mean nothing.

What FHIR has no place for, and the reader therefore never gives: line control numbers, paperwork,
certifications, repricing, other payers' adjudications, a claim's own dates beyond those listed
here; and of a person who is not billed with, an NPI's taxonomy role.
"""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from shared.contract.claim import Claim

Node = dict[str, Any]


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
words = st.text(_LETTERS + "'-.& ", min_size=1, max_size=20).map(str.strip).filter(bool)
codes = st.text(_LETTERS + "0123456789", min_size=2, max_size=8)
digits = st.text("0123456789", min_size=10, max_size=10).filter(lambda text: text[0] not in "01")
days = st.dates(date(1910, 1, 1), date(2099, 12, 31))
cents = st.integers(0, 10**12)
units = st.decimals(Decimal("0.001"), 9999, places=3).map(lambda one: one.normalize() + 0)


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    return st.fixed_dictionaries({}, optional=fields)


def _all(fields: Node, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    return st.fixed_dictionaries(fields, optional=optional)


addresses = _all(
    {"city": words},
    line1=words,
    state=st.sampled_from(("OH", "IL")),
    postal_code=st.sampled_from(("627010001", "45402")),
    country=st.just("CAN"),
)
contacts = st.lists(
    st.fixed_dictionaries({"kind": st.sampled_from(("TE", "FX")), "value": digits}),
    min_size=1,
    max_size=3,
).map(lambda numbers: ({"function": "IC", "numbers": tuple(numbers)},))


def providers(*, organization: bool = True) -> st.SearchStrategy[Node]:
    common = {"npi": digits, "tax_id": st.text("0123456789", min_size=9, max_size=9)}
    more = {"address": addresses, "contacts": contacts}
    person = _all(
        {"name": words, "is_person": st.just(True)},
        first_name=words,
        suffix=words,
        **common,
        **more,
    )
    if not organization:
        return person
    return person | _all({"name": words}, taxonomy=codes, **common, **more)


members = _all(
    {"name": words, "is_person": st.just(True)}, first_name=words, npi=digits, taxonomy=codes
)
people = _all(
    {"name": words, "is_person": st.just(True)},
    first_name=words,
    birth_date=days,
    gender=st.sampled_from("FMU"),
    address=addresses,
)
payers = _all(
    {"identifier": codes, "identifier_qualifier": st.just("PI")}, name=words, address=addresses
)


@st.composite
def insured(draw: st.DrawFn) -> Node:
    node = draw(people)
    node |= {"identifier": draw(codes), "identifier_qualifier": "MI"}
    if draw(st.booleans()):
        node["group_number"] = draw(codes)
        if draw(st.booleans()):
            node["group_name"] = draw(words)
    return node


@st.composite
def lines(draw: st.DrawFn, kind: str, number: int, diagnoses: int) -> Node:
    qualifier = "AD" if kind == "dental" else draw(st.sampled_from(("HC", "HP")))
    line: Node = {
        "number": number,
        "charge": draw(cents),
        "units": draw(units),
        "unit": draw(st.sampled_from(("UN", "MJ", "DA"))),
    }
    if kind != "institutional" or draw(st.booleans()):
        line["procedure"] = {
            "code": draw(codes),
            "qualifier": qualifier,
            "modifiers": tuple(draw(st.lists(codes, max_size=4))),
        }
    if kind == "institutional":
        line["revenue_code"] = draw(codes)
    elif diagnoses:
        line["diagnosis_pointers"] = tuple(draw(st.lists(st.integers(1, diagnoses), max_size=4)))
    if draw(st.booleans()):
        line["service_from"] = draw(days)
        if draw(st.booleans()):
            line["service_through"] = draw(days.filter(lambda day: day != line["service_from"]))
    if kind != "dental" and draw(st.booleans()):
        drug: Node = {"ndc": draw(st.text("0123456789", min_size=11, max_size=11))}
        if draw(st.booleans()):
            unit = draw(st.sampled_from(("F2", "GR", "ME", "ML", "UN")))
            drug |= {"quantity": draw(units), "unit": unit}
        line["drug"] = drug
    if kind == "dental" and draw(st.booleans()):
        surfaces = tuple(draw(st.lists(st.sampled_from("MODBL"), max_size=3)))
        line["teeth"] = ({"number": draw(codes), "surfaces": surfaces},)
    return line


@st.composite
def _diagnoses(draw: st.DrawFn, kind: str) -> tuple[Node, ...]:
    found = []
    for place in range(draw(st.integers(0, 4))):
        diagnosis: Node = {
            "code": draw(codes),
            "system": draw(st.sampled_from(("icd10cm", "icd9cm"))),
            "role": "other" if place else "principal",
        }
        if kind == "institutional":
            roles = ("other", "admitting", "reason_for_visit", "external_cause")
            diagnosis["role"] = draw(st.sampled_from(roles)) if place else "principal"
            if draw(st.booleans()):
                diagnosis["present_on_admission"] = draw(st.sampled_from("YNUW"))
        found.append(diagnosis)
    return tuple(found)


_INSTITUTIONAL = {
    "statement_from": days,
    "admission_type": codes,
    "admission_source": codes,
    "patient_status": codes,
    "diagnosis_related_group": codes,
    "occurrences": st.lists(_all({"code": codes}, on=days), min_size=1, max_size=3),
    "occurrence_spans": st.lists(
        st.fixed_dictionaries({"code": codes, "start": days, "through": days}),
        min_size=1,
        max_size=2,
    ),
    "values": st.lists(
        st.fixed_dictionaries({"code": codes, "amount": cents}), min_size=1, max_size=3
    ),
    "conditions": st.lists(codes, min_size=1, max_size=3),
}


@st.composite
def fhir_claims(draw: st.DrawFn) -> Claim:
    """One claim that survives FHIR whole."""
    kind = draw(st.sampled_from(("professional", "institutional", "dental")))
    diagnoses = draw(_diagnoses(kind))
    count = draw(st.integers(1, 4))
    node: Node = {
        "id": UUID(int=0),
        "source": "-",
        "kind": kind,
        "patient_control_number": draw(codes),
        "charge": draw(cents),
        "billing_provider": draw(providers()),
        "subscriber": draw(insured()),
        "payer": draw(payers),
        "payer_sequence": draw(st.sampled_from("PST")),
        # These come from the source's profile: FHIR has no place for them.
        "accepts_assignment": "A",
        "benefits_assigned": "Y",
        "release_of_information": "Y",
        "provider_signature": None if kind == "institutional" else True,
        "diagnoses": diagnoses,
        "service_lines": [
            draw(lines(kind, place, len(diagnoses))) for place in range(1, count + 1)
        ],
    }
    node |= draw(
        _some(
            filing_indicator=codes,
            prior_authorization=codes,
            referral_number=codes,
            medical_record_number=codes,
            onset_on=days,
            admitted_on=days,
            notes=st.lists(
                st.fixed_dictionaries({"kind": st.just("ADD"), "text": words}),
                min_size=1,
                max_size=2,
            ),
            facility=_all({"name": words}, npi=digits, address=addresses),
        )
    )
    _draw_patient(draw, node)
    _draw_kind(draw, node, kind)
    _draw_team(draw, node, kind, count)
    if draw(st.booleans()):
        node["other_coverages"] = [
            draw(_other_coverages(place)) for place in range(draw(st.integers(1, 2)))
        ]
    return Claim.model_validate(node)


def _draw_patient(draw: st.DrawFn, node: Node) -> None:
    if draw(st.booleans()):
        node["patient"] = draw(people)
        node["patient_relationship"] = draw(st.sampled_from(("01", "19", "53", "G8")))
    elif draw(st.booleans()):
        node["subscriber"]["death_date"] = draw(days)


def _draw_kind(draw: st.DrawFn, node: Node, kind: str) -> None:
    if kind == "institutional":
        node |= draw(_some(**_INSTITUTIONAL))
        if "statement_from" in node:
            node["statement_through"] = draw(days)
        if draw(st.booleans()):
            node["facility_code"] = draw(st.sampled_from(("11", "13", "83")))
            node["frequency"] = draw(st.sampled_from(("1", "2", "8")))
        node["procedures"] = [
            {
                "code": draw(codes),
                "system": draw(st.sampled_from(("icd10pcs", "icd9pcs"))),
                "role": "other" if place else "principal",
                "on": draw(days),
            }
            for place in range(draw(st.integers(0, 3)))
        ]
    else:
        place = draw(st.sampled_from((None, "11", "22")))
        node["facility_code"] = place
        if draw(st.booleans()):
            node["accident_on"] = draw(days)
            causes: Node = {"causes": (draw(st.sampled_from(("AA", "EM", "OA"))),)}
            if draw(st.booleans()):
                causes["state"] = "OH"
            node["related_causes"] = causes
        node["frequency"] = draw(st.sampled_from(("1", "8")))
        if kind == "professional" and "admitted_on" in node and draw(st.booleans()):
            node["discharged_on"] = draw(days)
    if node.get("frequency", "1") == "1" and draw(st.booleans()):
        node["payer_claim_control_number"] = draw(codes)
        node["frequency"] = "7"


def _draw_team(draw: st.DrawFn, node: Node, kind: str, count: int) -> None:
    """Members of the claim; and, where there are several lines, one that only the last has."""
    roles = {
        "professional": ("rendering_provider", "supervising_provider"),
        "institutional": (
            "attending_provider",
            "operating_provider",
            "other_operating_provider",
            "rendering_provider",
        ),
        "dental": ("rendering_provider", "assistant_surgeon", "supervising_provider"),
    }[kind]
    for role in roles:
        if draw(st.booleans()):
            node[role] = draw(members)
    if draw(st.booleans()):
        node["referring_providers"] = draw(st.lists(members, min_size=1, max_size=2))
    if count > 1 and draw(st.booleans()):
        last = node["service_lines"][-1]
        last["rendering_provider"] = draw(members)
        if draw(st.booleans()):
            last["referring_providers"] = (draw(members),)


@st.composite
def _other_coverages(draw: st.DrawFn, place: int) -> Node:
    person = draw(
        _all({"name": words, "is_person": st.just(True)}, first_name=words, address=addresses)
    )
    node: Node = {
        "sequence": "ABC"[place],
        "relationship": draw(st.sampled_from(("01", "19", "G8"))),
        "payer": draw(payers),
        "benefits_assigned": "Y",
        "release_of_information": "Y",
        "subscriber": {**person, "identifier": draw(codes), "identifier_qualifier": "MI"},
    }
    if draw(st.booleans()):
        node["filing_indicator"] = draw(codes)
    if draw(st.booleans()):
        node["group_number"] = draw(codes)
    return node

"""Charges in FHIR: they gather over Bundles in any order, and become one claim when the visit is
over; what is wrong is said at the resource that was sent."""

import json
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, date, datetime
from io import BytesIO
from itertools import permutations
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle as JudgeBundle
from hypothesis import given
from hypothesis import strategies as st

from deploy.twins.fhir.charges import write_charges
from deploy.twins.hospital import Hospital
from services.intake.domain.known import State
from services.intake.filter import read
from shared.contract.claim import Claim
from shared.contract.envelope import Event
from shared.contract.events import ClaimReceived, ClaimRejected, EncounterRecorded
from tests.examples import examples

Node = dict[str, Any]
NOW = datetime(2025, 3, 2, 12, tzinfo=UTC)
CPT = "http://www.ama-assn.org/go/cpt"
ACCOUNT: Node = {"type": "Account", "identifier": {"value": "VISIT-1"}}
REVENUE = "https://www.nubc.org/CodeSystem/RevenueCodes"


def concept(code: str, system: str | None = None) -> Node:
    return {"coding": [{"code": code} | ({"system": system} if system else {})]}


def charge(identity: str, cpt: str, cents: int, **changes: Any) -> Node:
    return {
        "resourceType": "ChargeItem",
        "id": identity,
        "status": "billable",
        "code": concept(cpt, CPT),
        "subject": {"reference": "Patient/p"},
        "account": [ACCOUNT],
        "occurrenceDateTime": "2025-03-01T10:00:00Z",
        "priceOverride": {"value": cents / 100},
    } | changes


def encounter(**changes: Any) -> Node:
    return {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"code": "AMB"},
        "period": {"start": "2025-03-01", "end": "2025-03-01"},
        "subject": {"reference": "Patient/p"},
        "account": [{"reference": "Account/a"}],
        "serviceProvider": {"reference": "Organization/o"},
        "diagnosis": [{"condition": {"reference": "Condition/d"}, "rank": 1}],
        "participant": [{"type": [concept("PPRF")], "individual": {"reference": "Practitioner/r"}}],
    } | changes


AROUND: Sequence[Node] = (
    {
        "resourceType": "Account",
        "id": "a",
        "identifier": [{"value": "VISIT-1"}],
        "subject": [{"reference": "Patient/p"}],
        "coverage": [{"coverage": {"reference": "Coverage/v"}, "priority": 1}],
    },
    {
        "resourceType": "Patient",
        "id": "p",
        "name": [{"family": "ROE", "given": ["JANE"]}],
        "gender": "female",
        "birthDate": "1980-02-03",
    },
    {
        "resourceType": "Organization",
        "id": "o",
        "name": "CLINIC",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
    },
    {
        "resourceType": "Coverage",
        "id": "v",
        "subscriberId": "W1",
        "beneficiary": {"reference": "Patient/p"},
        "payor": [{"identifier": {"value": "PAY01"}}],
    },
    {
        "resourceType": "Condition",
        "id": "d",
        "code": concept("I10", "http://hl7.org/fhir/sid/icd-10-cm"),
    },
    {"resourceType": "Practitioner", "id": "r", "name": [{"family": "DOC"}]},
)


def bundle(*resources: Node, at: str = "2025-03-01T12:00:00Z") -> Node:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "message", "timestamp": at, "entry": entries}


def told(*documents: Node | bytes) -> list[Event]:
    """What is said of these messages, one after another."""
    states: dict[str, State] = {}
    said: list[Event] = []
    for document in documents:
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        said += read(BytesIO(text), source="general", now=NOW, states=states)
    return said


def received(events: Sequence[Event]) -> list[Claim]:
    return [event.data.claim for event in events if isinstance(event.data, ClaimReceived)]


def refused(events: Sequence[Event]) -> list[str]:
    found = [event.data for event in events if isinstance(event.data, ClaimRejected)]
    return [f"{finding.code} {finding.path}" for one in found for finding in one.findings]


def test_a_whole_visit_in_one_bundle_is_one_claim() -> None:
    charges = (charge("c1", "99213", 14550), charge("c2", "93000", 6500))
    passed_over = charge("c3", "80053", 100, status="not-billable")
    said = told(bundle(*charges, passed_over, encounter(), *AROUND))
    (claim,) = received(said)
    assert (claim.kind, claim.patient_control_number, claim.charge) == (
        "professional",
        "VISIT-1",
        21050,
    )
    assert [one.procedure and one.procedure.code for one in claim.service_lines] == [
        "99213",
        "93000",
    ]
    assert (claim.billing_provider.npi, claim.payer.identifier) == ("1234567893", "PAY01")
    assert (claim.subscriber.name, claim.subscriber.identifier) == ("ROE", "W1")
    assert claim.rendering_provider is not None
    assert claim.rendering_provider.name == "DOC"
    assert [(one.code, one.role) for one in claim.diagnoses] == [("I10", "principal")]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_parts_of_a_visit_may_come_in_any_order(order: Sequence[int]) -> None:
    parts = [
        bundle(charge("c1", "99213", 14550), at="2025-03-01T11:00:00Z"),
        bundle(encounter(status="in-progress"), *AROUND, at="2025-03-01T10:00:00Z"),
        bundle(encounter(account=[ACCOUNT]), at="2025-03-01T18:00:00Z"),
    ]
    said = told(*(parts[place] for place in order))
    (claim,) = received(said)
    assert (claim.charge, claim.subscriber.name) == (14550, "ROE")
    assert sum(isinstance(event.data, EncounterRecorded) for event in said) == 3


def test_a_charge_that_comes_again_is_one_charge_and_one_in_error_is_none() -> None:
    first = bundle(charge("c1", "99213", 14550), charge("c2", "93000", 6500))
    taken_back = bundle(
        charge("c2", "93000", 6500, status="entered-in-error"), at="2025-03-01T13:00:00Z"
    )
    said = told(first, first, taken_back, bundle(encounter(), *AROUND, at="2025-03-01T18:00:00Z"))
    (claim,) = received(said)
    assert claim.charge == 14550


def test_late_charges_replace_the_claim() -> None:
    whole = bundle(charge("c1", "99213", 14550), encounter(), *AROUND)
    late = bundle(charge("c9", "93000", 6500), at="2025-03-04T12:00:00Z")
    said = told(whole, late)
    notes = [
        (note.code, note.path)
        for event in said
        if isinstance(event.data, EncounterRecorded)
        for note in event.data.findings
    ]
    assert notes == [("late-charges", "ChargeItem")]
    first, second = received(said)
    assert (first.charge, first.frequency, first.revision) == (14550, "1", 1)
    assert (second.id, second.charge, second.frequency, second.revision) == (
        first.id,
        21050,
        "7",
        2,
    )


def test_inpatients_and_revenue_codes_make_an_institutional_claim() -> None:
    code = {"coding": [{"system": CPT, "code": "80053"}, {"system": REVENUE, "code": "0300"}]}
    stay = encounter(
        **{"class": {"code": "IMP"}},
        hospitalization={"dischargeDisposition": concept("01"), "admitSource": concept("1")},
        period={"start": "2025-02-27T08:00:00Z", "end": "2025-03-01T16:00:00Z"},
        participant=[{"type": [concept("ATND")], "individual": {"reference": "Practitioner/r"}}],
    )
    (claim,) = received(told(bundle(charge("c1", "", 9800, code=code), stay, *AROUND)))
    assert (claim.kind, claim.facility_code, claim.patient_status) == ("institutional", "11", "01")
    assert (claim.admitted_on, claim.statement_through) == (date(2025, 2, 27), date(2025, 3, 1))
    assert claim.attending_provider is not None
    assert claim.service_lines[0].revenue_code == "0300"


def test_what_is_wrong_with_a_charge_is_said_at_the_charge() -> None:
    said = told(
        bundle(
            charge("c1", "99213", 100, code={}),
            charge("c2", "99213", 100, priceOverride={"value": 1.005}),
            charge("c3", "99213", 100, occurrenceDateTime="2025-02-30"),
            encounter(),
            *AROUND,
        )
    )
    assert refused(said) == [
        "service-not-coded entry[0].resource.code",
        "amount-format entry[1].resource.priceOverride.value",
        "date-invalid entry[2].resource.occurrenceDateTime",
    ]
    assert received(said) == []


def test_what_keeps_the_claim_out_is_said_in_fhir() -> None:
    around = [dict(one) for one in AROUND]
    around[3]["payor"] = []
    said = told(bundle(charge("c1", "99213", 100), encounter(), *around))
    assert refused(said) == ["payer-not-identified Coverage.payor"]


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"account": []}, "account-missing entry[0].resource.account"),
        ({"subject": {}}, None),
    ],
)
def test_a_charge_says_which_account_it_belongs_to(change: Node, finding: str | None) -> None:
    said = told(bundle(charge("c1", "99213", 100, **change)))
    assert refused(said) == ([finding] if finding else [])


def test_charges_of_two_accounts_in_one_bundle_go_their_own_ways() -> None:
    other = [{"identifier": {"value": "VISIT-2"}}]
    said = told(bundle(charge("c1", "99213", 100), charge("c2", "99213", 100, account=other)))
    assert [event.type for event in said] == ["encounter.recorded.v1"] * 2
    assert len({event.subject for event in said}) == 2


def visits() -> list[Claim]:
    made = Hospital(9, today=date(2026, 1, 5)).claims(60)
    professional = (one for one in made if one.kind == "professional" and one.patient is None)
    return [
        claim.model_copy(
            update={
                "service_lines": tuple(
                    line.model_copy(update={"drug": None}) for line in claim.service_lines
                )
            }
        )
        for claim in professional
    ]


def test_the_hospitals_charges_come_to_what_its_claim_would_be() -> None:
    for claim in visits():
        (found,) = received(told(*write_charges(claim)))
        assert found.charge == claim.charge
        assert found.patient_control_number == claim.patient_control_number
        assert found.diagnoses == claim.diagnoses
        assert found.payer == claim.payer
        assert found.filing_indicator == claim.filing_indicator
        assert found.subscriber == claim.subscriber
        assert [one.charge for one in found.service_lines] == [
            one.charge for one in claim.service_lines
        ]


def test_the_hospitals_charges_are_fhir_in_the_eyes_of_a_judge() -> None:
    for text in write_charges(visits()[0]):
        JudgeBundle.model_validate_json(text)


@examples(40)
@given(st.randoms(use_true_random=False))
def test_no_change_to_charges_makes_the_reader_fail(chance: Any) -> None:
    strange: Sequence[Any] = (None, 0, -1, "", "x" * 300, [], {}, [None], [[]], {"a": {}}, True)
    document = json.loads(json.dumps(bundle(charge("c1", "99213", 14550), encounter(), *AROUND)))
    for _ in range(chance.randint(1, 4)):
        owner: Any = document
        while True:
            keys = list(owner) if isinstance(owner, dict) else list(range(len(owner)))
            key = chance.choice(keys)
            inner = owner[key]
            if isinstance(inner, dict | list) and inner and chance.random() < 0.85:
                owner = inner
                continue
            owner[key] = deepcopy(chance.choice(strange))
            break
    for event in told(document):
        findings = getattr(event.data, "findings", ())
        assert all(one.path and one.code for one in findings)


def test_an_account_number_that_is_too_long_is_refused_at_its_place() -> None:
    long = {"type": "Account", "identifier": {"value": "9" * 81}}
    (event,) = told(bundle(charge("c1", "99213", 100, account=[long])))
    assert isinstance(event.data, ClaimRejected)
    assert ("too-long", True) in [
        (one.code, (one.path or "").endswith(".account")) for one in event.data.findings
    ]

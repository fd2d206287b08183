"""FHIR claims: what comes of real files, that nothing is lost on the way through FHIR, what is said
of what is wrong, and that nothing at all makes the reader fail."""

import io
import json
import random
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle as JudgeBundle
from fhir.resources.R4B.claim import Claim as JudgeClaim
from hypothesis import given
from hypothesis import strategies as st

from deploy.twins.fhir.claims import write_bundle, write_claim
from services.intake.domain.arrival import (
    AcceptedClaim,
    ClaimRefusal,
    NotedClaim,
    Outcome,
    Unreadable,
)
from services.intake.domain.fhir.reading import read_fhir
from services.intake.domain.message import admit
from services.intake.domain.profile import PayerEntry, SourceProfile
from shared.contract.claim import Claim
from tests.examples import examples
from tests.fhir_strategies import fhir_claims
from tests.unit.intake.fhir_expectations import EXPECTED

Node = dict[str, Any]
PROFILE = SourceProfile()


def outcomes(document: bytes | Node, profile: SourceProfile = PROFILE) -> list[Outcome]:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return [admit(reading, "general") for reading in read_fhir(io.BytesIO(text), profile)]


def claims(document: bytes) -> list[Claim]:
    found = []
    for reading in read_fhir(io.BytesIO(document), PROFILE):
        assert isinstance(reading, Claim | NotedClaim), reading
        found.append(reading if isinstance(reading, Claim) else reading.claim)
    return found


def told(outcome: Outcome) -> list[str]:
    """`accepted`, or what blocks and where."""
    if isinstance(outcome, AcceptedClaim):
        return ["accepted"]
    assert isinstance(outcome, ClaimRefusal | Unreadable)
    return [f"{one.code} {one.path}" for one in outcome.findings if one.severity == "block"]


# Real files


def test_every_sample_is_accepted_or_refused_for_a_true_reason(samples: Path) -> None:
    files = {path.name: path for path in (samples / "FHIR").glob("*.json")}
    assert files.keys() == EXPECTED.keys()
    for name, path in files.items():
        assert [told(one) for one in outcomes(path.read_bytes())] == EXPECTED[name], name


# Through FHIR and back


@examples(60)
@given(st.lists(fhir_claims(), min_size=1, max_size=3))
def test_what_a_bundle_can_carry_comes_back_whole(made: list[Claim]) -> None:
    assert claims(write_bundle(made, "transaction")) == made


@examples(40)
@given(fhir_claims())
def test_a_claim_with_contained_resources_comes_back_whole(made: Claim) -> None:
    assert claims(write_claim(made)) == [made]


@examples(15)
@given(fhir_claims())
def test_what_the_twin_writes_is_fhir_in_the_eyes_of_a_judge(made: Claim) -> None:
    """fhir.resources, the R4B models: what is no FHIR raises."""
    JudgeClaim.model_validate_json(write_claim(made))
    JudgeBundle.model_validate_json(write_bundle([made]))


# What is wrong, and where


@pytest.fixture
def claim() -> Node:
    """A Claim with everything contained, as a sender may write it by hand."""
    return {
        "resourceType": "Claim",
        "id": "c1",
        "identifier": [{"value": "ACC-1"}],
        "status": "active",
        "type": {"coding": [{"code": "professional"}]},
        "use": "claim",
        "patient": {"reference": "#p"},
        "provider": {"reference": "#o"},
        "insurer": {"identifier": {"value": "PAY01"}, "display": "PAYER"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "#v"}}],
        "diagnosis": [
            {
                "sequence": 7,
                "diagnosisCodeableConcept": {
                    "coding": [
                        {"system": "http://snomed.info/sct", "code": "38341003"},
                        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"},
                    ]
                },
            }
        ],
        "item": [
            {
                "sequence": 1,
                "productOrService": {
                    "coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "99213"}]
                },
                "diagnosisSequence": [7],
                "servicedDate": "2025-03-01",
                "locationCodeableConcept": {"coding": [{"code": "11"}]},
                "net": {"value": 145.5, "currency": "USD"},
            }
        ],
        "total": {"value": 145.5, "currency": "USD"},
        "contained": [
            {
                "resourceType": "Patient",
                "id": "p",
                "name": [{"family": "ROE", "given": ["JANE", "Q"]}],
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
                "status": "active",
                "subscriberId": "W1",
                "beneficiary": {"reference": "#p"},
                "payor": [{"display": "PAYER"}],
            },
        ],
    }


def test_a_claim_by_hand_becomes_a_claim(claim: Node) -> None:
    (found,) = claims(json.dumps(claim).encode())
    assert (found.patient_control_number, found.charge, found.facility_code) == (
        "ACC-1",
        14550,
        "11",
    )
    assert (found.subscriber.name, found.subscriber.first_name) == ("ROE", "JANE")
    assert (found.subscriber.middle_name, found.subscriber.identifier) == ("Q", "W1")
    assert (found.patient, found.patient_relationship) == (None, "18")
    assert (found.payer.identifier, found.payer.name) == ("PAY01", "PAYER")
    assert [(one.code, one.role) for one in found.diagnoses] == [("I10", "principal")]
    (line,) = found.service_lines
    assert line.diagnosis_pointers == (1,)
    assert (line.charge, line.units, line.place_of_service) == (14550, Decimal(1), None)


Change = Callable[[Node], object]


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        (lambda c: c.pop("type"), "required-missing", "type"),
        (lambda c: c.update(use="preauthorization"), "not-a-claim", "use"),
        (lambda c: c.update(status="draft"), "not-active", "status"),
        (lambda c: c.pop("patient"), "required-missing", "patient"),
        (lambda c: c.pop("provider"), "required-missing", "provider"),
        (lambda c: c.update(insurance=[]), "required-missing", "insurance"),
        (
            lambda c: c.update(insurer={"reference": "Organization/9"}),
            "reference-unresolved",
            "insurer",
        ),
        (lambda c: c.update(modifierExtension=[{}]), "modifier-extension", "modifierExtension"),
        (lambda c: c.update(item=[]), "no-service-lines", "item"),
        (lambda c: c.update(item={}), "wrong-type", "item"),
        (lambda c: c.update(total=12), "wrong-type", "total"),
        (lambda c: c["total"].update(value="145.50"), "wrong-type", "total.value"),
        (lambda c: c["total"].update(value=145.505), "amount-format", "total.value"),
        (lambda c: c["total"].update(currency="EUR"), "currency-not-supported", "total.currency"),
        (lambda c: c["item"][0].pop("net"), "required-missing", "item[0].net"),
        (
            lambda c: c["item"][0].pop("productOrService"),
            "service-not-coded",
            "item[0].productOrService",
        ),
        (
            lambda c: c["item"][0].update(servicedDate="2025-02-30"),
            "date-invalid",
            "item[0].servicedDate",
        ),
        (
            lambda c: c["item"][0].update(servicedDate="2025-02"),
            "date-invalid",
            "item[0].servicedDate",
        ),
        (
            lambda c: c["item"][0].update(diagnosisSequence=[7, 8]),
            "diagnosis-sequence-unknown",
            "item[0].diagnosisSequence[1]",
        ),
        (lambda c: c["item"].append({**c["item"][0]}), "line-number", "item[1].sequence"),
        (
            lambda c: c["diagnosis"][0].pop("diagnosisCodeableConcept"),
            "diagnosis-not-coded",
            "diagnosis[0]",
        ),
        (
            lambda c: c["contained"][1]["identifier"][0].update(value="123"),
            "npi-malformed",
            "Organization.identifier[0].value",
        ),
        (
            lambda c: c["contained"][0].update(birthDate="1880-01-01"),
            "date-implausible",
            "insurance.coverage",
        ),
        (lambda c: c["contained"][0].update(gender="F"), "unknown-value", "Patient.gender"),
        (
            lambda c: c["identifier"][0].update(value="N" * 39),
            "patient-control-number",
            "identifier",
        ),
        (lambda c: c["identifier"][0].update(value="N" * 99), "value-too-long", "identifier"),
        (lambda c: c.update(item=[c["item"][0]] * 1001), "too-many", "item"),
    ],
)
def test_what_is_wrong_is_said_where_its_sender_wrote_it(
    claim: Node, change: Change, code: str, path: str
) -> None:
    change(claim)
    (outcome,) = outcomes(claim)
    assert isinstance(outcome, ClaimRefusal)
    assert f"{code} {path}" in told(outcome)
    text = " ".join(str(finding) for finding in outcome.findings)
    assert not any(secret in text for secret in ("ROE", "JANE", "W1", "1980"))


def test_everything_wrong_is_said_at_once(claim: Node) -> None:
    claim["use"] = "preauthorization"
    claim["item"][0]["net"]["value"] = 1.005
    claim["contained"][0]["birthDate"] = "yesterday"
    (outcome,) = outcomes(claim)
    assert told(outcome) == [
        "not-a-claim use",
        "date-invalid Patient.birthDate",
        "amount-format item[0].net.value",
    ]


def test_money_is_exact(claim: Node) -> None:
    """The digits as they stand, beyond what a float can hold."""
    text = json.dumps(claim).replace("145.5", "9007199254740.93")
    (found,) = claims(text.encode())
    assert found.charge == 900719925474093


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "1E2"])
def test_numbers_that_are_none_are_refused(claim: Node, value: str) -> None:
    text = json.dumps(claim).replace("145.5", value)
    (outcome,) = outcomes(text.encode())
    if value == "1E2":
        assert isinstance(outcome, AcceptedClaim)
        assert outcome.claim.charge == 10000
    else:
        assert not isinstance(outcome, AcceptedClaim)


def test_price_times_quantity_stands_in_for_net(claim: Node) -> None:
    del claim["item"][0]["net"], claim["total"]
    claim["item"][0] |= {"unitPrice": {"value": 12.34}, "quantity": {"value": 3}}
    (found,) = claims(json.dumps(claim).encode())
    assert (found.charge, found.service_lines[0].charge) == (3702, 3702)


def test_references_into_a_bundle_are_found_in_each_of_their_forms(claim: Node) -> None:
    patient, organization, coverage = claim.pop("contained")
    claim["patient"]["reference"] = "Patient/p"
    claim["provider"]["reference"] = "https://example.org/fhir/Organization/o/_history/2"
    claim["insurance"][0]["coverage"]["reference"] = "urn:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427"
    coverage["beneficiary"]["reference"] = "Patient/p"
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"resource": claim},
            {"fullUrl": "http://other/Patient/p", "resource": patient},
            {"fullUrl": "https://example.org/fhir/Organization/o", "resource": organization},
            {"fullUrl": "urn:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427", "resource": coverage},
        ],
    }
    (found,) = claims(json.dumps(bundle).encode())
    assert (found.billing_provider.npi, found.subscriber.identifier) == ("1234567893", "W1")


def test_a_transactions_delete_is_no_claim(claim: Node) -> None:
    entry = {"resource": claim, "request": {"method": "DELETE", "url": "Claim/c1"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    (outcome,) = outcomes(bundle)
    assert told(outcome) == ["request-method Bundle.entry.request.method"]


def test_one_bad_claim_of_a_bundle_leaves_the_others(claim: Node) -> None:
    bad = {**claim, "use": "proposal"}
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"resource": bad}, {"resource": claim}],
    }
    assert [told(one) for one in outcomes(bundle)] == [["not-a-claim use"], ["accepted"]]


def test_resources_may_come_one_a_line(claim: Node) -> None:
    text = json.dumps(claim).encode()
    assert [told(one) for one in outcomes(text + b"\n" + text + b"\n")] == [["accepted"]] * 2


def test_a_sources_profile_says_what_fhir_does_not(claim: Node) -> None:
    (found,) = claims(json.dumps(claim).encode())
    signed = found.provider_signature, found.accepts_assignment, found.release_of_information
    assert signed == (True, "A", "Y")
    profile = SourceProfile(
        benefits_assigned="N",
        payers={"PAY01": PayerEntry(identifier="60054", name="AETNA", filing_indicator="CI")},
        default_payer=PayerEntry(identifier="OTHER"),
    )
    (outcome,) = outcomes(claim, profile)
    assert isinstance(outcome, AcceptedClaim)
    assert (outcome.claim.payer.identifier, outcome.claim.filing_indicator) == ("60054", "CI")
    assert outcome.claim.benefits_assigned == "N"
    claim["insurer"] = {"display": "Nobody knows"}
    (outcome,) = outcomes(claim, profile)
    assert isinstance(outcome, AcceptedClaim)
    assert outcome.claim.payer.identifier == "OTHER"
    (outcome,) = outcomes(claim)
    assert told(outcome) == ["payer-not-identified insurer"]


# Whatever comes


def _mutated(document: Any, chance: random.Random) -> Any:
    """The document with one place changed into something else."""
    strange: tuple[Any, ...] = (
        None,
        0,
        -1,
        1.5,
        "",
        "x" * 300,
        [],
        {},
        [None],
        [[]],
        {"a": {}},
        True,
        "#p",
        "\u0000",
    )
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            places.extend((value, key) for key in value)
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            places.extend((value, index) for index in range(len(value)))
            for inner in value:
                walk(inner)

    walk(document)
    for _ in range(chance.randint(1, 4)):
        owner, key = chance.choice(places)
        try:
            if chance.random() < 0.3:
                del owner[key]
            else:
                owner[key] = deepcopy(chance.choice(strange))
        except (KeyError, IndexError):
            continue
    return document


def holds(document: bytes) -> None:
    """The reader answers, and whatever it refuses has a code, a path and a hint or message."""
    found = outcomes(document)
    assert found or not document.strip()
    for outcome in found:
        if isinstance(outcome, ClaimRefusal | Unreadable):
            assert outcome.findings
            assert all(finding.path and finding.code for finding in outcome.findings)


@examples(60)
@given(fhir_claims(), st.randoms(use_true_random=False), st.booleans())
def test_no_change_to_a_claim_makes_the_reader_fail(
    made: Claim, chance: random.Random, is_bundle: bool
) -> None:
    text = write_bundle([made]) if is_bundle else write_claim(made)
    holds(json.dumps(_mutated(json.loads(text), chance)).encode())


@examples(60)
@given(st.binary(max_size=200), st.integers(0, 4000), fhir_claims())
def test_no_bytes_make_the_reader_fail(noise: bytes, at: int, made: Claim) -> None:
    text = write_claim(made)
    holds(text[:at] + noise + text[at + len(noise) :])
    holds(text[:at])


def test_depth_is_no_way_in() -> None:
    (outcome,) = outcomes(
        b'{"resourceType":"Claim","contained":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    )
    assert isinstance(outcome, Unreadable)


def test_resources_that_refer_to_each_other_in_a_ring_end(claim: Node) -> None:
    claim["contained"][1] = {
        "resourceType": "PractitionerRole",
        "id": "o",
        "practitioner": {"reference": "#o"},
    }
    (outcome,) = outcomes(claim)
    assert "billing-provider-missing provider" in told(outcome)

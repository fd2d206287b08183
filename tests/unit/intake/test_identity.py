import hashlib
import json
from base64 import b32encode
from datetime import date
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.twins.hospital import Hospital, render_x12
from services.intake.domain.identity import _stem, claim_id, fingerprint, identify
from shared.contract.claim import Claim, Diagnosis, Party, ServiceLine, SurgicalProcedure
from shared.contract.envelope import business_id
from shared.x12.claims.reading import ReadClaim, read_claims

GOLDEN = Path(__file__).parents[2] / "contract" / "golden" / "claim.received.v1"


def test_the_id_is_made_of_the_sender_and_its_own_number() -> None:
    assert claim_id("general", "PCN-1") == business_id("claim", "general", "PCN-1")
    assert claim_id("general", " PCN-1 ") == claim_id("general", "PCN-1")
    assert claim_id("other", "PCN-1") != claim_id("general", "PCN-1")


def test_lines_without_a_control_number_get_one_that_stays(claim: Claim) -> None:
    once, again = identify(claim, "general"), identify(claim, "general")
    assigned = [line.line_control_number for line in once.service_lines]
    assert assigned == [line.line_control_number for line in again.service_lines]
    assert all(number and number.isalnum() and len(number) <= 30 for number in assigned)
    assert len(set(assigned)) == len(assigned)


def test_a_senders_own_line_control_numbers_are_kept(claim: Claim) -> None:
    lines = tuple(
        line.model_copy(update={"line_control_number": f"MINE{line.number}"})
        for line in claim.service_lines
    )
    own = identify(claim.model_copy(update={"service_lines": lines}), "general")
    assert own.service_lines is lines


@given(st.lists(st.sampled_from([None, "", "A", "B", "C"]), min_size=1, max_size=8))
def test_line_control_numbers_are_always_unique_and_keep_what_was_unique(
    given_numbers: list[str | None],
) -> None:
    claim = Claim.model_validate(
        {
            "id": UUID(int=0),
            "kind": "professional",
            "source": "-",
            "patient_control_number": "1",
            "charge": 0,
            "billing_provider": {},
            "subscriber": {},
            "payer": {},
            "service_lines": [
                {"number": at, "charge": 0, "line_control_number": number}
                for at, number in enumerate(given_numbers, start=1)
            ],
        }
    )
    numbers = [line.line_control_number for line in identify(claim, "s").service_lines]
    assert all(numbers)
    assert len(set(numbers)) == len(numbers)
    for number in {"A", "B", "C"}.intersection(map(str, given_numbers)):
        assert numbers.count(number) == 1


def test_icd_codes_lose_the_point_that_an_837_does_not_carry(claim: Claim) -> None:
    dotted = claim.model_copy(
        update={
            "diagnoses": (Diagnosis(code="E11.9", role="principal"), Diagnosis(code="I10")),
            "procedures": (SurgicalProcedure(code="96.04", system="icd9pcs"),),
        }
    )
    plain = identify(dotted, "general")
    assert [each.code for each in plain.diagnoses] == ["E119", "I10"]
    assert plain.diagnoses[0].role == "principal"
    assert plain.procedures[0].code == "9604"


def _backwards(document: object) -> object:
    """The same JSON, each object's members in the opposite order."""
    if isinstance(document, dict):
        return {name: _backwards(value) for name, value in reversed(document.items())}
    if isinstance(document, list):
        return [_backwards(value) for value in document]
    return document


@pytest.mark.parametrize("name", ["professional-every-field", "institutional", "dental"])
def test_the_fingerprint_does_not_depend_on_the_order_of_fields(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text())["claim"]
    backwards = json.dumps(_backwards(golden)).encode()
    assert fingerprint(Claim.model_validate_json(backwards)) == fingerprint(
        Claim.model_validate_json(json.dumps(golden))
    )


def test_an_837_and_json_of_the_same_claim_have_the_same_fingerprint() -> None:
    hospital = Hospital(7, today=date(2026, 11, 2))
    claims = [hospital.claim() for _ in range(40)]
    for kind in ("professional", "institutional"):
        sent = [claim for claim in claims if claim.kind == kind]
        assert sent
        stream = BytesIO(render_x12(sent, date(2026, 11, 2), number=1))
        for read in read_claims(stream, source="general"):
            assert isinstance(read, ReadClaim)
            claim = read.claim
            assert claim is not None
            said = Claim.model_validate_json(claim.model_dump_json(exclude_defaults=True))
            assert fingerprint(claim) == fingerprint(said)


def test_the_stem_of_line_control_numbers_is_base_32_of_the_claims_id() -> None:
    identity = claim_id("general", "PCN-1")
    assert _stem(identity) == b32encode(identity.bytes[:10]).decode()


def test_a_claims_fingerprint_stays_what_it_was(claim: Claim) -> None:
    """Another fingerprint for an old claim would send it to its payer a second time. The reference
    is worked out here from the definition, without the model's serializer."""
    said = {
        "id": "00000000-0000-0000-0000-000000000000",
        "kind": "professional",
        "source": "-",
        "patient_control_number": "PCN-1",
        "charge": "250.00",
        "facility_code": "11",
        "billing_provider": {"name": "TEST CLINIC", "npi": "1234567893"},
        "subscriber": {"is_person": True, "name": "DOE", "identifier": "W1"},
        "payer": {"name": "TEST PAYER", "identifier": "PAY01"},
        "diagnoses": [{"code": "I10", "role": "principal"}],
        "service_lines": [
            {"number": 1, "procedure": {"code": "99213"}, "charge": "100.00", "units": "1"},
            {
                "number": 2,
                "procedure": {"code": "J1885"},
                "charge": "150.00",
                "units": "1.5",
                "service_from": "2025-03-03",
            },
        ],
    }
    text = json.dumps(said, separators=(",", ":"))
    assert fingerprint(claim)[0] == hashlib.sha256(text.encode()).digest()


def test_the_fingerprint_is_of_the_content_not_of_who_carried_it(claim: Claim) -> None:
    known, _ = fingerprint(claim)
    carried = claim.model_copy(update={"submitter": Party(name="X"), "receiver": Party(name="Y")})
    assert fingerprint(carried)[0] == known
    line = ServiceLine(number=1, charge=1, service_from=date(2025, 3, 3))
    assert fingerprint(claim.model_copy(update={"service_lines": (line,)}))[0] != known
    assert fingerprint(claim.model_copy(update={"frequency": "7"}))[0] != known

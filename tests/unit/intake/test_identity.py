import hashlib
import json
from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.identity import claim_id, fingerprint, identify
from shared.contract.claim import Claim, Diagnosis, Party, ServiceLine, SurgicalProcedure
from shared.contract.envelope import business_id


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


def test_the_fingerprint_does_not_depend_on_the_order_of_fields(claim: Claim) -> None:
    backwards = claim.model_copy()
    fields = list(backwards.__dict__.items())
    backwards.__dict__.clear()
    backwards.__dict__.update(reversed(fields))
    assert backwards == claim
    assert fingerprint(backwards)[1] != fingerprint(claim)[1]
    assert fingerprint(backwards)[0] == fingerprint(claim)[0]


def test_a_claims_fingerprint_stays_what_it_was_in_earlier_releases(claim: Claim) -> None:
    """Another fingerprint for an old claim would send it to its payer a second time. The reference
    is worked out here from the definition, without the model's serializer."""
    said = {
        "billing_provider": {"name": "TEST CLINIC", "npi": "1234567893"},
        "charge": "250.00",
        "diagnoses": [{"code": "I10", "role": "principal"}],
        "facility_code": "11",
        "id": "00000000-0000-0000-0000-000000000000",
        "kind": "professional",
        "patient_control_number": "PCN-1",
        "payer": {"identifier": "PAY01", "name": "TEST PAYER"},
        "service_lines": [
            {"charge": "100.00", "number": 1, "procedure": {"code": "99213"}, "units": "1"},
            {
                "charge": "150.00",
                "number": 2,
                "procedure": {"code": "J1885"},
                "service_from": "2025-03-03",
                "units": "1.5",
            },
        ],
        "source": "-",
        "subscriber": {"identifier": "W1", "is_person": True, "name": "DOE"},
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

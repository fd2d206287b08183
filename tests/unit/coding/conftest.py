"""Clean claims of each kind: every structural rule is kept, so that a test changes one thing."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from shared.contract.claim import (
    Address,
    Claim,
    Diagnosis,
    Insured,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
)

RECEIVED_AT = datetime(2025, 3, 10, 12, tzinfo=UTC)
SERVED = date(2025, 3, 3)
ADDRESS = Address(line1="1 MAIN ST", city="DAYTON", state="OH", postal_code="454020001")


def _claim(**fields: object) -> Claim:
    everything = {
        "id": UUID(int=7),
        "source": "test",
        "patient_control_number": "PCN-1",
        "billing_provider": Provider(
            name="TEST CLINIC", npi="1234567893", tax_id="361234567", address=ADDRESS
        ),
        "subscriber": Insured(
            is_person=True,
            name="DOE",
            first_name="JANE",
            identifier="W1",
            birth_date=date(1980, 1, 1),
            address=ADDRESS,
        ),
        "payer": Payer(name="TEST PAYER", identifier="PAY01"),
        "diagnoses": (Diagnosis(code="I10", role="principal"), Diagnosis(code="E119")),
    }
    return Claim.model_validate(everything | fields)


@pytest.fixture
def received_at() -> datetime:
    return RECEIVED_AT


@pytest.fixture
def professional() -> Claim:
    return _claim(
        kind="professional",
        facility_code="11",
        charge=25_000,
        service_lines=tuple(
            ServiceLine(
                number=number,
                procedure=Procedure(code=code, modifiers=modifiers),
                charge=charge,
                units=1,
                unit="UN",
                diagnosis_pointers=(1, 2),
                service_from=SERVED,
            )
            for number, code, modifiers, charge in (
                (1, "99213", ("25",), 10_000),
                (2, "J1885", (), 15_000),
            )
        ),
    )


@pytest.fixture
def institutional() -> Claim:
    return _claim(
        kind="institutional",
        facility_code="11",
        charge=90_000,
        statement_from=SERVED,
        statement_through=date(2025, 3, 5),
        admitted_on=SERVED,
        patient_status="01",
        attending_provider=Provider(is_person=True, name="ROE", npi="1245319599"),
        service_lines=(
            ServiceLine(number=1, revenue_code="0120", charge=60_000, units=2, unit="DA"),
            ServiceLine(
                number=2,
                revenue_code="0450",
                procedure=Procedure(code="99284"),
                charge=30_000,
                units=1,
                unit="UN",
                service_from=SERVED,
            ),
        ),
    )


@pytest.fixture
def dental() -> Claim:
    return _claim(
        kind="dental",
        facility_code="11",
        charge=8_000,
        diagnoses=(),
        service_lines=(
            ServiceLine(
                number=1,
                procedure=Procedure(code="D0120", qualifier="AD"),
                charge=8_000,
                service_from=SERVED,
            ),
        ),
    )

"""Claims as coding passes them on, numbered so that a test can tell them apart."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from services.submission.domain.changes import CodedClaim, Submission
from services.submission.domain.status import Status
from shared.contract.claim import (
    Address,
    Claim,
    Contact,
    ContactNumber,
    Diagnosis,
    Insured,
    Party,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
)
from shared.contract.model import to_wire

MakeClaim = Callable[..., Claim]


@pytest.fixture
def now() -> datetime:
    return datetime(2025, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def make_claim() -> MakeClaim:
    """A valid professional claim; keywords replace its fields."""

    def make(number: int = 1, **fields: object) -> Claim:
        clinic = Address(line1="1 MAIN ST", city="SPRINGFIELD", state="IL", postal_code="627010001")
        claim = Claim(
            id=UUID(int=number),
            kind="professional",
            source="general",
            patient_control_number=f"PCN{number:05d}",
            charge=25_000,
            facility_code="11",
            provider_signature=True,
            accepts_assignment="A",
            benefits_assigned="Y",
            release_of_information="Y",
            filing_indicator="CI",
            submitter=Party(
                name="GENERAL",
                identifier_qualifier="46",
                identifier="GENERAL",
                contacts=(
                    Contact(name="DESK", numbers=(ContactNumber(kind="TE", value="5555550100"),)),
                ),
            ),
            receiver=Party(name="ELSEWHERE", identifier_qualifier="46", identifier="ELSEWHERE"),
            billing_provider=Provider(
                name="TEST CLINIC",
                npi="1234567893",
                tax_id="123456789",
                taxonomy="207Q00000X",
                address=clinic,
            ),
            subscriber=Insured(
                is_person=True,
                name="DOE",
                first_name="JANE",
                identifier_qualifier="MI",
                identifier="W100",
                birth_date=date(1980, 1, 2),
                gender="F",
                address=clinic,
            ),
            payer=Payer(name="TEST PAYER", identifier_qualifier="PI", identifier="PAY01"),
            diagnoses=(Diagnosis(code="I10", role="principal"),),
            service_lines=tuple(
                ServiceLine(
                    number=line,
                    procedure=Procedure(code=code),
                    charge=charge,
                    units=1,
                    unit="UN",
                    diagnosis_pointers=(1,),
                    service_from=date(2025, 3, 3),
                    line_control_number=f"L{number}X{line}",
                )
                for line, code, charge in ((1, "99213", 15_000), (2, "93000", 10_000))
            ),
        )
        return claim.model_copy(update=fields)

    return make


@pytest.fixture
def coded(make_claim: MakeClaim) -> Callable[..., CodedClaim]:
    """A claim as the handler has it after decoding."""

    def make(number: int = 1, revision: int = 1) -> CodedClaim:
        claim = make_claim(number, revision=revision)
        return CodedClaim(
            claim_id=claim.id,
            revision=revision,
            payer_sequence=claim.payer_sequence,
            payer="clearinghouse",
            payer_identifier=claim.payer.identifier,
            kind=claim.kind,
            patient_control_number=claim.patient_control_number,
            charge_cents=claim.charge,
            billing_npi=claim.billing_provider.npi,
            content=to_wire(claim),
            coded_event_id=UUID(int=1_000 * number + revision),
            traceparent=None,
        )

    return make


@pytest.fixture
def submission() -> Callable[..., Submission]:
    """A revision of a claim that was sent in interchange 7."""

    def make(number: int = 1, status: Status = Status.SENT, **fields: object) -> Submission:
        values: dict[str, object] = {
            "claim_id": UUID(int=number),
            "revision": 1,
            "payer_sequence": "P",
            "payer": "clearinghouse",
            "status": status,
            "patient_control_number": f"PCN{number:05d}",
            "charge_cents": 25_000,
            "interchange_id": UUID(int=700),
            "control_number": 7,
            "transaction_control_number": "0001",
        }
        return Submission(**(values | fields))  # type: ignore[arg-type]

    return make

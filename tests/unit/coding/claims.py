"""Claims for tests of checks: clean ones, of which a test changes one thing."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

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

SERVED = date(2026, 3, 3)
TODAY = date(2026, 3, 10)
NPI, OTHER_NPI = "1234567893", "1245319599"
ADDRESS = Address(line1="1 MAIN ST", city="DAYTON", state="OH", postal_code="454020001")


def diagnoses(*codes: str) -> tuple[Diagnosis, ...]:
    """The first one principal."""
    return tuple(
        Diagnosis(code=code, role="other" if at else "principal") for at, code in enumerate(codes)
    )


def line(code: str | None, *modifiers: str, units: str = "1", **fields: Any) -> ServiceLine:
    given = {
        "number": 1,
        "procedure": Procedure(code=code, modifiers=modifiers) if code else None,
        "charge": 10_000,
        "units": Decimal(units),
        "unit": "UN",
        "diagnosis_pointers": (1,),
        "service_from": SERVED,
    }
    return ServiceLine.model_validate(given | fields)


def lines_of(
    codes: Sequence[str], modifiers: SearchStrategy[list[str]], most_units: int
) -> SearchStrategy[ServiceLine]:
    """Lines of any of these codes, with 1 to `most_units` units."""
    return st.builds(
        lambda code, given, units: line(code, *given, units=str(units)),
        st.sampled_from(codes),
        modifiers,
        st.integers(1, most_units),
    )


def _claim(lines: tuple[ServiceLine, ...], fields: dict[str, Any]) -> Claim:
    numbered = tuple(
        each.model_copy(update={"number": number}) for number, each in enumerate(lines, start=1)
    )
    given: dict[str, Any] = {
        "id": UUID(int=7),
        "source": "test",
        "patient_control_number": "PCN-1",
        "billing_provider": Provider(name="CLINIC", npi=NPI, tax_id="361234567", address=ADDRESS),
        "subscriber": Insured(
            is_person=True,
            name="DOE",
            first_name="JANE",
            identifier="W1",
            birth_date=date(1980, 1, 1),
            address=ADDRESS,
        ),
        "payer": Payer(name="PAYER", identifier="PAY01"),
        "filing_indicator": "CI",
        "diagnoses": diagnoses("I10"),
        "charge": sum(each.charge for each in lines),
        "service_lines": numbered,
    }
    return Claim.model_validate(given | fields)


def professional(*lines: ServiceLine, **fields: Any) -> Claim:
    return _claim(
        lines or (line("99213"),), {"kind": "professional", "facility_code": "11"} | fields
    )


def outpatient(*lines: ServiceLine, **fields: Any) -> Claim:
    """A hospital's bill of one day, type 131."""
    given = {
        "kind": "institutional",
        "facility_code": "13",
        "statement_from": SERVED,
        "statement_through": SERVED,
        "attending_provider": Provider(is_person=True, name="ROE", npi=OTHER_NPI),
    }
    return _claim(lines or (line("99284", revenue_code="0450"),), given | fields)


def inpatient(*lines: ServiceLine, **fields: Any) -> Claim:
    """A hospital's bill of a stay of three days, type 111."""
    given = {
        "facility_code": "11",
        "statement_through": date(2026, 3, 5),
        "admitted_on": SERVED,
        "patient_status": "01",
    }
    room = line(None, revenue_code="0120", unit="DA", units="2", service_from=None)
    return outpatient(*(lines or (room,)), **(given | fields))


def insured(**fields: Any) -> Insured:
    """The clean subscriber with something changed."""
    return professional().subscriber.model_copy(update=fields)

"""A claim as a hospital would send it in canonical JSON, and as the model reads it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest

from shared.contract.claim import Claim

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
Document = dict[str, Any]


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def document() -> Document:
    return {
        "kind": "professional",
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


@pytest.fixture
def numbered(document: Document) -> Callable[[int], bytes]:
    """The JSON of the claim with this number."""
    return lambda number: json.dumps(
        document | {"patient_control_number": f"PCN-{number}"}
    ).encode()


@pytest.fixture
def claim(document: Document) -> Claim:
    return Claim.model_validate_json(json.dumps(document | {"id": str(UUID(int=0)), "source": "-"}))


@pytest.fixture
def as_stream() -> Callable[[Any], BytesIO]:
    return lambda document: BytesIO(json.dumps(document).encode())

"""An invented patient whose every datum is unmistakable, and a search for her in what we write.

A test sends her claim through everything and then calls `assert_absent` on logs, spans, metrics,
headers, error texts and file names. Her tokens appear nowhere else, so any hit is a leak.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

LAST_NAME = "ZYXWQUILL"
FIRST_NAME = "OTTOLINEKJ"
MEMBER_ID = "ZQMEM8847213"
PATIENT_CONTROL_NUMBER = "ZQPCN5512908"
MEDICAL_RECORD_NUMBER = "ZQMRN3390417"
GROUP_NUMBER = "ZQGRP7701336"
STREET = "77 ZQUIVER CRESCENT"
CITY = "ZQUINTVILLE"
BIRTH_DATE = date(1931, 10, 29)
SERVICE_DATE = date(2024, 9, 17)
DIAGNOSIS = "T63441D"
PROCEDURE = "0712T"
NOTE = "ZQNOTE FELL OFF A LADDER"

WORDS = (
    LAST_NAME,
    FIRST_NAME,
    MEMBER_ID,
    PATIENT_CONTROL_NUMBER,
    MEDICAL_RECORD_NUMBER,
    GROUP_NUMBER,
    STREET,
    CITY,
    DIAGNOSIS,
    PROCEDURE,
    NOTE,
)


def tokens() -> tuple[str, ...]:
    """All that would give her away, upper case: the words, and the dates in the usual forms."""
    dates = [
        form
        for day in (BIRTH_DATE, SERVICE_DATE)
        for form in (day.isoformat(), f"{day:%Y%m%d}", f"{day:%m/%d/%Y}")
    ]
    encoded = [base64.b64encode(word.encode()).decode()[:-4] for word in (LAST_NAME, MEMBER_ID)]
    return tuple(token.upper() for token in (*WORDS, *dates, *encoded))


def claim(claim_id: UUID, **changes: Any) -> dict[str, Any]:
    """Her claim in canonical JSON; `changes` replace top-level fields."""
    document: dict[str, Any] = {
        "id": str(claim_id),
        "kind": "professional",
        "source": "canary-hospital",
        "patient_control_number": PATIENT_CONTROL_NUMBER,
        "medical_record_number": MEDICAL_RECORD_NUMBER,
        "charge": "125.00",
        "facility_code": "11",
        "provider_signature": True,
        "accepts_assignment": "A",
        "benefits_assigned": "Y",
        "release_of_information": "Y",
        "filing_indicator": "CI",
        "billing_provider": {
            "name": "CANARY CLINIC",
            "npi": "1234567893",
            "tax_id": "123456789",
            "address": {
                "line1": "1 MAIN STREET",
                "city": "SPRINGFIELD",
                "state": "IL",
                "postal_code": "627010001",
            },
        },
        "subscriber": {
            "is_person": True,
            "name": LAST_NAME,
            "first_name": FIRST_NAME,
            "identifier_qualifier": "MI",
            "identifier": MEMBER_ID,
            "group_number": GROUP_NUMBER,
            "birth_date": BIRTH_DATE.isoformat(),
            "gender": "F",
            "address": {
                "line1": STREET,
                "city": CITY,
                "state": "IL",
                "postal_code": "627010002",
            },
        },
        "payer": {"name": "EXAMPLE PLAN", "identifier_qualifier": "PI", "identifier": "EXHP1"},
        "notes": [{"text": NOTE}],
        "diagnoses": [{"code": DIAGNOSIS, "role": "principal"}],
        "service_lines": [
            {
                "number": 1,
                "procedure": {"code": PROCEDURE},
                "charge": "125.00",
                "units": "1",
                "unit": "UN",
                "place_of_service": "11",
                "diagnosis_pointers": [1],
                "service_from": SERVICE_DATE.isoformat(),
            }
        ],
    }
    return {**document, **changes}


def found_in(text: str | bytes) -> list[str]:
    """Her tokens that occur in a text, whatever its case."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    upper = text.upper()
    return [token for token in tokens() if token in upper]


def assert_absent(outputs: Mapping[str, str | bytes] | Iterable[Path]) -> None:
    """Fails naming each place that gives her away: named texts, or files and whole folders, their
    names included."""
    pairs = outputs.items() if isinstance(outputs, Mapping) else _contents(outputs)
    leaks = {place: found for place, text in pairs if (found := found_in(text) + found_in(place))}
    assert not leaks, f"the canary was found: {leaks}"


def _contents(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            yield str(file), file.read_bytes() if file.is_file() else b""

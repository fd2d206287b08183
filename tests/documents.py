"""The smallest claim that intake takes, as a hospital sends it in JSON."""

from typing import Any


def document(number: object, **changes: Any) -> dict[str, Any]:
    """A claim with the patient control number PCN-`number`, and what is changed of it."""
    return {
        "kind": "professional",
        "patient_control_number": f"PCN-{number}",
        "charge": "100.00",
        "billing_provider": {"name": "TEST CLINIC", "npi": "1234567893"},
        "subscriber": {"name": "DOE", "identifier": "W1"},
        "payer": {"identifier": "PAY01"},
        "service_lines": [{"number": 1, "procedure": {"code": "99213"}, "charge": "100.00"}],
    } | changes

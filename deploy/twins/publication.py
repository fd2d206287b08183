"""What the hospital publishes: messages, and what must become of each record in them.

Apart from the hospital so that each format has a module of its own, which is given claims and says
them in its format.
"""

from dataclasses import dataclass
from typing import Literal

Fate = Literal["accepted", "held", "rejected", "duplicate", "gathered"]
"""`gathered`: one message of an encounter, which is no claim by itself."""

SOURCE = "general-hospital"
X12, JSON, NDJSON = "application/edi-x12", "application/json", "application/x-ndjson"
HL7 = "x-application/hl7-v2+er7"
FHIR = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Published:
    """One record of a message and what must become of it at our door."""

    patient_control_number: str
    charge_cents: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class Message:
    """One record for `claims.inbound`; `records` is empty only where nothing in it can be read."""

    message_id: str
    content_type: str
    value: bytes
    records: tuple[Published, ...]
    encounters: tuple[Published, ...] = ()
    """Claims that are complete with this message, gathered from it and others before."""
    key: str | None = None
    """Messages of one key keep their order; by default each goes by its own id."""

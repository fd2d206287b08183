"""HL7 files that others wrote: each accepted, or refused for a reason that is listed here."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from services.intake.filter import read
from shared.contract.events import (
    ClaimReceived,
    ClaimRejected,
    EncounterRecorded,
    MessageRejected,
)
from tests.hl7_messages import NOW, SOURCE, Feed, findings, profiles, types

MICROSOFT = "microsoft_FHIR-Converter__data__SampleData__Hl7v2__"
LINUX = "LinuxForHealth_hl7v2-fhir-converter__"
NOT_ICD = ("diagnosis-not-icd", "DG1-3.3")

EXPECTED: dict[str, tuple[str, list[tuple[str, str | None]], str]] = {
    # file: event, its findings, why
    f"{LINUX}sample_unix.hl7": (
        "message.rejected.v1",
        [("hl7-encoding-characters", "MSH-2")],
        r"MSH-2 is ^~\\&: the escape character is the subcomponent separator too",
    ),
    f"{LINUX}sample_win.hl7": (
        "message.rejected.v1",
        [("hl7-encoding-characters", "MSH-2")],
        "the same",
    ),
    f"{MICROSOFT}ADT-A01-01.hl7": ("encounter.recorded.v1", [NOT_ICD], "DG1 is in SNOMED CT"),
    f"{MICROSOFT}ADT-A03-01.hl7": ("encounter.recorded.v1", [NOT_ICD], "DG1 is in SNOMED CT"),
    f"{MICROSOFT}ADT-A04-01.hl7": ("encounter.recorded.v1", [NOT_ICD], "DG1 is in SNOMED CT"),
    f"{MICROSOFT}ADT-A08-01.hl7": ("encounter.recorded.v1", [NOT_ICD], "DG1 is in SNOMED CT"),
    f"{MICROSOFT}BAR-P01-01.hl7": ("encounter.recorded.v1", [NOT_ICD], "DG1 is in SNOMED CT"),
    f"{MICROSOFT}BAR-P02-01.hl7": (
        "message.rejected.v1",
        [("hl7-event-not-taken", "MSH-9")],
        "P02 purges accounts, which no claim can follow",
    ),
    f"{MICROSOFT}BAR-P12-01.hl7": ("encounter.recorded.v1", [NOT_ICD], "DG1 is in SNOMED CT"),
    f"{MICROSOFT}DFT-P03-01.hl7": (
        "encounter.recorded.v1",
        [("diagnosis-not-icd", "DG1[1]-3.3"), ("diagnosis-not-icd", "DG1[2]-3.3")],
        "DG1 is in SNOMED CT",
    ),
    f"{MICROSOFT}DFT-P11-01.hl7": (
        "encounter.recorded.v1",
        [("diagnosis-not-icd", "DG1[1]-3.3"), ("diagnosis-not-icd", "DG1[2]-3.3")],
        "the first two DG1 are in SNOMED CT, the third in ICD-10-CM",
    ),
    f"{MICROSOFT}SIU_12.hl7": (
        "message.rejected.v1",
        [("hl7-event-not-taken", "MSH-9")],
        "ADT^A60 tells of allergies",
    ),
}


def test_every_sample_has_its_expectation(samples: Path) -> None:
    assert {path.name for path in (samples / "HL7v2").iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_is_accepted_or_refused_for_its_reason(samples: Path, name: str) -> None:
    raw = (samples / "HL7v2" / name).read_bytes()
    event, reasons, _ = EXPECTED[name]
    (said,) = read(BytesIO(raw), source=SOURCE, now=NOW)
    assert (said.type, findings(said)) == (event, reasons)
    assert isinstance(said.data, EncounterRecorded | MessageRejected)


def test_the_charges_of_a_sample_become_a_claim_once_it_is_discharged(samples: Path) -> None:
    """ADT^A03 and DFT^P11 are of the same account: 100.00 + 70.00 in USD, ICD-10 K63.3."""
    feed = Feed(payers={})
    for name in ("DFT-P11-01", "ADT-A03-01"):
        feed.send((samples / "HL7v2" / f"{MICROSOFT}{name}.hl7").read_bytes())
    (claim,) = feed.claims
    assert claim.patient_control_number == "4000776"
    assert claim.charge == 17_000
    codes = [line.procedure.code for line in claim.service_lines if line.procedure]
    assert codes == ["71045", "92002"]
    assert claim.service_lines[0].procedure is not None
    assert claim.service_lines[0].procedure.modifiers == ("26",)
    assert claim.service_lines[0].rendering_provider is None, "it is the claim's"
    assert claim.rendering_provider is not None
    assert claim.rendering_provider.npi == "9941339108"
    assert [one.code for one in claim.diagnoses] == ["K633"]
    assert claim.patient is not None
    assert (claim.patient.name, claim.patient_relationship) == ("EVERYMAN", "01")


def test_without_a_billing_provider_the_claim_is_refused_where_the_profile_lacks_it(
    samples: Path,
) -> None:
    states: dict[str, Any] = {}
    said = [
        event
        for name in ("DFT-P03-01", "ADT-A03-01")
        for event in read(
            BytesIO((samples / "HL7v2" / f"{MICROSOFT}{name}.hl7").read_bytes()),
            source="unknown",
            now=NOW,
            states=states,
            profiles=profiles(),
        )
    ]
    assert types(said)[-1] == "claim.rejected.v1"
    assert isinstance(said[-1].data, ClaimRejected)
    assert not isinstance(said[-1].data, ClaimReceived)
    assert findings(said[-1])[0] == (
        "billing-provider-missing",
        "source profile: billing_provider",
    )

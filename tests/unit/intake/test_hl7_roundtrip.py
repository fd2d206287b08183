"""A claim told in HL7 messages is that claim again, for all that HL7 can carry.

The twin's writer tells it, in whatever order, delimiters and terminators its random choice gives;
the expectation is worked out from the claim, never from what was read.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from deploy.twins import hl7
from deploy.twins.hl7_segments import stamp
from deploy.twins.hospital import npi
from services.intake.domain.profile import read_profiles
from services.intake.filter import read
from shared.contract.claim import (
    Address,
    Claim,
    Diagnosis,
    Insured,
    OtherCoverage,
    Patient,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
    ValueCode,
)
from shared.contract.events import ClaimReceived
from shared.contract.model import to_wire
from tests.hl7_messages import NOW, SOURCE

TODAY = date(2026, 3, 9)
_TEXT = st.text("ABCDEFGHIJ abc-'|^~\\&$%#é", min_size=1, max_size=20).filter(
    lambda text: bool(text.strip()) and text.strip() != '""'
)
texts = _TEXT.map(str.strip)
codes = st.text("ABCDEFGHJ0123456789", min_size=1, max_size=10)
days = st.dates(date(1930, 1, 1), date(2025, 12, 31))
npis = st.integers(0, 10**9).map(npi)


def addresses() -> st.SearchStrategy[Address]:
    return st.builds(
        Address,
        line1=texts,
        city=texts,
        state=st.sampled_from(["OH", "IL"]),
        postal_code=st.sampled_from(["45402", "454020001"]),
    )


people: dict[str, Any] = {"is_person": st.just(True), "name": texts, "first_name": texts}
born: dict[str, Any] = {
    "birth_date": days,
    "gender": st.sampled_from(["F", "M", "U"]),
    "address": addresses(),
}


def insured(**more: Any) -> st.SearchStrategy[Insured]:
    return st.builds(
        Insured,
        **people,
        identifier_qualifier=st.just("MI"),
        identifier=codes,
        group_number=st.none() | codes,
        **more,
    )


providers = st.builds(Provider, **people, npi=npis)


@st.composite
def lines(draw: st.DrawFn, kind: str, diagnoses: int) -> tuple[ServiceLine, ...]:
    made = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        is_coded = kind == "professional" or draw(st.booleans())
        units = draw(st.integers(1, 30))
        made.append(
            ServiceLine(
                number=number,
                procedure=Procedure(
                    code=draw(st.sampled_from(["99213", "93000", "J1885", "80053"])),
                    modifiers=tuple(draw(st.sets(st.sampled_from(["25", "59", "LT"]), max_size=2))),
                )
                if is_coded
                else None,
                revenue_code=draw(st.sampled_from(["0300", "0450"]))
                if kind == "institutional"
                else None,
                charge=draw(st.integers(1, 10_000_000)),
                units=Decimal(units),
                unit="UN",
                service_from=TODAY - timedelta(days=draw(st.integers(0, 5))),
                diagnosis_pointers=tuple(
                    draw(st.lists(st.integers(1, diagnoses), min_size=1, max_size=4, unique=True))
                )
                if kind == "professional"
                else (),
            )
        )
    return tuple(made)


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    """Claims of what HL7 can carry, a hospital's or a clinic's."""
    kind = draw(st.sampled_from(["professional", "institutional"]))
    is_dependent = draw(st.booleans())
    chosen = draw(
        st.lists(st.sampled_from(["I10", "E119", "R079", "N390"]), min_size=1, unique=True)
    )
    service_lines = draw(lines(kind, len(chosen)))
    served = [line.service_from for line in service_lines if line.service_from]
    is_hospital = kind == "institutional"
    common: dict[str, Any] = {
        "patient_control_number": draw(codes),
        "charge": sum(line.charge for line in service_lines),
        "billing_provider": draw(providers),
        "subscriber": draw(insured() if is_dependent else insured(**born)),
        "patient": draw(st.builds(Patient, **people, **born)) if is_dependent else None,
        "patient_relationship": draw(st.sampled_from(["01", "19"])) if is_dependent else "18",
        "payer": Payer(name=draw(texts), identifier_qualifier="PI", identifier=draw(codes)),
        "filing_indicator": draw(st.sampled_from(["CI", "MB", "MC"])),
        "diagnoses": tuple(
            Diagnosis(code=code, role="other" if at else "principal")
            for at, code in enumerate(chosen)
        ),
        "service_lines": service_lines,
        "prior_authorization": draw(st.none() | codes),
        "other_coverages": tuple(
            OtherCoverage(
                sequence="S",
                relationship="18",
                payer=Payer(name="SECOND", identifier_qualifier="PI", identifier="SEC99"),
                subscriber=one,
            )
            for one in ([] if is_dependent else draw(st.lists(insured(), max_size=1)))
        ),
    }
    if is_hospital:
        common |= {
            "facility_code": "13",
            "statement_from": min(served),
            "statement_through": max(served),
            "admission_type": draw(st.sampled_from(["1", "2", "3"])),
            "admission_source": "1",
            "patient_status": "01",
            "attending_provider": draw(providers),
            "values": tuple(
                ValueCode(code=code, amount=draw(st.integers(0, 99_999)))
                for code in draw(st.lists(st.sampled_from(["A1", "80"]), unique=True))
            ),
        }
    else:
        common |= {
            "facility_code": "11",
            "provider_signature": True,
            "rendering_provider": draw(providers),
        }
    return Claim(
        id=UUID(int=0),
        kind=kind,
        source=SOURCE,
        accepts_assignment="A",
        benefits_assigned="Y",
        release_of_information="Y",
        **common,
    )


def expected(claim: Claim) -> dict[str, Any]:
    """What must come of it, without what intake gives (ids, numbers) and the order of lines."""
    first = claim.other_coverages[0] if claim.other_coverages else None
    wanted = claim.model_copy(
        update={
            "medical_record_number": f"M{claim.patient_control_number}",
            "other_coverages": () if first is None else (_second(first, claim),),
        }
    )
    return _comparable(wanted)


def _second(coverage: OtherCoverage, claim: Claim) -> OtherCoverage:
    """2330A has the insured's address, which is the patient's where the message has none."""
    assert coverage.subscriber is not None
    subscriber = coverage.subscriber.model_copy(
        update={"group_number": None, "address": claim.subscriber.address}
    )
    return coverage.model_copy(
        update={
            "subscriber": subscriber,
            "group_number": coverage.subscriber.group_number,
            "benefits_assigned": "Y",
            "release_of_information": "Y",
        }
    )


def _comparable(claim: Claim) -> dict[str, Any]:
    plain = claim.model_dump(mode="json", exclude_defaults=True)
    for name in ("id", "source", "revision"):
        plain.pop(name, None)
    rows = plain["service_lines"]
    for row in rows:
        for name in ("number", "line_control_number"):
            row.pop(name, None)
        for procedure in filter(None, [row.get("procedure")]):
            procedure["modifiers"] = sorted(procedure.get("modifiers", ()))
    plain["service_lines"] = sorted(rows, key=str)
    return plain


@given(claims(), st.integers(0, 2**32))
def test_a_claim_told_in_messages_is_that_claim_again(claim: Claim, seed: int) -> None:
    profile = {
        "billing_provider": claim.billing_provider.model_dump(mode="json", exclude_none=True),
        "payers": {
            str(claim.payer.identifier): {
                "identifier": claim.payer.identifier,
                "filing_indicator": claim.filing_indicator,
            }
        },
        "places_of_service": {"O": "11"},
    }
    profiles = read_profiles({"sources": {SOURCE: profile}})
    told = hl7.publish([claim], Random(seed), run="P", number=1, today=TODAY)
    states: dict[str, Any] = {}
    received = []
    for message in told:
        for event in read(
            BytesIO(message.value), source=SOURCE, now=NOW, states=states, profiles=profiles
        ):
            assert event.type in ("encounter.recorded.v1", "claim.received.v1"), to_wire(event.data)
            if isinstance(event.data, ClaimReceived):
                received.append(event.data.claim)
    (made,) = received
    assert _comparable(made) == expected(claim)


def test_the_twins_clock_is_in_the_day_it_tells() -> None:
    """Newer counts by the time in the message: the writer must not turn back."""
    assert stamp(datetime(2026, 3, 9, 6, 5, 4)) == "20260309060504"  # noqa: DTZ001

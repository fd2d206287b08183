"""What is written, judged from outside: by pyx12 for any valid claim, and by counting by hand for
whatever claims there are: segments, control numbers, and the HL tree."""

import io
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pyx12.params
import pyx12.x12n_document
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from services.submission.domain.changes import Leg
from services.submission.domain.interchange import Pending, Written, write
from services.submission.domain.profile import Profile, Separators
from shared.contract.claim import (
    Address,
    Claim,
    Diagnosis,
    Drug,
    Insured,
    LineAdjudication,
    OtherCoverage,
    Patient,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
    ValueCode,
)
from shared.contract.model import Adjustment, to_wire
from shared.x12.claims.reading import ReadClaim, read_claims
from shared.x12.claims.writing import check_writable
from tests.examples import examples
from tests.strategies import claims as any_claims

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
NPIS = ("1234567893", "1992999981", "1093817465")
WORDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=20)
DAYS = st.dates(date(2025, 1, 1), date(2025, 3, 9))
CENTS = st.integers(1, 999_999)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def _pending(claims: list[Claim]) -> list[Pending]:
    return [
        Pending(Leg(claim.id, claim.revision, claim.payer_sequence), to_wire(claim))
        for claim in claims
    ]


def _address() -> st.SearchStrategy[Address]:
    return st.builds(
        Address,
        line1=st.builds("{} MAIN ST".format, st.integers(1, 9999)),
        city=WORDS,
        state=st.sampled_from(["OH", "IL", "CA", "TX"]),
        postal_code=st.sampled_from(["454020001", "627010001"]),
    )


def _provider(taxonomy: bool = False) -> st.SearchStrategy[Provider]:
    return st.builds(
        Provider,
        is_person=st.just(True),
        name=WORDS,
        first_name=WORDS,
        npi=st.sampled_from(NPIS),
        taxonomy=st.just("207Q00000X") if taxonomy else st.none(),
    )


def _person(kind: type[Any], **more: Any) -> st.SearchStrategy[Any]:
    return st.builds(
        kind,
        is_person=st.just(True),
        name=WORDS,
        first_name=WORDS,
        address=_address(),
        birth_date=st.dates(date(1930, 1, 1), date(2024, 1, 1)),
        gender=st.sampled_from("FMU"),
        **more,
    )


def _subscriber() -> st.SearchStrategy[Any]:
    identifier = st.text("ABC0123456789", min_size=2, max_size=12)
    return _person(Insured, identifier_qualifier=st.just("MI"), identifier=identifier)


@st.composite
def _professional_line(draw: Any, number: int, diagnoses: int) -> ServiceLine:
    day = draw(DAYS)
    return ServiceLine(
        number=number,
        procedure=Procedure(
            code=draw(st.sampled_from(["99213", "93000", "J1885", "36415"])),
            modifiers=tuple(draw(st.lists(st.sampled_from(["25", "59", "LT"]), max_size=3))),
        ),
        charge=draw(CENTS),
        units=draw(st.integers(1, 99)),
        unit=draw(st.sampled_from(["UN", "MJ"])),
        diagnosis_pointers=tuple(range(1, draw(st.integers(1, min(4, diagnoses))) + 1)),
        service_from=day,
        service_through=draw(st.none() | st.just(day + timedelta(days=1))),
        line_control_number=f"L{number}",
        drug=draw(st.none() | st.just(Drug(ndc="00002735501", quantity=1, unit="UN"))),
        rendering_provider=draw(st.none() | _provider(taxonomy=True)),
    )


@st.composite
def _institutional_line(draw: Any, number: int) -> ServiceLine:
    return ServiceLine(
        number=number,
        revenue_code=draw(st.sampled_from(["0300", "0450", "0636"])),
        procedure=Procedure(code="99284"),
        charge=draw(CENTS),
        units=draw(st.integers(1, 99)),
        unit="UN",
        service_from=draw(DAYS),
        line_control_number=f"L{number}",
    )


@st.composite
def valid_claims(draw: Any) -> Claim:
    """A claim that its payer could take: what belongs together is there together, and adds up."""
    is_institutional = draw(st.booleans())
    count = draw(st.integers(1, 4))
    codes = ["I10", "E119", "J209", "R509"][: draw(st.integers(1, 4))]
    lines = tuple(
        draw(
            _institutional_line(number)
            if is_institutional
            else _professional_line(number, len(codes))
        )
        for number in range(1, count + 1)
    )
    number = draw(st.integers(1, 10**9))
    fields: dict[str, Any] = {
        "id": UUID(int=number),
        "kind": "institutional" if is_institutional else "professional",
        "source": "test",
        "patient_control_number": f"P{number}",
        "charge": sum(line.charge for line in lines),
        "accepts_assignment": "A",
        "benefits_assigned": "Y",
        "release_of_information": "Y",
        "filing_indicator": draw(st.sampled_from(["CI", "BL", "HM"])),
        "billing_provider": Provider(
            name=draw(WORDS),
            npi=draw(st.sampled_from(NPIS)),
            tax_id="123456789",
            address=draw(_address()),
            taxonomy=draw(st.none() | st.just("282N00000X")),
        ),
        "subscriber": draw(_subscriber()),
        "payer": Payer(name=draw(WORDS), identifier_qualifier="PI", identifier="PAY01"),
        "service_lines": lines,
        "diagnoses": tuple(
            Diagnosis(code=code, role="other" if at else "principal")
            for at, code in enumerate(codes)
        ),
        "prior_authorization": draw(st.none() | st.just("AUTH1")),
        "medical_record_number": draw(st.none() | st.just("MRN1")),
    }
    if is_institutional:
        fields |= {
            "facility_code": "13",
            "statement_from": date(2025, 1, 1),
            "statement_through": date(2025, 3, 9),
            "admission_type": "1",
            "admission_source": "1",
            "patient_status": "01",
            "attending_provider": draw(_provider(taxonomy=True)),
            "values": draw(st.just(()) | st.just((ValueCode(code="80", amount=300),))),
            "conditions": draw(st.just(()) | st.just(("04",))),
        }
    else:
        fields |= {
            "facility_code": "11",
            "provider_signature": True,
            "patient_paid": draw(st.none() | CENTS),
            "rendering_provider": draw(st.none() | _provider(taxonomy=True)),
            "referring_providers": draw(st.just(()) | st.tuples(_provider())),
        }
    if draw(st.booleans()):
        fields |= {"patient": draw(_person(Patient)), "patient_relationship": "19"}
        fields["subscriber"] = fields["subscriber"].model_copy(
            update={"birth_date": None, "gender": None, "address": None}
        )
    if draw(st.booleans()):
        fields |= {"frequency": "7", "payer_claim_control_number": "ICN123"}
    claim = Claim(**fields)
    return _after_another_payer(claim) if draw(st.booleans()) else claim


def _after_another_payer(claim: Claim) -> Claim:
    """The same, when the first payer has left a cent of each line."""
    lines = tuple(
        line.model_copy(
            update={
                "adjudications": (
                    LineAdjudication(
                        payer_identifier="FIRST",
                        paid=line.charge - 1,
                        procedure=line.procedure,
                        revenue_code=line.revenue_code,
                        units=line.units,
                        adjustments=(Adjustment(group="PR", reason="1", amount=1),),
                        adjudicated_on=date(2025, 3, 8),
                    ),
                )
            }
        )
        for line in claim.service_lines
    )
    first = OtherCoverage(
        sequence="P",
        relationship="18",
        filing_indicator="CI",
        paid=claim.charge - len(lines),
        benefits_assigned="Y",
        release_of_information="Y",
        subscriber=Insured(
            is_person=True,
            name="DOE",
            first_name="JANE",
            identifier_qualifier="MI",
            identifier="F1",
        ),
        payer=Payer(name="FIRST", identifier_qualifier="PI", identifier="FIRST"),
    )
    return claim.model_copy(
        update={"payer_sequence": "S", "other_coverages": (first,), "service_lines": lines}
    )


def _taken_by_pyx12(content: bytes) -> bool:
    parameters = pyx12.params.params()
    text = io.StringIO(content.decode("ascii"))
    return bool(pyx12.x12n_document.x12n_document(parameters, text, None, None))


@examples(
    8,
    fuzzed=100,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # pyx12 takes too long to shrink with
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(valid_claims(), min_size=5, max_size=12, unique_by=lambda claim: claim.id))
def test_pyx12_takes_whatever_valid_claims_are_written(claims: list[Claim]) -> None:
    written = write(_pending(claims), Profile(claims_per_set=4), 7, NOW)
    assert written.unwritable == ()
    assert _taken_by_pyx12(written.content)
    read = [
        part.claim
        for part in read_claims(io.BytesIO(written.content), source="test")
        if isinstance(part, ReadClaim) and part.claim is not None
    ]
    assert [one.patient_control_number for one in read] == [
        claim.patient_control_number for claim in claims
    ]
    for one, claim in zip(read, claims, strict=True):
        sent = one.model_copy(update={"id": claim.id, "submitter": None, "receiver": None})
        assert sent == claim


def test_pyx12_is_awake(make_claim: Any) -> None:
    written = write(_pending([make_claim()]), Profile(), 7, NOW)
    assert _taken_by_pyx12(written.content)
    assert not _taken_by_pyx12(written.content.replace(b"SE*", b"SE*9"))


@examples(40)
@given(
    st.sampled_from(["professional", "institutional", "dental"]).flatmap(
        lambda kind: st.lists(any_claims(kind), min_size=1, max_size=6)  # type: ignore[arg-type]
    ),
    st.integers(1, 999_999_999),
    st.integers(1, 3),
)
def test_counts_control_numbers_and_levels_are_consistent(
    claims: list[Claim], number: int, per_set: int
) -> None:
    unique = {claim.id: claim for claim in claims}
    pending = _pending([_untroubled(claim) for claim in unique.values()])
    profile = Profile(claims_per_set=per_set, separators=Separators(element="|", segment="!"))
    written = write(pending, profile, number, NOW)
    assert len(written.placed) + len(written.unwritable) == len(unique)
    if written.content:
        _check_envelope(written, number)


def _untroubled(claim: Claim) -> Claim:
    """Random sums do not add up, and no payer decided: that is not what is asked here."""
    return claim.model_copy(
        update={
            "other_coverages": (),
            "payer_sequence": "P",
            "frequency": "1",
            "service_lines": tuple(
                line.model_copy(update={"adjudications": ()}) for line in claim.service_lines
            ),
        }
    )


def _check_envelope(written: Written, number: int) -> None:
    """By splitting and counting, with nothing of the writer's own."""
    rows = [row.split("|") for row in written.content.decode("ascii").rstrip("!").split("!")]
    assert (rows[0][0], rows[-1]) == ("ISA", ["IEA", "1", f"{number:09d}"])
    assert rows[0][13] == f"{number:09d}"
    assert (rows[1][0], rows[1][6]) == ("GS", str(number))
    starts = [at for at, row in enumerate(rows) if row[0] == "ST"]
    ends = [at for at, row in enumerate(rows) if row[0] == "SE"]
    assert rows[-2] == ["GE", str(len(starts)), str(number)]
    claims = 0
    for ordinal, (start, end) in enumerate(zip(starts, ends, strict=True), 1):
        assert rows[start][2] == rows[end][2] == f"{ordinal:04d}"
        assert rows[end][1] == str(end - start + 1)
        assert rows[start + 1][3] == f"{number:09d}{ordinal:04d}"
        claims += _check_levels(rows[start:end])
        placed = [p for p in written.placed if p.transaction_control_number == f"{ordinal:04d}"]
        assert len(placed) == sum(row[0] == "CLM" for row in rows[start:end])
    assert claims == len(written.placed)


def _check_levels(rows: list[list[str]]) -> int:
    """HL01 counts from 1, HL02 names the level above, HL04 says whether one follows below; claims
    stand under a patient that is the subscriber or a dependent. Returns how many claims."""
    levels: dict[str, list[str]] = {}
    above = {"20": None, "22": "20", "23": "22"}
    current: list[str] | None = None
    claims = 0
    for row in rows:
        if row[0] == "HL":
            assert row[1] == str(len(levels) + 1)
            parent = levels[row[2]][3] if row[2] else None
            assert parent == above[row[3]]
            levels[row[1]] = current = row
        elif row[0] == "CLM":
            assert current is not None
            assert current[3] in ("22", "23")
            assert current[4:] in ([], ["0"])
            claims += 1
    with_children = {row[2] for row in levels.values() if row[2]}
    for number, row in levels.items():
        assert (row[4:] == ["1"]) == (number in with_children)
    return claims


def test_what_the_patient_paid_has_no_place_in_an_institutional_claim(make_claim: Any) -> None:
    """AMT*F5 is in 837P and 837D only; pyx12 refuses a set that has it in an 837I."""
    claim = make_claim(kind="institutional", patient_paid=100)
    assert [finding.code for finding in check_writable(claim) if "patient" in (finding.path or "")]
    assert b"AMT*F5" not in write(_pending([claim]), Profile(), 7, NOW).content


def test_a_dental_claim_says_teeth_surfaces_quadrants_and_orthodontics() -> None:
    """Written from the canonical claim, and looked at segment by segment."""
    from shared.contract.claim import Orthodontics, Tooth, ToothStatus

    base = Claim(
        id=UUID(int=1),
        kind="dental",
        source="test",
        patient_control_number="P1",
        charge=30_000,
        facility_code="11",
        provider_signature=True,
        accepts_assignment="A",
        benefits_assigned="Y",
        release_of_information="Y",
        filing_indicator="CI",
        billing_provider=Provider(
            name="DENTIST",
            npi=NPIS[0],
            tax_id="123456789",
            address=Address(line1="1 MAIN ST", city="TOWN", state="OH", postal_code="454020001"),
        ),
        subscriber=Insured(
            is_person=True,
            name="DOE",
            first_name="JANE",
            identifier_qualifier="MI",
            identifier="W1",
            birth_date=date(1990, 1, 1),
            gender="F",
        ),
        payer=Payer(name="PAYER", identifier_qualifier="PI", identifier="PAY01"),
        orthodontics=Orthodontics(total_months=24, remaining_months=12),
        tooth_status=(ToothStatus(number="8", status="M"),),
        service_lines=(
            ServiceLine(
                number=1,
                procedure=Procedure(code="D2392", qualifier="AD"),
                charge=20_000,
                units=1,
                service_from=date(2025, 3, 3),
                teeth=(Tooth(number="3", surfaces=("M", "O")), Tooth(number="14")),
                line_control_number="L1",
            ),
            ServiceLine(
                number=2,
                procedure=Procedure(code="D4341", qualifier="AD"),
                charge=10_000,
                units=1,
                service_from=date(2025, 3, 3),
                oral_cavity=("10", "20"),
                prosthesis="I",
                line_control_number="L2",
            ),
        ),
    )
    rows = write(_pending([base]), Profile(), 7, NOW).content.decode().split("~")
    assert [row for row in rows if row.startswith(("DN1", "DN2", "TOO", "SV3"))] == [
        "DN1*24*12",
        "DN2*8*M****JP",
        "SV3*AD:D2392*200****1",
        "TOO*JP*3*M:O",
        "TOO*JP*14",
        "SV3*AD:D4341*100**10:20*I*1",
    ]

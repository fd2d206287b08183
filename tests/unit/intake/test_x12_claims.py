"""837 files at the door: the engine's words become the door's, and no sample file is a surprise."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from services.intake.domain import x12_claims
from services.intake.domain.arrival import ClaimRefusal, NotedClaim, Reading, Unreadable
from services.intake.domain.receipt import Acknowledgement
from services.intake.domain.x12_claims import read_x12
from services.intake.filter import read
from shared.contract.claim import Claim
from shared.contract.events import ClaimReceived, ClaimRejected, MessageRejected
from shared.contract.model import Finding
from shared.x12.claims.reading import ReadClaim
from shared.x12.envelope import Envelope
from shared.x12.errors import X12Problem

NOW = datetime(2026, 8, 1, tzinfo=UTC)
WARNING = Finding(code="segment-not-expected", severity="warn", message="left out")
ERROR = Finding(code="required-missing", message="is missing")

FILE = (
    "ISA*00*          *00*          *ZZ*GENHOSP        *ZZ*CLAIMWIRE      *250310*1200*^*00501*"
    "000000001*0*T*:~GS*HC*GENHOSP*CLAIMWIRE*20250310*1200*1*X*005010X222A1~"
    "ST*837*0001*005010X222A1~BHT*0019*00*1*20250310*1200*CH~"
    "NM1*41*2*GENERAL*****46*GENHOSP~PER*IC*DESK*TE*2175550199~NM1*40*2*CLAIMWIRE*****46*CW~"
    "HL*1**20*1~NM1*85*2*CLINIC*****XX*1234567893~N3*1 MAIN ST~N4*DAYTON*OH*454020001~"
    "REF*EI*361234567~HL*2*1*22*0~SBR*P*18*******CI~NM1*IL*1*DOE*JANE****MI*W1~"
    "N3*2 MAIN ST~N4*DAYTON*OH*454020001~DMG*D8*19800101*F~NM1*PR*2*PAYER*****PI*PAY01~"
    "CLM*PCN-1*100***11:B:1*Y*A*Y*Y~HI*ABK:I10~LX*1~SV1*HC:99213*100*UN*1***1~"
    "DTP*472*D8*20250303~SE*24*0001~GE*1*1~IEA*1*000000001~"
)


def test_a_claim_of_a_file_comes_in_under_its_own_number() -> None:
    (event,) = read(BytesIO(FILE.encode()), source="general", now=NOW)
    assert isinstance(event.data, ClaimReceived)
    assert event.data.claim.patient_control_number == "PCN-1"
    assert event.data.claim.source == "general"
    assert event.data.claim.charge == 10_000
    assert event.data.origin.format == "x12"
    assert event.data.claim.service_lines[0].line_control_number


def test_the_same_file_gives_the_same_claim_as_its_json_twin() -> None:
    (received,) = read(BytesIO(FILE.encode()), source="general", now=NOW)
    assert isinstance(received.data, ClaimReceived)
    twin = received.data.claim.model_dump_json(exclude_defaults=True).encode()
    (again,) = read(BytesIO(twin), source="general", now=NOW)
    assert isinstance(again.data, ClaimReceived)
    assert again.data.claim == received.data.claim
    assert again.id == received.id


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Reading]]:
    """Reads what the engine is made to say."""

    def run(*said: ReadClaim | X12Problem) -> list[Reading]:
        def read_claims(_: BytesIO, **__: object) -> Iterator[ReadClaim | X12Problem]:
            return iter(said)

        monkeypatch.setattr(x12_claims, "read_claims", read_claims)
        return [one for one in read_x12(BytesIO()) if not isinstance(one, Acknowledgement)]

    return run


def found(claim: Claim | None, *findings: Finding, number: str | None = "PCN-1") -> ReadClaim:
    return ReadClaim(claim, "professional", Envelope(None, None), 20, findings, number, 10_000)


def test_a_warning_goes_with_its_claim(
    engine: Callable[..., list[Reading]], claim: Claim, now: datetime
) -> None:
    assert engine(found(claim, WARNING)) == [NotedClaim(claim, (WARNING,))]


def test_a_blocking_finding_refuses_its_claim_only(
    engine: Callable[..., list[Reading]], claim: Claim
) -> None:
    readings = engine(found(claim, WARNING, ERROR), found(claim), found(None, ERROR, number=None))
    assert readings == [
        ClaimRefusal((WARNING, ERROR), "PCN-1", 10_000),
        claim,
        ClaimRefusal((ERROR,), None, 10_000),
    ]


def test_a_problem_of_the_envelope_is_reported_where_it_stands(
    engine: Callable[..., list[Reading]], claim: Claim
) -> None:
    assert engine(X12Problem((ERROR,)), found(claim)) == [Unreadable((ERROR,)), claim]


def test_a_remark_on_the_envelope_refuses_nothing(
    engine: Callable[..., list[Reading]], claim: Claim
) -> None:
    assert engine(found(claim), X12Problem((WARNING,))) == [claim]


def test_a_file_without_claims_is_refused_with_what_was_remarked(
    engine: Callable[..., list[Reading]],
) -> None:
    assert engine(X12Problem((WARNING,))) == [Unreadable((WARNING,))]


def test_every_sample_is_received_or_refused_with_reasons_and_places(samples: Path) -> None:
    files = [
        path for kind in ("837P", "837I", "837D") for path in sorted((samples / kind).iterdir())
    ]
    assert files
    for path in files:
        with path.open("rb") as stream:
            events = list(read(stream, source="sample", now=NOW))
        assert events
        for event in events:
            data = event.data
            assert isinstance(data, ClaimReceived | ClaimRejected | MessageRejected)
            assert isinstance(data, ClaimReceived) or data.findings
            assert all(finding.path and finding.message for finding in data.findings)


@pytest.mark.parametrize("kind", ["835", "999", "277CA", "276", "TA1"])
def test_a_payers_files_are_refused_at_the_hospitals_door(kind: str, samples: Path) -> None:
    path = min((samples / kind).iterdir())
    with path.open("rb") as stream:
        events = list(read(stream, source="sample", now=NOW))
    assert {event.type for event in events} == {"message.rejected.v1"}

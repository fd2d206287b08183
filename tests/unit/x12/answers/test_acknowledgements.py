"""Reading acknowledgements: a verdict for every sample file, written down by eye from the files."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from shared.contract.acknowledgement import (
    AnswerPart,
    AnswerProblem,
    GroupAnswer,
    InterchangeAnswer,
    StatusHeader,
    StatusLevel,
    StatusTrailer,
)
from shared.contract.events import AcknowledgementRead
from shared.x12.answers import answer_events, read_acknowledgements


@dataclass(frozen=True)
class Verdict:
    """What one acknowledgement of a file says. `about` is the control number that is answered,
    `sets` are (control number, outcome), `claims` (number, outcome, codes, payer's number, cents).
    """

    outcome: str
    about: str | None = None
    sets: tuple[tuple[str, str], ...] = ()
    claims: tuple[tuple[str, str, str, str | None, int | None], ...] = ()
    findings: tuple[str, ...] = ()
    batch: str | None = None


LUI_ID = Verdict("accepted", "13360001", sets=(("0001", "accepted"),))
"""One file answers the same group four times, in two groups of its own."""

VERDICTS: dict[str, tuple[Verdict, ...]] = {
    "TA1/cosyte_x12__ack__ta1-accept-with-errors.edi": (
        Verdict("accepted_with_errors", "000000019", findings=("ta1-016",)),
    ),
    "TA1/cosyte_x12__ack__ta1-accept.edi": (Verdict("accepted", "000000019"),),
    "TA1/cosyte_x12__ack__ta1-reject-control-mismatch.edi": (
        Verdict("rejected", "000000019", findings=("ta1-001",)),
    ),
    "999/aurelianware_hipaa-attachments__docs__examples__authorizations__request"
    "__999-acknowledgment.edi": (Verdict("accepted", "1", sets=(("0001", "accepted"),)),),
    "999/azoner_pyx12__pyx12__tests__834_ls_le_ls_5010.999.txt": (
        Verdict("accepted", "146", sets=(("146001", "accepted"),)),
    ),
    "999/azoner_pyx12__pyx12__tests__834_lui_id_5010.999.txt": (LUI_ID,) * 4,
    "999/cosyte_x12__ack__999-accept-with-errors.edi": (
        Verdict(
            "accepted_with_errors",
            "2",
            sets=(("0002", "accepted_with_errors"),),
            findings=("se-count", "999-ik4-7"),
        ),
    ),
    "999/cosyte_x12__ack__999-accept.edi": (
        Verdict("accepted", "1", sets=(("0001", "accepted"),)),
    ),
    "999/cosyte_x12__ack__999-reject-control-number-mismatch.edi": (
        Verdict("rejected", "3", sets=(("0003", "rejected"),), findings=("se-count", "999-ik5-3")),
    ),
    "999/imsweb_x12-parser__837_5010__x12_999_accepted.txt": (
        Verdict("accepted", "17456", sets=(("0001", "accepted"),)),
    ),
    "999/imsweb_x12-parser__837_5010__x12_999_rejected.txt": (
        Verdict(
            "rejected", "28", sets=(("0028", "rejected"),), findings=("999-ik3-1", "999-ik5-5")
        ),
    ),
    "277/LinuxForHealth_x12__277_005010X212__claim-level-status-ncpdp.277": (
        Verdict("status", claims=(("ABCXYZ1", "finalized", "F2:80", "05347006051", 8_500),)),
    ),
    "277/LinuxForHealth_x12__277_005010X212__information-receiver-level-status.277": (
        Verdict("status", findings=("277-e0-0",)),
    ),
    "277/LinuxForHealth_x12__277_005010X212__provider-level-status.277": (
        Verdict(
            "status",
            claims=(("SM123456", "pending", "P3:317", "05347006051", 851_388),),
            findings=("277-e0-24", "277-p3-317"),
        ),
    ),
    "277/LinuxForHealth_x12__demo-file__demo.277": (
        Verdict(
            "status",
            claims=(
                ("SM123456", "pending", "P3:317", "05347006051", 851_388),
                ("J0234567", "finalized", "F0:3", "0529675341", 759_900),
                ("MA345678", "finalized", "F2:88:QC", "051681010827", 15_000),
            ),
            findings=("277-p3-317",),
        ),
    ),
    "277/aurelianware_hipaa-attachments__test-x12-277-healthplan-to-availity.edi": (
        Verdict(
            "status",
            claims=(("", "acknowledged", "A1:20:41", "CLM20250924001", None),),
            findings=("se-count",),
        ),
    ),
    "277/cosyte_x12__golden__277.edi": (
        Verdict(
            "status",
            claims=(("ECHO-276-TRACE-001", "acknowledged", "A2:20:PR", "PCN0001", 15_000),),
        ),
    ),
    "277/cosyte_x12__status__277-unknown-status.edi": (
        Verdict(
            "status",
            claims=(("ECHO-276-TRACE-002", "unknown", "ZZ:999:PR", None, 25_000),),
            findings=("277-zz-999",),
        ),
    ),
    "277/imsweb_x12-parser__277_5010__x12_277_x212.txt": (
        Verdict(
            "status",
            claims=tuple(
                (number, "acknowledged", "A1:704", None, charge)
                for number, charge in (
                    ("12345", 60_000),
                    ("12346", 40_000),
                    ("12347", 10_000),
                    ("12348", 18_000),
                    ("12349", 10_000),
                    ("12340", 45_000),
                    ("12341", 10_000),
                    ("12342", 10_000),
                )
            ),
        ),
    ),
    "277CA/cosyte_x12__golden__277ca.edi": (
        Verdict(
            "partially_accepted",
            claims=(
                ("PROVIDER-CLAIM-TRACE-001", "acknowledged", "A2:20:PR", "PCN20260601001", 15_000),
                ("CLAIM-TRACE-REJECT-001", "refused", "A7:21:PR", "PCN20260601002", 15_000),
            ),
            findings=("277ca-a7-21",),
            batch="BATCH-2026-06-01-001",
        ),
    ),
    "277CA/cosyte_x12__status__277ca-hl-orphan.edi": (
        Verdict(
            "rejected",
            claims=(("ORPHAN-CLAIM-001", "refused", "A7:21:PR", None, 15_000),),
            findings=("level-without-parent", "277ca-a7-21"),
        ),
    ),
    "277CA/imsweb_x12-parser__277_5010__x12_277CA_accepted.txt": (
        Verdict(
            "accepted",
            claims=(("5781", "acknowledged", "A2:20", "1107000000014420", 12_500),),
            batch="000000674",
        ),
    ),
}


def _read(path: Path) -> list[AnswerPart]:
    with path.open("rb") as stream:
        return list(read_acknowledgements(stream))


def _verdict(read: AcknowledgementRead) -> Verdict:
    findings = [finding.code for finding in read.findings]
    for answered in read.transactions:
        findings.extend(finding.code for finding in answered.findings)
    for claim in read.claims:
        findings.extend(finding.code for finding in claim.findings)
    return Verdict(
        outcome=read.outcome,
        about=read.interchange_control_number or read.group_control_number,
        sets=tuple((part.transaction_control_number, part.outcome) for part in read.transactions),
        claims=tuple(
            (
                claim.patient_control_number,
                claim.outcome,
                " ".join(claim.status_codes),
                claim.payer_claim_control_number,
                claim.charge,
            )
            for claim in read.claims
        ),
        findings=tuple(findings),
        batch=read.batch_reference,
    )


@pytest.mark.parametrize("name", VERDICTS)
def test_every_sample_gets_its_verdict(samples: Path, name: str) -> None:
    events = list(answer_events(_read(samples / name)))
    reads = [event for event in events if isinstance(event, AcknowledgementRead)]
    problems = [event for event in events if isinstance(event, AnswerProblem)]
    assert tuple(_verdict(read) for read in reads) == VERDICTS[name]
    assert {read.transaction for read in reads} == {name.partition("/")[0]}
    assert not [problem for problem in problems if problem.is_blocking]


def test_no_sample_is_without_a_verdict(samples: Path) -> None:
    folders = ("TA1", "999", "277", "277CA")
    files = {f"{name}/{path.name}" for name in folders for path in (samples / name).iterdir()}
    assert files == set(VERDICTS)


def test_a_999_names_segment_element_and_loop(samples: Path) -> None:
    (answer,) = _read(samples / "999/cosyte_x12__ack__999-accept-with-errors.edi")
    assert isinstance(answer, GroupAnswer)
    assert (answer.functional_group, answer.version) == ("HC", "005010X222A2")
    assert (answer.included, answer.received, answer.accepted) == (1, 1, 1)
    (answered,) = answer.sets
    (segment,) = answered.segment_errors
    assert (segment.segment, segment.position, segment.loop, segment.code) == (
        "NM1",
        8,
        "2010BA",
        "8",
    )
    (element,) = segment.elements
    assert (element.position, element.component, element.reference, element.code) == (
        1,
        2,
        "66",
        "7",
    )


def test_a_ta1_says_which_interchange_and_when_it_was_made(samples: Path) -> None:
    (answer,) = _read(samples / "TA1/cosyte_x12__ack__ta1-reject-control-mismatch.edi")
    assert isinstance(answer, InterchangeAnswer)
    assert (answer.interchange_date, answer.interchange_time) == ("250101", "1200")
    assert answer.envelope.interchange_control_number == "000000022"
    assert (answer.envelope.sender, answer.envelope.receiver) == ("RECEIVER", "SENDER")


def test_a_277_tells_line_from_claim(samples: Path) -> None:
    parts = _read(samples / "277/LinuxForHealth_x12__demo-file__demo.277")
    levels = [part for part in parts if isinstance(part, StatusLevel)]
    assert [level.code for level in levels] == ["20", "21", "19", "22", "22", "19", "22", "23"]
    (trace,) = levels[-1].traces
    (line,) = trace.lines
    assert line.procedure is not None
    assert (line.procedure.code, line.charge, line.paid) == ("99203", 15_000, 0)
    assert line.statuses[0].codes[0].text == "F2:88:QC"
    assert line.dates[0].on.isoformat() == "2005-05-01"
    claim = levels[3].traces[0]
    assert claim.dates[0].through is not None
    assert claim.dates[0].through.isoformat() == "2005-09-06"
    assert (claim.reference("BLT"), claim.reference("EJ")) == ("111", "SM123456")


def test_the_receiver_level_of_a_277ca_counts_what_was_accepted(samples: Path) -> None:
    parts = _read(samples / "277CA/imsweb_x12-parser__277_5010__x12_277CA_accepted.txt")
    receiver = next(part for part in parts if isinstance(part, StatusLevel) and part.code == "21")
    (trace,) = receiver.traces
    assert (trace.kind, trace.number) == ("2", "000000674")
    assert [(part.qualifier, str(part.quantity)) for part in trace.quantities] == [("90", "1")]
    assert [(part.qualifier, part.amount) for part in trace.amounts] == [("YU", 12_500)]
    assert trace.statuses[0].action == "WQ"


@pytest.mark.parametrize("folder", ["276"])
def test_a_276_is_read_and_says_nothing_of_our_claims(samples: Path, folder: str) -> None:
    for path in sorted((samples / folder).iterdir()):
        parts = _read(path)
        header = parts[0]
        assert isinstance(header, StatusHeader)
        assert (header.transaction, header.reference) == ("276", "ABC276XXX")
        assert isinstance(parts[-1], StatusTrailer)
        assert not [part for part in parts if isinstance(part, AnswerProblem)]
        assert list(answer_events(parts)) == []


def test_the_276_asks_with_trace_charge_and_dates(samples: Path) -> None:
    parts = _read(samples / "276/LinuxForHealth_x12__demo-file__demo.276")
    asked = [part for part in parts if isinstance(part, StatusLevel) and part.traces]
    assert [level.traces[0].number for level in asked] == ["ABCXYZ1", "ABCXYZ2", "ABCXYZ3"]
    first = asked[0]
    assert first.gender == "M"
    assert first.birth_date is not None
    assert first.traces[0].amounts[0].amount == 851_388
    assert asked[2].traces[0].lines[0].units == 1


def test_835s_beside_acknowledgements_are_passed_over() -> None:
    isa = (
        "ISA*00*          *00*          *ZZ*PAYER          *ZZ*US             "
        "*260620*0830*^*00501*000000003*0*P*:~"
    )
    ta1 = "TA1*000000019*250101*1200*A*000~"
    remittance = (
        "GS*HP*PAYER*US*20260620*0830*3*X*005010X221A1~ST*835*0001~BPR*H*0*C*NON~TRN*1*9*1~"
        "SE*4*0001~GE*1*3~"
    )
    syntax = (
        "GS*FA*PAYER*US*20260620*0830*4*X*005010X231A1~ST*999*0001*005010X231A1~AK1*HC*7~"
        "AK9*A*1*1*1~SE*4*0001~GE*1*4~"
    )
    data = f"{isa}{ta1}{remittance}{syntax}IEA*2*000000003~".encode()
    first, second = read_acknowledgements(BytesIO(data))
    assert isinstance(first, InterchangeAnswer)
    assert isinstance(second, GroupAnswer)
    assert second.group_control_number == "7"


@pytest.mark.parametrize("data", [b"", b"nothing", b"{}", b"\xff\xfe\x00"])
def test_what_is_no_x12_gives_a_blocking_problem(data: bytes) -> None:
    (problem,) = read_acknowledgements(BytesIO(data))
    assert isinstance(problem, AnswerProblem)
    assert problem.is_blocking


def test_a_277ca_that_breaks_off_says_so_at_its_end() -> None:
    data = (
        b"ST*277*0001*005010X214~BHT*0085*08*1*20260601*1200*TH~HL*1**20*1~NM1*PR*2*PLAN~"
        b"HL*2*1*PT~NM1*QC*1*A~TRN*2*PCN1~STC*A2:20*20260601*WQ*5~"
    )
    parts = list(read_acknowledgements(BytesIO(data)))
    trailer = parts[-1]
    assert isinstance(trailer, StatusTrailer)
    assert "set-truncated" in [finding.code for finding in trailer.findings]
    level = parts[-2]
    assert isinstance(level, StatusLevel)
    assert "answer-truncated" in [finding.code for finding in level.findings]


def test_a_status_report_in_another_version_is_refused() -> None:
    data = (
        b"GS*HN*A*B*20260601*1200*1*X*004010X093~ST*277*0001~BHT*0010*08*1~HL*1**20*1~"
        b"SE*4*0001~GE*1*1~"
    )
    (problem,) = read_acknowledgements(BytesIO(data))
    assert isinstance(problem, AnswerProblem)
    assert problem.findings[0].code == "version-not-read"

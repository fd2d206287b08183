"""What answers mean for claims: who is refused, who has only arrived, and what nobody may know."""

from datetime import date
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.acknowledgement import (
    AnswerPart,
    AnswerProblem,
    ElementError,
    GroupAnswer,
    InterchangeAnswer,
    SegmentError,
    SetAnswer,
    Status,
    StatusCode,
    StatusHeader,
    StatusLevel,
    StatusParty,
    StatusReference,
    StatusTrace,
    StatusTrailer,
)
from shared.contract.events import AcknowledgementRead
from shared.contract.model import to_wire
from shared.x12.answers import answer_events, read_acknowledgements
from shared.x12.answers.codes import CATEGORIES
from tests.unit.x12.answers import strategies as some


def _trace(*categories: str, number: str = "PCN1", action: str | None = None) -> StatusTrace:
    statuses = tuple(
        Status(StatusCode(category, "21", "85"), date(2026, 6, 1), action)
        for category in categories
    )
    return StatusTrace("2", number, statuses, (StatusReference("1K", "ICN1"),))


def _report(
    *levels: StatusLevel, source: str = "PR", transaction: str = "277CA"
) -> list[AnswerPart]:
    header = StatusHeader("276" if transaction == "276" else "277CA")
    if transaction == "277":
        header = StatusHeader("277")
    top = StatusLevel("1", None, "20", party=StatusParty(source))
    return [header, top, *levels, StatusTrailer(len(levels) + 1)]


def _patient(*traces: StatusTrace) -> StatusLevel:
    return StatusLevel("9", "1", "PT", traces=traces)


def _reads(parts: list[AnswerPart], *, max_claims: int = 500) -> list[AcknowledgementRead]:
    events = list(answer_events(parts, max_claims=max_claims))
    reads = [event for event in events if isinstance(event, AcknowledgementRead)]
    assert len(reads) == len(events)
    return reads


def _only(parts: list[AnswerPart]) -> AcknowledgementRead:
    (read,) = _reads(parts)
    return read


@pytest.mark.parametrize(
    ("categories", "outcome"),
    [
        (("A0",), "acknowledged"),
        (("A1",), "acknowledged"),
        (("A2",), "acknowledged"),
        (("A5",), "acknowledged"),
        (("A3",), "refused"),
        (("A6",), "refused"),
        (("A7",), "refused"),
        (("A8",), "refused"),
        (("A2", "A7"), "refused"),
        (("A4",), "not_found"),
        (("D0",), "not_found"),
        (("P1",), "pending"),
        (("R3",), "pending"),
        (("F2",), "finalized"),
        (("E1",), "unknown"),
        (("ZZ",), "unknown"),
        ((), "unknown"),
    ],
)
def test_the_category_decides_what_becomes_of_a_claim(
    categories: tuple[str, ...], outcome: str
) -> None:
    (claim,) = _only(_report(_patient(_trace(*categories)))).claims
    assert claim.outcome == outcome
    assert claim.payer_claim_control_number == "ICN1"


@pytest.mark.parametrize(
    ("source", "category", "stage"),
    [
        ("PR", "A2", "payer"),
        ("PR", "A1", "clearinghouse"),
        ("PR", "A0", "clearinghouse"),
        ("AY", "A2", "clearinghouse"),
        ("AY", "A1", "clearinghouse"),
    ],
)
def test_only_the_payers_own_acceptance_is_adjudication(
    source: str, category: str, stage: str
) -> None:
    (claim,) = _only(_report(_patient(_trace(category)), source=source)).claims
    assert claim.stage == stage


def test_a_second_code_in_the_same_status_can_refuse() -> None:
    status = Status(StatusCode("A1", "19"), second_code=StatusCode("A7", "562", "85"))
    (claim,) = _only(_report(_patient(StatusTrace("2", "P", (status,))))).claims
    assert claim.outcome == "refused"
    assert claim.status_codes == ("A1:19", "A7:562:85")
    assert [finding.code for finding in claim.findings] == ["277ca-a7-562"]
    assert "NPI" in claim.findings[0].message
    assert "billing provider" in claim.findings[0].message


def test_an_action_code_that_rejects_wins_over_a_category_that_accepts() -> None:
    (claim,) = _only(_report(_patient(_trace("A2", action="U")))).claims
    assert claim.outcome == "refused"
    assert claim.findings[-1].code == "277ca-rejected-yet-accepted"


def test_a_refused_receiver_level_refuses_the_whole_batch() -> None:
    level = StatusLevel("2", "1", "21", traces=(_trace("A3", number="BATCH7", action="U"),))
    bare = StatusLevel(
        "2", "1", "21", traces=(StatusTrace("2", "BATCH7", level.traces[0].statuses),)
    )
    read = _only(_report(bare))
    assert (read.outcome, read.refuses_batch, read.batch_reference) == ("rejected", True, "BATCH7")
    assert read.claims == ()


def test_a_refused_provider_level_names_the_provider() -> None:
    party = StatusParty("85", identifier_qualifier="XX", identifier="1234567893")
    trace = StatusTrace("1", "0", _trace("A3", action="U").statuses)
    read = _only(_report(StatusLevel("3", "2", "19", party=party, traces=(trace,))))
    assert (read.refuses_batch, read.refused_providers) == (False, ("1234567893",))
    assert read.outcome == "partially_accepted"


def test_a_long_report_comes_in_pieces_that_name_the_batch() -> None:
    receiver = StatusLevel("2", "1", "21", traces=(StatusTrace("2", "B1"),))
    levels = [_patient(_trace("A2", number=f"P{n}")) for n in range(5)]
    reads = _reads(_report(receiver, *levels), max_claims=2)
    assert [len(read.claims) for read in reads] == [2, 2, 1]
    assert {read.batch_reference for read in reads} == {"B1"}


def test_a_report_without_claims_is_still_told() -> None:
    assert _only(_report()).outcome == "accepted"


def test_the_277_names_a_claim_by_our_number_not_by_the_questions() -> None:
    trace = StatusTrace("2", "Q1", references=(StatusReference("EJ", "PCN9"),))
    (claim,) = _only(_report(_patient(trace), transaction="277")).claims
    assert claim.patient_control_number == "PCN9"


def test_a_276_answers_nothing() -> None:
    assert _reads(_report(_patient(_trace("A2")), transaction="276")) == []


def test_a_ta1_note_is_told_in_words() -> None:
    read = _only([InterchangeAnswer("000000019", "R", "025")])
    assert read.outcome == "rejected"
    assert [(finding.code, finding.severity) for finding in read.findings] == [("ta1-025", "block")]
    assert "used before" in read.findings[0].message


@pytest.mark.parametrize(
    ("group", "sets", "outcome", "set_outcomes"),
    [
        ("A", ("A", "A"), "accepted", ["accepted", "accepted"]),
        ("P", ("A", "R"), "partially_accepted", ["accepted", "rejected"]),
        ("R", ("R",), "rejected", ["rejected"]),
        ("X", ("X",), "rejected", ["rejected"]),
        ("E", ("E",), "accepted_with_errors", ["accepted_with_errors"]),
        (None, ("A", "A"), "accepted", ["accepted", "accepted"]),
        (None, ("A", "E"), "accepted_with_errors", ["accepted", "accepted_with_errors"]),
        (None, ("A", "R"), "partially_accepted", ["accepted", "rejected"]),
        (None, (), "rejected", []),
        ("A", (None,), "accepted", ["accepted"]),
        ("P", (None,), "partially_accepted", ["rejected"]),
    ],
)
def test_a_999_is_judged_by_group_and_by_set(
    group: str | None, sets: tuple[str | None, ...], outcome: str, set_outcomes: list[str]
) -> None:
    answers = tuple(SetAnswer(control_number=str(n), outcome=code) for n, code in enumerate(sets))
    read = _only([GroupAnswer("HC", "7", group, sets=answers)])
    assert read.outcome == outcome
    assert [part.outcome for part in read.transactions] == set_outcomes


def test_a_999_finding_never_repeats_the_value_that_was_wrong() -> None:
    element = ElementError(9, "7", component=2, bad_value="CANARY")
    segment = SegmentError("NM1", 8, "2010BA", "8", elements=(element,))
    answer = SetAnswer(control_number="1", outcome="R", segment_errors=(segment,), codes=("5",))
    read = _only([GroupAnswer("HC", "7", "R", sets=(answer,))])
    findings = read.transactions[0].findings
    assert [finding.path for finding in findings] == ["2010BA/NM1[8]/NM109-2", "ST"]
    assert b"CANARY" not in to_wire(read)


def test_a_payers_free_words_stay_out_of_the_events() -> None:
    status = Status(StatusCode("A7", "21"), message="CANARY IS NOT INSURED")
    read = _only(_report(_patient(StatusTrace("2", "P", (status,)))))
    assert b"CANARY" not in to_wire(read)


def test_a_999_that_breaks_off_neither_accepts_nor_rejects() -> None:
    data = b"ST*999*0001~AK1*HC*7~AK2*837*0001~IK5*R*5~"
    (problem,) = answer_events(read_acknowledgements(BytesIO(data)))
    assert isinstance(problem, AnswerProblem)
    assert [finding.code for finding in problem.findings] == ["set-truncated"]


def test_a_ta1_without_verdict_neither_accepts_nor_rejects() -> None:
    data = (
        b"ISA*00*          *00*          *ZZ*A              *ZZ*B              *250101*1230*^"
        b"*00501*000000022*0*P*:~TA1*000000019*250101~IEA*0*000000022~"
    )
    (problem,) = answer_events(read_acknowledgements(BytesIO(data)))
    assert isinstance(problem, AnswerProblem)
    assert problem.findings[0].code == "ta1-without-verdict"


def test_the_claim_in_which_a_277ca_breaks_off_is_not_answered() -> None:
    data = (
        b"ST*277*0001*005010X214~BHT*0085*08*1*20260601*1200*TH~HL*1**20*1~NM1*PR*2*PLAN~"
        b"HL*2*1*PT~TRN*2*PCN1~STC*A2:20*20260601*WQ*5~HL*3*1*PT~TRN*2*PCN2~STC*A2:20"
    )
    (read,) = answer_events(read_acknowledgements(BytesIO(data)))
    assert isinstance(read, AcknowledgementRead)
    assert [claim.patient_control_number for claim in read.claims] == ["PCN1"]
    assert "answer-truncated" in [finding.code for finding in read.findings]


def test_every_category_has_words_and_an_outcome() -> None:
    for code, category in CATEGORIES.items():
        assert category.words, code
        assert not category.words.endswith("."), code


@given(st.tuples(some.status_headers, some.level_trees()))
def test_every_report_can_be_told(report: tuple[StatusHeader, list[StatusLevel]]) -> None:
    header, levels = report
    told = list(answer_events([header, *levels, StatusTrailer(len(levels))]))
    assert bool(told) == (header.transaction != "276")


@given(some.group_answers)
def test_every_group_answer_can_be_told(answer: GroupAnswer) -> None:
    read = _only([answer])
    assert len(read.transactions) == len(answer.sets)

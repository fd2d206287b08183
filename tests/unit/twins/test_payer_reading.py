"""How strictly the twin reads, and what it answers to what is wrong: TA1, 999, 277CA, 277."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import oxedi
import pytest
from pyx12.params import params
from pyx12.x12n_document import x12n_document

from deploy.twins.hospital import Hospital, render_x12
from deploy.twins.payer.answer import answer
from deploy.twins.payer.core import Payer
from deploy.twins.payer.reception import NotAnInterchangeError, receive
from deploy.twins.payer.scenario import Fate, Outcome
from deploy.twins.payer.scenario_file import load_scenario, shipped_names
from shared.contract.acknowledgement import (
    GroupAnswer,
    InterchangeAnswer,
    StatusDate,
    StatusHeader,
    StatusLevel,
    StatusParty,
    StatusReference,
    StatusTrace,
)
from shared.contract.claim import Claim
from shared.x12.answers.acknowledgements import read_acknowledgements
from shared.x12.answers.writing import write_status_reports
from shared.x12.interchange import InterchangeEnvelope

Play = Callable[..., Any]
MakeClaim = Callable[..., Claim]
Interchange = Callable[..., bytes]

ASKED_AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def sent(claim: MakeClaim, interchange: Interchange) -> bytes:
    """Two claims, accepted as they stand."""
    claims = [claim(number, [("99213", 14500)]) for number in ("A1", "A2")]
    return interchange(*claims)


def ta1(month: Any) -> tuple[str, str] | None:
    for file in month.of("ta1"):
        (part,) = read_acknowledgements(BytesIO(file.content))
        assert isinstance(part, InterchangeAnswer)
        return part.outcome, part.note
    return None


def group(month: Any) -> GroupAnswer:
    (file,) = month.of("999")
    (part,) = read_acknowledgements(BytesIO(file.content))
    assert isinstance(part, GroupAnswer)
    return part


# Envelope


def test_a_good_interchange_has_no_ta1_unless_it_asks(
    play: Play, claim: MakeClaim, interchange: Interchange, sent: bytes
) -> None:
    month = play("paid")
    month.send_file(sent, "one.837")
    assert ta1(month) is None
    asks = play("paid")
    asks.send_file(interchange(claim("A1", [("99213", 100)]), wants_ta1=True), "one.837")
    assert ta1(asks) == ("A", "000")


@pytest.mark.parametrize(
    ("right", "wrong", "note"),
    [
        (b"IEA*1*000000001~", b"IEA*1*000000002~", "001"),
        (b"IEA*1*", b"IEA*2*", "021"),
        (b"IEA*1*000000001~", b"", "023"),
        (b"GE*1*1~", b"", "022"),
    ],
)
def test_an_envelope_that_is_wrong_is_rejected_whole(
    play: Play, sent: bytes, right: bytes, wrong: bytes, note: str
) -> None:
    assert right in sent
    month = play("paid")
    month.send_file(sent.replace(right, wrong), "one.837")
    assert ta1(month) == ("R", note)
    assert {file.kind for file in month.files} == {"ta1"}


def test_an_interchange_that_came_before_is_rejected_and_changes_nothing(
    play: Play, sent: bytes
) -> None:
    month = play("paid")
    month.send_file(sent, "one.837")
    before = month.payer.book.totals()
    month.send_file(sent, "two.837")
    assert ta1(month) == ("R", "025")
    assert month.payer.book.totals() == before | {"repeated_interchanges": 1}


def test_a_rejected_interchange_may_come_again_under_its_number(play: Play, sent: bytes) -> None:
    month = play("paid")
    month.send_file(sent.replace(b"IEA*1*", b"IEA*2*"), "one.837")
    month.send_file(sent, "two.837")
    assert len(month.claims) == 2


@pytest.mark.parametrize("content", [b"", b"hello", b"ISA*00", b"ST*835*0001~SE*2*0001~"])
def test_what_is_no_interchange_is_told_to_nobody(content: bytes) -> None:
    with pytest.raises(NotAnInterchangeError):
        receive(content)


# Syntax


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        # (segment, position, loop, IK304, element, IK403)
        (b"CLM*A2*145*", b"CLM*A2*1x5*", ("CLM", 23, "2300", "8", 2, "6")),
        (b"DMG*D8*19800102*F", b"DMG*D8*19801302*F", ("DMG", 15, "2010BA", "8", 2, "8")),
        (b"SV1*HC:99213*145*", b"SV1*HC:99213**", ("SV1", 20, "2400", "8", 2, "1")),
    ],
)
def test_a_fault_is_told_by_segment_element_and_reason(
    play: Play,
    claim: MakeClaim,
    interchange: Interchange,
    right: bytes,
    wrong: bytes,
    expected: tuple[str, int, str, str, int, str],
) -> None:
    content = interchange(claim("A1", [("99213", 14500)]), claim("A2", [("99213", 14500)]))
    assert right in content
    month = play("paid")
    month.send_file(content.replace(right, wrong, 1), "one.837")
    said = group(month)
    assert (said.outcome, said.accepted) == ("R", 0)
    (one,) = said.sets
    assert (one.outcome, one.codes) == ("R", ("5",))
    error = one.segment_errors[0]
    (element,) = error.elements
    assert (
        error.segment,
        error.position,
        error.loop,
        error.code,
        element.position,
        element.code,
    ) == expected
    assert month.claims == []
    assert month.payer.book.totals()["rejected_sets"] == 1


def test_a_claim_without_lines_lacks_its_loop(play: Play, sent: bytes) -> None:
    start, end = sent.index(b"LX*1~"), sent.index(b"CLM*A2*")
    content = sent[:start] + sent[end:]
    removed = sent[start:end].count(b"~")
    count = int(sent[sent.index(b"SE*") + 3 :].split(b"*")[0])
    month = play("paid")
    month.send_file(content.replace(b"SE*%d*" % count, b"SE*%d*" % (count - removed)), "one.837")
    (one,) = group(month).sets
    (error,) = one.segment_errors
    assert (error.segment, error.loop, error.code) == ("LX", "2400", "3")
    assert [(context.name, context.value) for context in error.contexts] == [("CLM01", "A1")]


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [(b"SE*", b"SE*9", "4"), (b"*0001~GE", b"*0002~GE", "3")],
)
def test_a_trailer_that_does_not_fit_spoils_the_set(
    play: Play, sent: bytes, right: bytes, wrong: bytes, code: str
) -> None:
    assert right in sent
    month = play("paid")
    month.send_file(sent.replace(right, wrong), "one.837")
    (one,) = group(month).sets
    assert (one.outcome, one.codes) == ("R", (code,))


def test_a_group_whose_count_is_wrong_is_rejected(play: Play, sent: bytes) -> None:
    month = play("paid")
    month.send_file(sent.replace(b"GE*1*", b"GE*2*"), "one.837")
    said = group(month)
    assert (said.outcome, said.codes, said.accepted) == ("R", ("5",), 0)
    assert month.claims == []


def test_a_segment_the_guide_does_not_have_is_accepted_with_errors(play: Play, sent: bytes) -> None:
    content = sent.replace(b"~LX*1~", b"~ZZZ*1~LX*1~", 1)
    count = content.count(b"~") - 5 + 1
    content = content.replace(b"SE*%d*" % (count - 1), b"SE*%d*" % count)
    month = play("paid")
    month.send_file(content, "one.837")
    said = group(month)
    assert [one.outcome for one in said.sets] == ["E"]
    assert [error.segment for error in said.sets[0].segment_errors] == ["ZZZ"]
    assert len(month.claims) == 2


# Front-end edits


def _with_line(claim: Claim, **changes: object) -> Claim:
    line = claim.service_lines[0].model_copy(update=changes)
    return claim.model_copy(update={"service_lines": (line,)})


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda claim: claim.model_copy(update={"charge": 14501}), "A8:178:85"),
        (
            lambda claim: claim.model_copy(
                update={
                    "billing_provider": claim.billing_provider.model_copy(
                        update={"npi": "1234567890"}
                    )
                }
            ),
            "A7:562:85",
        ),
        (lambda claim: _with_line(claim, service_from=date(2027, 1, 1)), "A7:187:85"),
        (lambda claim: _with_line(claim, diagnosis_pointers=(2,)), "A7:255:85"),
    ],
)
def test_what_no_payer_adjudicates_is_refused_whatever_the_scenario(
    play: Play, claim: MakeClaim, spoil: Callable[[Claim], Claim], code: str
) -> None:
    month = play("paid")
    month.send(spoil(claim("A1", [("99213", 14500)])))
    assert [(one.outcome, one.status_codes) for one in month.statuses()] == [("refused", (code,))]
    assert month.claims == []


# Questions


def question(number: str | None, control_number: str, *, at: int = 50) -> bytes:
    """A 276 about one claim."""
    references = [StatusReference("EJ", control_number)]
    if number:
        references.insert(0, StatusReference("1K", number))
    trace = StatusTrace(
        "1",
        "Q1",
        references=tuple(references),
        dates=(StatusDate("472", date(2026, 11, 3)),),
    )
    parties = (
        StatusParty("PR", name="PAYER", identifier_qualifier="PI", identifier="PAY01"),
        StatusParty("41", name="US", identifier_qualifier="46", identifier="US"),
        StatusParty("1P", name="CLINIC", identifier_qualifier="XX", identifier="1234567893"),
        StatusParty(
            "IL",
            is_person=True,
            name="DOE",
            first_name="JANE",
            identifier_qualifier="MI",
            identifier="W1",
        ),
    )
    levels = [
        StatusLevel(
            str(at),
            str(at - 1) if at > 1 else None,
            code,
            has_children=at < len(parties),
            party=party,
        )
        for at, (code, party) in enumerate(
            zip(("20", "21", "19", "22"), parties, strict=True), start=1
        )
    ]
    levels[-1] = replace(levels[-1], birth_date=date(1980, 1, 2), gender="F", traces=(trace,))
    out = BytesIO()
    envelope = InterchangeEnvelope(
        sender="US",
        receiver="THEM",
        control_number=at,
        created_at=ASKED_AT,
    )
    header = StatusHeader(
        "276", reference="REQ1", purpose="13", created_on=date(2026, 11, 25), created_at="1200"
    )
    write_status_reports(out, envelope, [(header, levels)])
    return out.getvalue()


def asked(month: Any, control_number: str, number: str | None = None) -> tuple[Any, ...]:
    """The status codes, charge and payer's number of the latest 277."""
    month.sent += 1
    month.send_file(question(number, control_number, at=100 + month.sent), "q.276")
    answer = month.statuses("277")[-1]
    return answer.outcome, answer.status_codes, answer.payer_claim_control_number


def test_a_question_follows_the_claim_through_its_life(play: Play, claim: MakeClaim) -> None:
    month = play("reversals")
    assert asked(month, "A1") == ("not_found", ("A4:35:QC",), None)
    month.send(claim("A1", [("99213", 14500)]))
    number = month.statuses()[0].payer_claim_control_number
    assert asked(month, "A1") == ("pending", ("P1:20:PR",), number)
    month.wait(14)
    assert asked(month, "A1") == ("finalized", ("F1:65",), number)
    assert asked(month, "SOMETHING ELSE", number) == ("finalized", ("F1:65",), number)
    month.wait(20)
    assert asked(month, "A1") == ("finalized", ("F3:101",), number)
    (answer,) = {file.name for file in month.files if file.name.startswith("q.")} & {"q.277"}
    assert answer


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("denied", ("finalized", ("F2:1",))),
        ("silent", ("not_found", ("A4:35:QC",))),
        ("refused", ("not_found", ("A4:35:QC",))),
    ],
)
def test_a_question_about_what_was_not_paid(
    play: Play, claim: MakeClaim, scenario: str, expected: tuple[Any, ...]
) -> None:
    outcome = Outcome(scenario)
    month = play(scenario, fates=(Fate(outcome, 1),))
    month.send(claim("A1", [("99213", 14500)]))
    assert asked(month, "A1")[:2] == expected


def test_a_276_is_acknowledged_like_any_set(play: Play) -> None:
    month = play("paid")
    month.send_file(question(None, "A1"), "q.276")
    said = group(month)
    assert (said.functional_group, said.outcome) == ("HR", "A")
    assert [one.transaction for one in said.sets] == ["276"]


# Other programs' verdicts


def is_valid_by_pyx12(content: bytes, folder: Path) -> bool:
    path = folder / "interchange.x12"
    path.write_bytes(content)
    return bool(
        x12n_document(
            param=params(), src_file=str(path), fd_997=StringIO(), fd_html=None, fd_xmldoc=None
        )
    )


@pytest.fixture(scope="module")
def hospital_files() -> dict[str, bytes]:
    claims = Hospital(11, today=date(2026, 11, 20)).claims(60)
    return {
        kind: render_x12([one for one in claims if one.kind == kind], date(2026, 11, 20), number=n)
        for n, kind in enumerate(("professional", "institutional"), start=1)
    }


@pytest.mark.parametrize("name", shipped_names())
def test_other_programs_take_what_it_writes(
    name: str, hospital_files: dict[str, bytes], tmp_path: Path
) -> None:
    payer = Payer(load_scenario(name), 3)
    at = ASKED_AT
    for kind, content in hospital_files.items():
        payer.take(content, f"{kind}.837", at)
    files = payer.advance(at + timedelta(days=120))
    judged = {"999": 1, "277ca": 2, "835": 3}
    for kind, most in judged.items():
        for file in [one for one in files if one.kind == kind][:most]:
            assert is_valid_by_pyx12(file.content, tmp_path), file.name
    told = {
        one.kind
        for file in files
        if file.kind == "835"
        for one in oxedi.parse(file.content).diagnostics
    }
    assert told == ({"BalanceMismatch"} if name == "wrong-totals" else set())


@pytest.mark.parametrize("kind", ["837P", "837I", "837D"])
def test_every_sample_is_answered(samples: Path, kind: str) -> None:
    """Whatever it is, it has an answer, and nothing breaks."""
    answered = 0
    for path in sorted((samples / kind).iterdir()):
        try:
            received = receive(path.read_bytes())
        except NotAnInterchangeError:
            continue
        said = answer(received, 1)
        assert said.at_once, path.name
        answered += 1
    assert answered

"""Frames as they come over a line, and the answers that go back, read by python-hl7."""

from typing import Any

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.hl7.acknowledging import acknowledge, code_for
from services.intake.domain.hl7.framing import Frames, framed
from shared.contract.model import Finding
from tests.hl7_messages import NOW, message

RAW = message("DFT^P03", control="C77")


def read(raw: bytes) -> Any:
    return hl7.parse(raw.decode())


def fault(code: str, path: str | None, severity: Any = "block") -> Finding:
    return Finding(code=code, severity=severity, path=path, message="it is wrong", hint="Mend it.")


# Frames


@given(
    st.lists(st.binary(max_size=30).filter(lambda one: not {11, 28} & set(one)), max_size=8),
    st.integers(1, 9),
)
def test_frames_come_out_whole_however_the_line_cuts_them(sent: list[bytes], size: int) -> None:
    stream = b"".join(map(framed, sent))
    frames = Frames(1_000)
    found: list[bytes] = []
    for at in range(0, len(stream), size):
        found += frames.feed(stream[at : at + size])
    assert found == sent
    assert frames.broken == 0


def test_noise_between_frames_is_passed_over() -> None:
    assert list(Frames(100).feed(b"hello\r\n" + framed(b"a") + b"\r\n\x00" + framed(b"b"))) == [
        b"a",
        b"b",
    ]


def test_a_frame_that_breaks_off_does_not_spoil_the_next() -> None:
    frames = Frames(100)
    assert list(frames.feed(b"\x0bMSH|half" + framed(b"whole"))) == [b"whole"]
    assert frames.broken == 1


def test_a_frame_that_is_too_long_is_given_once_cut_off() -> None:
    frames = Frames(10)
    found = [one for _ in range(5) for one in frames.feed(b"\x0b" * 0 + b"x" * 8)]
    assert found == []
    found = list(frames.feed(b"\x0b" + b"y" * 8)) + [
        one for _ in range(5) for one in frames.feed(b"y" * 8)
    ]
    assert found == [b"y" * 11]
    assert list(frames.feed(b"y\x1c\r" + framed(b"next"))) == [b"next"]


# Answers


def test_aa_says_whose_message_was_taken_and_nothing_else() -> None:
    answer = read(acknowledge(RAW, "AA", (fault("note", "FT1-1", "inform"),), NOW))
    assert [str(one[0]) for one in answer] == ["MSH", "MSA"]
    assert (str(answer["MSA"][0][1]), str(answer["MSA"][0][2])) == ("AA", "C77")
    header = answer["MSH"][0]
    assert (str(header[3]), str(header[4]), str(header[5]), str(header[6])) == (
        "CW",
        "CW",
        "ADT",
        "GH",
    ), "sender and receiver change places"
    assert str(header[9]) == "ACK^P03"
    assert str(header[12]) == "2.5.1"


def test_ae_names_segment_field_and_reason_of_each_fault() -> None:
    answer = read(
        acknowledge(
            RAW,
            "AE",
            (fault("amount-format", "FT1[2]-11.1.1"), fault("encounter-missing", "PID-18.1")),
            NOW,
        )
    )
    first, second = answer["ERR"]
    assert str(first[2]) == "FT1^2^11^1^1^1"
    assert str(first[3]) == "102^Data type error^HL70357"
    assert str(first[4]) == "E"
    assert str(first[5]).startswith("amount-format")
    assert str(first[8]) == "it is wrong. Mend it."
    assert str(second[2]) == "PID^1^18^1^1"
    assert str(second[3]).startswith("101^")


def test_before_2_5_an_err_has_segment_sequence_field_and_code() -> None:
    raw = message("DFT^P03", version="2.3", control="C1")
    answer = read(acknowledge(raw, "AE", (fault("amount-format", "FT1[2]-11.1.1"),), NOW))
    assert str(answer["ERR"][0][1]) == "FT1^2^11^102&amount-format"


def test_an_answer_is_in_the_delimiters_of_its_message() -> None:
    raw = b"MSH#$%*@#A#B#C#D#20260301##ADT$A04#1#P#2.5\rPID#1\r"
    answer = acknowledge(raw, "AA", (), NOW)
    assert answer.startswith(b"MSH#$%*@#C#D#A#B#")
    assert b"#ACK$A04#" in answer


@pytest.mark.parametrize("raw", [b"", b"garbage", b"PID|1", b"MSH", b"\xff\x00\x0b", b"MSH|^^^^|"])
def test_what_is_no_message_gets_an_answer_all_the_same(raw: bytes) -> None:
    answer = read(acknowledge(raw, "AR", (fault("hl7-header-missing", "MSH"),), NOW))
    assert str(answer["MSA"][0][1]) == "AR"


def test_the_control_id_is_told_even_where_the_encoding_characters_cannot_be_used() -> None:
    raw = b"MSH|^~\\\\&|A|B|C|D|20260301||ADT^A04|MY-ID|P|2.6\r"
    assert b"MSA|AR|MY-ID" in acknowledge(raw, "AR", (), NOW)


def test_nothing_of_the_patient_is_in_an_answer() -> None:
    answer = acknowledge(RAW, "AE", (fault("date-invalid", "PID-7.1"),), NOW)
    for secret in (b"DOE", b"JANE", b"4711", b"19700102", b"DAYTON"):
        assert secret not in answer


@pytest.mark.parametrize(
    ("codes", "is_refused", "answer"),
    [
        ((), False, "AA"),
        (("amount-format",), True, "AE"),
        (("hl7-header-missing",), True, "AR"),
        (("hl7-event-not-taken",), True, "AR"),
        (("charset-mismatch",), True, "AR"),
    ],
)
def test_ar_is_for_what_could_not_be_read(
    codes: tuple[str, ...], is_refused: bool, answer: str
) -> None:
    findings = [fault(code, "MSH") for code in codes]
    assert code_for(findings, is_refused=is_refused) == answer

"""Segments, fields, escapes and character sets, held against python-hl7 where it reads the same."""

from io import BytesIO
from pathlib import Path

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.twins.hl7_segments import Marks
from deploy.twins.hospital import ALL_FORMATS, day
from deploy.twins.publication import HL7
from services.intake.domain.hl7.parsing import DEFAULT_DELIMITERS, MessageError, parse, unescape
from services.intake.domain.hl7.splitting import MAX_MESSAGE_BYTES, messages
from tests.hl7_messages import NOW

HEADER = rb"MSH|^~\&|A|B|C|D|20260301||ADT^A01|1|P|2.5.1||||||"


def field(raw: bytes, name: str, number: int, component: int = 1, subcomponent: int = 1) -> str:
    segment = parse(raw).first(name)
    assert segment is not None
    return segment.get(number, component, subcomponent)


def refused(raw: bytes) -> list[tuple[str, str | None]]:
    with pytest.raises(MessageError) as caught:
        parse(raw)
    return [(finding.code, finding.path) for finding in caught.value.findings]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r", b"\n\r\n"])
def test_segments_may_end_in_any_way(end: bytes) -> None:
    raw = HEADER + end + b"PID|1||7" + end + b"PV1|1|O" + end
    assert [segment.name for segment in parse(raw).segments] == ["MSH", "PID", "PV1"]


def test_fields_components_subcomponents_and_repetitions() -> None:
    raw = HEADER + b"\rPID|1||7^^^GH&2.16&ISO^MR~8^^^X^SS||DOE^JANE"
    assert field(raw, "PID", 3) == "7"
    assert field(raw, "PID", 3, 4, 2) == "2.16"
    assert field(raw, "PID", 5, 2) == "JANE"
    assert field(raw, "PID", 9) == ""
    pid = parse(raw).first("PID")
    assert pid is not None
    assert [pid.part(one, 5) for one in pid.repetitions(3)] == ["MR", "SS"]


def test_delimiters_are_what_the_header_says() -> None:
    raw = b"MSH#$%*@#A#B#C#D#20260301##ADT$A01#1#P#2.5\rPID#1##7$$$GH@X%8"
    assert field(raw, "PID", 3, 4, 2) == "X"
    assert parse(raw).header.get(9, 2) == "A01"


def test_hl7s_null_is_no_value() -> None:
    assert field(HEADER + b'\rPID|1|""|7', "PID", 2) == ""


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (r"A\T\B", "A&B"),
        (r"\F\\S\\R\\E\\T\ ", r"|^~\&"),
        (r"\X41\ and \XC3A9\ ", "A and é"),
        (r"one\.br\two", "one two"),
        (r"\H\bold\N\ ", "bold"),
        (r"\Zsite\x", "x"),
        ("C:\\dir", "C:\\dir"),
        (r"\XG1\ ", r"\XG1\ "),
    ],
)
def test_escape_sequences(sent: str, read: str) -> None:
    assert field(HEADER + b"\rPID|1|" + sent.encode(), "PID", 2) == read.strip()


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_what_is_escaped_reads_as_it_was(text: str) -> None:
    marks = Marks()
    assert unescape(marks.text(text), DEFAULT_DELIMITERS) == text


def test_a_line_break_within_a_field_does_not_end_its_segment() -> None:
    raw = HEADER + b"\rFT1|1|T1||2026\n0301||CG|X\rPV1|1|O"
    assert field(raw, "FT1", 6) == "CG"
    assert field(raw, "PV1", 2) == "O"


@pytest.mark.parametrize(
    ("charset", "text", "codec"),
    [
        ("8859/1", "Müller", "latin-1"),
        ("8859/2", "Łódź", "iso8859-2"),
        ("8859/15", "5€", "iso8859-15"),
        ("UNICODE UTF-8", "Ångström", "utf-8"),
        ("UTF-8", "Ångström", "utf-8"),
        ("GB 18030-2000", "张", "gb18030"),
        ("KS X 1001", "김", "euc_kr"),
        ("BIG-5", "張", "big5"),
    ],
)
def test_the_character_set_is_what_msh_18_says(charset: str, text: str, codec: str) -> None:
    raw = (HEADER.decode() + charset + "\rPID|1|" + text).encode(codec)
    assert field(raw, "PID", 2) == text


def test_utf_16_is_read_by_its_byte_order_mark() -> None:
    raw = (HEADER.decode() + "UNICODE UTF-16\rPID|1|Ång").encode("utf-16")
    (one,) = messages(BytesIO(raw))
    assert field(one, "PID", 2) == "Ång"


@pytest.mark.parametrize(("codec", "name"), [("utf-8", "UTF-8"), ("latin-1", "ISO 8859-1")])
def test_without_a_character_set_one_is_assumed_and_said(codec: str, name: str) -> None:
    message = parse((HEADER.decode() + "\rPID|1|Müller").encode(codec))
    (note,) = message.notes
    assert (note.code, note.severity, note.path) == ("charset-assumed", "inform", "MSH-18")
    assert name in note.message


def test_text_that_is_not_in_the_named_character_set_is_refused() -> None:
    raw = (HEADER.decode() + "UNICODE UTF-8\rPID|1|Müller").encode("latin-1")
    assert refused(raw) == [("charset-mismatch", "MSH-18")]
    raw = (HEADER.decode() + "KLINGON\rPID|1|Müller").encode("latin-1")
    assert refused(raw) == [("charset-unknown", "MSH-18")]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"PID|1", "hl7-header-missing"),
        (b"MSH|", "hl7-header-missing"),
        (b"MSH|^~\\\\&|A", "hl7-encoding-characters"),
        (b"MSH|^^\\&|A|B", "hl7-encoding-characters"),
        (b"MSHA^~\\&AB", "hl7-encoding-characters"),
        (b"MSH|^~\\&^^^|B", "hl7-encoding-characters"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(raw: bytes, code: str) -> None:
    assert [found for found, _ in refused(raw)] == [code]


# Several messages


def test_a_batch_file_is_its_messages() -> None:
    raw = (
        b"FHS|^~\\&|x\rBHS|^~\\&|x\r" + HEADER + b"\rPID|1\r" + HEADER + b"\rPV1|1\rBTS|2\rFTS|1\r"
    )
    found = list(messages(BytesIO(raw)))
    assert [one.splitlines()[1:] for one in (b.replace(b"\r", b"\n") for b in found)] == [
        [b"PID|1"],
        [b"PV1|1"],
    ]


def test_mllp_frames_in_a_file_are_taken_off() -> None:
    raw = b"".join(b"\x0b" + HEADER + b"\rPID|%d\r\x1c\r" % number for number in range(3))
    assert len(list(messages(BytesIO(raw)))) == 3


def test_what_stands_before_the_first_message_is_not_passed_over_in_silence() -> None:
    found = list(messages(BytesIO(b"PID|1||7\r" + HEADER + b"\rPID|1\r")))
    assert found[0] == b"PID|1||7"
    assert len(found) == 2


@pytest.mark.parametrize("size", [1, 7, 64, 65_536, 200_000])
def test_messages_are_cut_at_their_headers_wherever_a_read_ends(size: int) -> None:
    class Slow(BytesIO):
        def read(self, wanted: int | None = -1, /) -> bytes:
            return super().read(min(wanted or 0, size))

    raw = b"".join(HEADER + b"\rPID|1|%d\r" % number for number in range(40))
    found = list(messages(Slow(raw)))
    assert [field(one, "PID", 2) for one in found] == [str(number) for number in range(40)]


def test_a_message_without_end_is_cut_off_and_the_next_one_is_read() -> None:
    endless = HEADER + b"\rOBX|1|" + b"x" * (2 * MAX_MESSAGE_BYTES) + b"\r"
    first, second = messages(BytesIO(endless + HEADER + b"\rPID|1|7\r"))
    assert len(first) == MAX_MESSAGE_BYTES + 1
    assert field(second, "PID", 2) == "7"


# The independent judge


def _agrees(raw: bytes) -> None:
    theirs = hl7.parse(raw.decode().replace("\r\n", "\r").replace("\n", "\r").strip())
    ours = parse(raw)
    assert [segment.name for segment in ours.segments] == [str(one[0][0]) for one in theirs]
    for mine, one in zip(ours.segments, theirs, strict=True):
        for number in range(3 if mine.name == "MSH" else 1, len(one)):
            for repetition, raw_repetition in zip(
                one[number], mine.repetitions(number), strict=False
            ):
                if isinstance(repetition, str):
                    assert mine.part(raw_repetition) == _plain(theirs, repetition)
                    continue
                for at, component in enumerate(repetition, start=1):
                    parts = [component] if isinstance(component, str) else component
                    for below, text in enumerate(parts, start=1):
                        assert mine.part(raw_repetition, at, below) == _plain(theirs, str(text))


def _plain(container: hl7.Message, text: str) -> str:
    return "" if text == '""' else str(container.unescape(text)).strip()


def test_python_hl7_reads_every_field_of_the_samples_as_we_do(samples: Path) -> None:
    paths = sorted((samples / "HL7v2").glob("microsoft*"))
    assert len(paths) == 10
    for path in paths:
        _agrees(path.read_bytes())


def test_python_hl7_reads_every_field_of_the_twins_messages_as_we_do() -> None:
    sent = [
        one.value
        for one in day(3, 60, today=NOW.date(), formats=ALL_FORMATS)
        if one.content_type == HL7 and one.records[0].fate == "gathered"
    ]
    assert len(sent) > 30
    for value in sent:
        _agrees(value)

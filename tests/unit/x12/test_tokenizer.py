"""Bytes to segments: what real files do to the standard."""

import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.x12.errors import X12Error
from shared.x12.tokenizer import SEGMENT_LIMIT, Separators, Tokenizer

ISA = (
    "ISA*00*          *00*          *ZZ*HOSPITAL       *ZZ*CLEARING       "
    "*240102*1200*^*00501*000000001*0*T*:~"
)
BODY = ["GS*HC*A*B", "ST*837*0001", "CLM*1*2***11:B:1", "SE*3*0001", "GE*1*1", "IEA*1*1"]
IDS = ["ISA", "GS", "ST", "CLM", "SE", "GE", "IEA"]


def ids(content: bytes, chunk_bytes: int = 128 * 1024) -> list[str]:
    return [elements[0] for elements in Tokenizer(io.BytesIO(content), chunk_bytes=chunk_bytes)]


def joined(terminator: str) -> str:
    return ISA[:-1] + terminator + terminator.join(BODY) + terminator


def test_takes_a_byte_order_mark() -> None:
    assert ids(b"\xef\xbb\xbf" + joined("~").encode()) == IDS


def test_takes_newlines_after_the_terminator() -> None:
    assert ids(joined("~").replace("~", "~\r\n").encode()) == IDS


def test_takes_newlines_instead_of_the_terminator() -> None:
    assert ids(joined("\n").encode()) == IDS
    assert ids(joined("\n").replace("\n", "\r\n").encode()) == IDS
    assert ids(joined("\r").encode()) == IDS


def test_takes_lines_wrapped_at_eighty_columns() -> None:
    text = joined("~")
    wrapped = "\n".join(text[at : at + 80] for at in range(0, len(text), 80))
    assert ids(wrapped.encode()) == IDS


def test_takes_an_isa_without_padding() -> None:
    text = joined("~").replace(" ", "")
    tokenizer = Tokenizer(io.BytesIO(text.encode()))
    assert next(iter(tokenizer))[6] == "HOSPITAL"
    assert tokenizer.separators == Separators()


def test_takes_any_separators_and_several_interchanges_with_different_ones() -> None:
    other = joined("~").replace("*", "|").replace(":", ">").replace("~", "'")
    assert ids((joined("~") + "\n" + other).encode()) == IDS + IDS


def test_takes_spaces_before_segments_and_drops_them_after_elements() -> None:
    tokenizer = Tokenizer(io.BytesIO((ISA + " N4*TOWN  *OH*44113 ~ SE*1*1~").encode()))
    assert list(tokenizer)[1:] == [["N4", "TOWN", "OH", "44113"], ["SE", "1", "1"]]


def test_notes_text_before_the_header() -> None:
    tokenizer = Tokenizer(io.BytesIO(b"From: mail gateway\n\n" + joined("~").encode()))
    assert [elements[0] for elements in tokenizer] == IDS
    assert [note.code for note in tokenizer.notes] == ["text-before-header"]


@pytest.mark.parametrize("start", [0, 1])
def test_takes_a_file_that_begins_at_gs_or_st(start: int) -> None:
    rows = [*BODY]
    rows.insert(2, "BHT*0019*00")
    assert ids(("~\n".join(rows[start:]) + "~").encode()) == [r.split("*")[0] for r in rows[start:]]


def test_takes_a_last_segment_without_terminator() -> None:
    assert ids(joined("~").encode()[:-1]) == IDS


def test_reads_utf8_and_falls_back_to_latin1() -> None:
    for encoding in ("utf-8", "latin-1"):
        content = (ISA + "NM1*QC*1*MÜLLER~").encode(encoding)
        for chunk_bytes in (1, 7, 4096):
            rows = list(Tokenizer(io.BytesIO(content), chunk_bytes=chunk_bytes))
            assert rows[1] == ["NM1", "QC", "1", "MÜLLER"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"name,amount\n1,2\n", "not-x12"),
        (b"\x00\xff\x00\xff", "not-x12"),
        (b"ISA*00*a*b~GS*HC~", "isa-malformed"),
        (ISA.encode() + b"X" * (SEGMENT_LIMIT + 200_000), "segment-too-long"),
    ],
)
def test_says_what_is_wrong(content: bytes, code: str) -> None:
    with pytest.raises(X12Error) as caught:
        ids(content)
    assert caught.value.code == code


def test_an_empty_file_has_no_segments() -> None:
    assert ids(b"") == []
    assert ids(b" \r\n\r\n") == []


def test_holds_a_bounded_part_of_an_endless_stream() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return ISA.encode() if self.given == size else b"A" * size

    stream = Endless()
    with pytest.raises(X12Error):
        list(Tokenizer(stream))  # type: ignore[arg-type]
    assert stream.given < 1_000_000


@given(
    chunk_bytes=st.integers(1, 400), copies=st.integers(1, 3), end=st.sampled_from(["~", "~\r\n"])
)
def test_chunk_boundaries_change_nothing(chunk_bytes: int, copies: int, end: str) -> None:
    content = (joined("~").replace("~", end) * copies).encode()
    assert ids(content, chunk_bytes) == IDS * copies


@given(st.binary(max_size=600))
def test_any_bytes_give_segments_or_an_x12_error(content: bytes) -> None:
    for prefix in (b"", ISA.encode(), b"ST*837*1~"):
        with suppress(X12Error):
            found = ids(prefix + content, 64)
            assert not prefix or not any(mark in name for name in found for mark in "*~")

"""Whose record it is, told from the first bytes."""

from pathlib import Path

import pytest

from shared.x12.answers import transaction_of, transactions_of

FOLDERS = {"835": "835", "999": "999", "277": "277", "277CA": "277", "276": "276", "TA1": "TA1"}
CLAIM_FOLDERS = {"837P": "837", "837I": "837", "837D": "837"}


@pytest.mark.parametrize(("folder", "code"), FOLDERS.items())
def test_every_sample_is_known_by_its_beginning(samples: Path, folder: str, code: str) -> None:
    for path in sorted((samples / folder).iterdir()):
        data = path.read_bytes()
        assert transaction_of(data[:400]) == code, path.name
        assert transactions_of(data) == {code}, path.name


def test_a_mixed_interchange_shows_all_it_holds() -> None:
    data = (
        b"ISA*00*          *00*          *ZZ*A              *ZZ*B              *250101*1230*^"
        b"*00501*000000022*0*P*:~\r\nTA1*000000019*250101*1200*A*000~\r\nGS*HP*A*B~\r\n"
        b"ST*835*0001~\r\nN4*ST*835*1~\r\nSE*2*0001~\r\nGE~\r\nGS*FA~\r\nST*999*1~\r\n"
    )
    assert transaction_of(data) == "835"
    assert transactions_of(data) == {"TA1", "835", "999"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xef\xbb\xbfST*835*1~", "835"),
        (b"\r\n ST|999|1~", "999"),
        (b"GS*HN*A*B~ST*277*0001~", "277"),
        (b"ISA*only", None),
        (b"", None),
        (b"MSH|^~\\&|ST|835|", None),
        (b'{"a": "ST*835*"}', None),
        (b"STREET", None),
        (b"GS*HP*A*B~N4*CITY*ST*123*X~", None),
    ],
)
def test_only_the_head_of_a_segment_counts(data: bytes, code: str | None) -> None:
    assert transaction_of(data) == code
    assert transactions_of(data) == (frozenset({code}) if code else frozenset())

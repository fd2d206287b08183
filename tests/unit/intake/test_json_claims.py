"""Canonical JSON at the door: what is taken, and how everything that is wrong is said at once."""

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import json_values
from services.intake.domain.arrival import MAX_FINDINGS, ClaimRefusal, Reading, Unreadable
from services.intake.domain.json_claims import read_json, read_ndjson
from services.intake.domain.json_values import MalformedJsonError, values
from shared.contract.claim import Claim

Document = dict[str, Any]
Stream = Callable[[Any], BytesIO]


def numbers(readings: Iterator[Reading]) -> list[str | None]:
    """The control number of each claim; None for each that is none."""
    return [
        reading.patient_control_number if isinstance(reading, Claim) else None
        for reading in readings
    ]


def refusal(stream: BytesIO) -> dict[str | None, str]:
    """Codes by path of the one claim in the stream, which must have been refused."""
    (reading,) = read_json(stream)
    assert isinstance(reading, ClaimRefusal)
    return {finding.path: finding.code for finding in reading.findings}


class Trickle(BytesIO):
    """A stream that gives a few bytes at a time, as sockets do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(7, size) if size and size > 0 else 7)


def test_one_object_is_one_claim(document: Document, as_stream: Stream) -> None:
    (claim,) = read_json(as_stream(document))
    assert isinstance(claim, Claim)
    assert claim.charge == 25_000
    assert str(claim.service_lines[1].units) == "1.5"


@pytest.mark.parametrize("shape", ["array", "wrapper", "lines", "joined", "pretty"])
@pytest.mark.parametrize("stream_of", [BytesIO, Trickle])
def test_many_claims_come_in_every_shape_of_json(
    shape: str, stream_of: type[BytesIO], numbered: Callable[[int], bytes]
) -> None:
    each = [numbered(number) for number in range(3)]
    bodies = {
        "array": b"[" + b" ,\n".join(each) + b"]",
        "wrapper": b'{"batch": {"claims": "none [here"}, "claims" :\n[' + b",".join(each) + b"]}",
        "lines": b"\n".join(each) + b"\n",
        "joined": b"".join(each),
        "pretty": json.dumps([json.loads(one) for one in each], indent=2).encode(),
    }
    assert numbers(read_json(stream_of(bodies[shape]))) == ["PCN-0", "PCN-1", "PCN-2"]


def test_a_byte_order_mark_is_passed_over(numbered: Callable[[int], bytes]) -> None:
    for body in (numbered(1), b"[" + numbered(1) + b"]"):
        assert numbers(read_json(BytesIO(b"\xef\xbb\xbf" + body))) == ["PCN-1"]
    assert numbers(read_ndjson(BytesIO(b"\xef\xbb\xbf" + numbered(1)))) == ["PCN-1"]


def test_what_intake_assigns_is_passed_over_when_a_sender_writes_it(
    document: Document, as_stream: Stream
) -> None:
    sent = document | {"id": "not-a-uuid", "revision": 9, "source": 7}
    (claim,) = read_json(as_stream(sent))
    assert isinstance(claim, Claim)
    assert (claim.revision, claim.source) == (1, "-")


def test_all_findings_come_at_once_with_their_json_paths(
    document: Document, as_stream: Stream
) -> None:
    document["charge"] = 250.0
    document["kind"] = "surgical"
    document["service_lines"][1]["service_from"] = "2025-02-30"
    document["service_lines"][0]["charge"] = "100"
    document["service_lines"][0]["diagnosis_pointers"] = ["1"]
    del document["payer"]
    document["billing_provider"]["is_person"] = "no"
    document["subscriber"]["identifier"] = "W" * 81
    document["service_lines"][1]["units"] = "many"
    assert refusal(as_stream(document)) == {
        "kind": "unknown-value",
        "charge": "amount-format",
        "billing_provider.is_person": "wrong-type",
        "subscriber.identifier": "too-long",
        "payer": "missing-field",
        "service_lines[0].charge": "amount-format",
        "service_lines[0].diagnosis_pointers[0]": "wrong-type",
        "service_lines[1].service_from": "date-invalid",
        "service_lines[1].units": "quantity-format",
    }


@pytest.mark.parametrize(
    ("owner", "name", "path", "suggestion"),
    [
        (None, "paitent_control_number", "paitent_control_number", "patient_control_number"),
        ("billing_provider", "nip", "billing_provider.nip", "npi"),
        ("subscriber", "birthdate", "subscriber.birthdate", "birth_date"),
    ],
)
def test_an_unknown_field_is_a_finding_with_the_field_that_was_meant(
    *,
    owner: str | None,
    name: str,
    path: str,
    suggestion: str,
    document: Document,
    as_stream: Stream,
) -> None:
    (document[owner] if owner else document)[name] = "x"
    (reading,) = read_json(as_stream(document))
    assert isinstance(reading, ClaimRefusal)
    (finding,) = reading.findings
    assert (finding.code, finding.path) == ("unknown-field", path)
    assert finding.hint == f"Did you mean {suggestion}?"


def test_findings_hold_no_values_and_no_data_that_was_used_as_a_key(
    document: Document, as_stream: Stream
) -> None:
    document["W12345678"] = "SECRET"
    document["subscriber"]["birth_date"] = "SECRET"
    document["charge"] = "SECRET"
    document["kind"] = "SECRET"
    (reading,) = read_json(as_stream(document))
    text = repr(reading)
    assert "SECRET" not in text
    assert "W12345678" not in text


def test_a_refused_claim_is_named_by_its_own_number_and_charge(
    document: Document, as_stream: Stream
) -> None:
    document["kind"] = "surgical"
    (reading,) = read_json(as_stream(document))
    assert isinstance(reading, ClaimRefusal)
    assert (reading.patient_control_number, reading.charge) == ("PCN-1", 25_000)


def test_the_number_of_findings_is_bounded(document: Document, as_stream: Stream) -> None:
    document["service_lines"] = [{"number": "x"}] * 900
    (reading,) = read_json(as_stream(document))
    assert isinstance(reading, ClaimRefusal)
    assert len(reading.findings) == MAX_FINDINGS + 1
    assert reading.findings[-1].code == "more-findings"


@pytest.mark.parametrize(
    "body",
    [b'{"claims": [{"id": ', b"[1]", b'{"a": "', b'{"a": "\\', b"null", b"[{}", b"[", b"]", b'"x"'],
)
def test_what_cannot_be_read_at_all_says_so_once(body: bytes) -> None:
    readings = list(read_json(BytesIO(body)))
    unreadable = readings[-1]
    assert isinstance(unreadable, Unreadable)
    assert unreadable.findings[0].code == "json-invalid"


def test_claims_before_a_cut_are_read(numbered: Callable[[int], bytes]) -> None:
    body = b"[" + numbered(1) + b"," + numbered(2) + b"," + numbered(3)[:50]
    readings = list(read_json(BytesIO(body)))
    assert numbers(iter(readings)) == ["PCN-1", "PCN-2", None]
    assert isinstance(readings[2], Unreadable)
    assert readings[2].findings[0].path == "[2]"


def test_a_broken_element_does_not_take_its_neighbours_down(
    numbered: Callable[[int], bytes],
) -> None:
    body = b"[" + numbered(1) + b',{"kind": nonsense},' + numbered(2) + b"]"
    readings = list(read_json(BytesIO(body)))
    assert numbers(iter(readings)) == ["PCN-1", None, "PCN-2"]
    assert isinstance(readings[1], ClaimRefusal)


def test_a_broken_line_does_not_take_its_neighbours_down(numbered: Callable[[int], bytes]) -> None:
    body = numbered(1) + b"\r\n\n{broken\n\xff\xfe\n" + numbered(2)
    readings = list(read_ndjson(BytesIO(body)))
    assert numbers(iter(readings)) == ["PCN-1", None, None, "PCN-2"]
    assert isinstance(readings[1], ClaimRefusal)
    assert readings[1].findings[0].code == "json-invalid"


def test_a_line_that_is_too_long_is_refused_and_the_next_is_read(
    numbered: Callable[[int], bytes],
) -> None:
    long = b'{"a": "' + b"x" * json_values.MAX_VALUE_BYTES + b'"}'
    readings = list(read_ndjson(BytesIO(long + b"\n" + numbered(2))))
    assert numbers(iter(readings)) == [None, "PCN-2"]
    assert isinstance(readings[0], ClaimRefusal)
    assert readings[0].findings[0].code == "record-too-large"


def test_a_value_without_end_is_not_held_in_memory() -> None:
    endless = BytesIO(b'{"a": "' + b"x" * (3 * json_values.MAX_VALUE_BYTES))
    with pytest.raises(MalformedJsonError, match="larger than 4 MiB"):
        list(values(endless))
    assert endless.tell() <= 3 * json_values.MAX_VALUE_BYTES


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    documents=st.lists(st.dictionaries(st.text(max_size=5), _json, max_size=4), max_size=4),
    indent=st.none() | st.integers(0, 2),
    is_ascii=st.booleans(),
)
def test_any_array_of_objects_is_cut_into_exactly_its_objects(
    documents: list[Document], indent: int | None, is_ascii: bool
) -> None:
    text = json.dumps(documents, indent=indent, ensure_ascii=is_ascii)
    cut = [json.loads(value) for value in values(Trickle(text.encode()))]
    assert cut == documents


@given(st.binary(max_size=60) | st.text('{}[]",:\\ a1', max_size=40).map(str.encode))
def test_no_bytes_make_the_readers_raise(body: bytes) -> None:
    for reader in (read_json, read_ndjson):
        for reading in reader(BytesIO(body)):
            assert isinstance(reading, Claim | ClaimRefusal | Unreadable)

"""Envelopes that we write: fixed width, counted trailers, refusals that say what does not fit."""

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pytest

from shared.x12.envelope import EnvelopeReader, TransactionSet
from shared.x12.errors import X12Error
from shared.x12.interchange import InterchangeEnvelope, InterchangeWriter
from shared.x12.tokenizer import Separators

ENVELOPE = InterchangeEnvelope(
    sender="PAYER",
    receiver="CLINIC",
    control_number=999_999_999,
    created_at=datetime(2026, 6, 1, 12, 30, tzinfo=UTC),
)


def _write(envelope: InterchangeEnvelope) -> bytes:
    out = BytesIO()
    with InterchangeWriter(out, envelope) as interchange:
        for _ in range(2):
            with interchange.group("HP", "005010X221A1") as group:
                for _ in range(3):
                    with group.transaction_set("835") as put:
                        put("BPR\x1dI\x1d0")
    return out.getvalue()


def test_every_trailer_counts_what_stands_before_it() -> None:
    parts = list(EnvelopeReader(BytesIO(_write(ENVELOPE))).parts())
    sets = [part for part in parts if isinstance(part, TransactionSet)]
    assert len(sets) == len(parts) == 6
    assert [part.envelope.control.transaction for part in sets] == ["0001", "0002", "0003"] * 2


def test_group_numbers_count_on_and_begin_again_after_nine_digits() -> None:
    text = _write(ENVELOPE).decode()
    assert "GS*HP*PAYER*CLINIC*20260601*1230*999999999*X*005010X221A1~" in text
    assert "GS*HP*PAYER*CLINIC*20260601*1230*1*X*005010X221A1~" in text
    assert text.endswith("GE*3*1~IEA*2*999999999~")


def test_the_isa_is_106_characters_wide() -> None:
    isa, _, _ = _write(ENVELOPE).decode().partition("~")
    assert len(isa) == 105
    assert isa.endswith("*260601*1230*^*00501*999999999*0*T*:")


def test_line_ends_are_for_people() -> None:
    lines = _write(replace(ENVELOPE, line_ends=True)).decode().split("\n")
    assert [line[:3] for line in lines[:3]] == ["ISA", "GS*", "ST*"]
    assert all(line.endswith("~") for line in lines[:-1])


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"sender": ""}, "ISA06"),
        ({"sender": "A" * 16}, "ISA06"),
        ({"receiver": "CLÍNICA"}, "ISA08"),
        ({"sender_qualifier": "ZZZ"}, "ISA05"),
        ({"usage": "PROD"}, "ISA15"),
        ({"control_number": 0}, "ISA13"),
        ({"control_number": 10**9}, "ISA13"),
        ({"separators": Separators("*", "*", "~", "^")}, "ISA16"),
        ({"separators": Separators("A", ":", "~", "^")}, "ISA16"),
        ({"separators": Separators("*", ".", "~", "^")}, "ISA16"),
        ({"separators": Separators("\n", ":", "~", "^")}, "ISA16"),
    ],
)
def test_an_envelope_that_does_not_fit_is_refused_with_its_place(
    changed: dict[str, object], path: str
) -> None:
    with pytest.raises(X12Error) as refusal:
        InterchangeWriter(BytesIO(), replace(ENVELOPE, **changed))  # type: ignore[arg-type]
    assert refusal.value.code == "envelope-invalid"
    assert refusal.value.path == path


def test_an_interchange_that_failed_has_no_trailer() -> None:
    out = BytesIO()
    with (
        pytest.raises(RuntimeError),
        InterchangeWriter(out, ENVELOPE) as interchange,
        interchange.group("HP", "005010X221A1"),
    ):
        raise RuntimeError
    assert b"IEA" not in out.getvalue()

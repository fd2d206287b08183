"""Whatever arrives as HL7: no exception, no hang, no growth, and no refusal without a place.

A short run here, a long one under `make fuzz`. Inputs are mutated files of others and of the twin,
and messages made of a grammar that knows what parsers stumble over.
"""

import time
import tracemalloc
from collections.abc import Sequence
from datetime import date
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.twins.hospital import ALL_FORMATS, day
from deploy.twins.publication import HL7
from services.intake.domain.hl7.acknowledging import acknowledge
from services.intake.domain.hl7.framing import Frames, framed
from services.intake.domain.known import State
from services.intake.domain.profile import SourceProfiles
from services.intake.filter import read
from shared.contract.envelope import text_headers, to_headers
from shared.contract.events import ClaimRejected, MessageRejected
from shared.contract.model import to_wire
from tests import canary
from tests.conftest import REPOSITORY
from tests.examples import examples
from tests.hl7_messages import NOW, SOURCE, message, profiles, pv1, segment

SAMPLES = REPOSITORY.parent / "shared" / "samples" / "HL7v2"
SLOW_S = 5.0
_INTERESTING = (
    b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"\x0b", b"\x1c", b"\x00", b"\xff", b'""', b"MSH|",
    b"\\X0D\\", b"\\X", b"\\.br\\", b"FT1|", b"-", b"9" * 40, b"1e9", b"\xc3\xa9", b"\xed\xa0\x80",
)  # fmt: skip


@cache
def seeds() -> Sequence[bytes]:
    """Real messages: others' where they are at hand, and the twin's."""
    others = [path.read_bytes() for path in sorted(SAMPLES.glob("*"))] if SAMPLES.is_dir() else []
    twin = [
        one.value
        for one in day(5, 40, today=date(2026, 3, 1), formats=ALL_FORMATS)
        if one.content_type == HL7
    ]
    return [*others, *twin]


@cache
def sources() -> SourceProfiles:
    return profiles(completing_events=["DFT^P03", "BAR^P06"])


def mutated(raw: bytes, random: Random) -> bytes:
    """A message with some damage, of the kind that engines and lines do."""
    parts = bytearray(raw)
    for _ in range(random.randrange(1, 6)):
        at = random.randrange(len(parts) + 1)
        match random.randrange(6):
            case 0:
                parts[at : at + random.randrange(1, 40)] = b""
            case 1:
                parts[at:at] = random.choice(_INTERESTING)
            case 2 if parts:
                parts[min(at, len(parts) - 1)] = random.randrange(256)
            case 3:
                end = min(len(parts), at + random.randrange(1, 200))
                parts[at:at] = parts[at:end]
            case 4:
                rows = bytes(parts).replace(b"\n", b"\r").split(b"\r")
                random.shuffle(rows)
                parts = bytearray(b"\r".join(rows))
            case _:
                del parts[at:]
    return bytes(parts)


def check(raw: bytes, states: dict[str, State] | None = None) -> None:
    """One input through the filter and into an acknowledgement."""
    started = time.monotonic()
    for event in read(
        BytesIO(raw),
        source=SOURCE,
        now=NOW,
        content_type=HL7,
        states=states if states is not None else {},
        profiles=sources(),
    ):
        if isinstance(event.data, MessageRejected | ClaimRejected):
            assert event.data.findings
            for finding in event.data.findings:
                assert finding.path, finding.code
                assert finding.message
            answer = acknowledge(raw, "AE", event.data.findings, NOW)
            assert answer.startswith(b"MSH")
            assert b"\rMSA" in answer
    assert time.monotonic() - started < SLOW_S


@given(st.integers(0, 2**48))
def test_mutated_messages(seed: int) -> None:
    random = Random(seed)
    check(mutated(random.choice(seeds()), random))


@st.composite
def made(draw: st.DrawFn) -> bytes:
    """Messages by a grammar: the right names, and values of every kind in every field."""
    value = st.sampled_from(
        ["", '""', "1", "-1", "0.005", "20260301", "20260230", "A^B^C4", "X~Y~Z", "a&b&c", "\\T\\",
         "\\X41\\", "é", "7" * 90, "CG", "CD", "^^^^^^^^^^^^NPI", "1234567893^A^B", "4711^^^GH^MR",
         "100.00&USD", "I10^^I10C", "DFT^P03", "2.5.1"]
    )  # fmt: skip
    trigger = draw(
        st.sampled_from(
            ["ADT^A01", "ADT^A03", "ADT^A08", "ADT^A40", "DFT^P03", "DFT^P11", "BAR^P06", "BAR^P12"]
        )
    )
    rows = [rf"MSH|^~\&|A|B|C|D|20260301||{trigger}|{draw(st.integers(1, 9))}|P|2.5.1"]
    names = ["EVN", "PID", "PV1", "MRG", "IN1", "IN2", "DG1", "PR1", "UB2", "ACC", "DRG", "ZZ1"]
    rows += [
        "|".join([name, *draw(st.lists(value, max_size=30))])
        for name in draw(st.lists(st.sampled_from([*names, "FT1", "FT1"]), max_size=12))
    ]
    end = draw(st.sampled_from(["\r", "\n", "\r\n"]))
    return end.join(rows).encode()


@given(st.lists(made(), min_size=1, max_size=4))
def test_grammar_made_messages_of_few_encounters(sent: list[bytes]) -> None:
    states: dict[str, State] = {}
    for raw in sent:
        check(raw, states)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind(raw: bytes) -> None:
    check(raw)
    check(b"MSH|^~\\&|" + raw)


@cache
def her_messages() -> Sequence[bytes]:
    """The invented patient of the canary test, registered and charged."""
    born, served = f"{canary.BIRTH_DATE:%Y%m%d}", f"{canary.SERVICE_DATE:%Y%m%d}"
    her = segment(
        "PID",
        {
            3: f"{canary.MEDICAL_RECORD_NUMBER}^^^GH^MR",
            5: f"{canary.LAST_NAME}^{canary.FIRST_NAME}",
            7: born,
            11: f"{canary.STREET}^^{canary.CITY}^OH^45402",
            18: canary.PATIENT_CONTROL_NUMBER,
        },
    )
    covered = segment(
        "IN1",
        {
            1: "1",
            3: "ACME",
            8: canary.GROUP_NUMBER,
            16: f"{canary.LAST_NAME}^{canary.FIRST_NAME}",
            17: "SEL",
            36: canary.MEMBER_ID,
        },
    )
    charge = segment(
        "FT1",
        {2: "T1", 4: served, 6: "CG", 10: "1", 11: "80.00", 25: f"{canary.PROCEDURE}^^C4"}
        | {19: f"{canary.DIAGNOSIS}^^I10C"},
    )
    return [
        message("ADT^A04", her, pv1(), covered),
        message("DFT^P03", her, charge, f"NTE|1||{canary.NOTE}"),
        message("BAR^P06", her),
    ]


@given(st.integers(0, 2**48))
def test_what_is_said_of_a_message_never_holds_the_patients_data(seed: int) -> None:
    random = Random(seed)
    for raw in her_messages():
        for event in read(
            BytesIO(mutated(raw, random)),
            source=SOURCE,
            now=NOW,
            content_type=HL7,
            profiles=sources(),
        ):
            data: Any = event.data
            told = b"".join(to_wire(one) for one in getattr(data, "findings", ()))
            canary.assert_absent({"findings": told.decode()})
            canary.assert_absent(text_headers(to_headers(event)))


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(1, 40))
@examples(50)
def test_frames_hold_no_more_than_their_limit(pieces: list[bytes], limit: int) -> None:
    frames = Frames(limit)
    for piece in pieces:
        for one in frames.feed(piece):
            assert len(one) <= limit + 1
    rest = list(frames.feed(b"\x1c" + framed(b"ok")))
    assert rest[-1] == b"ok"[: limit + 1]


@pytest.mark.parametrize("size", [1, 8])
def test_memory_does_not_grow_with_the_number_of_messages(size: int) -> None:
    """Eight times as many messages of one encounter need no more memory at their worst."""
    raw = seeds()[-1]
    body = raw * (400 * size)
    tracemalloc.start()
    try:
        for _ in read(BytesIO(body), source=SOURCE, now=NOW, content_type=HL7, profiles=sources()):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_the_seeds_are_real(samples: Path) -> None:
    assert len(seeds()) > len(list((samples / "HL7v2").iterdir()))

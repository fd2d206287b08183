"""Files that others wrote, read and written again: nothing that a payer needs may be lost.

The comparison does not use the engine: it splits both texts by hand, gives each claim the segments
of the levels it stands under, each with the loop that it stands in, and compares them as multisets.
What differs is in `EXCEPTIONS`, each with its reason.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.contract.claim import Claim
from shared.x12.claims.reading import ReadClaim, read_claims
from shared.x12.claims.writing import InterchangeEnvelope, write_interchange

ENVELOPE = InterchangeEnvelope(
    sender="SENDER",
    receiver="RECEIVER",
    control_number=1,
    created_at=datetime(2024, 1, 2, 3, 4, tzinfo=UTC),
)
Segment = tuple[str, ...]

UNREADABLE = {
    "cosyte_x12__claim__837d-canonical.edi": "SV302, the line's charge, is missing",
    "LinuxForHealth_x12__837_005010X222A2__demo.cob.example3.A.837": "2320 without its 2330B",
    "cosyte_x12__claim__837p-edge-cases.edi": "NTE02 is missing, and a claim without lines",
    "cosyte_x12__claim__837p-empty-optionals.edi": "SBR01 and 2330B are missing in 2320",
    "imsweb_x12-parser__837_5010__x12_bad_valid_code.txt": "the billing provider is missing",
    "imsweb_x12-parser__837_5010__x12_loop_errors3_missing_loops.txt": "no billing provider",
    "imsweb_x12-parser__837_5010__x12_missing_required_loops_mult_repeats.txt": "no LX, no NM1*IL",
}
"""Files with claims that cannot be built; those that can are compared all the same."""

EXCEPTIONS: tuple[tuple[str, str, str], ...] = (
    # pattern of file names, pattern of segments that are lost or new, reason
    (
        r"imsweb_.*",
        r"HI\*(BK|BF|\d+)",
        "HI with elements where components belong; blocks the claim",
    ),
    (r"imsweb_.*", r"SBR\*P\*(18)?\*SUBSCRIBER GROUP.*", "no patient level: SBR02 is said, 18"),
    (r".*(\.837i|_837i-.*)", r"CLM\*.*", "CLM06 and CLM10 are not used in an institutional claim"),
    (r".*(demo-file__demo.837i|x223-test.*)", r"DTP\*434.*", "one day is written as a range, RD8"),
    (
        r"cosyte_.*837i-canonical.*",
        r"DTP\*096.*",
        "written as a time, TM; its day is the statement's last",
    ),
    (r".*x223-test.*", r"CLM\*.*", "CLM06, CLM10 as above; CLM05-2 is B where only A can be"),
    (r".*ambulance.example5.*", r"CLM\*.*", "CLM05-2 is missing, and is said: B"),
    (r"imsweb_.*missing_elements.*", r"CLM\*.*", "CLM05 is missing: frequency 1 is assumed"),
    (r"imsweb_.*missing_elements.*", r"NM1\*40\*.*", "NM102 is missing: no person is assumed"),
    (r"cosyte_.*(to-plan|patient-hl).*", r"SBR\*P.*", "SBR08 is not used; SBR02 is said by PAT01"),
    (r"cosyte_.*comprehensive.*", r"SBR\*S\*18.*", "SBR07 is not used"),
    (
        r"cosyte_.*comprehensive.*",
        r"(N3|N4|REF|PER)\*.*",
        "not in the guide at 1000A, 1000B, 2010BB",
    ),
    (r"cosyte_.*comprehensive.*", r"HI\*APR.*", "no reason for visit in a professional claim"),
    (r"cosyte_.*comprehensive.*", r"SV1\*.*", "SV108 and SV110 are not used"),
    (r"cosyte_.*unknown-hi.*", r"HI\*ZZZ.*", "a qualifier that does not exist"),
    (r"imsweb_.*bad_segment_identifier.*", r"(\*?IC|Nd4|NM31)\*.*", "segments that do not exist"),
    (r"imsweb_.*(bad_segment_identifier|one_repeat).*", r"NM1\*IL\*2", "NM1*IL is missing; blocks"),
    (
        r"imsweb_.*loop_errors[12].*",
        r"(NM1|N3|N4|REF|PER)\*.*",
        "a second 2010AA; blocks the claim",
    ),
    (r".*example9.*", r"SV1\*.*", "the pointer 1.00 is written 1"),
)


def _texts(samples: Path) -> Iterator[Path]:
    for folder in ("837P", "837I", "837D"):
        yield from sorted((samples / folder).iterdir())


def _split(text: str) -> list[Segment]:
    """Segments by hand, composites with one separator, numbers without trailing zeros."""
    start = text.find("ISA")
    if start >= 0 and len(text) > start + 106:
        element = text[start + 3]
        place = start
        for _ in range(16):
            place = text.index(element, place + 1)
        component, terminator = text[place + 1], text[place + 2]
    else:
        element, component, terminator = "*", ":", "~"
    if f"CLM{element}" in text and re.search(r"CLM\W[^~_]*?\W\d{1,2}>[AB]?>\d", text):
        component = ">"
    found = []
    for raw in text[max(start, 0) :].replace("\r", "").replace("\n", "").split(terminator):
        elements = [value.rstrip() for value in raw.strip().split(element)]
        while elements and not elements[-1]:
            elements.pop()
        if elements:
            found.append(tuple(_plain(value.replace(component, ":")) for value in elements))
    return found


def _plain(value: str) -> str:
    parts = [
        part.rstrip("0").rstrip(".") if re.fullmatch(r"\d*\.\d+", part) else part
        for part in value.split(":")
    ]
    return ":".join(parts).rstrip(":")


def _atoms(segment: Segment) -> Iterator[Segment]:
    """CAS and HI by the group that they repeat, everything else as it is."""
    place, name, *elements = segment
    if name == "CAS":
        for at in range(1, len(elements), 3):
            yield (place, name, elements[0], *elements[at : at + 3])
    elif name == "HI":
        yield from ((place, name, value) for value in elements if value)
    else:
        yield segment


_OPENS = {"CLM": "2300", "LX": "2400", "LIN": "2410", "SVD": "2430", "LQ": "2440"}
"""Segments that open a loop of a claim, wherever they stand."""
_LINE_LOOPS = ("2400", "2410", "2430", "2440")


def _place(segment: Segment, level: str, place: str) -> str:
    """The loop that a segment stands in, as far as the segments themselves tell: the level, the
    claim, its other payer or line, and whom the last NM1 named."""
    name = segment[0]
    base = place.partition("/")[0]
    if name in _OPENS:
        return _OPENS[name]
    if name == "SBR" and base in ("2300", "2320"):
        return "2320"
    if name == "NM1":
        inner = "2420" if base in (*_LINE_LOOPS, "2420") else base
        return f"{inner}/{segment[1]}"
    if name == "HL":
        return level
    return place


def _claims(segments: list[Segment]) -> dict[str, Counter[Segment]]:
    """By CLM01: the segments of the levels above a claim, and its own, each behind its loop."""
    levels: dict[str, list[Segment]] = {}
    level, claims = "header", {}
    own: list[Segment] | None = None
    place = level
    for segment in segments:
        name = segment[0]
        if name in {"ISA", "GS", "ST", "BHT", "SE", "GE", "IEA"}:
            level, own = "header", None
            place = level
            if name == "ST":
                levels = {}
            continue
        if name == "HL" and segment[3] in {"20", "22", "23"}:
            level, own = segment[3], None
            levels = {key: value for key, value in levels.items() if key < level or key == "header"}
            levels[level] = []
            place = level
            continue
        place = _place(segment, level, place)
        placed = (place, *segment)
        if name == "CLM":
            own = [segment for rows in levels.values() for segment in rows] + [placed]
            key = segment[1]
            while key in claims:
                key += "'"
            claims[key] = own
        elif own is not None:
            own.append(placed)
        elif name != "HL":
            levels.setdefault(level, []).append(placed)
    return {key: Counter(atom for s in rows for atom in _atoms(s)) for key, rows in claims.items()}


def _is_excepted(file: str, segment: Segment) -> bool:
    text = "*".join(segment[1:])
    return any(re.fullmatch(f, file) and re.match(s, text) for f, s, _ in EXCEPTIONS)


def _read(path: Path) -> tuple[list[Claim], list[ReadClaim]]:
    with path.open("rb") as stream:
        found = [part for part in read_claims(stream, source="test") if isinstance(part, ReadClaim)]
    return [part.claim for part in found if part.claim is not None], found


def _written(claims: list[Claim]) -> str:
    out = io.BytesIO()
    write_interchange(claims, ENVELOPE, out)
    return out.getvalue().decode("ascii")


def test_reading_and_writing_loses_no_segment_of_any_sample(samples: Path) -> None:
    differences, compared = [], 0
    for path in _texts(samples):
        claims, found = _read(path)
        if len(claims) < len(found):
            assert path.name in UNREADABLE, path.name
        before = _claims(_split(path.read_text(encoding="latin-1")))
        after = _claims(_split(_written(claims))) if claims else {}
        for key, segments in after.items():
            original = before[key]
            compared += 1
            changed = (original - segments) + (segments - original)
            differences += [(path.name, s) for s in changed if not _is_excepted(path.name, s)]
    assert not differences
    assert compared > 1400


def test_what_was_written_is_read_back_equal(samples: Path) -> None:
    for path in _texts(samples):
        claims, _ = _read(path)
        again = [
            part.claim
            for part in read_claims(io.BytesIO(_written(claims).encode()), source="test")
            if isinstance(part, ReadClaim)
        ]
        assert again == claims, path.name


def test_unreadable_samples_say_why_with_a_path(samples: Path) -> None:
    for name in UNREADABLE:
        path = next(samples.glob(f"837*/{name}"))
        _, found = _read(path)
        broken = [part for part in found if part.claim is None]
        assert broken, name
        for part in broken:
            blocking = [finding for finding in part.findings if finding.severity == "block"]
            assert blocking, name
            assert all(finding.path for finding in blocking), name


@pytest.mark.parametrize("name", ["imsweb_x12-parser__837_5010__x12_many_claims.txt"])
def test_large_sample_keeps_every_claim(samples: Path, name: str) -> None:
    claims, found = _read(samples / "837P" / name)
    assert len(claims) == len(found) == 820

"""From bytes to text: what MSH-18 names, and what is done where it names nothing."""

import re
from collections.abc import Mapping

from shared.contract.model import Finding

PYTHON_CODEC: Mapping[str, str] = {
    "ASCII": "ascii",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "ISO IR6": "ascii",
    "ISO IR100": "iso8859-1",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UNICODE UTF-16": "utf-16",
    "UNICODE UTF-32": "utf-32",
    "ISO IR13": "shift_jis",
    "ISO IR14": "iso2022_jp",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "CNS 11643-1992": "big5hkscs",
    "BIG-5": "big5",
    "WINDOWS-1252": "cp1252",
}
"""By the value of MSH-18 (HL7 table 0211), and some that engines write although it lacks them."""

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
_MSH_18 = re.compile(rb"MSH(.)(?:(?!\1)[^\r\n])*(?:\1(?:(?!\1)[^\r\n])*){15}\1((?:(?!\1)[^\r\n])*)")


def decode(raw: bytes, default: str | None = None) -> tuple[str, Finding | None]:
    """The message's text, and a finding: one that blocks where the text cannot be trusted, or a
    note of what had to be assumed. `default` is the source's own codec for what MSH-18 leaves open.
    """
    if raw[:2] in _UTF16:
        return _strictly(raw, "utf-16")
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii"), _unknown(_declared(raw), blocks=False)
    raw = raw.removeprefix(_BOM)
    declared = _declared(raw)
    codec = PYTHON_CODEC.get(declared) if declared else default
    if declared and codec is None:
        return raw.decode("latin-1"), _unknown(declared, blocks=True)
    if codec not in (None, "ascii"):
        return _strictly(raw, str(codec))
    return _assumed(raw)


def _declared(raw: bytes) -> str:
    """MSH-18 in its first repetition."""
    found = _MSH_18.match(raw)
    if found is None:
        return ""
    first = re.split(rb"[~^]", found[2])[0]
    return first.decode("latin-1").strip().upper()


def _strictly(raw: bytes, codec: str) -> tuple[str, Finding | None]:
    try:
        return raw.decode(codec).removeprefix("\ufeff"), None
    except UnicodeError:
        return raw.decode("latin-1"), Finding(
            code="charset-mismatch",
            path="MSH-18",
            message="the message's bytes are not in the character set that it names",
            hint="Name the character set that the message is written in, or write it in that one.",
            source="HL7 table 0211",
        )


def _assumed(raw: bytes) -> tuple[str, Finding | None]:
    try:
        text, assumed = raw.decode(), "UTF-8"
    except UnicodeDecodeError:
        text, assumed = raw.decode("latin-1"), "ISO 8859-1"
    return text, Finding(
        code="charset-assumed",
        severity="inform",
        path="MSH-18",
        message=f"the message is not plain ASCII and names no character set: {assumed} is assumed",
        hint="Name the character set in MSH-18.",
        source="HL7 table 0211",
    )


def _unknown(declared: str, *, blocks: bool) -> Finding | None:
    if not declared or declared in PYTHON_CODEC:
        return None
    return Finding(
        code="charset-unknown",
        severity="block" if blocks else "inform",
        path="MSH-18",
        message="the character set is not one of HL7's",
        hint="Use a value of HL7 table 0211, such as UNICODE UTF-8.",
        source="HL7 table 0211",
    )

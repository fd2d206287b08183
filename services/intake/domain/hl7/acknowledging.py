"""The answer to one HL7 message: MSA, and an ERR for each thing that is wrong with it.

AA: it is stored. AE: it was read and refused for what it says. AR: it could not be read, or not be
taken in now. Nothing of the message but its header is repeated in the answer.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from services.intake.domain.hl7.parsing import (
    DEFAULT_DELIMITERS,
    Delimiters,
    MessageError,
    Segment,
    delimiters_of,
)
from shared.contract.envelope import business_id
from shared.contract.model import Finding

AckCode = Literal["AA", "AE", "AR"]
MAX_ERRORS = 50

_CONDITIONS: Mapping[str, tuple[str, str]] = {
    "encounter-missing": ("101", "Required field missing"),
    "merge-incomplete": ("101", "Required field missing"),
    "hl7-control-id-missing": ("101", "Required field missing"),
    "charge-missing": ("100", "Segment sequence error"),
    "hl7-header-missing": ("100", "Segment sequence error"),
    "hl7-header-repeated": ("100", "Segment sequence error"),
    "amount-missing": ("101", "Required field missing"),
    "date-missing": ("101", "Required field missing"),
    "procedure-missing": ("101", "Required field missing"),
    "amount-format": ("102", "Data type error"),
    "quantity-format": ("102", "Data type error"),
    "date-invalid": ("102", "Data type error"),
    "too-long": ("102", "Data type error"),
    "control-character": ("102", "Data type error"),
    "charge-kind": ("103", "Table value not found"),
    "currency-not-taken": ("103", "Table value not found"),
    "charset-unknown": ("103", "Table value not found"),
    "hl7-event-not-taken": ("201", "Unsupported event code"),
    "hl7-version-not-taken": ("203", "Unsupported version id"),
}
"""HL7 table 0357 by our own codes; 207 for any other."""
_INTERNAL = ("207", "Application internal error")
_SEVERITY = {"block": "E", "warn": "W", "inform": "I"}
_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+)(?:\.(\d+))?(?:\.(\d+))?)?")
_LINE_END = re.compile(rb"[\r\n]")
UNREADABLE = frozenset(
    {
        "charset-mismatch",
        "charset-unknown",
        "hl7-header-missing",
        "hl7-header-repeated",
        "hl7-encoding-characters",
        "hl7-event-not-taken",
        "hl7-version-not-taken",
        "hl7-too-many-segments",
        "record-too-large",
        "message-empty",
        "format-unknown",
    }
)
"""Findings that say that a message was not read, so that it is rejected (AR) and not in error."""


def acknowledge(raw: bytes, code: AckCode, findings: Sequence[Finding], now: datetime) -> bytes:
    """The acknowledgement of a message's bytes, in its own delimiters where it has any."""
    header, marks = _header(raw)
    version = header.get(12) or "2.5.1"
    control = header.raw(10)
    event = header.get(9, 2)
    joined = marks.field.join
    answer_id = business_id("ack", header.raw(3), control, code, now).hex[:20]
    encoding = f"{marks.component}{marks.repetition}{marks.escape}{marks.subcomponent}"
    rows = [
        joined(
            [
                "MSH",
                encoding,
                header.raw(5),
                header.raw(6),
                header.raw(3),
                header.raw(4),
                now.strftime("%Y%m%d%H%M%S%z"),
                "",
                marks.component.join(["ACK", event] if event else ["ACK"]),
                answer_id,
                header.raw(11) or "P",
                version,
            ]
        ),
        joined(["MSA", code, control]),
    ]
    if code != "AA":
        write = _error if _is_from_2_5(version) else _old_error
        rows += [joined(write(finding, marks)) for finding in findings[:MAX_ERRORS]]
    return "".join(f"{row}\r" for row in rows).encode("utf-8", "replace")


def code_for(findings: Sequence[Finding], *, is_refused: bool) -> AckCode:
    """AA for what was taken; AR where it could not be read at all, else AE."""
    if not is_refused:
        return "AA"
    return "AR" if any(finding.code in UNREADABLE for finding in findings) else "AE"


def _header(raw: bytes) -> tuple[Segment, Delimiters]:
    """MSH as well as it can be read: an answer without its control id helps nobody."""
    start = max(raw.find(b"MSH"), 0)
    line = _LINE_END.split(raw[start : start + 2000], maxsplit=1)[0]
    text = line.decode("utf-8", "replace")
    text = "".join(mark if mark.isprintable() else "?" for mark in text)
    try:
        marks = delimiters_of(text)
    except MessageError:
        marks = DEFAULT_DELIMITERS
        if not text.startswith("MSH|"):
            text = "MSH|"
    return Segment("MSH", 1, text, marks), marks


def _is_from_2_5(version: str) -> bool:
    return version >= "2.5"


def _error(finding: Finding, marks: Delimiters) -> list[str]:
    number, words = _CONDITIONS.get(finding.code, _INTERNAL)
    condition = marks.component.join([number, words, "HL70357"])
    own = marks.component.join([finding.code, "", "CLAIMWIRE"])
    said = _plain(f"{finding.message}. {finding.hint}" if finding.hint else finding.message, marks)
    place = marks.component.join(_location(finding.path))
    return ["ERR", "", place, condition, _SEVERITY[finding.severity], own, "", "", said]


def _old_error(finding: Finding, marks: Delimiters) -> list[str]:
    """ERR-1 of versions before 2.5: segment, sequence, field, code."""
    number, _ = _CONDITIONS.get(finding.code, _INTERNAL)
    segment, sequence, field = [*_location(finding.path), "", "", ""][:3]
    condition = marks.subcomponent.join([number, finding.code])
    return ["ERR", marks.component.join([segment, sequence, field, condition])]


def _location(path: str | None) -> list[str]:
    """ERL: segment, its ordinal, field, repetition, component, subcomponent."""
    found = _PLACE.fullmatch(path or "")
    if found is None:
        return []
    segment, ordinal, field, component, subcomponent = found.groups()
    place = [segment, ordinal or "1"]
    if field:
        place += [field, "1"] + [part for part in (component, subcomponent) if part]
    return place


def _plain(text: str, marks: Delimiters) -> str:
    """Our own words, which may hold a delimiter."""
    for letter in (
        marks.field,
        marks.component,
        marks.repetition,
        marks.escape,
        marks.subcomponent,
    ):
        text = text.replace(letter, " ")
    return text

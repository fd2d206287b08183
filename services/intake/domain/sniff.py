"""Which format a message is in: by its content type, else by its first bytes.

It is apart because every door asks the same question, and because a sender's label is only a hint:
what cannot be a label's format is found out by the reader, not here.
"""

import re
from collections.abc import Mapping

from pydantic_core import from_json

from shared.contract.events import Format
from shared.contract.model import Finding

HEAD_BYTES = 65_536
"""How much of a message the sniffer wants to see."""

FORMAT_BY_CONTENT_TYPE: Mapping[str, Format] = {
    "application/edi-x12": "x12",
    "application/x12": "x12",
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/fhir+json": "fhir",
    "application/fhir+ndjson": "fhir",
    "x-application/hl7-v2+er7": "hl7v2",
    "application/hl7-v2": "hl7v2",
}

_BOM = b"\xef\xbb\xbf"
_X12 = re.compile(rb"ISA[^A-Za-z0-9\s]|GS[^A-Za-z0-9\s]|ST[^A-Za-z0-9\s]\d{3}")
_HL7 = re.compile(rb"\x0b?(MSH|FHS|BHS)[^A-Za-z0-9\s]")
_JSON = frozenset({"json", "ndjson"})
_FHIR_BYTES = 2_000
_FHIR = re.compile(rb'"resourceType"\s*:')


def detect(content_type: str | None, head: bytes) -> Format | None:
    """The message's format, or None. `head` is the first `HEAD_BYTES` of it, or all."""
    label = (content_type or "").partition(";")[0].strip().lower()
    found = FORMAT_BY_CONTENT_TYPE.get(label) or _by_first_bytes(head)
    # FHIR goes about as plain JSON too, and no canonical claim begins like it.
    return "fhir" if found in _JSON and _FHIR.search(head, 0, _FHIR_BYTES) else found


def _by_first_bytes(head: bytes) -> Format | None:
    text = head.removeprefix(_BOM).lstrip()
    if _X12.match(text):
        return "x12"
    if _HL7.match(text):
        return "hl7v2"
    if text[:1] in (b"{", b"["):
        return _json_kind(text)
    return None


def _json_kind(text: bytes) -> Format:
    first_line, newline, rest = text.partition(b"\n")
    if newline and rest.lstrip()[:1] == b"{" and _is_object(first_line):
        return "ndjson"
    return "fhir" if _FHIR.search(text) else "json"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(from_json(line), dict)
    except ValueError:
        return False


def unknown_format() -> Finding:
    """Why a message is refused of which nobody can tell the format."""
    return Finding(
        code="format-unknown",
        path="headers.content-type",
        message="neither the content type nor the first bytes tell the message's format",
        hint="Send X12 837 (application/edi-x12), HL7 v2 (x-application/hl7-v2+er7), FHIR "
        "(application/fhir+json), canonical JSON (application/json) or NDJSON, and name it in the "
        "content-type header.",
    )

"""Reads canonical claims from JSON and NDJSON, strictly, and says everything that is wrong at once.

`id`, `revision` and `source` are intake's to give: what a sender writes there is passed over.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from pydantic import ValidationError
from pydantic_core import from_json

from services.intake.domain.arrival import ClaimRefusal, Reading, Unreadable
from services.intake.domain.json_findings import broken_json, findings_of
from services.intake.domain.json_values import MAX_VALUE_BYTES, MalformedJsonError, values
from shared.contract.claim import Claim
from shared.contract.model import Finding
from shared.money import parse_cents

_SMALL = 262_144
_BOM = b"\xef\xbb\xbf"
# A later key of the same name wins, so that these do.
_OURS = b'"id":"00000000-0000-0000-0000-000000000000","revision":1,"source":"-"}'


def read_json(stream: BinaryIO) -> Iterator[Reading]:
    """The claims of one object, an array, a `{"claims": [...]}`, or objects one after another."""
    head = stream.read(_SMALL)
    if len(head) < _SMALL and b'"claims"' not in head and head.count(b"\n{") == 0:
        text = head.removeprefix(_BOM).strip()
        if text[:1] == b"{":
            reading = read_claim(text)
            if isinstance(reading, Claim) or not _is_broken(reading):
                yield reading
                return
    yield from _cut(Rejoined(head, stream))


def read_ndjson(stream: BinaryIO) -> Iterator[Reading]:
    """One claim a line. A line that cannot be read is refused by itself; the rest goes on."""
    while line := stream.readline(MAX_VALUE_BYTES + 1):
        if len(line) > MAX_VALUE_BYTES:
            yield ClaimRefusal((_too_large(),))
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_VALUE_BYTES)
            continue
        text = line.removeprefix(_BOM).strip()
        if text:
            yield read_claim(text)


def read_claim(text: bytes) -> Claim | ClaimRefusal:
    """The claim of one JSON object without white space around it; its id is not set yet."""
    body = text[:-1].rstrip() if text[-1:] == b"}" else b""
    if not body:
        whole = text
    elif body == b"{":
        whole = body + _OURS
    else:
        whole = body + b"," + _OURS
    try:
        return Claim.model_validate_json(whole, strict=True, extra="forbid")
    except ValidationError as error:
        return _refusal(text, error)


def _refusal(text: bytes, error: ValidationError) -> ClaimRefusal:
    try:
        document = from_json(text)
    except ValueError as broken:
        return ClaimRefusal((broken_json(str(broken)),))
    number = document.get("patient_control_number") if isinstance(document, dict) else None
    is_number = isinstance(number, str) and 0 < len(number) <= 80
    return ClaimRefusal(findings_of(error), number if is_number else None, _charge_of(document))


def _charge_of(document: object) -> int | None:
    charge = document.get("charge") if isinstance(document, dict) else None
    try:
        return parse_cents(charge) if isinstance(charge, str) else None
    except ValueError:
        return None


def _is_broken(refusal: ClaimRefusal) -> bool:
    return refusal.findings[0].code == "json-invalid"


def _cut(stream: BinaryIO) -> Iterator[Reading]:
    count = 0
    try:
        for text in values(stream):
            count += 1
            yield read_claim(text)
    except MalformedJsonError as malformed:
        finding = Finding(
            code="json-invalid",
            path=f"[{count}]" if count else "$",
            message=f"not valid JSON: {malformed}",
            hint="Check for a cut-off message, missing quotes or commas, and UTF-8.",
        )
        yield Unreadable((finding,))


def _too_large() -> Finding:
    return Finding(
        code="record-too-large",
        path="$",
        message="the line is longer than 4 MiB",
        hint="Send one claim a line; a claim has at most 999 service lines.",
    )


class Rejoined(BytesIO):
    """A stream of which the first bytes were read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__(head)
        self._rest = rest

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size) or self._rest.read(-1 if size is None else size)

"""The HTTPS door in the style of the CAQH CORE Connectivity Rule: one address, a multipart envelope
with the rule's fields, no SOAP. The README has the fields and codes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from hashlib import sha1
from pathlib import Path
from uuid import NAMESPACE_URL, uuid4, uuid5

from fastapi import APIRouter, Request, Response

from deploy.twins.payer.doors.arrivals import MAILBOX, AlreadyUsedError, Mailbox
from deploy.twins.payer.doors.clearinghouse import dropped
from deploy.twins.payer.doors.faults import Fault, Faults
from deploy.twins.payer.doors.keys import Keys
from shared.http.problems import Problem

RULE_VERSION = "2.2.0"
SUBMISSIONS = (
    "X12_837_Request_005010X222A1",
    "X12_837_Request_005010X223A2",
    "X12_837_Request_005010X224A2",
    "X12_276_Request_005010X212",
)
RESULTS = "X12_005010_Request_Batch_Results"
CONFIRMATION = "X12_005010_Response_ConfirmReceiptReceived"
STATUS = "X12_005010_Request_Batch_Status"
RECEIPT = "X12_BatchReceiptConfirmation"
RESULT = "X12_005010_Response_Batch_Results"
NO_RESULT = "X12_005010_Response_NoBatchResults"
_PAYLOAD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")

router = APIRouter()


class _NotTakenError(Exception):
    """What the envelope answers with an error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, repr=False)
class Envelope:
    """The parts of a request by name; `file` is the payload."""

    fields: Mapping[str, str]
    payload: bytes | None

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def payload_id(self) -> str:
        """Raises where there is none."""
        said = self["PayloadID"]
        if not said:
            raise _NotTakenError("PayloadIDRequired", "PayloadID is missing.")
        if _PAYLOAD_ID.fullmatch(said) is None:
            raise _NotTakenError("PayloadIDIllegal", "PayloadID is none.")
        return said


@router.post("/core")
async def core(request: Request) -> Response:
    """Every exchange of the envelope."""
    envelope = read_envelope(request.headers.get("content-type", ""), await request.body())
    state = request.app.state
    faults: Faults = state.faults
    fault: Fault | None = None
    if envelope["PayloadType"] in SUBMISSIONS:
        kinds: tuple[Fault, ...] = ("unavailable", "unauthorized")
        fault = faults.met(*kinds, "drop-before-taking", "drop-after-taking")
    if fault == "unavailable":
        raise Problem(503, "unavailable", "Not now.", headers={"Retry-After": "1"})
    if fault == "drop-before-taking":
        return dropped()
    try:
        mailbox = _mailbox(envelope, state.root, state.keys, is_refused=fault == "unauthorized")
        exchange = _EXCHANGES.get(envelope["PayloadType"])
        if exchange is None:
            raise _NotTakenError("PayloadTypeIllegal", "PayloadType is none that is taken here.")
        answer = exchange(envelope, mailbox)
    except _NotTakenError as error:
        said = {"ErrorCode": error.code, "ErrorMessage": error.message}
        return _answered(envelope, RECEIPT, envelope["PayloadID"], said)
    return dropped() if fault else answer


def _mailbox(envelope: Envelope, root: Path, keys: Keys, *, is_refused: bool) -> Mailbox:
    if envelope["CORERuleVersion"] != RULE_VERSION:
        raise _NotTakenError("VersionMismatch", f"CORERuleVersion is {RULE_VERSION} here.")
    user = envelope["UserName"]
    if not user:
        raise _NotTakenError("UserNameRequired", "UserName is missing.")
    is_known = MAILBOX.fullmatch(user) and keys.is_secret("password", envelope["Password"])
    if is_refused or not is_known:
        raise _NotTakenError("UnAuthorized", "UserName and Password do not go together.")
    return Mailbox(root / user)


def _submit(envelope: Envelope, mailbox: Mailbox) -> Response:
    number = envelope.payload_id
    if not envelope.payload:
        raise _NotTakenError("PayloadRequired", "Payload is missing.")
    digest = sha1(envelope.payload, usedforsecurity=False).hexdigest()
    is_whole = envelope["PayloadLength"] in ("", str(len(envelope.payload)))
    if envelope["CheckSum"].lower() not in ("", digest) or not is_whole:
        raise _NotTakenError("CheckSumMismatched", "CheckSum is not that of the payload.")
    try:
        mailbox.put(f"{number}.837", envelope.payload)
    except AlreadyUsedError:
        raise _NotTakenError("PayloadIDIllegal", "It came before with other bytes.") from None
    return _answered(envelope, RECEIPT, number)


def _status(envelope: Envelope, mailbox: Mailbox) -> Response:
    number = envelope.payload_id
    if not any(one.file_name == f"{number}.837" for one in mailbox.arrivals()):
        raise _NotTakenError("PayloadIDUnknown", "Nothing came under this PayloadID.")
    return _answered(envelope, RECEIPT, number)


def _results(envelope: Envelope, mailbox: Mailbox) -> Response:
    oldest = next(iter(mailbox.answers()), None)
    if oldest is None:
        return _answered(envelope, NO_RESULT, str(uuid4()))
    return _answered(envelope, RESULT, answer_id(mailbox, oldest.name), {}, oldest)


def _confirm(envelope: Envelope, mailbox: Mailbox) -> Response:
    number = envelope.payload_id
    for path in mailbox.answers():
        if answer_id(mailbox, path.name) == number:
            mailbox.settle(path.name)
            return _answered(envelope, RECEIPT, number)
    raise _NotTakenError("PayloadIDUnknown", "No answer has this PayloadID, or it was settled.")


_EXCHANGES: dict[str, Callable[[Envelope, Mailbox], Response]] = {
    **dict.fromkeys(SUBMISSIONS, _submit),
    RESULTS: _results,
    CONFIRMATION: _confirm,
    STATUS: _status,
}


def answer_id(mailbox: Mailbox, name: str) -> str:
    """The PayloadID of an answer."""
    return str(uuid5(NAMESPACE_URL, f"{mailbox.folder.name}/{name}"))


def read_envelope(content_type: str, body: bytes) -> Envelope:
    """The parts of a multipart/form-data body. Raises Problem where it is none."""
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = message.get_payload()
    if message.get_content_type() != "multipart/form-data" or not isinstance(parts, list):
        raise Problem(400, "not-an-envelope", "The body is no multipart/form-data.")
    fields: dict[str, str] = {}
    payload: bytes | None = None
    for part in parts:
        assert isinstance(part, Message)
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            continue
        if name == "Payload":
            payload = content
        else:
            fields[name] = content.decode("utf-8", "replace").strip()
    return Envelope(fields, payload)


def _answered(
    request: Envelope,
    payload_type: str,
    payload_id: str,
    more: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Response:
    fields = {
        "PayloadType": payload_type,
        "ProcessingMode": "Batch",
        "PayloadID": payload_id,
        "TimeStamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "SenderID": request["ReceiverID"],
        "ReceiverID": request["SenderID"],
        "CORERuleVersion": RULE_VERSION,
        "ErrorCode": "Success",
        "ErrorMessage": "",
        **(more or {}),
    }
    content = file.read_bytes() if file else None
    if content is not None:
        fields["PayloadLength"] = str(len(content))
        fields["CheckSum"] = sha1(content, usedforsecurity=False).hexdigest()
    boundary = uuid4().hex
    lines = [_part(boundary, name, value.encode()) for name, value in fields.items()]
    if file and content is not None:
        lines.append(_part(boundary, "Payload", content, file.name))
    body = b"".join(lines) + f"--{boundary}--\r\n".encode()
    return Response(body, media_type=f"multipart/form-data; boundary={boundary}")


def _part(boundary: str, name: str, content: bytes, file_name: str | None = None) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
    if file_name:
        head += f'; filename="{file_name}"\r\nContent-Type: application/edi-x12'
    return f"{head}\r\n\r\n".encode() + content + b"\r\n"

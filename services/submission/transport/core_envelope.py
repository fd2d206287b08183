"""The transport that speaks the multipart envelope of the CAQH CORE Connectivity Rule (vC2.2.0, the
HTTP+MIME one): batch submission, and fetching and confirming batch results.

The PayloadID of an interchange is its own id, the same at every try. Whether a payer has one is
asked by `X12_005010_Request_Batch_Status`, which CORE does not know; a profile says by `can_ask`
whether its payer does. Where not, an interrupted sending waits for a person.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from hashlib import sha1
from io import BytesIO
from typing import BinaryIO
from uuid import uuid4

import httpx

from services.submission.domain.channel import HttpsChannel
from services.submission.domain.profile import Profile
from services.submission.transport import Delivery, Presence, RefusedError, TransportError
from services.submission.transport.json_api import refusal
from services.submission.transport.secrets import secret
from services.submission.transport.web import Web

RULE_VERSION = "2.2.0"
SUBMISSIONS = {
    b"*005010X222A1": "X12_837_Request_005010X222A1",
    b"*005010X223A2": "X12_837_Request_005010X223A2",
    b"*005010X224A2": "X12_837_Request_005010X224A2",
    b"*005010X212": "X12_276_Request_005010X212",
}
"""PayloadType by GS08."""
_RESULTS = "X12_005010_Request_Batch_Results"
_CONFIRM = "X12_005010_Response_ConfirmReceiptReceived"
_STATUS = "X12_005010_Request_Batch_Status"
_NOTHING = "X12_005010_Response_NoBatchResults"
_NOT_OURS = frozenset({"Receiver", "UnAuthorized", "UserNameRequired", "PasswordRequired"})
"""Error codes that say nothing of what was sent: a later try may do."""

Envelope = Mapping[str, bytes]


class CoreTransport:
    """One payer's mailbox behind an envelope."""

    def __init__(self, channel: HttpsChannel, profile: Profile) -> None:
        self._channel = channel
        self._web = Web(channel)
        self._ends = {
            "SenderID": profile.sender.identifier,
            "ReceiverID": profile.receiver.identifier,
        }
        self._element = profile.separators.element.encode()
        self._fetched: tuple[str, bytes] | None = None

    async def stage(self, name: str, content: bytes) -> None:
        """There is no place at the payer that it does not see."""

    async def release(self, name: str, content: bytes) -> None:
        head = content[:400].replace(self._element, b"*")
        payload_type = next((kind for mark, kind in SUBMISSIONS.items() if mark in head), None)
        answer = await self._say(payload_type or "", _payload_id(name), (name, content))
        code = _text(answer, "ErrorCode")
        if code in _NOT_OURS:
            raise TransportError(f"core-{code.lower()}")
        if code != "Success":
            raise RefusedError(refusal(200, code if code.isalnum() else None))

    async def find(self, name: str) -> Presence:
        if not self._channel.can_ask:
            return Presence.UNKNOWN
        code = _text(await self._say(_STATUS, _payload_id(name)), "ErrorCode")
        if code in _NOT_OURS:
            raise TransportError(f"core-{code.lower()}")
        return {"Success": Presence.VISIBLE, "PayloadIDUnknown": Presence.STAGED}.get(
            code, Presence.UNKNOWN
        )

    async def deliveries(self) -> Sequence[Delivery]:
        """The oldest answer, if there is one: the envelope gives them one by one."""
        answer = await self._say(_RESULTS, str(uuid4()))
        if _text(answer, "PayloadType") == _NOTHING:
            return ()
        if _text(answer, "ErrorCode") != "Success" or "Payload" not in answer:
            raise TransportError("core-results-unreadable")
        content = answer["Payload"]
        digest = _text(answer, "CheckSum").lower()
        if digest and digest != sha1(content, usedforsecurity=False).hexdigest():
            raise TransportError("core-checksum-mismatched")
        name = _text(answer, "PayloadID")
        self._fetched = (name, content)
        return (Delivery(name, len(content), 0),)

    async def open(self, name: str) -> BinaryIO:
        if self._fetched is None or self._fetched[0] != name:
            raise TransportError("core-results-unreadable")
        return BytesIO(self._fetched[1])

    async def settle(self, name: str) -> None:
        answer = await self._say(_CONFIRM, name)
        if _text(answer, "ErrorCode") not in ("Success", "PayloadIDUnknown"):
            raise TransportError("core-confirmation-refused")
        self._fetched = None

    async def close(self) -> None:
        self._fetched = None
        await self._web.close()

    async def _say(
        self, payload_type: str, payload_id: str, payload: tuple[str, bytes] | None = None
    ) -> Envelope:
        channel = self._channel
        fields = {
            "PayloadType": payload_type,
            "ProcessingMode": "Batch",
            "PayloadID": payload_id,
            "TimeStamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "UserName": channel.user or "",
            "Password": secret(channel.password_file) if channel.password_file else "",
            **self._ends,
            "CORERuleVersion": RULE_VERSION,
        }
        parts: dict[str, tuple[str | None, bytes, str]] = {}
        if payload is not None:
            name, content = payload
            fields["PayloadLength"] = str(len(content))
            fields["CheckSum"] = sha1(content, usedforsecurity=False).hexdigest()
            parts["Payload"] = (name, content, "application/edi-x12")
        form = {key: (None, value.encode()) for key, value in fields.items()}
        answer = await self._web.request("POST", files={**form, **parts})
        if answer.status_code != httpx.codes.OK:
            raise TransportError(f"https-status-{answer.status_code}")
        return _envelope(answer)


def _payload_id(name: str) -> str:
    return name.rpartition(".")[0] or name


def _text(envelope: Envelope, field: str) -> str:
    return envelope.get(field, b"").decode("utf-8", "replace").strip()


def _envelope(answer: httpx.Response) -> Envelope:
    """The parts of a multipart answer by their names. Raises TransportError where it is none."""
    content_type = answer.headers.get("content-type", "")
    head = f"Content-Type: {content_type}\r\n\r\n".encode("ascii", "replace")
    message = message_from_bytes(head + answer.content)
    parts = message.get_payload() if message.is_multipart() else None
    if not isinstance(parts, list):
        raise TransportError("core-answer-is-no-envelope")
    found: dict[str, bytes] = {}
    for part in parts:
        assert isinstance(part, Message)
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = content
    return found

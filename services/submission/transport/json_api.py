"""The transport that is a clearinghouse's own API: interchanges posted as JSON, answers listed and
fetched, an OAuth token for each.

`POST {url}/interchanges` with the interchange, its ends, its control number and its digest;
`GET {url}/interchanges?file_name=` asks whether it is there; `GET {url}/answers` lists what waits,
`GET {url}/answers/NAME` fetches it, `DELETE {url}/answers/NAME` settles it. The same interchange
again is the same one: its name and control number say so to the other side.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, BinaryIO
from urllib.parse import quote

import httpx

from services.submission.domain.channel import HttpsChannel
from services.submission.domain.profile import Profile
from services.submission.transport import Delivery, Presence, RefusedError, TransportError
from services.submission.transport.web import Web
from shared.contract.model import Finding

_DONE = (httpx.codes.OK, httpx.codes.CREATED, httpx.codes.ACCEPTED)


class JsonTransport:
    """One payer's mailbox behind an API."""

    def __init__(self, channel: HttpsChannel, profile: Profile) -> None:
        self._web = Web(channel)
        self._sender, self._receiver = profile.sender.identifier, profile.receiver.identifier

    async def stage(self, name: str, content: bytes) -> None:
        """There is no place at the payer that it does not see."""

    async def release(self, name: str, content: bytes) -> None:
        answer = await self._web.request(
            "POST",
            "/interchanges",
            json={
                "file_name": name,
                "sender": self._sender,
                "receiver": self._receiver,
                "control_number": control_number_of(content),
                "sha256": sha256(content).hexdigest(),
                "payload": content.decode("ascii"),
            },
        )
        if answer.status_code not in _DONE:
            raise RefusedError(refusal(answer.status_code, _problem_code(answer)))

    async def find(self, name: str) -> Presence:
        answer = await self._web.request("GET", "/interchanges", params={"file_name": name})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return Presence.STAGED
        if answer.status_code != httpx.codes.OK:
            return Presence.UNKNOWN
        known = _field(answer, "interchanges")
        if not isinstance(known, list):
            return Presence.UNKNOWN
        return Presence.VISIBLE if known else Presence.STAGED

    async def deliveries(self) -> Sequence[Delivery]:
        answer = await self._web.request("GET", "/answers")
        listed = _field(answer, "answers") if answer.status_code == httpx.codes.OK else None
        if not isinstance(listed, list):
            raise TransportError("https-answer-unreadable")
        try:
            return [_delivery(entry) for entry in listed]
        except (KeyError, TypeError, ValueError):
            raise TransportError("https-answer-unreadable") from None

    async def open(self, name: str) -> BinaryIO:
        return await self._web.download(f"/answers/{quote(name, safe='')}")

    async def settle(self, name: str) -> None:
        answer = await self._web.request("DELETE", f"/answers/{quote(name, safe='')}")
        if answer.status_code >= 400 and answer.status_code != httpx.codes.NOT_FOUND:
            raise TransportError(f"https-status-{answer.status_code}")

    async def close(self) -> None:
        await self._web.close()


def control_number_of(content: bytes) -> str:
    """ISA13, by its fixed place."""
    return content[90:99].decode("ascii", "replace")


def refusal(status: int, code: str | None) -> Finding:
    """The finding of an interchange that the payer's address would not take."""
    return Finding(
        code="interchange-not-taken",
        message=f"The payer's address did not take the interchange ({code or status}).",
        hint="See what it objects to, put that right, then `claimwire interchange resend`.",
        source=f"HTTP {status}",
    )


def _delivery(entry: dict[str, Any]) -> Delivery:
    arrived = datetime.fromisoformat(str(entry["created_at"]))
    return Delivery(str(entry["name"]), int(entry["size"]), int(arrived.timestamp() * 1e9))


def _problem_code(answer: httpx.Response) -> str | None:
    """The code of an RFC 9457 problem, if it is a plain word: no text of a payer is passed on."""
    code = _field(answer, "code")
    is_word = isinstance(code, str) and code.replace("-", "").replace("_", "").isalnum()
    return str(code)[:60] if is_word else None


def _field(answer: httpx.Response, name: str) -> object:
    try:
        document = answer.json()
    except ValueError:
        return None
    return document.get(name) if isinstance(document, dict) else None

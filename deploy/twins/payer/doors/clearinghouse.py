"""The HTTPS door in the style of a clearinghouse's API: JSON, with OAuth client credentials."""

import secrets
import time
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from deploy.twins.payer.doors.arrivals import (
    MAILBOX,
    AlreadyUsedError,
    Mailbox,
    NameIllegalError,
)
from deploy.twins.payer.doors.faults import Faults
from deploy.twins.payer.doors.keys import Keys
from shared.http.problems import Problem

LARGEST_BYTES = 64 * 1024 * 1024
TOKEN_LASTS_S = 3600

router = APIRouter()


class Submission(BaseModel):
    """One interchange, as text."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    file_name: Annotated[str, Field(max_length=120)]
    sender: Annotated[str, Field(max_length=15)]
    receiver: Annotated[str, Field(max_length=15)]
    control_number: Annotated[str, Field(pattern=r"^\d{9}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    payload: Annotated[str, Field(max_length=LARGEST_BYTES)]


@dataclass(slots=True)
class Tokens:
    """Tokens that were given out; a restart forgets them."""

    until: dict[str, tuple[str, float]] = field(default_factory=dict)

    def give(self, mailbox: str) -> str:
        token = secrets.token_urlsafe(24)
        self.until[token] = (mailbox, time.monotonic() + TOKEN_LASTS_S)
        return token

    def mailbox(self, token: str) -> str:
        """Whose it is. Raises Problem."""
        mailbox, until = self.until.get(token, ("", 0.0))
        if not mailbox:
            raise Problem(401, "token-invalid", "The token is not one that was given out here.")
        if until <= time.monotonic():
            raise Problem(401, "token-expired", "The token has expired: ask for another.")
        return mailbox


def _caller(request: Request) -> Mailbox:
    """The mailbox that the token names."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Problem(401, "token-missing", "Authorization: Bearer and a token are needed.")
    state = request.app.state
    root: Path = state.root
    return Mailbox(root / state.tokens.mailbox(token))


Caller = Annotated[Mailbox, Depends(_caller)]


@router.post("/oauth/token")
async def token(request: Request) -> Response:
    """A token by client credentials (RFC 6749, 4.4)."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    client, secret = _credentials(request, form)
    keys: Keys = request.app.state.keys
    if form.get("grant_type") != ["client_credentials"]:
        return JSONResponse({"error": "unsupported_grant_type"}, 400)
    if MAILBOX.fullmatch(client) is None or not keys.is_secret("client_secret", secret):
        return JSONResponse({"error": "invalid_client"}, 401)
    given = request.app.state.tokens.give(client)
    body = {"access_token": given, "token_type": "Bearer", "expires_in": TOKEN_LASTS_S}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _credentials(request: Request, form: dict[str, list[str]]) -> tuple[str, str]:
    scheme, _, said = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client, _, secret = b64decode(said, validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return client, secret
    return form.get("client_id", [""])[0], form.get("client_secret", [""])[0]


@router.post("/v1/interchanges")
async def submit(submission: Submission, mailbox: Caller, request: Request) -> Response:
    """Takes an interchange; the same again is the same."""
    content = submission.payload.encode()
    if sha256(content).hexdigest() != submission.sha256:
        raise Problem(422, "digest-mismatched", "sha256 is not that of the payload.")
    faults: Faults = request.app.state.faults
    fault = faults.met("unavailable", "unauthorized", "drop-before-taking", "drop-after-taking")
    if fault == "unavailable":
        raise Problem(503, "unavailable", "Not now.", headers={"Retry-After": "1"})
    if fault == "unauthorized":
        raise Problem(401, "token-invalid", "The token is not one that was given out here.")
    if fault == "drop-before-taking":
        return dropped()
    if not _is_its_own(submission, content):
        hint = "sender, receiver and control_number are ISA06, ISA08 and ISA13."
        raise Problem(422, "envelope-mismatched", "The ISA says otherwise.", hint=hint)
    try:
        arrival, is_new = mailbox.put(submission.file_name, content)
    except NameIllegalError:
        raise Problem(422, "file-name-illegal", "The file name is none here.") from None
    except AlreadyUsedError:
        title = "This control number, or file name, came before with other bytes."
        raise Problem(409, "control-number-used", title) from None
    if fault == "drop-after-taking":
        return dropped()
    return JSONResponse(asdict(arrival), 201 if is_new else 200)


def _is_its_own(submission: Submission, content: bytes) -> bool:
    said = (submission.sender, submission.receiver, submission.control_number)
    head = content[:106].decode("ascii", "replace")
    return said == (head[35:50].strip(), head[54:69].strip(), head[90:99])


def dropped() -> Response:
    """An answer that breaks off, which closes the connection: the client does not learn more."""

    async def nothing() -> AsyncIterator[bytes]:
        yield b"{"
        raise ConnectionAbortedError

    return StreamingResponse(nothing(), 201, {"Content-Length": "100"})


@router.get("/v1/interchanges")
async def interchanges(
    mailbox: Caller,
    sender: str | None = None,
    receiver: str | None = None,
    control_number: str | None = None,
    file_name: str | None = None,
) -> dict[str, Any]:
    """What came: is it there?"""
    wanted = (
        ("sender", sender),
        ("receiver", receiver),
        ("control_number", control_number),
        ("file_name", file_name),
    )
    found = [
        asdict(one)
        for one in mailbox.arrivals()
        if all(value is None or getattr(one, name) == value for name, value in wanted)
    ]
    return {"interchanges": found}


@router.get("/v1/answers")
async def answers(mailbox: Caller) -> dict[str, Any]:
    """What was not settled, oldest first."""
    rows = []
    for path in mailbox.answers():
        status = path.stat()
        created = datetime.fromtimestamp(status.st_mtime, UTC).isoformat()
        rows.append({"name": path.name, "size": status.st_size, "created_at": created})
    return {"answers": rows}


@router.get("/v1/answers/{name}")
async def answer(name: str, mailbox: Caller) -> Response:
    """One answer's bytes."""
    path = mailbox.answer(name)
    if path is None:
        raise Problem(404, "answer-unknown", "There is no such answer, or it was settled.")
    return FileResponse(path, media_type="application/edi-x12")


@router.delete("/v1/answers/{name}", status_code=204)
async def settle(name: str, mailbox: Caller) -> None:
    """Puts an answer away."""
    mailbox.settle(name)

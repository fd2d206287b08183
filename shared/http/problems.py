"""Errors as RFC 9457 problem details, whatever raised them.

A problem never repeats what was sent: it names the place (`body.lines[0].charge`), says what is
wrong with it and what to do. What nobody foresaw is a 500 that says nothing, and a log line without
the error's text.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.messaging.faults import is_data_fault

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 100

logger = logging.getLogger("claimwire.http")


class Problem(HTTPException):
    """An answer that says no. `code` is stable, `title` says it in a sentence without anything of
    the request's; `more` are further members, such as `findings`."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(status, title, dict(headers or {}))
        self.code = code
        self.hint = hint
        self.more = more

    def response(self) -> JSONResponse:
        body: dict[str, Any] = {
            "type": f"urn:claimwire:problem:{self.code}",
            "title": self.detail,
            "status": self.status_code,
            "code": self.code,
        }
        if self.hint is not None:
            body["hint"] = self.hint
        return JSONResponse(body | self.more, self.status_code, self.headers, MEDIA_TYPE)


SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "description": "urn:claimwire:problem: and the code"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable: decide by it."},
        "hint": {"type": "string", "description": "What to do."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("path", "code", "message")},
            },
        },
    },
}
"""The problem in the OpenAPI document."""


def install(app: FastAPI) -> None:
    """Makes every error of the application a problem."""

    async def raised(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, StarletteHTTPException)
        return of_http(error).response()

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return of_validation(error.errors()).response()

    app.add_exception_handler(StarletteHTTPException, raised)
    app.add_exception_handler(RequestValidationError, invalid)


def of_http(error: StarletteHTTPException) -> Problem:
    """The problem that an HTTP error of the framework's is."""
    if isinstance(error, Problem):
        return error
    if error.status_code == HTTPStatus.NOT_FOUND:
        return not_found()
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "-")
    return Problem(error.status_code, code, phrase, headers=error.headers)


def of_validation(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """The problem that a request is whose parameters or body are not as they should be."""
    return Problem(
        422,
        "request-invalid",
        "The request is not as the API description says.",
        hint="See `errors` for each place, and /openapi.json for what is expected.",
        errors=list(_each(errors[:MAX_ERRORS])),
    )


_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "json_invalid": "is not JSON",
    "string_too_short": "is shorter than {min_length} characters",
    "string_too_long": "is longer than {max_length} characters",
    "too_short": "has fewer than {min_length} entries",
    "too_long": "has more than {max_length} entries",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_pattern_mismatch": "must match {pattern}",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be a JSON object, sent with content-type application/json",
    "list_type": "must be an array",
    "uuid_parsing": "must be a UUID",
    "date_parsing": "must be a date, YYYY-MM-DD",
    "date_from_datetime_parsing": "must be a date, YYYY-MM-DD",
    "datetime_parsing": "must be a time, YYYY-MM-DDThh:mm:ssZ",
    "datetime_from_date_parsing": "must be a time, YYYY-MM-DDThh:mm:ssZ",
}
"""By pydantic's error type. Its own messages may quote the input; these cannot: what they are
filled with are the limits of the schema."""


def _each(errors: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for error in errors:
        kind = str(error["type"])
        text = _MESSAGES.get(kind)
        message = f"is not valid ({kind})" if text is None else _filled(text, error)
        yield {"path": _path(error), "code": kind.replace("_", "-"), "message": message}


def _filled(text: str, error: Mapping[str, Any]) -> str:
    context = error.get("ctx") or {}
    try:
        return text.format_map(context)
    except KeyError:
        return "is not valid"


def _path(error: Mapping[str, Any]) -> str:
    location: Sequence[int | str] = error["loc"]
    if error["type"] == "json_invalid":
        return str(location[0])
    if error["type"] == "extra_forbidden":  # its last step is the sender's own word
        location = (*location[:-1], "*")
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".") or "$"


_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Guard:
    """The outermost layer: turns problems and errors that reach it into answers, logs the errors
    by their class alone, and lets no answer be kept by what it passes on its way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Problem as problem:
            if not has_begun:
                await problem.response()(scope, receive, watched)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except Exception as error:
            if has_begun:
                raise  # the connection is cut: an answer that is half there must not look whole
            logger.exception("a request failed")
            await _failure(error).response()(scope, receive, watched)


def _failure(error: Exception) -> Problem:
    if not is_data_fault(error):
        return unavailable()
    return Problem(500, "internal-error", "The service failed on this request.")


def unavailable() -> Problem:
    """The answer while something the service needs is not there."""
    return Problem(
        503,
        "unavailable",
        "Something this service needs is not there just now.",
        hint="Send the request again, unchanged and with the same Idempotency-Key.",
        headers={"Retry-After": "5"},
    )


def not_found() -> Problem:
    """The answer where there is nothing at this address."""
    return Problem(404, "not-found", "There is nothing at this address.", hint="See /openapi.json.")

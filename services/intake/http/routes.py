"""The endpoints of intake."""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic_core import from_json

import shared.contract
from services.intake import store, submissions
from services.intake.domain.submission import RecordOutcome
from services.intake.handlers import MAX_HEADER_CHARACTERS
from services.intake.http.answers import ClaimAnswer, RecordAnswer, SubmissionAnswer
from services.intake.http.bodies import Reception
from services.intake.http.submitting import Submitting, submission_id_of
from shared.database import Connection
from shared.http import pages
from shared.http.access import Caller, allowed
from shared.http.app import Serving
from shared.http.problems import Problem, not_found, unavailable

TITLE = "Claimwire intake"
CLAIMS = "/claims"
SCHEMA = "/schemas/claim.json"
MAX_RECORDS = 1_000
MAX_ACKNOWLEDGEMENTS = 100

WRITE, READ, ANY_SOURCE = "claims:write", "claims:read", "claims:any-source"
"""The scopes of a key: to submit, to ask about what its source submitted, and to do both for every
source."""

router = APIRouter()
MayWrite = Annotated[Caller, Depends(allowed(WRITE))]
MayRead = Annotated[Caller, Depends(allowed(READ))]
Records = Annotated[int, Query(ge=1, le=MAX_RECORDS, description="Records on a page.")]
_Short = Header(max_length=MAX_HEADER_CHARACTERS, min_length=1)

_BODY = {
    "content": {
        name: {"schema": schema}
        for name, schema in {
            "application/edi-x12": {
                "type": "string",
                "description": "X12 837, any number of claims.",
            },
            "application/json": {
                "description": f"A canonical claim ({SCHEMA}), an array of them, or an object "
                "whose `claims` is one."
            },
            "application/x-ndjson": {
                "type": "string",
                "description": "Canonical claims, one a line.",
            },
            "application/fhir+json": {
                "type": "object",
                "description": "A FHIR R4 Claim or Bundle.",
            },
            "x-application/hl7-v2+er7": {"type": "string", "description": "An HL7 v2 message."},
        }.items()
    },
    "required": True,
}


@router.post(
    CLAIMS,
    status_code=202,
    response_model_exclude_none=True,
    openapi_extra={"requestBody": _BODY},
    summary="Submit claims, one or many, in any format",
)
async def submit(
    request: Request,
    response: Response,
    context: Serving,
    caller: MayWrite,
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=MAX_HEADER_CHARACTERS,
            min_length=1,
            description="Your id of this body, honoured for ever: the same again is answered as "
            "it was the first time. Without it the content's hash stands in.",
        ),
    ] = None,
    source: Annotated[
        str | None,
        Header(
            max_length=MAX_HEADER_CHARACTERS,
            min_length=1,
            description=f"In whose name, for keys with the scope {ANY_SOURCE}.",
        ),
    ] = None,
    content_encoding: Annotated[str, Header(description="gzip, zstd or none.")] = "",
    content_type: Annotated[
        str | None, Header(description="The body's format; without it the first bytes tell.")
    ] = None,
    traceparent: Annotated[str | None, Header()] = None,
) -> SubmissionAnswer:
    """Each record becomes a claim of ours or a refusal that says everything that is wrong with it.
    A body of up to 900 KB is answered in full; a larger one is safe when the answer comes, and is
    read from then on (`status` is `reading`)."""
    if context.is_flooded():
        raise unavailable()
    speaker = _source_of(caller, source)
    reception: Reception = request.app.state.reception
    submitting: Submitting = request.app.state.submitting
    is_known = False
    if idempotency_key is not None:
        submission_id = submission_id_of(speaker, idempotency_key, b"")
        async with context.pool.acquire() as connection:
            is_known = await submissions.find(connection, submission_id) is not None
    body = await reception.take(request.stream(), content_encoding, is_known=is_known)
    submission_id = await submitting.submit(
        body,
        source=speaker,
        message=idempotency_key,
        content_type=content_type,
        traceparent=traceparent,
    )
    response.headers["Location"] = f"/submissions/{submission_id}"
    async with context.pool.acquire() as connection:
        answer = await _answer(connection, submission_id, -1, MAX_RECORDS)
    assert answer is not None
    return answer


@router.get(
    "/submissions/{submission_id}",
    response_model_exclude_none=True,
    summary="What became of a submission, record by record",
)
async def submission(
    submission_id: UUID,
    context: Serving,
    caller: MayRead,
    cursor: pages.Cursor = None,
    limit: Records = MAX_RECORDS,
) -> SubmissionAnswer:
    """Also of a message that came by another door, in counts: its records are events."""
    after = pages.after(cursor, int)
    async with context.pool.acquire() as connection:
        answer = await _answer(connection, submission_id, after[0] if after else -1, limit)
    if answer is None or not _may_see(caller, answer.source):
        raise _unknown("submission")
    return answer


@router.get("/claims/{claim_id}", summary="A claim as intake knows it")
async def claim(claim_id: UUID, context: Serving, caller: MayRead) -> ClaimAnswer:
    async with context.pool.acquire() as connection:
        row = await submissions.claim(connection, claim_id)
    if row is None or not _may_see(caller, row["source"]):
        raise _unknown("claim")
    return ClaimAnswer(**row)


@router.get(SCHEMA, summary="The JSON Schema of the canonical claim", response_class=Response)
async def schema() -> Response:
    path = Path(shared.contract.__file__).parent / "schemas" / "claim.json"
    try:
        return Response(path.read_bytes(), media_type="application/schema+json")
    except FileNotFoundError:
        raise not_found() from None


def _source_of(caller: Caller, wanted: str | None) -> str:
    if wanted is None or wanted == caller.source:
        return caller.source
    if not caller.may(ANY_SOURCE):
        raise Problem(
            403,
            "source-not-yours",
            "This key speaks for another source than the source header says.",
            hint="Leave the header out: the key names its source.",
        )
    return wanted


def _may_see(caller: Caller, source: str) -> bool:
    return source == caller.source or caller.may(ANY_SOURCE)


def _unknown(what: str) -> Problem:
    return Problem(404, f"{what}-unknown", f"There is no such {what} of this source.")


async def _answer(
    connection: Connection, submission_id: UUID, after: int, limit: int
) -> SubmissionAnswer | None:
    known = await submissions.find(connection, submission_id)
    tally = await store.message(connection, submission_id)
    found = await submissions.records(connection, submission_id, after, limit + 1)
    shown = [_record(one) for one in found[:limit]]
    fields: dict[str, Any] = {"status": "reading"}
    if tally is not None:
        fields = {**tally, "status": "complete" if store.is_complete(tally) else "reading"}
    elif known is not None:
        fields["source"] = known.source
    else:
        return None
    fields |= {"submission_id": submission_id, "records": shown}
    if after < 0:
        kept = await submissions.answers(connection, submission_id, MAX_ACKNOWLEDGEMENTS)
        fields["acknowledgements"] = [
            {"transaction": one.transaction, "content": one.content.decode("ascii", "replace")}
            for one in kept
        ]
    if len(found) > limit:
        fields["next"] = pages.cursor_of((shown[-1].position,))
    return SubmissionAnswer.model_validate(fields)


def _record(outcome: RecordOutcome) -> RecordAnswer:
    return RecordAnswer.model_validate(
        {
            "position": outcome.position,
            "outcome": outcome.outcome,
            "claim_id": outcome.claim_id,
            "revision": outcome.revision,
            "findings": from_json(outcome.findings),
        }
    )

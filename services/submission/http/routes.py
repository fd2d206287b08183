"""The endpoints of submission."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.submission import looking
from services.submission.deciding import Action, DecisionError, decide
from services.submission.http import views
from services.submission.keeping import content_of
from services.submission.vault import Vault
from shared.http import pages
from shared.http.access import Caller, allowed
from shared.http.app import Serving
from shared.http.problems import Problem
from shared.service import clock

TITLE = "Claimwire submission"
READ, DECIDE, CONTENT = "submission:read", "submission:decide", "submission:content"
"""The scopes of a key: to look, to decide about interchanges, and to see their bytes (PHI)."""

router = APIRouter()
MayRead = Annotated[Caller, Depends(allowed(READ))]
MayDecide = Annotated[Caller, Depends(allowed(DECIDE))]
MaySeeContent = Annotated[Caller, Depends(allowed(CONTENT))]
State = Literal["formed", "sending", "sent", "held"]
Payer = Annotated[str | None, Query(max_length=40, description="A payer profile's name.")]


@router.get("/claims/{claim_id}", summary="Where a claim stands at its payers, with the evidence")
async def claim(claim_id: UUID, _: MayRead, context: Serving) -> views.ClaimView:
    async with context.pool.acquire() as connection:
        found = await looking.claim(connection, claim_id)
    if found is None:
        raise Problem(404, "claim-unknown", "submission has never had such a claim.")
    return views.ClaimView.model_validate(found)


@router.get("/interchanges", summary="What was formed and sent, newest first")
async def interchanges(
    _: MayRead,
    context: Serving,
    payer: Payer = None,
    state: State | None = None,
    cursor: pages.Cursor = None,
    limit: pages.Limit = 50,
) -> pages.Page[views.Interchange]:
    before = pages.after(cursor, datetime.fromisoformat, UUID)
    async with context.pool.acquire() as connection:
        found = await looking.interchanges(
            connection, limit + 1, payer=payer, state=state, before=before
        )
    return pages.page(
        found,
        limit,
        lambda row: (row["formed_at"], row["interchange_id"]),
        views.Interchange.model_validate,
    )


@router.get("/interchanges/{interchange_id}", summary="One interchange, and who decided what")
async def interchange(interchange_id: UUID, _: MayRead, context: Serving) -> views.InterchangeView:
    async with context.pool.acquire() as connection:
        found = await looking.interchange(connection, interchange_id)
    if found is None:
        raise _unknown()
    return views.InterchangeView.model_validate(found)


@router.get(
    "/interchanges/{interchange_id}/content",
    summary="The bytes as they were written, which hold PHI",
    response_class=Response,
    responses={200: {"content": {"application/edi-x12": {"schema": {"type": "string"}}}}},
)
async def content(interchange_id: UUID, _: MaySeeContent, context: Serving) -> Response:
    async with context.pool.acquire() as connection:
        try:
            found = await content_of(
                connection, interchange_id, Vault.from_settings(context.settings)
            )
        except LookupError:
            raise _unknown() from None
    return Response(found, media_type="application/edi-x12")


@router.post(
    "/interchanges/{interchange_id}/{action}",
    summary="Hold, release, resend or confirm an interchange",
)
async def act(
    interchange_id: UUID,
    action: Action,
    caller: MayDecide,
    context: Serving,
    again: Annotated[
        bool, Query(description="Resend also what is recorded as sent: the payer says it is not.")
    ] = False,
) -> views.InterchangeView:
    """`hold` keeps one back that is not sent; `release` lets it go on where it was. `resend` sends
    the same bytes again and `confirm` records a sending, where a person knows that the payer does
    not, or does, have it. The courier acts on its next round."""
    async with context.pool.acquire() as connection:
        try:
            await decide(connection, interchange_id, action, caller.key_id, clock(), is_again=again)
        except DecisionError as error:
            if error.state is None:
                raise _unknown() from None
            raise Problem(
                409,
                "interchange-state",
                f"An interchange that is {error.state} cannot be told to {action}.",
                hint="Look at its state first: GET /interchanges/{id}.",
            ) from None
        found = await looking.interchange(connection, interchange_id)
    return views.InterchangeView.model_validate(found)


@router.get("/overdue", summary="Claims whose answer has not come, longest overdue first")
async def overdue(
    _: MayRead, context: Serving, cursor: pages.Cursor = None, limit: pages.Limit = 50
) -> pages.Page[views.OverdueClaim]:
    after = pages.after(cursor, datetime.fromisoformat, UUID, int, str, str)
    async with context.pool.acquire() as connection:
        found = await looking.overdue(connection, limit + 1, after)
    return pages.page(
        found,
        limit,
        lambda row: tuple(
            row[name] for name in ("due_at", "claim_id", "revision", "payer_sequence", "expected")
        ),
        views.OverdueClaim.model_validate,
    )


@router.get(
    "/acknowledgements/unrelated",
    summary="Answers about nothing of ours, or about what could be several claims",
)
async def unrelated(
    _: MayRead, context: Serving, cursor: pages.Cursor = None, limit: pages.Limit = 50
) -> pages.Page[views.UnrelatedAnswer]:
    before = pages.after(cursor, datetime.fromisoformat, UUID, int, int)
    async with context.pool.acquire() as connection:
        found = await looking.unrelated(connection, limit + 1, before)
    return pages.page(
        found,
        limit,
        lambda row: tuple(row[name] for name in ("received_at", "message_id", "part", "position")),
        views.UnrelatedAnswer.model_validate,
    )


@router.get("/statuses", summary="How many claims stand where, by payer")
async def statuses(_: MayRead, context: Serving) -> list[views.StatusCount]:
    async with context.pool.acquire() as connection:
        found = await looking.statuses(connection)
    return [views.StatusCount.model_validate(row) for row in found]


@router.get("/payers", summary="The way to each payer: reached, failing, waiting")
async def payers(_: MayRead, context: Serving) -> list[views.Channel]:
    async with context.pool.acquire() as connection:
        found = await looking.channels(connection)
    return [views.Channel.model_validate(row) for row in found]


def _unknown() -> Problem:
    return Problem(404, "interchange-unknown", "There is no such interchange.")

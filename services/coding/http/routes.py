"""The endpoints of the worklist. Each change brings the entry's ETag as If-Match, is done in one
transaction, and answers with the entry as it is then."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Any, NamedTuple, TypeVar
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from services.coding import worklist_store
from services.coding.desk import (
    Acted,
    Desk,
    UnknownEntryError,
    VersionChangedError,
)
from services.coding.desk_saving import standing_claim
from services.coding.domain.worklist.acting import ALLOWED, NotAllowedError
from services.coding.domain.worklist.patching import PatchError, document_of
from services.coding.http.answers import (
    ActedAnswer,
    ActionAnswer,
    Assignment,
    Because,
    EntryAnswer,
    EntryDetail,
    Reason,
    Remark,
    RevisionAnswer,
)
from services.coding.worklist_store import Entry, Filters
from shared.http import pages, versions
from shared.http.access import Caller, allowed
from shared.http.app import Serving
from shared.http.problems import Problem
from shared.http.versions import ExpectedVersion
from shared.service import clock

TITLE = "Claimwire coding"
READ, WRITE = "worklist:read", "worklist:write"
"""The scopes of a key: to see the worklist with its claims, and to work on it."""

router = APIRouter(prefix="/worklist")
MayRead = Annotated[Caller, Depends(allowed(READ))]
MayWrite = Annotated[Caller, Depends(allowed(WRITE))]


def _desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk_of)]
Operations = Annotated[
    list[dict[str, Any]],
    Body(description="JSON Patch (RFC 6902) on the entry's `claim`; every operation but copy."),
]
Done = TypeVar("Done")


@router.get("", summary="What needs a person, the most money times urgency first")
async def entries(
    context: Serving,
    caller: MayRead,  # noqa: ARG001 - asked for its right
    payer: Annotated[str | None, Query(max_length=80)] = None,
    rule: Annotated[str | None, Query(max_length=80, description="A finding's code.")] = None,
    min_age_days: Annotated[int | None, Query(ge=0, le=3650)] = None,
    min_at_stake: Annotated[int | None, Query(ge=0, description="Dollars.")] = None,
    due_before: date | None = None,
    reason: Reason | None = None,
    assigned_to: Annotated[str | None, Query(max_length=80)] = None,
    cursor: pages.Cursor = None,
    limit: pages.Limit = 50,
) -> pages.Page[EntryAnswer]:
    """Open entries. The order is of the day of the first page, so that no page loses a row when
    the day changes."""
    now = clock()
    found = pages.after(cursor, date.fromisoformat, int, UUID)
    today, after = (found[0], (found[1], found[2])) if found else (now.date(), None)
    filters = Filters(
        payer=payer,
        rule=rule,
        opened_before=None if min_age_days is None else now - timedelta(days=min_age_days),
        at_least_cents=None if min_at_stake is None else min_at_stake * 100,
        due_before=due_before,
        reason=reason,
        assigned_to=assigned_to,
    )
    async with context.pool.acquire() as connection:
        rows = await worklist_store.listed(connection, filters, today, after, limit + 1)
    return pages.page(rows, limit, lambda row: (today, row.score, row.event_id), _answer)


@router.get("/{event_id}", summary="One entry, with its claim and all that was done to it")
async def entry(
    event_id: UUID, response: Response, context: Serving, caller: MayRead
) -> EntryDetail:
    async with context.pool.acquire() as connection:
        found = await worklist_store.entry(connection, event_id)
        if found is None:
            raise _unknown()
        kept = await worklist_store.claim(connection, found.claim_id)
        actions = await worklist_store.actions(connection, found.claim_id)
        revisions = await worklist_store.revisions(connection, found.claim_id)
    claim = standing_claim(kept)
    is_open = found.closed_at is None
    may_act = is_open and claim is not None and caller.may(WRITE)
    versions.set_etag(response, found.version)
    return EntryDetail(
        entry=_answer(found),
        claim=None if claim is None else document_of(claim),
        allowed=sorted(ALLOWED[found.reason]) if may_act else [],
        actions=[ActionAnswer.model_validate(action) for action in actions],
        revisions=[
            RevisionAnswer(revision=number, author=author, at=at)
            for number, author, at in revisions
        ],
    )


@router.get("/{event_id}/revisions/{revision}", summary="A kept version of the entry's claim")
async def revision(
    event_id: UUID,
    revision: int,
    context: Serving,
    caller: MayRead,  # noqa: ARG001 - asked for its right
) -> Response:
    async with context.pool.acquire() as connection:
        found = await worklist_store.entry(connection, event_id)
        content = found and await worklist_store.revision(connection, found.claim_id, revision)
    if content is None:
        raise _unknown()
    return Response(content, media_type="application/json")


@router.post("/{event_id}/fix", summary="Correct the claim; it is checked at once")
async def fix(
    event_id: UUID,
    response: Response,
    desk: AtDesk,
    caller: MayWrite,
    version: ExpectedVersion,
    operations: Operations,
    trial: Annotated[bool, Query(description="Say what would remain, and change nothing.")] = False,
) -> ActedAnswer:
    """If nothing blocks, the claim goes out as its next revision: after a rejection as what it was,
    after a denial as a replacement with the payer's claim number. Else it stays, with the work
    done so far, and the answer says what remains."""
    doing = desk.fix(event_id, version, _who(caller), clock(), operations, is_trial=trial)
    acted = await _done(doing)
    return _acted(response, acted).model_copy(update={"is_trial": trial})


class _WithReason(NamedTuple):
    """An action that takes a reason and nothing else."""

    path: str
    name: str
    summary: str
    description: str
    act: Callable[[Desk, UUID, int, str, datetime, str], Awaitable[Acted]]


_WITH_REASON = (
    _WithReason(
        "release",
        "release",
        "Let the claim go as it is",
        "Over whatever is said against it. Who did it and why is kept.",
        Desk.release,
    ),
    _WithReason(
        "void",
        "void",
        "Take back what the payer has adjudicated",
        "A void (frequency 8) with the payer's claim number goes out.",
        Desk.void,
    ),
    _WithReason(
        "return",
        "give_back",
        "Return the claim to the hospital",
        "The hospital corrects it and sends it again.",
        Desk.give_back,
    ),
    _WithReason(
        "dismiss",
        "dismiss",
        "Take a refused or denied claim off the worklist",
        "Nothing goes out: the payer's answer is accepted, or answered by other means.",
        Desk.dismiss,
    ),
)


def _endpoint(action: _WithReason) -> Callable[..., Awaitable[ActedAnswer]]:
    async def act(
        event_id: UUID,
        response: Response,
        desk: AtDesk,
        caller: MayWrite,
        version: ExpectedVersion,
        because: Because,
    ) -> ActedAnswer:
        doing = action.act(desk, event_id, version, _who(caller), clock(), because.reason)
        return _acted(response, await _done(doing))

    return act


for _action in _WITH_REASON:
    router.post(
        f"/{{event_id}}/{_action.path}",
        name=_action.name,
        summary=_action.summary,
        description=_action.description,
    )(_endpoint(_action))


@router.post("/{event_id}/assign", summary="Give the entry to somebody")
async def assign(
    event_id: UUID,
    response: Response,
    desk: AtDesk,
    caller: MayWrite,
    version: ExpectedVersion,
    assignment: Assignment,
) -> EntryAnswer:
    changed = await _done(desk.assign(event_id, version, _who(caller), clock(), assignment.to))
    versions.set_etag(response, changed.version)
    return _answer(changed)


@router.post("/{event_id}/note", summary="Write something down")
async def note(
    event_id: UUID, response: Response, desk: AtDesk, caller: MayWrite, remark: Remark
) -> EntryAnswer:
    """A note changes no version: two people may write at once."""
    found = await _done(desk.note(event_id, _who(caller), clock(), remark.text))
    versions.set_etag(response, found.version)
    return _answer(found)


async def _done(doing: Awaitable[Done]) -> Done:
    """What an action gives, or the problem that it ends in."""
    try:
        return await doing
    except UnknownEntryError:
        raise _unknown() from None
    except VersionChangedError as error:
        raise _changed(error.entry) from None
    except NotAllowedError as error:
        raise Problem(409, error.code, str(error), hint=error.hint) from None
    except PatchError as error:
        raise Problem(
            422,
            "patch-invalid",
            "The patch cannot be applied; nothing of it was.",
            hint="Paths are those of the entry's `claim`.",
            errors=[{"path": error.path, "code": "patch", "message": error.reason}],
        ) from None


def _who(caller: Caller) -> str:
    """Who acts, for the record: whom the key speaks for, and the key."""
    return f"{caller.source} ({caller.key_id})"


def _unknown() -> Problem:
    return Problem(404, "entry-unknown", "There is no such entry on the worklist.")


_BECAUSE = {
    "superseded": "A newer version of the claim has come, or another entry of it was worked on.",
    "resolved": "The payer's answer has settled what the entry asked for.",
}


def _changed(entry: Entry) -> Problem:
    """412, with what became of the entry: the caller's own work is still the caller's to send."""
    return Problem(
        412,
        "version-changed",
        _BECAUSE.get(
            entry.resolution or "", "Somebody else has changed the entry since it was read."
        ),
        hint="Read it again, compare, and send your change again where it is still right.",
        version=entry.version,
        resolution=entry.resolution,
    )


def _acted(response: Response, acted: Acted) -> ActedAnswer:
    versions.set_etag(response, acted.entry.version)
    return ActedAnswer(
        entry=_answer(acted.entry),
        remaining=acted.remaining,
        claim_revision=acted.claim_revision,
        has_gone_out=acted.has_gone_out,
    )


def _answer(entry: Entry) -> EntryAnswer:
    return EntryAnswer.model_validate(entry)

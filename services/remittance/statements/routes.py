"""The endpoints of patients' balances and bills.

Addresses hold random ids, or a one-time token, and nothing of a patient. Lists name nobody.
"""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.remittance.balances import patient_balances
from services.remittance.domain.patient_bill import Estimate
from services.remittance.domain.patient_statement import Statement, StatementStatus
from services.remittance.domain.patient_terms import Language
from services.remittance.statements import answers, html, store
from services.remittance.statements.office import StatementError, StatementOffice
from services.remittance.statements.paper import paper_of
from shared.http import pages
from shared.http.access import Caller, allowed
from shared.http.app import Serving
from shared.http.problems import Problem
from shared.service import clock

TITLE = "Claimwire remittance"
READ, WRITE = "patients:read", "patients:write"
"""The scopes of a key: to see balances and bills, and to make, hold and release them."""
OPEN_PATHS = ("/bill/",)
"""Below this a one-time token is the key."""

_STATUSES = {"unknown-account": 404, "unknown-statement": 404, "provider-unknown": 422}
"""HTTP statuses of a StatementError's codes that are not 409."""

router = APIRouter(tags=["patients"])
MayRead = Annotated[Caller, Depends(allowed(READ))]
MayWrite = Annotated[Caller, Depends(allowed(WRITE))]
Done = TypeVar("Done")
Token = Annotated[str, Path(min_length=43, max_length=43, pattern=r"^[A-Za-z0-9_-]+$")]


def _office(request: Request) -> StatementOffice:
    office: StatementOffice = request.app.state.statement_office
    return office


AtOffice = Annotated[StatementOffice, Depends(_office)]

# Balances


@router.get("/patient-balances", summary="Patient accounts by what they owe or are owed")
async def balances(
    context: Serving,
    caller: MayRead,  # noqa: ARG001 - asked for its right
    billable: Annotated[bool, Query(description="Only with something to bill.")] = False,
    credit: Annotated[bool, Query(description="Only with money to give back.")] = False,
    cursor: pages.Cursor = None,
    limit: pages.Limit = 50,
) -> pages.Page[answers.BalanceAnswer]:
    found = pages.after(cursor, UUID)
    after = found[0] if found else UUID(int=0)
    async with context.pool.acquire() as connection:
        rows = await store.listed(connection, after, limit + 1, billable=billable, credit=credit)
    return pages.page(rows, limit, lambda row: (row.account_id,), answers.balance_answer)


@router.get("/patient-balances/{account_id}", summary="One account, claim by claim")
async def balance(
    account_id: UUID,
    context: Serving,
    caller: MayRead,  # noqa: ARG001 - asked for its right
) -> answers.AccountAnswer:
    """As the ledger has it now, with every reason why something may not be billed yet."""
    async with context.pool.acquire() as connection:
        found = (await patient_balances(connection, [account_id])).get(account_id)
        standing = (await store.standings(connection, [account_id])).get(account_id)
    if found is None or standing is None:
        raise Problem(404, "unknown-account", "No payer has answered for such an account.")
    return answers.account_answer(standing, found)


@router.post("/patient-balances/{account_id}/statement", summary="Make the account's bill now")
async def make(
    account_id: UUID,
    context: Serving,
    office: AtOffice,
    caller: MayWrite,
    language: Language | None = None,
) -> answers.StatementAnswer:
    """Where a bill says the same already, that one. A patient may ask for an itemised bill at any
    time; nobody needs to wait for the day on which it is due."""
    made = await _done(office.make(account_id, caller.source, clock(), language))
    context.wake_relay()
    return answers.statement_answer(made)


# Statements


@router.get("/statements", summary="Bills, the oldest first")
async def statements(
    context: Serving,
    caller: MayRead,  # noqa: ARG001 - asked for its right
    status: StatementStatus | None = None,
    account_id: UUID | None = None,
    cursor: pages.Cursor = None,
    limit: pages.Limit = 50,
) -> pages.Page[answers.StatementAnswer]:
    found = pages.after(cursor, datetime.fromisoformat, UUID)
    after = (found[0], found[1]) if found else (datetime.min.replace(tzinfo=UTC), UUID(int=0))
    async with context.pool.acquire() as connection:
        rows = await store.statements(connection, after, status, account_id, limit + 1)
    return pages.page(
        rows,
        limit,
        lambda row: (row.made_at, row.statement.id),
        lambda row: answers.statement_answer(row.statement),
    )


@router.get(
    "/statements/{statement_id}",
    summary="One bill: JSON, HTML or PDF, by Accept",
    response_model=answers.StatementDetail,
    responses={200: {"content": {"text/html": {}, "application/pdf": {}}}},
)
async def statement(
    statement_id: UUID,
    request: Request,
    context: Serving,
    office: AtOffice,
    caller: MayRead,  # noqa: ARG001 - asked for its right
    language: Language | None = None,
) -> answers.StatementDetail | Response:
    async with context.pool.acquire() as connection:
        found = await store.statement(connection, statement_id)
    if found is None:
        raise Problem(404, "unknown-statement", "There is no such statement.")
    return _shown(found, request.headers.get("accept", ""), language or found.language, office)


@router.post("/statements/{statement_id}/hold", summary="Keep a bill back")
async def hold(
    statement_id: UUID, body: answers.Because, office: AtOffice, caller: MayWrite
) -> answers.StatementAnswer:
    held = await _done(office.hold(statement_id, caller.source, body.reason, clock()))
    return answers.statement_answer(held)


@router.post("/statements/{statement_id}/release", summary="Let a held bill go out")
async def release(
    statement_id: UUID,
    body: answers.Because,
    context: Serving,
    office: AtOffice,
    caller: MayWrite,
) -> answers.StatementAnswer:
    """Whatever was found. Who did it and why is kept."""
    freed = await _done(office.release(statement_id, caller.source, body.reason, clock()))
    context.wake_relay()
    return answers.statement_answer(freed)


@router.post("/statements/{statement_id}/link", summary="A link that shows the bill once")
async def link(statement_id: UUID, office: AtOffice, caller: MayWrite) -> answers.LinkAnswer:
    token, expires_at = await _done(office.link(statement_id, caller.source, clock()))
    return answers.LinkAnswer(path=f"/bill/{token}", expires_at=expires_at)


@router.put("/estimates", summary="Load a good-faith estimate")
async def estimate(
    body: answers.EstimateGiven, office: AtOffice, caller: MayWrite
) -> answers.EstimateAnswer:
    """A bill of the account that is $400 or more above it waits for a person (45 CFR 149.620). 409
    account-ambiguous where several billing providers use the number and none is named."""
    given = Estimate(amount=body.amount, given_on=body.given_on)
    account_id = await _done(
        office.load_estimate(
            body.patient_control_number,
            body.reference,
            given,
            caller.source,
            clock(),
            billing_provider=body.billing_provider,
        )
    )
    return answers.EstimateAnswer(account_id=account_id)


# What a patient opens


@router.get("/bill/{token}", summary="Where a one-time link leads", include_in_schema=False)
async def before_bill(token: Token, office: AtOffice) -> Response:  # noqa: ARG001 - not looked at
    """A page with a button. Mail programs open links to look at them: that must not use one up."""
    return _html(html.link_page(office.rules.terms))


@router.post("/bill/{token}", summary="The bill behind a link, once", include_in_schema=False)
async def opened_bill(token: Token, request: Request, office: AtOffice) -> Response:
    found = await office.opened(token, clock())
    if found is None:
        return _html(html.link_page(office.rules.terms, is_over=True), status=404)
    form = parse_qs((await request.body()).decode("ascii", "replace"))
    language: Language = "es" if form.get("language") == ["es"] else "en"
    return _html(html.bill_page(paper_of(found, language, office.rules.terms)))


def _shown(
    found: Statement, accept: str, language: Language, office: StatementOffice
) -> answers.StatementDetail | Response:
    if "application/pdf" in accept:
        from services.remittance.statements import pdf  # reportlab takes its time

        content = pdf.bill_pdf(paper_of(found, language, office.rules.terms))
        name = f'inline; filename="{found.id}.pdf"'
        return Response(
            content, media_type="application/pdf", headers={"Content-Disposition": name}
        )
    if "text/html" in accept:
        return _html(html.bill_page(paper_of(found, language, office.rules.terms)))
    return answers.statement_detail(found)


def _html(page: str, status: int = 200) -> Response:
    return Response(page, status, html.headers(), "text/html; charset=utf-8")


async def _done(doing: Awaitable[Done]) -> Done:
    try:
        return await doing
    except StatementError as error:
        status = _STATUSES.get(error.code, 409)
        raise Problem(status, error.code, str(error)) from None

"""The endpoints of remittance: what waits, what a person decides, and what the ledger says.

Decisions answer with the events they led to, by type, so that whoever decided sees what was posted.
No answer names a patient.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.remittance import acting, appeals, questions, receiving
from services.remittance.domain import commands
from services.remittance.domain.bank import StatementError, deposits_of
from services.remittance.domain.commands import Command, RefusedError
from services.remittance.domain.variance import Fee
from services.remittance.handlers import RemittanceHandler
from services.remittance.http import requests
from services.remittance.statements import routes as patients
from shared.contract.envelope import Event
from shared.http.access import Caller, allowed
from shared.http.app import Serving
from shared.http.problems import Problem
from shared.service import Context, clock

TITLE = "Claimwire remittance"
OPEN_PATHS = patients.OPEN_PATHS
REMITTANCES = "/remittances"
DEPOSITS = "/deposits"
MAX_STATEMENT_BYTES = 20_000_000

READ, WRITE = "remittances:read", "remittances:write"
"""The scopes of a key: to ask, and to decide, post receipts and hand files in."""

router = APIRouter()
router.include_router(patients.router)
READS = [Depends(allowed(READ))]
WRITES = [Depends(allowed(WRITE))]
MayWrite = Annotated[Caller, Depends(allowed(WRITE))]
Rows = Annotated[int, Query(ge=1, le=questions.PAGE, description="Rows, at most.")]
OnDay = Annotated[date | None, Query(description="At the end of this day; today where absent.")]


def _handler(request: Request) -> RemittanceHandler:
    handler: RemittanceHandler = request.app.state.handler
    return handler


Handler = Annotated[RemittanceHandler, Depends(_handler)]


async def _act(
    context: Context, handler: RemittanceHandler, body: Sequence[Command]
) -> dict[str, Any]:
    try:
        async with context.pool.acquire() as connection:
            events = await acting.act(connection, handler, body, clock())
    except RefusedError as error:
        status = 404 if error.code.startswith("unknown") else 409
        raise Problem(status, error.code, error.message) from None
    context.wake_relay()
    return _said(events)


def _said(events: Sequence[Event]) -> dict[str, Any]:
    return {"events": dict(Counter(event.type for event in events))}


# Remittances and what waits


@router.post(REMITTANCES, status_code=202, response_model=None)
async def hand_in(request: Request, caller: MayWrite, context: Serving) -> dict[str, Any]:
    """An 835 file, as it came. It is published to `payers.inbound` and read from there."""
    content = await request.body()
    message_id = await receiving.publish(context, content, caller.source)
    if message_id is None:
        raise Problem(422, "no-remittance", "There is no 835 in this.")
    return {"message_id": str(message_id)}


@router.get("/remittances/held", dependencies=READS)
async def held(context: Serving, limit: Rows = 50) -> list[dict[str, Any]]:
    """Transaction sets that wait for a person, each with its difference and why."""
    async with context.pool.acquire() as connection:
        return await questions.held(connection, limit)


@router.get("/remittances/waiting", dependencies=READS)
async def waiting(
    context: Serving,
    handler: Handler,
    state: Annotated[str | None, Query(pattern="^(unmatched|waiting|quarantined)$")] = None,
    limit: Rows = 50,
) -> list[dict[str, Any]]:
    """Claims of remittances that wait: their differences, or the claims they may be, scored."""
    async with context.pool.acquire() as connection:
        return await questions.waiting(connection, handler.policy.match, state, limit)


@router.post("/remittances/{remittance_id}/decision")
async def decide(
    remittance_id: UUID,
    body: requests.Decision,
    caller: MayWrite,
    context: Serving,
    handler: Handler,
) -> dict[str, Any]:
    """Accepts or rejects a held transaction set."""
    command = commands.DecideRemittance(
        remittance_id, body.decision == "accept", caller.source, body.note
    )
    said = await _act(context, handler, [command])
    async with context.pool.acquire() as connection:
        if not command.is_accepted:
            await acting.close_rejected(connection, remittance_id)
            return said
        judged = await acting.release(connection, handler, remittance_id, clock())
    context.wake_relay()
    return {**said, "judged": judged}


@router.post("/remittances/{remittance_id}/claims/{position}/resolution")
async def resolve(
    remittance_id: UUID,
    position: int,
    body: requests.ClaimResolution,
    caller: MayWrite,
    context: Serving,
    handler: Handler,
) -> dict[str, Any]:
    """Matches, accepts, rejects or returns one claim that waits."""
    command = commands.ResolveClaim(
        (remittance_id, position), body.resolution, caller.source, body.claim_id, body.note
    )
    return await _act(context, handler, [command])


# Denials


@router.get("/denials", dependencies=READS)
async def denials(
    context: Serving,
    state: str | None = None,
    kind: str | None = None,
    limit: Rows = 50,
) -> list[dict[str, Any]]:
    """Denied amounts as work to do, the nearest deadline first."""
    async with context.pool.acquire() as connection:
        return await questions.denials(connection, state, kind, limit)


@router.get("/denials/by-step", dependencies=READS)
async def denials_by_step(context: Serving) -> list[dict[str, Any]]:
    """What is open, by next step, with the money at stake."""
    async with context.pool.acquire() as connection:
        return await questions.denials_by_step(connection)


@router.post("/denials/{remittance_id}/{position}/{number}/decision")
async def decide_denial(
    remittance_id: UUID,
    position: int,
    number: int,
    body: requests.DenialDecision,
    caller: MayWrite,
    context: Serving,
    handler: Handler,
) -> dict[str, Any]:
    """Says what is done about a denial; `written_off` gives its money up."""
    place = remittance_id, position
    async with context.pool.acquire() as connection:
        claim_id = await acting.decide_denial(
            connection, handler, place, number, body.state, caller.source, body.note, clock()
        )
    context.wake_relay()
    if claim_id is None:
        raise Problem(404, "unknown-denial", "There is no such denial.")
    if body.state != "written_off":
        return {"state": body.state}
    command = commands.WriteOff(claim_id, caller.source, "denial", (place, number), note=body.note)
    return await _act(context, handler, [command])


@router.get("/claims/{claim_id}/appeal", response_model=None, dependencies=READS)
async def appeal(
    claim_id: UUID,
    context: Serving,
    handler: Handler,
    form: Annotated[str, Query(alias="format", pattern="^(text|pdf)$")] = "text",
) -> Response:
    """The appeal of a claim's denials, ready for a person to sign. It holds PHI."""
    async with context.pool.acquire() as connection:
        packet = await appeals.packet(connection, claim_id, handler.policy, clock().date())
    if packet is None:
        raise Problem(404, "nothing-to-appeal", "No denial of this claim is open.")
    if form == "pdf":
        return Response(appeals.to_pdf(packet), media_type="application/pdf")
    return Response(appeals.to_text(packet), media_type="text/plain; charset=utf-8")


@router.get("/prompt-pay", dependencies=READS)
async def prompt_pay(
    context: Serving, handler: Handler, on: OnDay = None, limit: Rows = 50
) -> list[dict[str, Any]]:
    """Claims decided on late, or not yet, with the interest that the payer's rule gives."""
    async with context.pool.acquire() as connection:
        return await questions.prompt_pay(connection, handler.policy, on or clock().date(), limit)


# Money


@router.post("/patient-payments")
async def patient_payment(
    body: requests.PatientPayment, caller: MayWrite, context: Serving, handler: Handler
) -> dict[str, Any]:
    """A patient paid; the same reference again posts nothing."""
    command = commands.PatientPaid(
        body.claim_id, body.reference, body.amount, body.method, body.received_on, caller.source
    )
    return await _act(context, handler, [command])


@router.post("/patient-refunds")
async def patient_refund(
    body: requests.PatientRefund, caller: MayWrite, context: Serving, handler: Handler
) -> dict[str, Any]:
    """A patient's credit is due back, or was given back."""
    command = commands.RefundPatient(
        body.claim_id,
        body.reference,
        body.amount,
        caller.source,
        is_paid=body.step == "paid",
        method=body.method,
    )
    return await _act(context, handler, [command])


@router.post("/payer-refunds")
async def payer_refund(
    body: requests.PayerRefund, caller: MayWrite, context: Serving, handler: Handler
) -> dict[str, Any]:
    """What was due back to a payer has gone out."""
    command = commands.RefundPayer(body.payer, body.reference, body.amount, caller.source)
    return await _act(context, handler, [command])


@router.post("/claims/{claim_id}/write-off")
async def write_off(
    claim_id: UUID,
    body: requests.ShareWriteOff,
    caller: MayWrite,
    context: Serving,
    handler: Handler,
) -> dict[str, Any]:
    """Gives up a patient's share of a claim: charity, a small balance."""
    command = commands.WriteOff(
        claim_id, caller.source, body.reason, amount=body.amount, note=body.note
    )
    return await _act(context, handler, [command])


@router.post(DEPOSITS, dependencies=WRITES)
async def import_deposits(request: Request, context: Serving, handler: Handler) -> dict[str, Any]:
    """A bank's statement, CSV or BAI2. All of it is taken or nothing; lines known before are
    passed over."""
    try:
        text = (await request.body()).decode("utf-8")
        found = deposits_of(text)
    except (UnicodeDecodeError, StatementError) as error:
        reason = str(error) if isinstance(error, StatementError) else "it is not UTF-8"
        raise Problem(
            422, "statement-unreadable", f"The statement cannot be read: {reason}"
        ) from None
    said: Counter[str] = Counter()
    for command in found:  # each by itself: two with one trace number are not one
        said.update((await _act(context, handler, [command]))["events"])
    return {"deposits": len(found), "events": dict(said)}


@router.get(DEPOSITS, dependencies=READS)
async def deposits(context: Serving, limit: Rows = 50) -> dict[str, list[dict[str, Any]]]:
    """Deposits without a remittance, and remittances without a deposit."""
    async with context.pool.acquire() as connection:
        return await questions.deposits(connection, limit)


@router.get("/ledger/trial-balance", dependencies=READS)
async def trial_balance(context: Serving, on: OnDay = None) -> list[dict[str, Any]]:
    """Debits, credits and balance by kind of account and payer."""
    async with context.pool.acquire() as connection:
        return await questions.trial_balance(connection, on or clock().date())


@router.put("/fees", status_code=204, response_model=None, dependencies=WRITES)
async def load_fees(rows: list[requests.FeeRow], context: Serving) -> None:
    """Loads rows of payers' fee schedules; a row of the same day replaces the one before."""
    async with context.pool.acquire() as connection:
        await acting.load_fees(
            connection,
            [
                Fee(
                    row.payer,
                    row.code,
                    row.modifier,
                    row.effective_from,
                    row.effective_through,
                    row.amount,
                )
                for row in rows
            ],
        )

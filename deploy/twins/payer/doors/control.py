"""Asking the twin itself: its clock, its book, and faults that a client is to meet."""

from ipaddress import ip_address
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from deploy.twins.payer.clock import Clock
from deploy.twins.payer.doors.faults import Fault, Faults
from deploy.twins.payer.scenario import Span
from deploy.twins.payer.watch import Mailroom
from shared.http.problems import Problem


def _from_this_machine(request: Request) -> None:
    """Whoever else can reach the door is a client of the payer, and does not move its clock."""
    host = request.client.host if request.client else ""
    if not host or not ip_address(host).is_loopback:
        raise Problem(403, "not-from-here", "The twin itself is asked from its own machine only.")


router = APIRouter(prefix="/twin", dependencies=[Depends(_from_this_machine)])


class ClockChange(BaseModel):
    """Moves the twin's time on, or has it run at another speed."""

    model_config = ConfigDict(extra="forbid")

    advance: Span | None = None
    speed: Annotated[float, Field(ge=0)] | None = None


class FaultOrder(BaseModel):
    """The next `count` submissions meet a fault; 0 forgets those of its kind."""

    model_config = ConfigDict(extra="forbid")

    fault: Fault
    count: Annotated[int, Field(ge=0, le=1_000_000)] = 1


@router.get("/clock")
async def clock(request: Request) -> dict[str, Any]:
    """The twin's time."""
    now: Clock = request.app.state.clock
    return {"now": now.now().isoformat(), "speed": now.speed}


@router.post("/clock")
async def change_clock(change: ClockChange, request: Request) -> dict[str, Any]:
    """Changes the twin's time; it never goes back."""
    now: Clock = request.app.state.clock
    if change.speed is not None:
        now.run_at(change.speed)
    if change.advance is not None:
        now.advance(change.advance)
    return await clock(request)


@router.get("/book")
def book(request: Request) -> Response:
    """Totals and claims of all mailboxes."""
    mailroom: Mailroom = request.app.state.mailroom
    return Response(mailroom.book_json(), media_type="application/json")


@router.post("/faults", status_code=204)
async def ask_for_fault(order: FaultOrder, request: Request) -> None:
    """Faults are met in the order they are asked for."""
    faults: Faults = request.app.state.faults
    faults.ask(order.fault, order.count)

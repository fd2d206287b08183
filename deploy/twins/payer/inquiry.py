"""The twin's 277: where a claim stands, in answer to a 276 (both 005010X212).

The levels of the question come back as they are, with a status under each trace. A claim is found
by the payer's number (REF*1K), else by the patient control number (REF*EJ) if only one claim has
it. The status codes are values of the public lists of claim status and category codes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from deploy.twins.payer.cases import ADJUDICATED, Case, CaseState
from deploy.twins.payer.reception import ReceivedSet
from shared.contract.acknowledgement import (
    Status,
    StatusCode,
    StatusDate,
    StatusHeader,
    StatusLevel,
    StatusReference,
    StatusTrace,
)
from shared.x12.answers.writing import StatusReport

NOT_FOUND = StatusCode("A4", "35", "QC")
IN_PROCESS = StatusCode("P1", "20", "PR")
PAID = StatusCode("F1", "65")
DENIED = StatusCode("F2", "1")
NOTHING_TO_PAY = StatusCode("F4", "104")
REVISED = StatusCode("F3", "101")

Find = Callable[[str | None, str | None], Case | None]
"""A case by the payer's number and the patient control number."""


def status_response(one: ReceivedSet, find: Find, at: datetime, reference: str) -> StatusReport:
    """The 277 to one 276."""
    header = StatusHeader(
        transaction="277",
        reference=reference,
        created_on=at.date(),
        created_at=f"{at:%H%M}",
        kind="DG",
    )
    return header, _levels(one.levels, find, at)


def _levels(levels: Sequence[StatusLevel], find: Find, at: datetime) -> Iterator[StatusLevel]:
    for level in levels:
        answered = tuple(_answer(trace, find, at) for trace in level.traces)
        yield replace(level, traces=answered, findings=())


def _answer(trace: StatusTrace, find: Find, at: datetime) -> StatusTrace:
    case = find(trace.reference("1K"), trace.reference("EJ"))
    if case is None or case.state in (CaseState.REFUSED, CaseState.SILENT):
        # Refused is never adjudicated: a payer's claim system has not heard of it.
        own = trace.reference("EJ")
        references = (StatusReference("EJ", own),) if own else ()
        return StatusTrace("2", trace.number, (Status(NOT_FOUND, at.date()),), references)
    claim = case.claim
    served = claim.service_lines[0].service_from or claim.statement_from
    return StatusTrace(
        "2",
        trace.number,
        statuses=(_status(case, at),),
        references=(
            StatusReference("1K", case.number),
            StatusReference("EJ", claim.patient_control_number),
        ),
        dates=(StatusDate("472", served),) if served else (),
    )


def _status(case: Case, at: datetime) -> Status:
    code = _code(case)
    if code is IN_PROCESS:
        return Status(code, at.date(), charge=case.claim.charge, paid=0)
    paid_on = case.paid_at.date() if case.paid_at else at.date()
    is_paid = case.paid > 0
    return Status(
        code,
        at.date(),
        charge=case.claim.charge,
        paid=case.paid,
        adjudicated_on=paid_on,
        payment_method="ACH" if is_paid else "NON",
        payment_date=paid_on,
        check_number=case.traces[-1] if case.traces else None,
    )


def _code(case: Case) -> StatusCode:
    if case.state not in ADJUDICATED or case.corrections:
        return REVISED
    if case.state is CaseState.PENDING:
        return IN_PROCESS
    if case.paid:
        return PAID
    is_denied = any(one.status == "4" for one in case.in_force)
    return DENIED if is_denied else NOTHING_TO_PAY

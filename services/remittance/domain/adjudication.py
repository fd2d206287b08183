"""What a payer decided on one claim, said in our terms: categories, lines, reasons, next steps.

It is apart from posting because the command line tells it of claims that are in no ledger.
"""

from collections.abc import Sequence
from uuid import UUID

from services.remittance.domain import denial
from services.remittance.domain.denial import Category, classify
from services.remittance.domain.state import ClaimStatus, LedgerLine
from shared.contract.events import Adjudication
from shared.contract.model import Finding
from shared.contract.remittance import RemittanceAdjustment, RemittanceClaim, RemittanceLine

DENIED = "4"
REVERSAL = "22"
PAID_STATUSES = frozenset({"1", "2", "3", "19", "20", "21"})
SILENT_STATUSES = frozenset({"23", "25"})
"""Forwarded, not ours; predetermination: said, and no money moved."""
POSTED_STATUSES = PAID_STATUSES | {DENIED, REVERSAL}
GROUPS = frozenset({"CO", "PR", "OA", "PI"})


def adjudicate(
    remitted: RemittanceClaim,
    *,
    revision: int,
    remittance_id: UUID,
    payer_identifier: str,
    is_denied: bool,
    lines: Sequence[LedgerLine | None] = (),
) -> Adjudication:
    """What the payer decided, each adjustment's amount in its category.

    `lines` are the matches of the remitted lines, where there are any: a matched line goes by our
    control number even where the payer dropped it.
    """
    totals = category_totals(remitted, is_denied=is_denied)
    matches = lines or (None,) * len(remitted.lines)
    # One validation of the whole costs less than one for each of its parts.
    return Adjudication.model_validate(
        {
            "revision": revision,
            "remittance_id": remittance_id,
            "payer_identifier": payer_identifier,
            "payer_claim_control_number": remitted.payer_claim_control_number,
            "status": remitted.status,
            "charge": remitted.charge,
            "paid": remitted.paid,
            **totals,
            "adjustments": _adjustments(remitted.adjustments),
            "lines": [
                _posted_line(line, match)
                for line, match in zip(remitted.lines, matches, strict=True)
            ],
            "remarks": remitted.remarks,
        }
    )


def category_totals(remitted: RemittanceClaim, *, is_denied: bool) -> dict[Category, int]:
    """Cents of all adjustments of claim and lines, by category."""
    totals: dict[Category, int] = {"contractual": 0, "patient": 0, "other": 0, "denied": 0}
    for part in remitted.all_adjustments():
        totals[classify(part.group, part.reason, is_denied=is_denied)] += part.amount
    return totals


def status_of(adjudication: Adjudication) -> ClaimStatus:
    """What an adjudication makes of its claim."""
    if adjudication.status == REVERSAL:
        return "reversed"
    if adjudication.status == DENIED:
        return "denied"
    if not adjudication.denied:
        return "paid"
    return "partly_paid" if adjudication.paid or adjudication.patient else "denied"


def denial_findings(remitted: RemittanceClaim, *, is_denied: bool) -> tuple[Finding, ...]:
    """Why it was denied and what to do next, per line and reason, then the remark codes."""
    places: list[tuple[str, Sequence[RemittanceAdjustment]]] = [("claim", remitted.adjustments)]
    places += [
        (f"service_lines[{number}]", line.adjustments) for number, line in enumerate(remitted.lines)
    ]
    denied = [
        (path, part.group, part.reason)
        for path, parts in places
        for part in parts
        if part.amount and _is_explained(part, is_denied=is_denied)
    ]
    remarks = remitted.remarks + tuple(code for line in remitted.lines for code in line.remarks)
    return tuple(denial.findings(denied, remarks))


def _is_explained(part: RemittanceAdjustment, *, is_denied: bool) -> bool:
    if part.group == "PR":
        return part.reason in denial.DENIALS
    return classify(part.group, part.reason, is_denied=is_denied) == "denied"


def _posted_line(line: RemittanceLine, match: LedgerLine | None) -> dict[str, object]:
    return {
        "line_control_number": (match.control_number if match else None)
        or line.line_control_number,
        "procedure": line.billed_procedure,
        "charge": line.charge,
        "paid": line.paid,
        "units": line.units,
        "adjustments": _adjustments(line.adjustments),
        "remarks": line.remarks,
    }


def _adjustments(parts: Sequence[RemittanceAdjustment]) -> list[dict[str, object]]:
    return [
        {
            "group": part.group,
            "reason": part.reason,
            "amount": part.amount,
            "quantity": part.quantity,
        }
        for part in parts
    ]

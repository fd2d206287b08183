"""What a payer decided on one claim, said in our terms: categories, lines, reasons, next steps.

It is apart from posting because the command line tells it of claims that are in no ledger.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

from services.remittance.domain import denial
from services.remittance.domain.crossing import PRIOR_PAYERS
from services.remittance.domain.denial import Category, classify
from services.remittance.domain.denial_table import DENIALS
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
    repeats: bool = False,
    lines: Sequence[LedgerLine | None] = (),
) -> Adjudication:
    """What the payer decided, each adjustment's amount in its category.

    `lines` are the matches of the remitted lines, where there are any: a matched line goes by our
    control number even where the payer dropped it. `repeats`: reason 23 is what our ledger has from
    earlier payers, and counts nowhere.
    """
    skip = PRIOR_PAYERS if repeats else None
    totals = category_totals(remitted, is_denied=is_denied, skip=skip)
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


def category_totals(
    remitted: RemittanceClaim, *, is_denied: bool, skip: str | None = None
) -> dict[Category, int]:
    """Cents of all adjustments of claim and lines, by category; those of reason `skip` left out."""
    totals: dict[Category, int] = {"contractual": 0, "patient": 0, "other": 0, "denied": 0}
    for part in remitted.all_adjustments():
        if part.reason != skip:
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


def denial_findings(
    remitted: RemittanceClaim, *, is_denied: bool, lines: Sequence[LedgerLine | None] = ()
) -> tuple[Finding, ...]:
    """Why it was denied and what to do next, per line and reason, then the remark codes. A line
    goes by its place on our claim where it was matched, else by its place on the remittance."""
    denied = [
        (line, part.group, part.reason, remarks)
        for line, remarks, part in denied_parts(remitted, is_denied=is_denied, lines=lines)
    ]
    return tuple(denial.findings(denied, remitted.remarks))


def denied_parts(
    remitted: RemittanceClaim, *, is_denied: bool, lines: Sequence[LedgerLine | None] = ()
) -> Iterator[tuple[int | None, tuple[str, ...], RemittanceAdjustment]]:
    """(line from 0 or None, its remark codes, adjustment) of all that was not paid and needs an
    explanation."""
    matches = lines or (None,) * len(remitted.lines)
    places: list[tuple[int | None, tuple[str, ...], Sequence[RemittanceAdjustment]]] = [
        (None, (), remitted.adjustments)
    ]
    for number, (line, match) in enumerate(zip(remitted.lines, matches, strict=True)):
        places.append((match.number - 1 if match else number, line.remarks, line.adjustments))
    for place, remarks, parts in places:
        for part in parts:
            if part.amount and _is_explained(part, is_denied=is_denied):
                yield place, remarks, part


def _is_explained(part: RemittanceAdjustment, *, is_denied: bool) -> bool:
    if part.group == "PR":
        return part.reason in DENIALS
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

"""What a claim status (STC of a 277CA or 277) means for a claim: refused, acknowledged, pending,
finalized, not found, or nothing at all.

It is apart because here is the judgement. A refusal was never adjudicated. A1 is not acceptance.
The payer's own words (STC12) stay out of findings: they may name the patient.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from shared.contract.acknowledgement import Status, StatusCode, StatusTrace
from shared.contract.events import ClaimAnswer
from shared.contract.model import Finding
from shared.x12.answers import codes
from shared.x12.answers.codes import Category, Outcome
from shared.x12.answers.values import clip
from shared.x12.errors import Severity

Stage = Literal["clearinghouse", "payer"]

REFUSED: Outcome = "refused"
_ADJUDICATION = frozenset({"A2", "A5"})


def outcome_of(status_codes: Iterable[StatusCode]) -> Outcome:
    """What several status codes mean together: the gravest wins (`codes.PRECEDENCE`)."""
    outcomes = {_category(code).outcome for code in status_codes}
    return next((outcome for outcome in codes.PRECEDENCE if outcome in outcomes), "unknown")


def stage_of(status_codes: Iterable[StatusCode], source_role: str | None) -> Stage:
    """How far an acknowledged claim has come.

    `payer` only where the payer itself (NM101 PR of the level 20) says that it is accepted into
    adjudication; A0 and A1 are a stop on the way, whoever says so.
    """
    accepted = any(code.category in _ADJUDICATION for code in status_codes)
    return "payer" if accepted and source_role == "PR" else "clearinghouse"


def status_findings(
    transaction: str, status_codes: Iterable[StatusCode], path: str | None = None
) -> Iterator[Finding]:
    """A finding for each status code that is not simply good news."""
    for code in status_codes:
        category = _category(code)
        if category.outcome in ("acknowledged", "finalized"):
            continue
        yield Finding(
            code=clip(f"{transaction}-{code.category}-{code.status or 'none'}".lower()),
            severity=_SEVERITIES[category.outcome],
            path=path,
            message=f"{category.words}{_status_words(code)}.",
            hint=category.hint,
            source=clip(f"claim status {code.text}"),
        )


_SEVERITIES: dict[Outcome, Severity] = {
    "refused": "block",
    "not_found": "warn",
    "pending": "inform",
    "unknown": "warn",
}


def _category(code: StatusCode) -> Category:
    return codes.CATEGORIES.get(code.category, codes.UNKNOWN_CATEGORY)


def _status_words(code: StatusCode) -> str:
    if not code.status:
        return ""
    words = codes.STATUS_WORDS.get(code.status) if code.list_qualifier != "RX" else None
    entity = codes.ENTITY_WORDS.get(code.entity or "")
    text = f": {words}" if words else f" (status {clip(code.status)})"
    return f"{text} ({entity})" if entity else text


def claim_answer(
    transaction: str, trace: StatusTrace, source_role: str | None, path: str | None = None
) -> ClaimAnswer:
    """What one 2200 loop at a patient's level says of one claim. `path` is where it stands.

    In a 277CA the claim is named by TRN02, which is CLM01; in a 277 TRN02 is the question's own
    number and REF*EJ names the claim, where it is there.
    """
    own = status_codes_of(trace.statuses)
    of_lines = [code for line in trace.lines for code in status_codes_of(line.statuses)]
    outcome = outcome_of(own or of_lines)
    findings = list(status_findings(transaction.lower(), own))
    for number, line in enumerate(trace.lines, 1):
        line_codes = status_codes_of(line.statuses)
        findings.extend(status_findings(transaction.lower(), line_codes, f"2220[{number}]"))
    if transaction == "277CA" and outcome == "acknowledged" and is_rejected(trace.statuses):
        outcome = REFUSED
        findings.append(_contradiction())
    own_number = trace.reference("EJ") if transaction == "277" else None
    return ClaimAnswer(
        patient_control_number=clip(own_number or trace.number),
        outcome=outcome,
        status_codes=tuple(clip(code.text) for code in own or of_lines),
        payer_claim_control_number=clip(trace.reference("1K")) or None,
        clearinghouse_claim_number=clip(trace.reference("D9")) or None,
        charge=next(
            (status.charge for status in trace.statuses if status.charge is not None), None
        ),
        stage=stage_of(own, source_role) if outcome == "acknowledged" else None,
        findings=tuple(findings),
        inquiry_trace=clip(trace.number) or None if transaction == "277" else None,
        path=path,
    )


def _contradiction() -> Finding:
    return Finding(
        code="277ca-rejected-yet-accepted",
        message="The answer's category accepts the claim, its action code U rejects it.",
        hint="Taken as refused; ask the payer which of the two is meant.",
        source="STC03 U",
    )


def status_codes_of(statuses: Iterable[Status]) -> list[StatusCode]:
    return [code for status in statuses for code in status.codes]


def is_rejected(statuses: Iterable[Status]) -> bool:
    return any(status.action == "U" for status in statuses)

"""What one adjustment means: where its money goes, and what is to be done about it.

It is apart from the table of codes because that is data; here is how it is read. A code that is in
no table is not guessed at: in group CO it stays open as a denial to review.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from services.remittance.domain.denial_table import (
    CONTRACTUAL,
    DENIALS,
    NEXT_STEPS,
    REMARKS,
    UNKNOWN,
    Denial,
    Remark,
)
from shared.contract.model import Finding

Category = Literal["contractual", "patient", "other", "denied"]
"""Where an adjustment's money goes: written off, to the patient, neither, or still open."""


def classify(group: str, reason: str, *, is_denied: bool) -> Category:
    """Where one adjustment's money goes. `is_denied`: the payer denied the claim (CLP02 4).

    Group PR is the patient's and nothing else is. A denial stays open whatever its group; group CO
    is written off only where the reason says so.
    """
    if group == "PR":
        return "patient"
    if is_denied or reason in DENIALS:
        return "denied"
    if group == "CO":
        return "contractual" if reason in CONTRACTUAL else "denied"
    return "other"


def explain(reason: str, remarks: Sequence[str] = ()) -> Denial:
    """The denial behind a reason code and its remark codes, or one that asks for a review by hand.

    A remark that tells more than the reason sharpens the class, the field, or both.
    """
    denial = DENIALS.get(reason, UNKNOWN)
    for code in remarks:
        remark = REMARKS.get(code)
        if remark is not None and (remark.kind or remark.field):
            denial = _sharpened(denial, remark)
            break
    if "MA130" in remarks:
        return replace(denial, next_step=_SEND_ANEW)
    return denial


_SEND_ANEW = "Correct the claim and send it anew (frequency 1): the payer did not decide on it."


def _sharpened(denial: Denial, remark: Remark) -> Denial:
    kind = remark.kind or denial.kind
    return replace(
        denial,
        kind=kind,
        next_step=NEXT_STEPS[kind],
        field=remark.field or denial.field,
        is_of_line=remark.is_of_line if remark.field else denial.is_of_line,
        is_final=remark.is_final or denial.is_final,
    )


DeniedPart = tuple[int | None, str, str, tuple[str, ...]]
"""(line's place on the claim from 0 or None, group, reason, its line's remark codes)."""


def findings(denied: Iterable[DeniedPart], remarks: Sequence[str]) -> Iterator[Finding]:
    """A finding per denied (line, group, reason), each once, then one per remark code. `remarks`
    are the claim's own; the path is a field of the claim where the codes name one."""
    said = dict.fromkeys(remarks)
    for line, group, reason, of_line in dict.fromkeys(denied):
        denial = explain(reason, (*of_line, *remarks))
        said |= dict.fromkeys(of_line)
        yield Finding(
            code=f"denial-{denial.kind.replace('_', '-')}",
            path=_path(denial, line),
            message=denial.meaning,
            hint=denial.next_step,
            source=f"CARC {group}-{reason}",
        )
    for code in said:
        remark = REMARKS.get(code)
        yield Finding(
            code="remark",
            severity="inform",
            message=remark.meaning if remark else "The payer added a remark code.",
            source=f"RARC {code}",
        )


def _path(denial: Denial, line: int | None) -> str:
    if denial.field is not None and not denial.is_of_line:
        return denial.field
    place = "claim" if line is None else f"service_lines[{line}]"
    return place if denial.field is None or line is None else f"{place}.{denial.field}"

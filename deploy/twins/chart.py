"""What a chart says in place of what the hospital twin gets wrong, as JSON Patches on the claim.

Apart from the biller, who works the list over HTTP: who adds a mistake adds its correction here.
Each corrects by what else the claim says.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from deploy.twins.hospital import npi

Claim = Mapping[str, Any]
Finding = Mapping[str, Any]
Operation = dict[str, Any]
Correction = Callable[[Claim, str], list[Operation]]
"""From a claim and a finding's path to what makes it right; nothing where that is not known."""


def _line_of(path: str) -> int:
    return int(path.partition("[")[2].partition("]")[0])


def _put(path: str, value: object) -> list[Operation]:
    return [{"op": "add", "path": path, "value": value}]


def _right_npi(claim: Claim, path: str) -> list[Operation]:
    """The number as the registry has it: nine digits and their check digit."""
    given = claim["billing_provider"].get("npi", "")
    if path != "billing_provider.npi" or not given[:9].isdecimal():
        return []
    return _put("/billing_provider/npi", npi(int(given[:9]) - 100_000_000))


def _right_total(claim: Claim, _: str) -> list[Operation]:
    return _put("/charge", _total(claim["service_lines"]))


def _total(lines: Iterable[Claim]) -> str:
    return f"{sum(Decimal(line['charge']) for line in lines):.2f}"


def _without_line(claim: Claim, path: str) -> list[Operation]:
    """Without a line that should not be there; the others are numbered anew."""
    at = _line_of(path)
    left = [line for number, line in enumerate(claim["service_lines"]) if number != at]
    if not left:
        return []
    numbers = [
        {"op": "replace", "path": f"/service_lines/{place}/number", "value": place + 1}
        for place in range(at, len(left))
    ]
    removed: Operation = {"op": "remove", "path": f"/service_lines/{at}"}
    return [removed, *numbers, *_put("/charge", _total(left))]


def _without_first_diagnosis(claim: Claim, _: str) -> list[Operation]:
    """The diagnosis behind it was the reason for the service."""
    if len(claim["diagnoses"]) < 2:
        return []
    removed: Operation = {"op": "remove", "path": "/diagnoses/0"}
    return [removed, *_put("/diagnoses/0/role", "principal")]


def _more_precise(claim: Claim, path: str) -> list[Operation]:
    """The code that the record supports; nothing of it where the claim has that one already."""
    at, codes = _line_of(path), [each["code"] for each in claim["diagnoses"]]
    precise = _PRECISE.get(codes[at])
    if precise in codes:
        return [{"op": "remove", "path": f"/diagnoses/{at}"}]
    return _put(f"/diagnoses/{at}/code", precise) if precise else []


_PRECISE = {"M545": "M5450", "S72001": "S72001A", "Z00129": "Z0000"}


def _without_diagnosis(_: Claim, path: str) -> list[Operation]:
    return [{"op": "remove", "path": f"/diagnoses/{_line_of(path)}"}]


def _reason_for_service(claim: Claim, path: str) -> list[Operation]:
    """The diagnosis for which the chart says that the test was ordered, and the line points to."""
    pointers = f"/service_lines/{_line_of(path)}/diagnosis_pointers"
    added = {"code": _ORDERED_FOR, "role": "other"}
    return [*_put("/diagnoses/-", added), *_put(pointers, [len(claim["diagnoses"]) + 1])]


_ORDERED_FOR = "E559"


def _one_day(claim: Claim, path: str) -> list[Operation]:
    at = _line_of(path)
    return _put(f"/service_lines/{at}/service_through", claim["service_lines"][at]["service_from"])


def _of_line(field: str, value: object) -> Correction:
    """Puts a value into a field of the line; nothing where it is there already."""

    def correct(claim: Claim, path: str) -> list[Operation]:
        at = _line_of(path)
        is_right = claim["service_lines"][at].get(field) == value
        return [] if is_right else _put(f"/service_lines/{at}/{field}", value)

    return correct


CORRECTIONS: Mapping[str, Correction] = {
    "npi-check-digit": _right_npi,
    "claim-total": _right_total,
    "dates-reversed": _one_day,
    "diagnosis-repeated": _without_diagnosis,
    "frequency-reference": lambda *_: _put("/frequency", "1"),
    "diagnosis-not-billable": _more_precise,
    "diagnosis-seventh-missing": _more_precise,
    "external-cause-first": _without_first_diagnosis,
    "manifestation-first": _without_first_diagnosis,
    "age-pediatric": _more_precise,
    "procedure-not-active": _of_line("procedure/code", "99213"),
    "pair-never-together": _without_line,
    "pair-needs-modifier": _without_line,
    "units-over-day-limit": _of_line("units", "1"),
    "modifier-components": _of_line("procedure/modifiers", []),
    "laterality": _of_line("procedure/modifiers", ["LT"]),
    "units-fraction": _of_line("units", "1"),
    "ndc-format": _of_line("drug/ndc", "00409379501"),
    "add-on-without-primary": _without_line,
    "not-medically-necessary": _reason_for_service,
    "line-repeated": _without_line,
    "place-unknown": lambda *_: _put("/facility_code", "11"),
    "revenue-procedure-missing": _of_line("procedure", {"code": "80053"}),
    "meridian-commercial.imaging-authorization": lambda *_: _put("/prior_authorization", "PA72148"),
}
"""By the code of a finding: what the chart says instead. A filing limit that has passed has no
correction."""


def corrections(claim: Claim, findings: Iterable[Finding]) -> list[Operation]:
    """The patch for the first of what holds a claim that has a correction; empty where none has.
    What else there is shows when that is corrected."""
    for finding in findings:
        correct = CORRECTIONS.get(finding["code"])
        patch = correct(claim, finding.get("path") or "") if correct else []
        if patch:
            return patch
    return []

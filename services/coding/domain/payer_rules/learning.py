"""From denials to drafts: a rule that would have held the next claim of the same kind.

Only where a payer's reason names a cause that codes can show: the reasons below, each with what it
takes to see it coming. A draft holds codes and nothing of a patient; its tests are the denied claim
reduced to them, and the same without the cause. A person reads it, tries it, and activates it.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from shared.contract.claim import Claim, ServiceLine

MAX_OTHERS = 3
_UNNAMED = re.compile("[^a-z0-9]+")
_PLACE_OF_LINE = '(line.place_of_service != "" ? line.place_of_service : claim.facility_code)'


@dataclass(frozen=True, slots=True)
class DeniedLine:
    """One line of a denied claim: the payer's reason (CARC), and the codes it was billed with."""

    payer: str
    kind: str
    reason: str
    code: str
    modifiers: tuple[str, ...] = ()
    place_of_service: str = ""
    diagnosis: str = ""
    """That the line points to first."""
    others: tuple[str, ...] = ()
    """Procedure codes of the other lines of the same day."""
    has_authorization: bool = False


@dataclass(frozen=True, slots=True)
class _Cause:
    """What a reason says is wrong: the condition beside the code, what a test claim has, what
    makes it right, and words for a biller. A None condition: the codes do not show this cause."""

    title: str
    fix: str
    when: Callable[[DeniedLine], str | None]
    broken: Callable[[DeniedLine], dict[str, Any]]
    kept: Callable[[DeniedLine], dict[str, Any]]


def _text(value: str) -> str:
    return json.dumps(value)


def _line(denied: DeniedLine, **changes: Any) -> dict[str, Any]:
    procedure: dict[str, Any] = {"code": denied.code}
    modifiers = changes.pop("modifiers", denied.modifiers)
    if modifiers:
        procedure["modifiers"] = list(modifiers)
    return {"procedure": procedure, **changes}


def _lines(denied: DeniedLine, *others: str, **changes: Any) -> dict[str, Any]:
    lines = [_line(denied, **changes), *({"procedure": {"code": code}} for code in others)]
    return {"service_lines": lines}


def _other(value: str, *choices: str) -> str:
    """One of the choices that is not the value."""
    return next(choice for choice in choices if choice != value)


def _same_modifiers(denied: DeniedLine) -> str:
    if not denied.modifiers:
        return "size(line.procedure.modifiers) == 0"
    return f"line.procedure.modifiers == {json.dumps(list(denied.modifiers))}"


def _pair(denied: DeniedLine) -> str | None:
    if not denied.others:
        return None
    codes = json.dumps(list(denied.others[:MAX_OTHERS]))
    return (
        f"{_same_modifiers(denied)} && claim.service_lines.exists(other, "
        f"other.procedure.code in {codes} && other.service_from == line.service_from)"
    )


_MODIFIER = _Cause(
    "with these modifiers, or none",
    "Check which modifier the record supports before it is sent.",
    _same_modifiers,
    _lines,
    lambda denied: _lines(denied, modifiers=(*denied.modifiers, "XX")),
)
_PLACE = _Cause(
    "at this place of service",
    "Check the place of service, or the code for it.",
    lambda denied: (
        f"{_PLACE_OF_LINE} == {_text(denied.place_of_service)}" if denied.place_of_service else None
    ),
    lambda denied: _lines(denied, place_of_service=denied.place_of_service),
    lambda denied: _lines(denied, place_of_service=_other(denied.place_of_service, "11", "22")),
)
_DIAGNOSIS = _Cause(
    "for this diagnosis",
    "Check the diagnosis that the line points to, and the payer's coverage policy.",
    lambda denied: (
        "line.diagnosis_pointers.exists(pointer, "
        "pointer > 0 && pointer <= size(claim.diagnoses) && "
        f"claim.diagnoses[pointer - 1].code == {_text(denied.diagnosis)})"
        if denied.diagnosis
        else None
    ),
    lambda denied: {
        "diagnoses": [{"code": denied.diagnosis, "role": "principal"}],
        **_lines(denied, diagnosis_pointers=[1]),
    },
    lambda denied: {
        "diagnoses": [{"code": _other(denied.diagnosis, "I10", "Z0000"), "role": "principal"}],
        **_lines(denied, diagnosis_pointers=[1]),
    },
)
_AUTHORIZATION = _Cause(
    "without an authorization number",
    "Ask the payer for the authorization, and enter its number (REF*G1), before it is sent.",
    lambda denied: (
        None
        if denied.has_authorization
        else 'claim.prior_authorization == "" && line.prior_authorization == ""'
    ),
    _lines,
    lambda denied: {"prior_authorization": "A1", **_lines(denied)},
)
_BUNDLING = _Cause(
    "together with another service of the same day",
    "Check the edit between the two codes: add the modifier that the record supports, or remove "
    "the line.",
    _pair,
    lambda denied: _lines(denied, *denied.others[:1]),
    _lines,
)

CAUSES: Mapping[str, _Cause] = {
    "4": _MODIFIER,
    "5": _PLACE,
    "58": _PLACE,
    "11": _DIAGNOSIS,
    "50": _DIAGNOSIS,
    "167": _DIAGNOSIS,
    "15": _AUTHORIZATION,
    "197": _AUTHORIZATION,
    "97": _BUNDLING,
    "231": _BUNDLING,
    "236": _BUNDLING,
}
"""By claim adjustment reason code."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed pack, as YAML, and how many denials it was made from."""

    pack: str
    document: str
    payer: str
    reason: str
    code: str
    denials: int


def drafts(denied: Iterable[DeniedLine], today: date, least: int = 1) -> list[Draft]:
    """A draft for each payer, reason and codes that at least so many denials name, those with the
    most denials first."""
    counted = Counter(one for one in denied if _condition(one) is not None)
    return [
        _draft(one, count, today)
        for one, count in sorted(counted.items(), key=lambda pair: (-pair[1], repr(pair[0])))
        if count >= least
    ]


def _condition(denied: DeniedLine) -> str | None:
    cause = CAUSES.get(denied.reason)
    return cause.when(denied) if cause and denied.payer and denied.code else None


def _draft(denied: DeniedLine, count: int, today: date) -> Draft:
    cause = CAUSES[denied.reason]
    name = _UNNAMED.sub("-", f"{denied.payer}-{denied.code}".lower())
    # Of two drafts for one code and reason, the condition tells which is which.
    mark = hashlib.sha256(str(cause.when(denied)).encode()).hexdigest()[:6]
    pack = f"learned-{name}-{denied.reason.lower()}"[:33].rstrip("-") + f"-{mark}"
    path = "service_lines[0]"
    rule = {
        "id": f"reason-{denied.reason.lower()}",
        "title": f"{denied.code} {cause.title} was denied",
        "explanation": f"Drafted from {count} denial(s) of this payer with reason {denied.reason}. "
        "Read it, correct it, and try it in shadow before it is activated.",
        "severity": "warn",
        "effective": today.replace(month=1, day=1),
        "claim_types": [denied.kind],
        "procedures": [denied.code],
        "for_each": "service_lines",
        "when": cause.when(denied),
        "message": f"This payer has denied {denied.code} {cause.title} before.",
        "fix": cause.fix,
        "source": f"CARC {denied.reason}, as this payer has used it",
        "tests": [
            {"name": "as it was denied", "claim": cause.broken(denied), "found": [path]},
            {"name": "without the cause", "claim": cause.kept(denied), "found": []},
        ],
    }
    document = {
        "pack": pack,
        "version": 1,
        "title": f"Learned from denials of {denied.payer}",
        "scope": {"payers": [denied.payer]},
        "rules": [rule],
    }
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return Draft(pack, text, denied.payer, denied.reason, denied.code, count)


def denied_lines(claim: Claim, reasons: Mapping[str, Sequence[str]]) -> list[DeniedLine]:
    """What a denied claim teaches. `reasons` are the payer's, by our line control number."""
    return [
        _of_line(claim, line, reason)
        for line in claim.service_lines
        if line.procedure is not None
        for reason in reasons.get(line.line_control_number or "", ())
    ]


def _of_line(claim: Claim, line: ServiceLine, reason: str) -> DeniedLine:
    assert line.procedure is not None
    pointers = line.diagnosis_pointers
    is_pointed = bool(pointers) and 0 < pointers[0] <= len(claim.diagnoses)
    others = {
        other.procedure.code
        for other in claim.service_lines
        if other.procedure is not None
        and other.service_from == line.service_from
        and other.procedure.code != line.procedure.code
    }
    return DeniedLine(
        payer=claim.payer.identifier or "",
        kind=claim.kind,
        reason=reason,
        code=line.procedure.code,
        modifiers=line.procedure.modifiers if CAUSES.get(reason) in (_MODIFIER, _BUNDLING) else (),
        place_of_service=(line.place_of_service or claim.facility_code or "")
        if CAUSES.get(reason) is _PLACE
        else "",
        diagnosis=claim.diagnoses[pointers[0] - 1].code
        if is_pointed and CAUSES.get(reason) is _DIAGNOSIS
        else "",
        others=tuple(sorted(others)[:MAX_OTHERS]) if CAUSES.get(reason) is _BUNDLING else (),
        has_authorization=bool(claim.prior_authorization or line.prior_authorization)
        and CAUSES.get(reason) is _AUTHORIZATION,
    )

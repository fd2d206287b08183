"""NCCI procedure-to-procedure edits: two services of one provider, patient and day.

The practitioner set judges professional claims, the outpatient set the bill types that Medicare
runs through the outpatient code editor. The service in column two is the one a payer denies. Lines
of earlier claims of the same day count. Medicaid has editions of its own: where they are not what
is loaded, its claims are only warned.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from typing import NamedTuple

from services.coding.domain.modifier_table import (
    ANATOMIC,
    PASSES_PAIR,
    is_laboratory,
    is_visit,
)
from services.coding.domain.reference import PairEdit, Table
from services.coding.domain.rule import Breach, Case, Rule, Severity
from services.coding.domain.served import Service, is_medicaid
from shared.contract.claim import Claim

OUTPATIENT_BILLS = frozenset(("12", "13", "14", "22", "23", "34", "74", "75", "76"))
"""Types of bill whose lines the outpatient pair edits judge (NCCI Policy Manual, introduction; for
34, 74 and 75 by Medicare Claims Processing Manual 23, 20.9)."""
_NEVER = "0"
_NOT_APPLIED = "9"


class Given(NamedTuple):
    """A service that counts: of this claim (with its line), or of an earlier one."""

    code: str
    modifiers: tuple[str, ...]
    units: Decimal
    line: Service | None


Groups = Mapping[tuple[int, str | None], Mapping[str, list[Given]]]
"""Services by code, for each day and provider."""


def edit_set(claim: Claim) -> str | None:
    """Which set of edits judges a claim."""
    if claim.kind == "professional":
        return "practitioner"
    if claim.kind == "institutional" and claim.facility_code in OUTPATIENT_BILLS:
        return "outpatient"
    return None


def grouped(case: Case) -> Groups:
    """This claim's services and those of earlier claims of its kind, on the days it has."""
    groups: dict[tuple[int, str | None], dict[str, list[Given]]] = {}
    for service in case.services:
        if service.day:
            by_code = groups.setdefault((service.day, service.provider), {})
            given = Given(service.code, service.modifiers, service.units, service)
            by_code.setdefault(service.code, []).append(given)
    for line in case.earlier:
        earlier = groups.get((line.day.toordinal(), line.provider))
        if earlier is not None and line.code is not None and line.kind == case.claim.kind:
            given = Given(line.code, line.modifiers, line.units, None)
            earlier.setdefault(line.code, []).append(given)
    return groups


def _table(case: Case) -> Table[PairEdit] | None:
    name = edit_set(case.claim)
    editions = case.reference.pairs.get(name) if name else None
    return editions.newest if editions else None


def _never(case: Case) -> Iterator[Breach]:
    table = _table(case)
    if table is None or len(case.services) + len(case.earlier) < 2:
        return
    for edit, one, two in _hits(case, table):
        if edit.indicator == _NEVER:
            hint = (
                f"Remove {edit.column_2}: it is part of {edit.column_1}. No modifier changes that."
            )
            yield from _breaches(
                case, edit, [(first, second) for first in one for second in two], hint, table
            )


def _unmodified(case: Case) -> Iterator[Breach]:
    table = _table(case)
    if table is None or len(case.services) + len(case.earlier) < 2:
        return
    for edit, one, two in _hits(case, table):
        if edit.indicator == "1":
            pairs = [
                (first, second) for first in one for second in two if not _passes(first, second)
            ]
            yield from _breaches(case, edit, pairs, _advice(edit), table)


def _hits(
    case: Case, table: Table[PairEdit]
) -> Iterator[tuple[PairEdit, list[Given], list[Given]]]:
    """The edits in effect between services of one day and provider, at least one of this claim."""
    find = table.find
    for (day, _), by_code in grouped(case).items():
        if len(by_code) < 2:
            continue
        for low, high in combinations(sorted(by_code), 2):
            for edit in find(low + high):
                if is_in_effect(edit, day):
                    yield edit, by_code[edit.column_1], by_code[edit.column_2]


def is_in_effect(edit: PairEdit, day: int) -> bool:
    """Both ends count. An edit that was deleted as of its first day was never applied."""
    return (
        edit.first <= day <= edit.last
        and edit.first != edit.last
        and edit.indicator != _NOT_APPLIED
    )


def _breaches(
    case: Case,
    edit: PairEdit,
    pairs: Sequence[tuple[Given, Given]],
    hint: str,
    table: Table[PairEdit],
) -> Iterator[Breach]:
    """One breach for each line of this claim that would be denied. Where that service stands on an
    earlier claim, the breach is at our line that would take its payment away."""
    lines = {}
    for first, second in pairs:
        line = second.line or first.line
        if line is not None:
            lines[line.at] = line
    severity: Severity | None = "warn" if is_medicaid(case.claim) else None
    for line in lines.values():
        yield Breach(
            f"{line.path}.procedure",
            (edit.column_1, edit.column_2),
            hint,
            table.edition,
            severity,
        )


def _passes(first: Given, second: Given) -> bool:
    """Whether a modifier that CMS accepts stands on either line. The same finger, eyelid, vessel or
    side on both says that it was one place."""
    accepted = PASSES_PAIR & {*first.modifiers, *second.modifiers}
    same_place = ANATOMIC & set(first.modifiers) & set(second.modifiers)
    return bool(accepted - same_place)


def _advice(edit: PairEdit) -> str:
    """Which modifiers could be right for this pair: only the record says whether one is."""
    advice = []
    if is_visit(edit.column_1) or is_visit(edit.column_2):
        advice.append(
            "25 on the visit if it was separate and significant (57 if it decided on "
            "major surgery, 24 if unrelated in a global period)"
        )
    if is_laboratory(edit.column_1) and is_laboratory(edit.column_2):
        advice.append("91 if the test was repeated for a new result")
    if not advice or not (is_visit(edit.column_1) or is_visit(edit.column_2)):
        advice.append(
            "XE, XS, XP, XU or 59 if it was another encounter, structure, clinician or "
            "a distinct service"
        )
        advice.append("LT, RT, E1-E4, FA-F9, TA-T9 or a vessel's if it was another place")
        advice.append("58, 78 or 79 within a global period")
    return (
        f"{edit.column_2} is not paid beside {edit.column_1}. Remove it, or, where the record "
        f"supports it, add to it: {'; '.join(advice)}."
    )


_SOURCE = "CMS NCCI procedure-to-procedure edits; NCCI Policy Manual, chapter I"

RULES = (
    Rule(
        "pair-never-together",
        "a payer pays only one of these two services on one day",
        "Remove the service in column two.",
        _SOURCE,
        _never,
        kinds=("professional", "institutional"),
    ),
    Rule(
        "pair-needs-modifier",
        "one of these two services is not paid beside the other without a modifier",
        "Remove it, or add the modifier that the record supports.",
        f"{_SOURCE}, section E (modifiers)",
        _unmodified,
        kinds=("professional", "institutional"),
    ),
)

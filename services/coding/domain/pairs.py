"""NCCI procedure-to-procedure edits: two services of one provider, patient and day.

The practitioner set judges professional claims, the outpatient set the bill types that Medicare
runs through the outpatient code editor. The service in column two is the one a payer denies. Lines
of earlier claims of the same day count. Medicaid has editions of its own: where they are not what
is loaded, its claims are only warned.
"""

from collections.abc import Iterator, Sequence

from services.coding.domain.modifier_table import (
    ANATOMIC,
    PASSES_PAIR,
    is_laboratory,
    is_visit,
)
from services.coding.domain.reference import PairEdit
from services.coding.domain.rule import Breach, Case, Rule, Severity
from services.coding.domain.served import is_medicaid
from services.coding.domain.together import Given, PairHit

_NEVER, _WITH_MODIFIER = "0", "1"


def _never(case: Case) -> Iterator[Breach]:
    for hit in case.pair_hits:
        if hit.edit.indicator == _NEVER:
            column_1, column_2 = hit.edit.column_1, hit.edit.column_2
            hint = f"Remove {column_2}: it is part of {column_1}. No modifier changes that."
            pairs = [(first, second) for first in hit.first for second in hit.second]
            yield from _breaches(case, hit, pairs, hint)


def _unmodified(case: Case) -> Iterator[Breach]:
    for hit in case.pair_hits:
        if hit.edit.indicator == _WITH_MODIFIER:
            pairs = [
                (first, second)
                for first in hit.first
                for second in hit.second
                if not _passes(first, second)
            ]
            yield from _breaches(case, hit, pairs, _advice(hit.edit))


def _breaches(
    case: Case,
    hit: PairHit,
    pairs: Sequence[tuple[Given, Given]],
    hint: str,
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
            (hit.edit.column_1, hit.edit.column_2),
            hint,
            hit.edition,
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


def concerns(case: Case) -> bool:
    """Where an edit names two services of one day and provider."""
    return bool(case.pair_hits)


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

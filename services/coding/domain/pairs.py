"""NCCI procedure-to-procedure edits: two services of one provider, patient and day.

The practitioner set judges professional claims, the outpatient set the bill types that Medicare
runs through the outpatient code editor. The service in column two is the one a payer denies. Lines
of earlier claims of the same day count. Medicaid has editions of its own: where they are not what
is loaded, its claims are only warned.
"""

from collections.abc import Callable, Iterable, Iterator

from services.coding.domain.modifier_table import (
    ANATOMIC,
    PASSES_PAIR,
    is_laboratory,
    is_visit,
)
from services.coding.domain.reference import PairEdit
from services.coding.domain.rule import Breach, Case, Rule, Severity
from services.coding.domain.served import Service, is_medicaid
from services.coding.domain.together import Given, PairHit

_NEVER, _WITH_MODIFIER = "0", "1"
Passes = Callable[[frozenset[str], frozenset[str]], bool]
"""Whether two services are paid together, by the modifiers of each that CMS accepts."""


def _never(case: Case) -> Iterator[Breach]:
    for hit in case.pair_hits:
        if hit.edit.indicator == _NEVER:
            column_1, column_2 = hit.edit.column_1, hit.edit.column_2
            hint = f"Remove {column_2}: it is part of {column_1}. No modifier changes that."
            yield from _breaches(case, hit, hint, lambda _, __: False)


def _unmodified(case: Case) -> Iterator[Breach]:
    for hit in case.pair_hits:
        if hit.edit.indicator == _WITH_MODIFIER:
            yield from _breaches(case, hit, _advice(hit.edit), _passes)


def _breaches(case: Case, hit: PairHit, hint: str, passes: Passes) -> Iterator[Breach]:
    severity: Severity | None = "warn" if is_medicaid(case.claim) else None
    for line in denied(hit, passes):
        yield Breach(
            f"{line.path}.procedure",
            (hit.edit.column_1, hit.edit.column_2),
            hint,
            hit.edition,
            severity,
        )


def denied(hit: PairHit, passes: Passes) -> Iterable[Service]:
    """The lines of this claim that an edit would deny: where the service in column two stands on an
    earlier claim, our line that would take its payment away. Every service in column one stands
    against every one in column two; what they say is compared once for each combination of
    modifiers that count, since a claim may have hundreds of lines of either."""
    ours = [(given.line, _counting(given)) for given in hit.second if given.line is not None]
    earlier = {_counting(given) for given in hit.second if given.line is None}
    seconds = earlier.union([modifiers for _, modifiers in ours])
    lines: dict[int, Service] = {}
    compared: dict[frozenset[str], dict[frozenset[str], bool]] = {}
    for given in hit.first:
        first = _counting(given)
        passed = compared.get(first)
        if passed is None:
            passed = compared[first] = {second: passes(first, second) for second in seconds}
            for line, second in ours:
                if not passed[second]:
                    lines[line.at] = line
        if given.line is not None and earlier and not all(passed[second] for second in earlier):
            lines[given.line.at] = given.line
    return lines.values()


def _counting(given: Given) -> frozenset[str]:
    return PASSES_PAIR.intersection(given.modifiers)


def _passes(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether a modifier that CMS accepts stands on either line. The same finger, eyelid, vessel or
    side on both says that it was one place."""
    same_place = ANATOMIC & first & second
    return (first | second) != same_place


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

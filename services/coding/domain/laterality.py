"""Checks that the side in a modifier is the side in the diagnosis."""

from collections.abc import Iterator

from services.coding.domain.modifier_table import LEFT, RIGHT
from services.coding.domain.rule import Breach, Case, Rule

_OPPOSITE = {"L": "R", "R": "L"}


def _side(modifiers: tuple[str, ...]) -> str:
    """L or R where the modifiers name one side only."""
    is_left, is_right = not LEFT.isdisjoint(modifiers), not RIGHT.isdisjoint(modifiers)
    if is_left == is_right:
        return ""
    return "L" if is_left else "R"


def _contradiction(case: Case) -> Iterator[Breach]:
    """Where every diagnosis with a side that the line points to is of the other one."""
    by_place = {each.at: each for each in case.diagnoses}
    for service in case.services:
        side = _side(service.modifiers) if service.modifiers else ""
        if not side:
            continue
        sided = [
            coded
            for pointer in service.line.diagnosis_pointers
            if (coded := by_place.get(pointer - 1)) is not None
            and coded.entry is not None
            and coded.entry.side
        ]
        if sided and all(coded.entry and coded.entry.side == _OPPOSITE[side] for coded in sided):
            codes = (service.code, *service.modifiers, *(coded.code for coded in sided))
            yield Breach(f"{service.path}.procedure.modifiers", codes)


def concerns(case: Case) -> bool:
    """Where a line has a modifier."""
    return any(service.modifiers for service in case.services)


RULES = (
    Rule(
        "laterality",
        "the modifier says one side of the body, the diagnosis the other",
        "Correct the one that is not what the record says.",
        "ICD-10-CM Official Guidelines I.B.13; NCCI Policy Manual, chapter I, section E",
        _contradiction,
        kinds=("professional",),
    ),
)

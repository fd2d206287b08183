"""Which service of a claim each posted cent belongs to, from the ledger's legs.

It is apart from the bill because it undoes what posting sums up: adjustments stand in the ledger by
line, but what moves on to the next payer and what a person gives up is posted for the claim as a
whole. Those amounts are taken from the lines on which they stood, first line first, and come back
to the same lines with a reversal. Totals are the ledger's own, whatever the lines say. Cents.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from services.remittance.domain.ledger import AccountKind, EntryKind

REVERSAL = "/reversal"
_MOVING = frozenset({EntryKind.CROSSOVER, EntryKind.WRITE_OFF})
_LEFT = frozenset({AccountKind.PATIENT_RECEIVABLE, AccountKind.DENIED_PENDING})

Line = int | None
"""A service line's number; None for what was decided on the claim as a whole."""


class PostedLeg(NamedTuple):
    """One leg of one claim, with what its entry says. In the order of posting."""

    business_key: str
    kind: EntryKind
    group: str | None
    reason: str | None
    account: AccountKind
    line: Line
    cents: int


class Part(NamedTuple):
    """Where a cent of a line went: the kind of account, and the payer's reason."""

    account: AccountKind
    group: str
    reason: str


def cents_by_line(legs: Iterable[PostedLeg]) -> dict[Line, dict[Part, int]]:
    """Cents of each line by part, nothing left out: the sum over all lines is the sum of the legs,
    for every part."""
    sums: dict[Part, dict[Line, int]] = defaultdict(lambda: defaultdict(int))
    moved: dict[str, dict[Line, int]] = {}
    for key, entry in groupby(legs, key=lambda leg: leg.business_key):
        of_entry = list(entry)
        if of_entry[0].kind in _MOVING:
            _move(sums, moved, key, of_entry)
            continue
        for leg in of_entry:
            sums[_part(leg)][leg.line] += leg.cents
    lines: dict[Line, dict[Part, int]] = defaultdict(dict)
    for part, by_line in sums.items():
        for line, cents in by_line.items():
            if cents:
                lines[line][part] = cents
    return dict(lines)


def _part(leg: PostedLeg) -> Part:
    return Part(leg.account, leg.group or "", leg.reason or "")


def _move(
    sums: dict[Part, dict[Line, int]],
    moved: dict[str, dict[Line, int]],
    key: str,
    legs: list[PostedLeg],
) -> None:
    """An entry without lines, laid on those from which it takes, or to which it gives back."""
    left = next((leg for leg in legs if leg.account in _LEFT), None)
    if left is None:
        return
    if key.endswith(REVERSAL) and key.removesuffix(REVERSAL) in moved:
        taken = {line: -cents for line, cents in moved[key.removesuffix(REVERSAL)].items()}
    else:
        taken = _taken(sums[_part(left)], -left.cents)
        moved[key] = taken
    for leg in legs:
        sign = -1 if leg.cents * left.cents > 0 else 1
        for line, cents in taken.items():
            sums[_part(leg)][line] += sign * cents


def _taken(by_line: dict[Line, int], cents: int) -> dict[Line, int]:
    """So many cents from these lines, first line first; what they do not hold is the claim's."""
    taken: dict[Line, int] = {}
    for line in sorted((one for one in by_line if one is not None), key=lambda one: one):
        part = min(max(by_line[line], 0), cents - sum(taken.values()))
        if part > 0:
            taken[line] = part
    rest = cents - sum(taken.values())
    if rest:
        taken[None] = rest
    return taken

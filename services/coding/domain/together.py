"""Services that count together: of one patient, provider and day, earlier claims with them.

Here are the sets of NCCI edits that judge a claim and the pairs of its services that they name. It
is apart from the checks because several of them ask.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from services.coding.domain.history import History
from services.coding.domain.reference import PairEdit, Reference
from services.coding.domain.served import Service
from shared.contract.claim import Claim, ClaimKind

OUTPATIENT_BILLS = frozenset(("12", "13", "14", "22", "23", "34", "74", "75", "76"))
"""Types of bill whose lines the outpatient pair edits judge (NCCI Policy Manual, introduction; for
34, 74 and 75 by Medicare Claims Processing Manual 23, 20.9)."""
_NOT_APPLIED = "9"


class Given(NamedTuple):
    """A service that counts: of this claim (with its line), or of an earlier one."""

    code: str
    modifiers: tuple[str, ...]
    units: Decimal
    """Of one day."""
    line: Service | None


Groups = Mapping[tuple[int, str | None], Mapping[str, list[Given]]]
"""Services by code, for each day and provider: a claim's own first, then those of earlier ones."""


def daily(units: Decimal, days: int) -> Decimal:
    """Units of one day: of a line over several days the average, rounded to a whole number (CMS
    MUE FAQ; NCCI Policy Manual, chapter I, section V)."""
    if days == 1:
        return units
    return (units / days).quantize(Decimal(1), rounding=ROUND_HALF_UP)


def edit_set(claim: Claim) -> str | None:
    """Which set of edits judges a claim."""
    if claim.kind == "professional":
        return "practitioner"
    if claim.kind == "institutional" and claim.facility_code in OUTPATIENT_BILLS:
        return "outpatient"
    return None


def grouped(kind: ClaimKind, services: Sequence[Service], earlier: History) -> Groups:
    """A claim's services and those of earlier claims of its kind, on the days it has."""
    groups: dict[tuple[int, str | None], dict[str, list[Given]]] = {}
    for service in services:
        if service.day:
            by_code = groups.setdefault((service.day, service.provider), {})
            units = daily(service.units, service.days)
            given = Given(service.code, service.modifiers, units, service)
            by_code.setdefault(service.code, []).append(given)
    for line in earlier:
        beside = groups.get((line.day.toordinal(), line.provider))
        if beside is not None and line.code is not None and line.kind == kind:
            given = Given(line.code, line.modifiers, daily(line.units, line.days), None)
            beside.setdefault(line.code, []).append(given)
    return groups


class PairHit(NamedTuple):
    """An edit in effect between services, the column one's and the column two's."""

    edit: PairEdit
    first: Sequence[Given]
    second: Sequence[Given]
    edition: str


def pair_hits(claim: Claim, groups: Groups, reference: Reference) -> tuple[PairHit, ...]:
    """The edits in effect between services of one day and provider."""
    name = edit_set(claim)
    editions = reference.pairs.get(name) if name else None
    table = editions.newest if editions else None
    if table is None:
        return ()
    return tuple(
        [
            PairHit(edit, by_code[edit.column_1], by_code[edit.column_2], table.edition)
            for (day, _), by_code in groups.items()
            if len(by_code) > 1
            for edit in table.find_pairs(sorted(by_code))
            if is_in_effect(edit, day)
        ]
    )


def is_in_effect(edit: PairEdit, day: int) -> bool:
    """Both ends count. An edit that was deleted as of its first day was never applied."""
    return (
        edit.first <= day <= edit.last
        and edit.first != edit.last
        and edit.indicator != _NOT_APPLIED
    )

"""Units of a day counted against NCCI's unit limits: which lines of a claim are over.

It is apart from the checks because all three of them ask, and counting is done once a claim.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from services.coding.domain.reference import Reference, UnitLimit
from services.coding.domain.served import Service, is_equipment_supplier, is_medicare
from services.coding.domain.together import Given, Groups, daily
from shared.contract.claim import Claim

OUTPATIENT_BILLS = frozenset(("12", "13", "14", "22", "23", "34", "74", "75", "76", "85"))
PER_LINE, PER_DAY, PER_DAY_CLINICAL = 1, 2, 3
"""MUE adjudication indicators."""


class Over(NamedTuple):
    """A line over a limit."""

    service: Service
    limit: UnitLimit
    edition: str


def limit_set(claim: Claim) -> str | None:
    """Which set of limits judges a claim."""
    if claim.kind == "professional":
        return "dme" if is_equipment_supplier(claim) else "practitioner"
    if claim.kind == "institutional" and claim.facility_code in OUTPATIENT_BILLS:
        return "outpatient"
    return None


def over_limits(
    claim: Claim, services: Sequence[Service], groups: Groups, reference: Reference
) -> tuple[Over, ...]:
    """The lines over a limit, those of a code and day together where the limit is the day's."""
    name = limit_set(claim)
    editions = reference.limits.get(name) if name else None
    if not editions:
        return ()
    over = []
    of_day: dict[int, Decimal] = {}
    for service in services:
        table = editions.on_ordinal(service.day)
        found = table.find(service.code) if table is not None else ()
        if table is None or not found:
            continue
        limit = found[0]
        if limit.value == 0 and not is_medicare(claim):
            continue
        if limit.indicator == PER_LINE:
            counted = daily(service.units, service.days)
        else:
            beside = groups[service.day, service.provider][service.code]
            counted = beside[0].units if len(beside) == 1 else _units_of_day(beside, of_day)
        if counted > limit.value:
            over.append(Over(service, limit, table.edition))
    return tuple(over)


def _units_of_day(beside: Sequence[Given], known: dict[int, Decimal]) -> Decimal:
    """All units of the code that this patient got from this provider on this day, added up once."""
    units = known.get(id(beside))
    if units is None:
        units = known[id(beside)] = sum([given.units for given in beside], Decimal(0))
    return units

"""NCCI medically unlikely edits: the most units of a code that one patient gets from one provider.

The adjudication indicator says how units count: 1 each line by itself; 2 and 3 all lines of the
code and day together, earlier claims with them. For 2 the limit follows from law, anatomy or the
code's meaning; for 3 it is clinical, and a payer may be convinced on appeal. Over the limit all
units are denied. The edits are Medicare's: other payers are warned, and a limit of zero, which
says that Medicare does not cover the code, means nothing to them.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from services.coding.domain.reference import UnitLimit
from services.coding.domain.rule import Breach, Case, Rule
from services.coding.domain.served import (
    Service,
    is_equipment_supplier,
    is_medicare,
)
from shared.contract.claim import Claim

OUTPATIENT_BILLS = frozenset(("12", "13", "14", "22", "23", "34", "74", "75", "76", "85"))
PER_LINE, PER_DAY, PER_DAY_CLINICAL = 1, 2, 3


class Over(NamedTuple):
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


def daily_units(service: Service) -> Decimal:
    """Units of one day: of a line over several days the average, rounded to a whole number."""
    if service.days == 1:
        return service.units
    return (service.units / service.days).quantize(Decimal(1), rounding=ROUND_HALF_UP)


def _over(case: Case, *indicators: int) -> Iterator[Over]:
    name = limit_set(case.claim)
    editions = case.reference.limits.get(name) if name else None
    if not editions:
        return
    for service in case.services:
        table = editions.on_ordinal(service.day)
        found = table.find(service.code) if table is not None else ()
        if table is None or not found or found[0].indicator not in indicators:
            continue
        limit = found[0]
        if limit.value == 0 and not is_medicare(case.claim):
            continue
        counted = (
            daily_units(service) if limit.indicator == PER_LINE else _units_of_day(case, service)
        )
        if counted > limit.value:
            yield Over(service, limit, table.edition)


def _units_of_day(case: Case, service: Service) -> Decimal:
    """All units of the code that this patient got from this provider on this day."""
    counted = [
        daily_units(other)
        for other in case.services
        if other.code == service.code
        and other.day == service.day
        and other.provider == service.provider
    ]
    counted += [
        line.units
        for line in case.earlier
        if line.code == service.code
        and line.day.toordinal() == service.day
        and line.provider == service.provider
        and line.kind == case.claim.kind
    ]
    return sum(counted, Decimal(0))


def _breach(case: Case, over: Over, hint: str) -> Breach:
    if over.limit.value == 0:
        hint = "Medicare never pays this code here: remove it, or bill another payer."
    return Breach(
        f"{over.service.path}.units",
        (over.service.code,),
        hint,
        over.edition,
        None if is_medicare(case.claim) else "warn",
    )


def _per_line(case: Case) -> Iterator[Breach]:
    for over in _over(case, PER_LINE):
        hint = (
            f"At most {over.limit.value} on a line. Where more were given, put the rest on lines "
            "of their own with the modifier that says why (76, 77, a side or finger, 59)."
        )
        yield _breach(case, over, hint)


def _per_day(case: Case) -> Iterator[Breach]:
    for over in _over(case, PER_DAY):
        hint = (
            f"At most {over.limit.value} a day over all lines and claims; no modifier and no "
            "appeal changes that. Correct the units or the code."
        )
        yield _breach(case, over, hint)


def _per_day_clinical(case: Case) -> Iterator[Breach]:
    for over in _over(case, PER_DAY_CLINICAL):
        hint = (
            f"At most {over.limit.value} a day over all lines and claims. Check the units; where "
            "the record supports more, release the claim and be ready to appeal."
        )
        yield _breach(case, over, hint)


_SOURCE = "CMS NCCI medically unlikely edits, MAI {}; NCCI Policy Manual, chapter I, section V"

RULES = (
    Rule(
        "units-over-line-limit",
        "the line has more units than a payer takes on one line, and would be denied whole",
        "Correct the units, or split the line.",
        _SOURCE.format(1),
        _per_line,
        kinds=("professional", "institutional"),
    ),
    Rule(
        "units-over-day-limit",
        "the day has more units of this code than there can be, and all would be denied",
        "Correct the units or the code.",
        _SOURCE.format(2),
        _per_day,
        kinds=("professional", "institutional"),
    ),
    Rule(
        "units-over-clinical-limit",
        "the day has more units of this code than is usual, and all would be denied",
        "Check the units.",
        _SOURCE.format(3),
        _per_day_clinical,
        kinds=("professional", "institutional"),
    ),
)

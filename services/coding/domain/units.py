"""Checks of units against the kind of service they count, and of line dates against the claim."""

from collections.abc import Iterator

from services.coding.domain.modifier_table import is_anesthesia
from services.coding.domain.rule import Breach, Case, Rule

_MINUTES, _UNITS = "MJ", "UN"
_MILEAGE = frozenset(("A0021", "A0080", "A0090", "A0380", "A0390", "A0425", "A0435", "A0436"))
"""Counted in tenths of a mile."""
_TIMELESS_ANESTHESIA = frozenset(("01953", "01968", "01969", "01996"))
"""Add-on or daily anesthesia codes, which some payers take in units."""


def _fractions(case: Case) -> Iterator[Breach]:
    for service in case.services:
        if (
            service.line.unit in (None, _UNITS)
            and service.code not in _MILEAGE
            and service.units % 1
        ):
            yield Breach(f"{service.path}.units", (service.code,))


def _minutes(case: Case) -> Iterator[Breach]:
    for service in case.services:
        if service.line.unit == _MINUTES and not is_anesthesia(service.code):
            yield Breach(f"{service.path}.unit", (service.code,))


def _no_minutes(case: Case) -> Iterator[Breach]:
    for service in case.services:
        if (
            service.line.unit == _UNITS
            and is_anesthesia(service.code)
            and service.code not in _TIMELESS_ANESTHESIA
        ):
            yield Breach(f"{service.path}.unit", (service.code,))


def _fewer_than_days(case: Case) -> Iterator[Breach]:
    """A line over several days says that the service was given on each of them."""
    for service in case.services:
        if service.days > 1 and 0 < service.units < service.days:
            yield Breach(f"{service.path}.units", (service.code,))


def _outside_statement(case: Case) -> list[str]:
    claim = case.claim
    begins, ends = claim.statement_from, claim.statement_through
    if begins is None or ends is None:
        return []
    return [
        f"service_lines[{at}].service_from"
        for at, line in enumerate(claim.service_lines)
        if line.service_from is not None and not begins <= line.service_from <= ends
    ]


RULES = (
    Rule(
        "units-fraction",
        "the service is counted whole, and the units have a fraction",
        "Round as the code's unit asks; only mileage is sent in tenths.",
        "Medicare Claims Processing Manual 26, 10.4 item 24G; change request 7065 (mileage)",
        _fractions,
        kinds=("professional", "institutional"),
    ),
    Rule(
        "units-minutes",
        "minutes are for anesthesia, and this code is none",
        "Send the number of units.",
        "837P SV103; Medicare Claims Processing Manual 12, 50",
        _minutes,
        severity="warn",
        kinds=("professional",),
    ),
    Rule(
        "units-anesthesia-minutes",
        "anesthesia is billed in minutes",
        "Send the minutes, with unit MJ.",
        "837P SV103; Medicare Claims Processing Manual 12, 50",
        _no_minutes,
        severity="warn",
        kinds=("professional",),
    ),
    Rule(
        "units-fewer-than-days",
        "the line spans more days than it has units",
        "Send a line for each day on which the service was given.",
        "Medicare Claims Processing Manual 26, 10.4 item 24A",
        _fewer_than_days,
        severity="warn",
        kinds=("professional",),
    ),
    Rule(
        "service-outside-statement",
        "the service lies outside the claim's statement period",
        "Correct the date of service or the period.",
        "837I DTP*472 and DTP*434; NUBC form locators 6 and 45",
        _outside_statement,
        kinds=("institutional",),
    ),
)

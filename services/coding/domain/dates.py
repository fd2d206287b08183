"""Checks that dates are present and in an order that can have happened."""

from collections.abc import Iterator
from datetime import date, timedelta

from services.coding.domain.rule import Case, Rule
from shared.contract.claim import Claim

TIME_ZONE_SLACK = timedelta(days=1)
"""Claims come with local dates and are received in UTC, up to a day behind (Guam)."""


def _spans(case: Case) -> list[str]:
    claim = case.claim
    paths = [
        f"service_lines[{at}].service_through"
        for at, line in enumerate(claim.service_lines)
        if line.service_through is not None
        and line.service_from is not None
        and line.service_through < line.service_from
    ]
    if (
        claim.statement_from is not None
        and claim.statement_through is not None
        and claim.statement_through < claim.statement_from
    ):
        paths.append("statement_through")
    return paths


def _future(case: Case) -> list[str]:
    claim = case.claim
    latest = case.received_on + TIME_ZONE_SLACK
    paths = [
        f"service_lines[{at}].service_from"
        for at, line in enumerate(claim.service_lines)
        if line.service_from is not None and line.service_from > latest
    ]
    if claim.statement_through is not None and claim.statement_through > latest:
        paths.append("statement_through")
    return paths


def _admission(case: Case) -> tuple[str, ...]:
    admitted, through = case.claim.admitted_on, case.claim.statement_through
    return ("admitted_on",) if admitted and through and admitted > through else ()


def _birth(case: Case) -> tuple[str, ...]:
    claim = case.claim
    person = claim.patient or claim.subscriber
    if person.birth_date is None:
        return ()
    first = min(_served(claim), default=None)
    if first is None or person.birth_date <= first:
        return ()
    return ("patient.birth_date" if claim.patient else "subscriber.birth_date",)


def _served(claim: Claim) -> Iterator[date]:
    if claim.statement_from is not None:
        yield claim.statement_from
    for line in claim.service_lines:
        if line.service_from is not None:
            yield line.service_from


def _service_date(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].service_from"
        for at, line in enumerate(case.claim.service_lines)
        if line.service_from is None
    ]


def _statement_dates(case: Case) -> list[str]:
    claim = case.claim
    return [
        name for name in ("statement_from", "statement_through") if getattr(claim, name) is None
    ]


RULES = (
    Rule(
        "dates-reversed",
        "the period ends before it begins",
        "Correct the from or the through date.",
        "837 DTP*472, DTP*434",
        _spans,
    ),
    Rule(
        "date-in-future",
        "the service lies after the day on which the claim was received",
        "Correct the date, or send the claim when the service has been given.",
        "837 DTP*472, DTP*434",
        _future,
    ),
    Rule(
        "admission-after-statement",
        "the admission lies after the end of the statement period",
        "Correct the admission date or the statement dates.",
        "837I DTP*435 and DTP*434; NUBC form locators 6 and 12",
        _admission,
    ),
    Rule(
        "birth-after-service",
        "the patient was born after the first service",
        "Correct the date of birth or of service.",
        "837 DMG02 and DTP*472",
        _birth,
    ),
    Rule(
        "service-date-missing",
        "the line has no date of service",
        "Send the date on which the service was given.",
        "837P loop 2400 DTP*472",
        _service_date,
        kinds=("professional",),
    ),
    Rule(
        "statement-dates-missing",
        "the claim does not say which period it is for",
        "Send the first and the last day of the statement period.",
        "837I loop 2300 DTP*434; NUBC form locator 6",
        _statement_dates,
        kinds=("institutional",),
    ),
)

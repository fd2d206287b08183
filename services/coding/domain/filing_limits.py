"""Timely filing: how long a payer takes claims, and how much of that is left.

Medicare's and Medicaid's limits are law and come with the code; those of other payers are contract,
and are loaded by the operator (table filing-limit, by payer identifier). A replacement or void has
rules of its own and is not judged.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from services.coding.domain.rule import Breach, Case, Rule
from services.coding.domain.served import REPLACING, is_medicaid, is_medicare

WARNED = timedelta(days=30)
"""How long before the end of the limit a claim is warned of it."""
_YEAR = 1


def last_day(case: Case) -> tuple[date, str | None] | None:
    """The last day on which the payer takes the claim, and the edition that says so; None where no
    limit is known."""
    claim = case.claim
    day = _counted_from(case)
    if day is None:
        return None
    table = case.reference.filing_limits.newest
    found = table.find(claim.payer.identifier or "") if table and claim.payer.identifier else ()
    if table is not None and found:
        return day + timedelta(days=found[0].days), table.edition
    if is_medicare(claim) or is_medicaid(claim):
        return _a_year_after(day), None
    return None


def _counted_from(case: Case) -> date | None:
    """Medicare counts from the through date of institutional and the from date of professional
    claims (42 CFR 424.44; Medicare Claims Processing Manual 1, 70)."""
    claim = case.claim
    if claim.kind == "institutional":
        return claim.statement_through
    days = [line.service_from for line in claim.service_lines if line.service_from is not None]
    return min(days) if days else None


def _a_year_after(day: date) -> date:
    try:
        return day.replace(year=day.year + _YEAR)
    except ValueError:
        return date(day.year + _YEAR, 2, 28)


def _left(case: Case) -> tuple[int, str | None] | None:
    """Days left on the day the claim came, where it is an original."""
    if case.claim.frequency in REPLACING:
        return None
    found = last_day(case)
    return None if found is None else ((found[0] - case.received_on).days, found[1])


def _passed(case: Case) -> Iterator[Breach]:
    left = _left(case)
    if left is not None and left[0] < 0 and not case.claim.delay_reason:
        yield Breach(_path(case), edition=left[1])


def _soon(case: Case) -> Iterator[Breach]:
    left = _left(case)
    if left is not None and 0 <= left[0] <= WARNED.days:
        days = "1 day is" if left[0] == 1 else f"{left[0]} days are"
        yield Breach(_path(case), (), f"{days} left: see that the claim goes out.", left[1])


def _path(case: Case) -> str:
    return "statement_through" if case.claim.kind == "institutional" else "service_lines"


_SOURCE = "42 CFR 424.44 (Medicare), 42 CFR 447.45(d) (Medicaid); the payer's contract"

RULES = (
    Rule(
        "filing-limit-passed",
        "the payer's time to file has passed",
        "Send the delay reason (CLM20) with its evidence, or write the charge off: the patient "
        "does not owe it.",
        _SOURCE,
        _passed,
    ),
    Rule(
        "filing-limit-soon",
        "the payer's time to file ends soon",
        "See that the claim goes out.",
        _SOURCE,
        _soon,
        severity="warn",
    ),
)

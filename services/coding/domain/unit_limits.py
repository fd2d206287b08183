"""NCCI medically unlikely edits: the most units of a code that one patient gets from one provider.

The adjudication indicator says how units count: 1 each line by itself; 2 and 3 all lines of the
code and day together, earlier claims with them. For 2 the limit follows from law, anatomy or the
code's meaning; for 3 it is clinical, and a payer may be convinced on appeal. Over the limit all
units are denied. The edits are Medicare's: other payers are warned, and a limit of zero, which
says that Medicare does not cover the code, means nothing to them.
"""

from collections.abc import Iterator

from services.coding.domain.rule import Breach, Case, Rule
from services.coding.domain.served import is_medicare
from services.coding.domain.unit_counts import PER_DAY, PER_DAY_CLINICAL, PER_LINE, Over


def _over(case: Case, indicator: int) -> Iterator[Over]:
    return (over for over in case.over_limits if over.limit.indicator == indicator)


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


def concerns(case: Case) -> bool:
    """Where a line is over a limit."""
    return bool(case.over_limits)


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

"""What the demo found, as `report.json` has it and as its tables show it.

Apart from running the day: what a reader is shown changes with what the line can do, not with how
the day is published and heard.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from shared.money import format_cents

_REPORTED = (
    ("accepted", "accepted at our door"),
    ("encounters", "  of these, gathered from HL7 and FHIR messages"),
    ("gathered", "HL7 and FHIR messages they were gathered from"),
    ("refused", "refused at our door"),
    ("duplicates", "sent twice, taken once"),
    ("held", "held before a payer could deny them"),
    ("refused_by_payer", "refused by the payer (277CA)"),
    ("paid", "paid"),
    ("denied", "denied"),
    ("voided", "taken back (frequency 8)"),
    ("awaiting_payer", "awaiting the payer"),
)
_OFFICE = (
    ("fixed", "held, corrected from the worklist, sent"),
    ("resent", "refused, corrected, sent again"),
    ("replaced", "denied, replaced (frequency 7)"),
    ("voided", "taken back (frequency 8)"),
    ("at_second_payer", "billed to a second payer"),
    ("overdue", "answers missed in time"),
    ("inquiries_answered", "asked after (276), answered (277)"),
)
_MONEY = (
    ("charged", "charged"),
    ("paid", "paid by payers"),
    ("adjusted", "adjusted"),
    ("patient", "patients' share"),
    ("open", "still open"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """What the demo found. Amounts are integer cents; `problems` is empty when all reconciles."""

    claims: Mapping[str, int]
    money: Mapping[str, int]
    worklist: Mapping[str, tuple[int, int]]
    """As the billing office found it, by reason: entries, and the cents at stake."""
    families: Mapping[str, Mapping[str, int]]
    """Of coding's checks: claims `held`, `fixed` from the worklist and, of these, `paid`."""
    office: Mapping[str, int]
    """What happened after the day: claims sent again by hand, second payers, late answers."""
    trial_balance: Sequence[Mapping[str, str]]
    denials: Sequence[Mapping[str, Any]]
    bill: tuple[Path, ...]
    """One patient's bill: HTML and PDF, in two languages."""
    problems: tuple[str, ...]
    seconds: float

    def to_json(self) -> str:
        return json.dumps(
            {
                "claims": dict(self.claims),
                "money": {name: format_cents(cents) for name, cents in self.money.items()},
                "held_by_family": {name: dict(row) for name, row in self.families.items()},
                "office": dict(self.office),
                "bill": [path.name for path in self.bill],
                "reconciled": not self.problems,
                "problems": list(self.problems),
                "seconds": round(self.seconds, 1),
            },
            indent=2,
        )


def tables(report: Report) -> Iterator[Table]:
    """The report for a terminal, one table after another."""
    yield _claims_table(report)
    yield _money_table(report)
    yield _worklist_table(report)
    yield _families_table(report)
    yield _office_table(report)
    yield _denials_table(report)
    yield _trial_balance_table(report)


def _claims_table(report: Report) -> Table:
    table = _table("claims", f"{report.claims['published']:,} records published")
    for name, words in _REPORTED:
        table.add_row(words, f"{report.claims[name]:,}")
    return table


def _money_table(report: Report) -> Table:
    table = _table("money", "")
    for name, words in _MONEY:
        table.add_row(words, _dollars(report.money[name]))
    return table


def _worklist_table(report: Report) -> Table:
    table = _table("the worklist, as the billing office found it", "")
    for reason, (entries, at_stake) in report.worklist.items():
        table.add_row(f"{reason}: {entries:,}", _dollars(at_stake))
    return table


def _families_table(report: Report) -> Table:
    table = _table("held, by family of checks", "")
    for name, row in report.families.items():
        table.add_row(f"{name}: {row['held']}", f"{row['fixed']} fixed, {row['paid']} paid")
    return table


def _office_table(report: Report) -> Table:
    table = _table("after the day", "")
    for name, words in _OFFICE:
        table.add_row(words, f"{report.office[name]:,}")
    return table


def _denials_table(report: Report) -> Table:
    table = _table("denials, by next step", "")
    for row in report.denials:
        table.add_row(f"{row['kind']}: {row['next_step']}", _dollars(_cents(row["amount"])))
    return table


def _trial_balance_table(report: Report) -> Table:
    table = _table("trial balance", "")
    for row in report.trial_balance:
        table.add_row(f"{row['kind']} {row['payer'] or ''}", _dollars(_cents(row["balance"])))
    return table


def _cents(amount: str) -> int:
    return int(amount.replace(".", ""))


def _table(title: str, caption: str) -> Table:
    table = Table(title=title, caption=caption or None, title_justify="left", show_header=False)
    table.add_column(justify="left", min_width=38)
    table.add_column(justify="right", min_width=14)
    return table


def _dollars(amount_cents: int) -> str:
    units, _, cents = format_cents(abs(amount_cents)).partition(".")
    return f"{'-' if amount_cents < 0 else ''}${int(units):,}.{cents}"

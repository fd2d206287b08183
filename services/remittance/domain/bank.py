"""What a bank says came in: a CSV with headings, or a BAI2 file, into deposits.

It is apart because a bank knows no claims: the trace number of its line is all that ties a deposit
to an 835. CSV needs the columns date (YYYY-MM-DD or MM/DD/YYYY), amount and trace; payer is
optional. BAI2 (the public Cash Management Balance Reporting format, version 2): 16 records with a
credit type (100 to 399); the trace number is the customer reference, else the bank reference.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from services.remittance.domain.commands import Deposited
from shared.contract.envelope import business_id
from shared.money import parse_decimal_cents

_COLUMNS = {
    "date": ("date", "deposit date", "posted", "value date"),
    "amount": ("amount", "credit", "deposit amount"),
    "trace": ("trace", "trace number", "reference", "eft number", "check number"),
    "payer": ("payer", "payer name", "description", "originator"),
}


class StatementError(ValueError):
    """A bank's statement that cannot be read; the text names the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class _Line:
    on: date
    amount: int
    trace: str
    payer: str | None


def deposits_of(text: str) -> list[Deposited]:
    """The deposits of a statement. The same lines again have the same ids, so that a statement
    imported twice counts once. Raises StatementError, and then nothing of it is to be taken."""
    lines = text.lstrip("\ufeff").splitlines()
    read = _bai2(lines) if lines and lines[0].startswith("01,") else _csv(lines)
    seen: Counter[_Line] = Counter()
    deposits = []
    for line in read:
        seen[line] += 1
        identity = (line.trace, line.amount, line.on.isoformat(), seen[line])
        deposits.append(
            Deposited(
                business_id("deposit", *identity), line.trace, line.amount, line.on, line.payer
            )
        )
    return deposits


def _csv(lines: list[str]) -> Iterator[_Line]:
    rows = csv.reader(lines)
    heading = [name.strip().lower() for name in next(rows, [])]
    places = {
        field: next((heading.index(name) for name in names if name in heading), None)
        for field, names in _COLUMNS.items()
    }
    missing = [field for field in ("date", "amount", "trace") if places[field] is None]
    if missing:
        raise StatementError(f"line 1: no column for {', '.join(missing)}")
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        cells = {
            field: row[place].strip() if place is not None and place < len(row) else ""
            for field, place in places.items()
        }
        amount = _cents(cells["amount"].replace(",", "").replace("$", ""), number)
        yield _Line(_day(cells["date"], number), amount, cells["trace"], cells["payer"] or None)


def _bai2(lines: Iterable[str]) -> Iterator[_Line]:
    on: date | None = None
    for number, record in _records(lines):
        kind, *fields = record
        if kind == "02":
            on = _bai_day(fields[3] if len(fields) > 3 else "", number)
        elif kind == "16" and len(fields) > 1 and "100" <= fields[0] <= "399":
            if on is None:
                raise StatementError(f"line {number}: a transaction outside of a group (02)")
            if not fields[1].isdecimal():
                raise StatementError(f"line {number}: the amount is not in cents")
            bank, customer, text = _references(fields)
            trace = customer or bank
            if not trace:
                raise StatementError(f"line {number}: no reference to match by")
            yield _Line(on, int(fields[1]), trace, text or None)


def _records(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Logical records: an 88 continues the one before it; a slash ends one."""
    number, record = 0, ""
    for at, line in enumerate(lines, start=1):
        text = line.strip()
        if text.startswith("88,"):
            joint = "" if record.endswith(",") else ("," if record.endswith("/") else "")
            record = record.removesuffix("/") + joint + text.removeprefix("88,")
            continue
        if record:
            yield number, record.removesuffix("/").split(",")
        number, record = at, text
    if record:
        yield number, record.removesuffix("/").split(",")


def _references(fields: list[str]) -> tuple[str, str, str]:
    """Bank reference, customer reference and text of a 16 record, past its funds type."""
    funds = fields[2] if len(fields) > 2 else ""
    skip = 3
    if funds == "S":
        skip += 3
    elif funds == "V":
        skip += 2
    elif funds == "D" and len(fields) > 3 and fields[3].isdecimal():
        skip += 1 + 2 * int(fields[3])
    bank, customer, *text = [*fields[skip:], "", ""]
    return bank.strip(), customer.strip(), ",".join(part for part in text if part).strip()


def _cents(text: str, number: int) -> int:
    try:
        return parse_decimal_cents(text)
    except ValueError as error:
        raise StatementError(f"line {number}: {error}") from None


def _day(text: str, number: int) -> date:
    for form in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise StatementError(f"line {number}: the date is not YYYY-MM-DD or MM/DD/YYYY")


def _bai_day(text: str, number: int) -> date:
    try:
        return datetime.strptime(text, "%y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise StatementError(f"line {number}: the date of the group is not YYMMDD") from None

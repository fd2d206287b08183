"""What a payer should have allowed by its own fee schedule, beside what it did.

It is apart because it needs what the operator has loaded and nothing else does. The allowed amount
is AMT*B6, else what was paid and left to the patient on the line.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from shared.contract.events import UnderpaidLine
from shared.contract.remittance import RemittanceClaim, RemittanceLine


class Fee(NamedTuple):
    """One price of a payer's schedule, for one unit, in cents. `modifier` may be empty."""

    payer_identifier: str
    code: str
    modifier: str
    effective_from: date
    effective_through: date | None
    amount: int


@dataclass(frozen=True, slots=True)
class Fees:
    """The prices that a batch may need, by (payer, code, modifier)."""

    by_code: Mapping[tuple[str, str, str], tuple[Fee, ...]]

    def price(self, payer: str, code: str, modifiers: Iterable[str], on: date) -> int | None:
        """Cents for one unit on this day: by the first modifier that has a price of its own, else
        the plain one; None where the schedule has none."""
        for modifier in (*modifiers, ""):
            for fee in self.by_code.get((payer, code, modifier), ()):
                if fee.effective_from <= on and (
                    fee.effective_through is None or on <= fee.effective_through
                ):
                    return fee.amount
        return None


def fees_of(rows: Iterable[Fee]) -> Fees:
    """The prices of these rows, the latest first."""
    by_code: dict[tuple[str, str, str], tuple[Fee, ...]] = {}
    for fee in sorted(rows, key=lambda one: one.effective_from, reverse=True):
        key = (fee.payer_identifier, fee.code, fee.modifier)
        by_code[key] = (*by_code.get(key, ()), fee)
    return Fees(by_code)


def underpaid_lines(
    remitted: RemittanceClaim, payer: str, fees: Fees, *, at_least: int
) -> tuple[UnderpaidLine, ...]:
    """The lines on which a first payer allowed less than its schedule says, by `at_least` cents or
    more. Never more is expected than was charged; what was denied is a denial, not a variance."""
    if not fees.by_code or remitted.status not in ("1", "19"):
        return ()
    found = (_underpaid(line, remitted, payer, fees) for line in remitted.lines)
    return tuple(line for line in found if line is not None and line.variance >= at_least)


def _underpaid(
    line: RemittanceLine, remitted: RemittanceClaim, payer: str, fees: Fees
) -> UnderpaidLine | None:
    billed = line.billed_procedure
    on = line.service_date or line.service_from or remitted.statement_from
    allowed = _allowed(line)
    if billed is None or on is None or allowed <= 0:
        return None
    price = fees.price(payer, billed.code, billed.modifiers, on)
    if price is None:
        return None
    units = line.units if line.units is not None else Decimal(1)
    total = (Decimal(price) * units).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    expected = min(int(total), line.charge)
    return UnderpaidLine(
        line_control_number=line.line_control_number,
        procedure=billed,
        units=units,
        expected=expected,
        allowed=allowed,
        variance=expected - allowed,
    )


def _allowed(line: RemittanceLine) -> int:
    if line.allowed is not None:
        return line.allowed
    return line.paid + sum(part.amount for part in line.adjustments if part.group == "PR")

"""Does an 835 add up? Three equations, at the line, the claim and the transaction, and one running
count of them.

It is apart because money rests on it and it needs no X12: values in, differences out. What does
not balance is said, never made to balance. The rule is the 835's own (005010X221, section 1.10.2):
charge less adjustments is payment, and payments less provider adjustments is the amount of BPR02.
"""

from collections.abc import Iterable

from shared.contract.events import BalanceCount, RemittanceBalance, TransactionBalance
from shared.contract.remittance import (
    ProviderAdjustment,
    RemittanceClaim,
    RemittanceLine,
)


def line_difference(line: RemittanceLine) -> int:
    """Cents by which SVC02 less the line's CAS amounts exceeds SVC03; 0 where it balances."""
    return line.charge - sum(part.amount for part in line.adjustments) - line.paid


def claim_difference(claim: RemittanceClaim) -> int:
    """Cents by which CLP03 less all CAS amounts, claim's and lines', exceeds CLP04."""
    adjusted = sum(part.amount for part in claim.adjustments)
    for line in claim.lines:
        adjusted += sum(part.amount for part in line.adjustments)
    return claim.charge - adjusted - claim.paid


def transaction_difference(
    amount: int, paid: int, provider_adjustments: Iterable[ProviderAdjustment]
) -> int:
    """Cents by which BPR02 exceeds the sum of CLP04 less the sum of the PLB amounts."""
    return amount - paid + sum(part.amount for part in provider_adjustments)


class RunningBalance:
    """Adds claims up one at a time, so that no more than one is ever held."""

    __slots__ = ("claims", "failed_claims", "failed_lines", "lines", "paid")

    def __init__(self) -> None:
        self.claims = 0
        self.failed_claims = 0
        self.lines = 0
        self.failed_lines = 0
        self.paid = 0

    def add(self, claim: RemittanceClaim) -> None:
        """Counts one claim and its lines."""
        self.claims += 1
        self.paid += claim.paid
        adjusted = sum(part.amount for part in claim.adjustments)
        for line in claim.lines:
            line_adjusted = sum(part.amount for part in line.adjustments)
            adjusted += line_adjusted
            self.lines += 1
            self.failed_lines += line.charge - line_adjusted != line.paid
        self.failed_claims += claim.charge - adjusted != claim.paid

    def close(
        self, amount: int, provider_adjustments: Iterable[ProviderAdjustment]
    ) -> RemittanceBalance:
        """The verdict over a transaction set. Lines `checked` 0 means: nothing to balance there."""
        difference = transaction_difference(amount, self.paid, provider_adjustments)
        return RemittanceBalance(
            lines=BalanceCount(checked=self.lines, failed=self.failed_lines),
            claims=BalanceCount(checked=self.claims, failed=self.failed_claims),
            transaction=TransactionBalance(balanced=difference == 0, difference=difference),
        )

"""The three balance equations, held against the verdicts that two other programs reached."""

import csv
from pathlib import Path

import pytest

from shared.contract.events import BalanceCount, RemittanceBalance
from shared.contract.remittance import (
    ProviderAdjustment,
    RemittanceAdjustment,
    RemittanceClaim,
    RemittanceLine,
    RemittanceTrailer,
)
from shared.x12.answers import read_remittances
from shared.x12.answers.balance import (
    RunningBalance,
    claim_difference,
    line_difference,
    transaction_difference,
)


def _verdict(counts: list[BalanceCount]) -> str:
    checked = sum(count.checked for count in counts)
    failed = sum(count.failed for count in counts)
    if not checked:
        return "n/a"
    return f"FAIL {failed}/{checked}" if failed else "ok"


def _transaction_verdict(balances: list[RemittanceBalance]) -> str:
    failed = sum(not balance.transaction.balanced for balance in balances)
    return f"FAIL {failed}/{len(balances)}" if failed else "ok"


def test_every_sample_gets_the_verdict_of_the_csv(samples: Path) -> None:
    with (samples / "835-balance.csv").open(newline="") as file:
        expected = {row["file"]: row for row in csv.DictReader(file)}
    assert len(expected) == len(list((samples / "835").iterdir()))
    for name, row in expected.items():
        with (samples / "835" / name).open("rb") as stream:
            trailers = [p for p in read_remittances(stream) if isinstance(p, RemittanceTrailer)]
        balances = [trailer.balance for trailer in trailers if trailer.balance is not None]
        actual = {
            "transactions": str(len(trailers)),
            "claims": str(sum(balance.claims.checked for balance in balances)),
            "service_lines": str(sum(balance.lines.checked for balance in balances)),
            "line_balance": _verdict([balance.lines for balance in balances]),
            "claim_balance": _verdict([balance.claims for balance in balances]),
            "transaction_balance": _transaction_verdict(balances),
        }
        assert actual == {key: row[key] for key in actual}, name


def _adjusted(amount: int, group: str = "CO") -> RemittanceAdjustment:
    return RemittanceAdjustment(group, "45", amount)


def test_a_line_balances_when_charge_less_adjustments_is_payment() -> None:
    line = RemittanceLine(
        charge=10_000, paid=8_000, adjustments=(_adjusted(2_500), _adjusted(-500))
    )
    assert line_difference(line) == 0


def test_a_line_that_does_not_balance_says_by_how_much() -> None:
    assert line_difference(RemittanceLine(charge=10_000, paid=8_000)) == 2_000


def test_a_claim_counts_its_own_adjustments_and_those_of_its_lines() -> None:
    line = RemittanceLine(charge=10_000, paid=7_000, adjustments=(_adjusted(3_000),))
    claim = RemittanceClaim("A", "1", 10_000, 6_500, adjustments=(_adjusted(500),), lines=(line,))
    assert claim_difference(claim) == 0


def test_a_reversal_balances_with_negative_amounts() -> None:
    claim = RemittanceClaim("A", "22", -10_000, -8_000, adjustments=(_adjusted(-2_000),))
    assert claim_difference(claim) == 0


def test_a_positive_provider_adjustment_lowers_the_payment() -> None:
    recovery = ProviderAdjustment("1234567893", None, "WO", None, 3_000)
    assert transaction_difference(5_000, 8_000, [recovery]) == 0
    assert transaction_difference(8_000, 8_000, [recovery]) == 3_000


@pytest.mark.parametrize("paid", [0, 5_000])
def test_lines_are_not_judged_where_there_are_none(paid: int) -> None:
    running = RunningBalance()
    running.add(RemittanceClaim("A", "1", paid, paid))
    balance = running.close(paid, ())
    assert balance.lines == BalanceCount(checked=0, failed=0)
    assert balance.claims == BalanceCount(checked=1, failed=0)
    assert balance.transaction.balanced

"""The demo, run as a newcomer runs it."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.coding.domain.checks import FAMILY_OF, PAYER_RULES

BEYOND_CORRECTION = {"filing_limits"}

pytestmark = [pytest.mark.slow]
CLAIMS = 500


def run_demo(var: Path) -> tuple[int, str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "demo", "--claims", str(CLAIMS), "--var", str(var)],
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )
    return done.returncode, done.stdout + done.stderr, json.loads((var / "report.json").read_text())


def test_the_demo_accounts_for_every_claim_and_cent_and_can_be_run_again(server_home: Path) -> None:
    var = server_home / "demo with spaces"
    for _ in range(2):
        code, output, report = run_demo(var)
        assert code == 0, output
        assert report["reconciled"] is True
        claims, money = report["claims"], report["money"]
        assert claims["accepted"] == CLAIMS
        assert claims["accepted"] == claims["held"] + claims["submitted"]
        assert claims["submitted"] == sum(
            claims[end]
            for end in ("refused_by_payer", "paid", "denied", "voided", "awaiting_payer")
        )
        assert min(claims.values()) > 0, "every outcome occurs on this day"
        parts = (money["paid"], money["adjusted"], money["patient"], money["open"])
        assert Decimal(money["charged"]) == sum(map(Decimal, parts))
        assert min(report["office"].values()) > 0, "what comes after the day occurs as well"
        assert_each_family_was_held_and_what_was_fixed_is_paid(report["held_by_family"])
        assert [(var / "bills" / name).exists() for name in report["bill"]] == [True] * 4
    assert not (var / "stack" / "postgres" / "data" / "postmaster.pid").exists()


def assert_each_family_was_held_and_what_was_fixed_is_paid(
    families: dict[str, dict[str, int]],
) -> None:
    assert set(families) == {*FAMILY_OF.values(), PAYER_RULES}
    assert [name for name, row in families.items() if row["held"] < 1] == []
    assert {name for name, row in families.items() if row["fixed"] < 1} == BEYOND_CORRECTION
    assert {name for name, row in families.items() if row["paid"] < 1} == BEYOND_CORRECTION

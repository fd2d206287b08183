"""`claimwire ledger`, `remittances`, `deposits`, `denials` and `export` on a real database."""

import asyncio
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pyarrow import parquet  # type: ignore[import-untyped]

from services.commands import extract, ledger, remittances
from services.commands.failures import CommandError
from services.commands.stack_access import ADMIN_DSN
from services.remittance.domain.extract import COLUMNS

SHARED = ("1*300*200**12*P3*11*1", ["CAS*CO*45*60", "CAS*PR*2*40"])
DENIED = ("4*300*0**12*P2*11*1", ["CAS*CO*197*300"])

Run = Callable[..., Any]


@pytest.fixture
def run(desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command's function as the command line does: in a loop of its own."""
    monkeypatch.setenv(ADMIN_DSN, desk.admin_dsn)

    async def in_a_thread(command: Callable[..., int], *arguments: Any, **options: Any) -> int:
        return await asyncio.to_thread(command, tmp_path / "no stack", *arguments, **options)

    return in_a_thread


async def test_the_ledger_is_printed_and_exported(
    desk: Any, paper: Any, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *SHARED)], paid="200"))
    assert await run(ledger.trial_balance, None, as_json=False) == 0
    assert "in balance" in capsys.readouterr().out
    assert await run(ledger.account, "patient_receivable", None, "json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["balance"] == "40.00"
    assert await run(ledger.journal, None, None, "csv") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert {row["kind"] for row in rows} >= {"charge", "payment", "remittance"}


async def test_what_is_held_is_listed_accepted_and_posted(
    desk: Any, paper: Any, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *SHARED)], paid="201"))
    assert await run(remittances.held, as_json=True) == 0
    (held,) = json.loads(capsys.readouterr().out)
    assert held["difference"] == "1.00"
    remittance_id = UUID(held["remittance_id"])
    assert await run(remittances.decide, remittance_id, accept=True, note=None) == 0
    assert await desk.value("SELECT paid_cents FROM claim") == 20_000
    with pytest.raises(CommandError, match="remittance-not-held"):
        await run(remittances.decide, remittance_id, accept=True, note=None)


async def test_an_unmatched_claim_is_resolved_and_a_deposit_imported(
    desk: Any, paper: Any, run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("LOST", *SHARED)], paid="200"))
    assert await run(remittances.waiting, None, as_json=True) == 0
    (waiting,) = json.loads(capsys.readouterr().out)
    claim_id = UUID(waiting["candidates"][0]["claim_id"])
    place = UUID(waiting["remittance_id"]), waiting["position"]
    assert await run(remittances.resolve, *place, "match", claim_id, None) == 0
    assert json.loads(capsys.readouterr().out)["payment.posted.v1"] == 1
    statement = tmp_path / "bank.csv"
    statement.write_text("date,amount,trace\n2026-03-02,200.00,T1\n")
    assert await run(remittances.import_deposits, [statement], as_json=False) == 0
    assert capsys.readouterr().out == "1 deposits, 1 reconciled now\n"
    assert await run(remittances.list_deposits, as_json=True) == 0
    assert not any(json.loads(capsys.readouterr().out).values())


async def test_denials_are_listed_and_claims_exported_in_both_formats(
    desk: Any, paper: Any, run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    await desk.take(paper.claim("A"), paper.remittance([("A", *DENIED)], paid="0"))
    assert await run(remittances.list_denials, by_step=True, as_json=True) == 0
    (step,) = json.loads(capsys.readouterr().out)
    assert (step["kind"], step["amount"]) == ("authorization", "300.00")
    for name in ("csv", "parquet"):
        assert await run(extract.claims, tmp_path / f"claims.{name}", name) == 0
    rows = list(csv.DictReader((tmp_path / "claims.csv").read_text().splitlines()))
    table = parquet.read_table(tmp_path / "claims.parquet")
    assert tuple(rows[0]) == tuple(table.column_names) == COLUMNS
    assert len(rows) == table.num_rows == 3
    assert (tmp_path / "claims.csv").stat().st_mode & 0o077 == 0

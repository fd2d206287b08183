"""`claimwire demo`: a hospital's day through the whole line, and the proof that it adds up."""

import asyncio
import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from rich.console import Console

from deploy.local.postgres_home import remove
from deploy.local.stack import Stack
from deploy.local.stack_folder import StackFolder
from deploy.twins import hospital
from deploy.twins.daybook import Daybook
from deploy.twins.hospital import ALL_FORMATS, Message
from deploy.twins.mistakes import TABLED
from deploy.twins.payer.scenario import DEFAULT_SEED, PAYING, expected_outcome
from services.coding.reference.loading import Order, load
from services.commands.audit import problems_of
from services.commands.bills import written
from services.commands.demo_events import hear, listening, send, settle
from services.commands.demo_office import OfficeHours, work
from services.commands.demo_report import Report, tables
from services.commands.demo_rules import put_in_force
from services.commands.stack_access import connections, opened
from services.commands.twins import today
from services.commands.worklist import Api
from services.remittance import questions
from services.remittance.audit import summary
from shared.database import connect
from shared.settings import variable

PROBLEMS_SHOWN = 20
REPORT = "report.json"
SOURCE_PROFILES = "sources.json"
_ANSWERED = "SELECT count(*) FROM inquiry WHERE answered_at IS NOT NULL"
QUESTIONS_TIMEOUT_S = 30.0
PAYER_PROFILES = "payers.json"
BILLS = "bills"
REFERENCE = "tables"
IMPATIENT = {
    "default": {
        "deadlines": {"acceptance_s": 8},
        "status_inquiry": {"after_days": [10 / 86_400]},
    }
}
"""Payers whose deadlines fit into a minute."""


def demo(claims: int, seed: int, kafka: str | None, var_dir: Path) -> int:
    """Runs the day in a stack of its own and writes `report.json`; 1 where it does not add up."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    started = time.monotonic()
    clear(var_dir)
    console.print(f"A day of {claims} claims, seed {seed}.")
    profiles = var_dir / SOURCE_PROFILES
    profiles.write_bytes(hospital.source_profiles(seed, today=today()))
    payers = var_dir / PAYER_PROFILES
    payers.write_text(json.dumps(IMPATIENT))
    reference = load_tables(var_dir / REFERENCE)
    environment = {
        variable("source_profiles"): str(profiles.resolve()),
        variable("payer_profiles"): str(payers.resolve()),
        variable("reference_dir"): str(reference.resolve()),
        variable("watchdog_poll_s"): "1",
    }
    with Stack(var_dir, kafka=kafka, say=console.print, environment=environment) as stack:
        put_in_force(stack)
        report = asyncio.run(run_day(stack, claims, seed, console, started))
    for table in tables(report):
        console.print(table)
    for path in report.bill[:1]:
        console.print(f"a patient's bill: {var_dir / BILLS / path.name}")
    (var_dir / REPORT).write_text(report.to_json() + "\n")
    for problem in report.problems[:PROBLEMS_SHOWN]:
        console.print(f"does not reconcile: {problem}", style="red")
    verdict = "does NOT reconcile" if report.problems else "reconciles to the cent"
    console.print(f"The day {verdict}, in {report.seconds:.0f} s: {var_dir / REPORT}")
    return 1 if report.problems else 0


def clear(var_dir: Path) -> None:
    """Deletes what an earlier run left in the folder, and nothing else. Raises StackBusyError while
    one still runs."""
    folder = StackFolder(var_dir)
    folder.lock()
    remove(folder.path / "postgres")
    folder.unlock()
    for made in (
        folder.path,
        folder.transport_dir,
        folder.blob_dir,
        var_dir / BILLS,
        var_dir / REFERENCE,
    ):
        shutil.rmtree(made, ignore_errors=True)
    (var_dir / REPORT).unlink(missing_ok=True)
    for name in (SOURCE_PROFILES, PAYER_PROFILES):
        (var_dir / name).unlink(missing_ok=True)


def load_tables(folder: Path) -> Path:
    """Loads the hospital's tables as `claimwire reference load` does; the folder of editions."""
    for table, path in TABLED.values():
        load(Order(table, path), folder, datetime.now(UTC))
    return folder


async def run_day(stack: Stack, count: int, seed: int, console: Console, started: float) -> Report:
    """Publishes the day, listens until it is settled, and holds the books against each other."""
    book = Daybook(DEFAULT_SEED)
    day = hospital_day(seed, count)
    for message in day:
        book.published(message)
    async with listening(stack.settings) as consumer:
        await send(stack.settings, day)
        await settle(consumer, book, console)
        console.print("the billing office corrects, replaces and takes back claims")
        hours = await asyncio.to_thread(work, stack, book)
        await settle(consumer, book, console)
        await _wait_for_questions(stack, consumer, book)
    bill = await asyncio.to_thread(written, _remittance(stack), stack.folder.var_dir / BILLS)
    return await _report(stack, book, hours, tuple(bill), started)


def hospital_day(seed: int, count: int) -> list[Message]:
    """All that a hospital sends. What is placed for a family of checks is on claims that the payer
    pays when they are corrected: that is what the day is to show."""
    return list(
        hospital.day(
            seed,
            count,
            today=today(),
            formats=ALL_FORMATS,
            is_varied=True,
            is_equipped=True,
            suits=lambda number: expected_outcome(number, DEFAULT_SEED) in PAYING,
        )
    )


def _remittance(stack: Stack) -> Api:
    return Api(str(stack.services["remittance"].url), stack.folder.api_key.read_text().strip())


async def _report(
    stack: Stack, book: Daybook, hours: OfficeHours, bill: tuple[Path, ...], started: float
) -> Report:
    money, problems = await books(stack, book)
    with opened(stack.folder.var_dir) as line:
        async with connections(line) as connected:
            balance = await questions.trial_balance(connected["remittance"], today())
            denials = await questions.denials_by_step(connected["remittance"])
            answered = await connected["submission"].fetchval(_ANSWERED)
    office = {
        "fixed": hours.fixed,
        "resent": hours.resent,
        "replaced": hours.replaced,
        "voided": hours.voided,
        "at_second_payer": len(book.due_at_second),
        "overdue": book.overdue,
        "inquiries_answered": answered,
    }
    if not all(office.values()) or not bill:
        problems.append("something that this day is to show did not happen: see `office`, `bill`")
    seconds = time.monotonic() - started
    return Report(
        claims=book.counts(),
        money=money,
        worklist=hours.worklist,
        families=_families(book, hours),
        office=office,
        trial_balance=balance,
        denials=denials,
        bill=bill,
        problems=tuple(problems),
        seconds=seconds,
    )


def _families(book: Daybook, hours: OfficeHours) -> dict[str, dict[str, int]]:
    return {
        family: {
            "held": len(claims),
            "fixed": len(claims & hours.released),
            "paid": sum(book.states[one] == "paid" for one in claims & hours.released),
        }
        for family, claims in hours.held_by.items()
    }


async def _wait_for_questions(stack: Stack, consumer: AIOKafkaConsumer, book: Daybook) -> None:
    """Until an answer that never came was missed, and the payer was asked and has answered."""
    connection = await connect(stack.dsn_of("submission"), "submission")
    deadline = time.monotonic() + QUESTIONS_TIMEOUT_S
    try:
        while time.monotonic() < deadline:
            if book.overdue and await connection.fetchval(_ANSWERED):
                return
            await hear(consumer, book)
    finally:
        await connection.close()


async def books(stack: Stack, book: Daybook) -> tuple[dict[str, int], list[str]]:
    """The hospital's charges against the ledger's categories, and every invariant of the audit."""
    with opened(stack.folder.var_dir) as line:
        async with connections(line) as connected:
            ledger = await summary(connected["remittance"])
            found = book.problems() + await problems_of(connected, line.settings)
    held = book.held_cents()
    money = {
        "charged": sum(book.charges.values()),
        "paid": ledger.paid,
        "adjusted": ledger.adjusted,
        "patient": ledger.patient,
        "open": ledger.open + held,
    }
    if ledger.charged + held != money["charged"]:
        found.append("the ledger's charges and what is held are not what the hospital charged")
    if money["charged"] != sum(cents for name, cents in money.items() if name != "charged"):
        found.append("charged is not paid + adjusted + patients' share + still open")
    return money, found

"""`claimwire demo`: a hospital's day through the whole line, and the proof that it adds up."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from rich.console import Console
from rich.table import Table

from deploy.local.postgres_home import remove
from deploy.local.stack import Stack
from deploy.local.stack_folder import StackFolder
from deploy.twins import hospital
from deploy.twins.daybook import Daybook
from deploy.twins.hospital import ALL_FORMATS, Message
from deploy.twins.payer.scenario import DEFAULT_SEED
from services.commands.audit import problems_of
from services.commands.bills import written
from services.commands.demo_office import OfficeHours, work
from services.commands.stack_access import connections, opened
from services.commands.twins import today
from services.commands.worklist import Api
from services.remittance import questions
from services.remittance.audit import summary
from shared.contract import topics
from shared.contract.envelope import text_headers
from shared.database import connect
from shared.messaging import broker
from shared.messaging.publishing import Inbound, publish
from shared.money import format_cents
from shared.settings import Settings, variable

HEARD_TOPICS = (
    topics.CLAIMS_INTAKE,
    topics.CLAIMS_CODING,
    topics.CLAIMS_SUBMISSION,
    topics.CLAIMS_REMITTANCE,
)
SETTLE_TIMEOUT_S = 75.0
PROBLEMS_SHOWN = 20
REPORT = "report.json"
SOURCE_PROFILES = "sources.json"
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
_ANSWERED = "SELECT count(*) FROM inquiry WHERE answered_at IS NOT NULL"
QUESTIONS_TIMEOUT_S = 30.0
PAYER_PROFILES = "payers.json"
BILLS = "bills"
IMPATIENT = {
    "default": {
        "deadlines": {"acceptance_s": 8},
        "status_inquiry": {"after_days": [10 / 86_400]},
    }
}
"""Payers whose deadlines fit into a minute."""
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
                "office": dict(self.office),
                "bill": [path.name for path in self.bill],
                "reconciled": not self.problems,
                "problems": list(self.problems),
                "seconds": round(self.seconds, 1),
            },
            indent=2,
        )


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
    environment = {
        variable("source_profiles"): str(profiles.resolve()),
        variable("payer_profiles"): str(payers.resolve()),
        variable("watchdog_poll_s"): "1",
    }
    with Stack(var_dir, kafka=kafka, say=console.print, environment=environment) as stack:
        report = asyncio.run(run_day(stack, claims, seed, console, started))
    console.print(_claims_table(report))
    console.print(_money_table(report))
    console.print(_worklist_table(report))
    console.print(_office_table(report))
    console.print(_denials_table(report))
    console.print(_trial_balance_table(report))
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
    for made in (folder.path, folder.transport_dir, folder.blob_dir, var_dir / BILLS):
        shutil.rmtree(made, ignore_errors=True)
    (var_dir / REPORT).unlink(missing_ok=True)
    for name in (SOURCE_PROFILES, PAYER_PROFILES):
        (var_dir / name).unlink(missing_ok=True)


async def run_day(stack: Stack, count: int, seed: int, console: Console, started: float) -> Report:
    """Publishes the day, listens until it is settled, and holds the books against each other."""
    book = Daybook(DEFAULT_SEED)
    day = list(hospital.day(seed, count, today=today(), formats=ALL_FORMATS, is_varied=True))
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
        office=office,
        trial_balance=balance,
        denials=denials,
        bill=bill,
        problems=tuple(problems),
        seconds=seconds,
    )


async def _wait_for_questions(stack: Stack, consumer: AIOKafkaConsumer, book: Daybook) -> None:
    """Until an answer that never came was missed, and the payer was asked and has answered."""
    connection = await connect(stack.dsn_of("submission"), "submission")
    deadline = time.monotonic() + QUESTIONS_TIMEOUT_S
    try:
        while time.monotonic() < deadline:
            if book.overdue and await connection.fetchval(_ANSWERED):
                return
            await _hear(consumer, book)
    finally:
        await connection.close()


async def send(settings: Settings, day: list[Message]) -> None:
    """Publishes the messages as an integration engine does."""
    producer = broker.producer(settings, "hospital-twin")
    await producer.start()
    try:
        await publish(producer, _inbound(day), claim_check_bytes=settings.claim_check_bytes)
    finally:
        await producer.stop()


def _inbound(day: list[Message]) -> Iterator[Inbound]:
    for message in day:
        yield Inbound(
            message.message_id,
            hospital.SOURCE,
            message.value,
            message.content_type,
            key=message.key,
        )


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of the line's events from their start, outside of every group."""
    consumer = AIOKafkaConsumer(
        *HEARD_TOPICS, **broker.connection_options(settings), auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def settle(
    consumer: AIOKafkaConsumer,
    book: Daybook,
    console: Console,
    timeout_s: float = SETTLE_TIMEOUT_S,
) -> None:
    """Listens until the book is settled, or for `timeout_s`; shows progress meanwhile."""
    deadline = time.monotonic() + timeout_s
    shown = 0.0
    while not book.is_settled and time.monotonic() < deadline:
        await _hear(consumer, book)
        if time.monotonic() - shown > 1.0:
            shown = time.monotonic()
            console.print(_progress(book.counts()))


async def _hear(consumer: AIOKafkaConsumer, book: Daybook) -> None:
    for records in (await consumer.getmany(timeout_ms=200, max_records=2000)).values():
        for record in records:
            book.heard(text_headers(record.headers))


def _progress(counts: Mapping[str, int]) -> str:
    names = ("accepted", "held", "submitted", "acknowledged", "paid", "denied")
    return "  " + "  ".join(f"{name} {counts[name]}" for name in names)


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

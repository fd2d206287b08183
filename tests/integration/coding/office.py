"""A process of coding on a real database, without the broker: events in, a person at the desk, and
what is said. Its tests share the events of `test_coding_service`."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.coding.app import NAME, service
from services.coding.desk import Desk
from services.coding.domain.reference import Reference
from services.coding.domain.verdict import REFERENCE
from services.coding.handlers import CodingHandler
from services.coding.rulebook import Rulebook
from services.coding.worklist_store import Entry, Filters, listed
from shared.contract.claim import (
    Address,
    Claim,
    Diagnosis,
    Insured,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
)
from shared.contract.envelope import Event, business_id, from_headers, text_headers, to_headers
from shared.contract.events import (
    AcknowledgementEvidence,
    Adjudication,
    ClaimDenied,
    ClaimPaid,
    ClaimReceived,
    ClaimRefused,
    MessageOrigin,
)
from shared.contract.model import Finding, Model, to_wire
from shared.database import Pool, bootstrap, create_pool, migrate, new_password, service_dsn
from shared.messaging.batch import Core, Outcome
from shared.messaging.decoding import unfold
from shared.messaging.handler import Record
from shared.messaging.outbox import Outgoing, Said, unsent
from shared.messaging.store import postgres_transactions
from shared.settings import Settings
from shared.telemetry.tracing import Tracing

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
SERVED = "2025-03-03"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
ORIGIN = MessageOrigin(message_id=UUID(int=1), source="test")
ADDRESS = Address(line1="1 MAIN ST", city="DAYTON", state="OH", postal_code="454020001")
PAYERS_REASON = Finding(code="A7:562", message="the payer's reason", source="277CA A7:562")


def claim(number: int = 1, *, revision: int = 1, **fields: object) -> Claim:
    """A claim that every check lets through."""
    everything = {
        "id": UUID(int=number),
        "revision": revision,
        "kind": "professional",
        "source": "test",
        "patient_control_number": f"PCN-{number}",
        "charge": 10_000,
        "facility_code": "11",
        "filing_indicator": "CI",
        "billing_provider": Provider(
            name="TEST CLINIC", npi="1234567893", tax_id="361234567", address=ADDRESS
        ),
        "subscriber": Insured(name="DOE", identifier=f"W{number}"),
        "payer": Payer(identifier="PAY01"),
        "diagnoses": (Diagnosis(code="I10", role="principal"),),
        "service_lines": (
            ServiceLine(
                number=1,
                procedure=Procedure(code="99213"),
                charge=10_000,
                units=1,
                diagnosis_pointers=(1,),
                service_from=SERVED,
                line_control_number=f"LINE{number}",
            ),
        ),
    }
    return Claim.model_validate(everything | fields)


def received(sent: Claim) -> Event:
    return event(sent, ClaimReceived(claim=sent, origin=ORIGIN, received_at=NOW))


def refused(sent: Claim) -> Event:
    evidence = AcknowledgementEvidence(transaction="277CA")
    data = ClaimRefused(revision=sent.revision, findings=(PAYERS_REASON,), evidence=evidence)
    return event(sent, data)


def denied(sent: Claim, number: str | None = "PAYER-77", cents: int = 4_000) -> Event:
    adjudication = Adjudication(
        revision=sent.revision,
        remittance_id=UUID(int=9),
        payer_identifier="PAY01",
        payer_claim_control_number=number,
        status="4",
        charge=sent.charge,
        paid=0,
        contractual=0,
        patient=0,
        other=0,
        denied=cents,
    )
    reason = Finding(code="denial-bundling", message="part of another", source="CARC CO-97")
    return event(sent, ClaimDenied(adjudication=adjudication, findings=(reason,)))


def paid_in_part(sent: Claim) -> Event:
    told = denied(sent).data
    assert isinstance(told, ClaimDenied)
    adjudication = told.adjudication.model_copy(update={"paid": 6_000, "status": "1"})
    findings = told.findings
    paid = ClaimPaid(adjudication=adjudication, outcome="partly_paid", findings=findings)
    return event(sent, paid)


def event(sent: Claim, data: Model) -> Event:
    return Event(
        id=business_id("test", type(data).__name__, sent.id, to_wire(sent), to_wire(data)),
        source="test",
        subject=str(sent.id),
        time=NOW,
        data=data,
        sequence=sent.revision,
        traceparent=TRACE,
    )


class Office:
    """One process of the service."""

    def __init__(self, pool: Pool, reference: Callable[[], Reference]) -> None:
        self.pool = pool
        self.rulebook = Rulebook(reference)
        self.handler = CodingHandler(self.rulebook)
        self.told: list[str] = []
        tracing = Tracing("coding", 0.0)
        self.desk = Desk(pool, self.rulebook, self.told.extend, tracing)
        self._core = Core(self.handler, postgres_transactions(pool), tracing, lambda: NOW)

    async def take(self, *events: Event) -> Outcome:
        pending = [one for each in events for one in unfold(self.handler, _record(each))]
        return await self._core.settle(pending)

    async def worklist(self, **filters: Any) -> list[Entry]:
        async with self.pool.acquire() as connection:
            return await listed(connection, Filters(**filters), NOW.date(), None, 100)

    async def only_entry(self) -> Entry:
        (entry,) = await self.worklist()
        return entry

    async def fix(self, entry: Entry, *operations: Mapping[str, Any], **options: Any) -> Any:
        return await self.desk.fix(
            entry.event_id, entry.version, "ada", NOW, list(operations), **options
        )

    async def said(self) -> list[Event]:
        """Everything that waits for the relay, in order."""
        async with self.pool.acquire() as connection:
            return [_event(message) for message in await unsent(connection, 1000, Said())]

    async def clear(self) -> None:
        """Everything forgotten."""
        self.told.clear()
        await self.pool.execute(
            "TRUNCATE claim, worklist, worklist_action, claim_revision, verdict, payer_pack, "
            "payer_ruleset, patient_day, inbox, outbox, event, parked, parked_record"
        )

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.pool.fetch(query)]


@asynccontextmanager
async def opened(
    postgres: Any, reference: Callable[[], Reference] = lambda: REFERENCE
) -> AsyncIterator[Sequence[Office]]:
    """A process of the service over a fresh database; without tables unless they are given."""
    dsn, password = postgres.fresh_database(), new_password()
    await bootstrap(dsn, [NAME], {NAME: password})
    pool = await create_pool(service_dsn(dsn, NAME, password), NAME)
    await migrate(pool, NAME, service(Settings()).schema_dir)
    yield [Office(pool, reference)]
    await pool.close()


def _record(sent: Event) -> Record:
    return Record(
        topic=sent.topic,
        partition=0,
        offset=0,
        key=sent.subject.encode(),
        value=to_wire(sent.data),
        headers=to_headers(sent),
        timestamp_ms=0,
    )


def _event(message: Outgoing) -> Event:
    return from_headers(text_headers(message.headers), message.value)

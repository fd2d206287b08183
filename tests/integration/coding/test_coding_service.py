"""coding on a real database, through the kernel's batch core: verdicts and the worklist."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from services.coding.app import service
from services.coding.domain.verdict import Ruleset
from services.coding.reference.library import Library
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
from shared.contract.envelope import Event, business_id, to_headers
from shared.contract.events import (
    AcknowledgementEvidence,
    ClaimDuplicated,
    ClaimReceived,
    ClaimRefused,
    MessageOrigin,
)
from shared.contract.model import Finding, Model, to_wire
from shared.database import Pool, bootstrap, create_pool, migrate, new_password, service_dsn
from shared.messaging.batch import Core, Outcome
from shared.messaging.decoding import unfold
from shared.messaging.handler import Record
from shared.messaging.store import postgres_transactions
from shared.settings import Settings
from shared.telemetry.tracing import Tracing

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
ADDRESS = Address(line1="1 MAIN ST", city="DAYTON", state="OH", postal_code="454020001")
ORIGIN = MessageOrigin(message_id=UUID(int=1), source="test")


def received(number: int, *, revision: int = 1, charge: int = 10_000) -> Event:
    line = ServiceLine(
        number=1,
        procedure=Procedure(code="99213"),
        charge=10_000,
        units=1,
        diagnosis_pointers=(1,),
        service_from=date(2025, 3, 3),
    )
    claim = Claim(
        id=UUID(int=number),
        revision=revision,
        kind="professional",
        source="test",
        patient_control_number=f"PCN-{number}",
        charge=charge,
        facility_code="11",
        billing_provider=Provider(
            name="TEST CLINIC", npi="1234567893", tax_id="361234567", address=ADDRESS
        ),
        subscriber=Insured(name="DOE", identifier=f"W{number}"),
        payer=Payer(identifier="PAY01"),
        diagnoses=(Diagnosis(code="I10", role="principal"),),
        service_lines=(line,),
    )
    return event(number, revision, ClaimReceived(claim=claim, origin=ORIGIN, received_at=NOW))


def refused(number: int, *, revision: int = 1) -> Event:
    finding = Finding(code="A7:562", message="the payer's reason")
    evidence = AcknowledgementEvidence(transaction="277CA")
    data = ClaimRefused(revision=revision, findings=(finding,), evidence=evidence)
    return event(number, revision, data)


def event(number: int, revision: int, data: Model) -> Event:
    return Event(
        id=business_id("test", type(data).__name__, number, revision),
        source="test",
        subject=str(UUID(int=number)),
        time=NOW,
        data=data,
        sequence=revision,
    )


def record(sent: Event) -> Record:
    return Record(
        topic=sent.topic,
        partition=0,
        offset=0,
        key=sent.subject.encode(),
        value=to_wire(sent.data),
        headers=to_headers(sent),
        timestamp_ms=0,
    )


class Desk:
    """One process of the service, without the broker."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._handler = service(Settings()).handler
        self._core = Core(
            self._handler, postgres_transactions(pool), Tracing("coding", 0.0), lambda: NOW
        )

    async def take(self, *events: Event) -> Outcome:
        pending = [one for each in events for one in unfold(self._handler, record(each))]
        return await self._core.settle(pending)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.pool.fetch(query)]


@pytest.fixture
async def desk(postgres: Any) -> AsyncIterator[Desk]:
    dsn, password = postgres.fresh_database(), new_password()
    await bootstrap(dsn, ["coding"], {"coding": password})
    pool = await create_pool(service_dsn(dsn, "coding", password), "coding")
    definition = service(Settings())
    await migrate(pool, definition.name, definition.schema_dir)
    yield Desk(pool)
    await pool.close()


async def test_a_verdict_is_stored_with_the_claim_as_it_was_received(desk: Desk) -> None:
    outcome = await desk.take(received(1), received(2, charge=1))
    assert outcome.said == ["claim.coded.v1", "claim.held.v1"]
    rows = await desk.rows(
        "SELECT status, revision, ruleset, received FROM claim ORDER BY claim_id"
    )
    ruleset = Ruleset(Library(Settings().reference_dir).current()).version
    assert [row[:3] for row in rows] == [("coded", 1, ruleset), ("held", 1, ruleset)]
    assert [row[3] for row in rows] == [
        to_wire(received(1).data),
        to_wire(received(2, charge=1).data),
    ]


async def test_a_held_claim_is_on_the_worklist_until_a_newer_revision_comes(desk: Desk) -> None:
    await desk.take(received(1, charge=1))
    ((reason, revision, findings, closed_at),) = await desk.rows(
        "SELECT reason, revision, findings, closed_at FROM worklist"
    )
    assert (reason, revision, closed_at) == ("held", 1, None)
    assert [each["code"] for each in json.loads(findings)] == ["claim-total"]
    await desk.take(received(1, revision=2))
    assert await desk.rows("SELECT closed_at FROM worklist") == [(NOW,)]
    assert await desk.rows("SELECT status, revision FROM claim") == [("coded", 2)]


@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_a_refusal_goes_on_the_worklist_and_the_claim_is_kept(
    is_one_batch: bool, desk: Desk
) -> None:
    events = [received(1), refused(1)]
    for batch in [events] if is_one_batch else [[each] for each in events]:
        await desk.take(*batch)
    assert await desk.rows("SELECT status, received FROM claim") == [
        ("refused", to_wire(received(1).data))
    ]
    assert await desk.rows("SELECT reason FROM worklist WHERE closed_at IS NULL") == [("refused",)]


async def test_a_refusal_of_a_revision_that_was_replaced_changes_nothing(desk: Desk) -> None:
    await desk.take(received(1), received(1, revision=2))
    await desk.take(refused(1))
    assert await desk.rows("SELECT status, revision FROM claim") == [("coded", 2)]
    assert await desk.rows("SELECT count(*) FROM worklist") == [(0,)]


async def test_a_redelivered_event_does_nothing(desk: Desk) -> None:
    await desk.take(received(1, charge=1))
    again = await desk.take(received(1, charge=1))
    assert (again.said, again.duplicates) == ([], 1)
    assert await desk.rows("SELECT count(*) FROM worklist") == [(1,)]


async def test_events_of_other_kinds_are_passed_over(desk: Desk) -> None:
    duplicate = event(1, 1, ClaimDuplicated(origin=ORIGIN, revision=1))
    assert list(unfold(service(Settings()).handler, record(duplicate))) == []

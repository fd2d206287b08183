"""What earlier claims of a patient had on a day: found whichever batch and process it came to, on a
real database, and no index says whose it is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from services.coding.app import service
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
    ClaimReceived,
    ClaimRefused,
    MessageOrigin,
)
from shared.contract.model import Finding, Model, to_wire
from shared.database import Pool, bootstrap, create_pool, migrate, new_password, service_dsn
from shared.messaging.batch import Core
from shared.messaging.decoding import unfold
from shared.messaging.handler import Record
from shared.messaging.store import postgres_transactions
from shared.settings import Settings
from shared.telemetry.tracing import Tracing

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ADDRESS = Address(line1="1 MAIN ST", city="DAYTON", state="OH", postal_code="454020001")
CODED, HELD = "claim.coded.v1", "claim.held.v1"


def claim(number: int, code: str = "99213", *, revision: int = 1, member: str = "W1") -> Claim:
    line = ServiceLine(
        number=1,
        procedure=Procedure(code=code),
        charge=10_000,
        units=1,
        unit="UN",
        diagnosis_pointers=(1,),
        service_from=date(2026, 3, 3),
    )
    return Claim(
        id=UUID(int=number),
        revision=revision,
        kind="professional",
        source="test",
        patient_control_number=f"PCN-{number}",
        charge=10_000,
        facility_code="11",
        billing_provider=Provider(
            name="TEST CLINIC", npi="1234567893", tax_id="361234567", address=ADDRESS
        ),
        subscriber=Insured(name="QUILLFEATHER", identifier=member),
        payer=Payer(identifier="PAY01"),
        diagnoses=(Diagnosis(code="I10", role="principal"),),
        service_lines=(line,),
    )


def received(sent: Claim) -> Event:
    data = ClaimReceived(
        claim=sent,
        origin=MessageOrigin(message_id=UUID(int=1), source="test"),
        received_at=NOW,
    )
    return event(sent.id, sent.revision, data)


def refused(number: int) -> Event:
    finding = Finding(code="A7:562", message="the payer's reason")
    evidence = AcknowledgementEvidence(transaction="277CA")
    data = ClaimRefused(revision=1, findings=(finding,), evidence=evidence)
    return event(UUID(int=number), 1, data)


def event(claim_id: UUID, revision: int, data: Model) -> Event:
    event_id = business_id("test", type(data).__name__, claim_id, revision)
    return Event(event_id, "test", str(claim_id), NOW, data, sequence=revision)


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

    async def take(self, *events: Event) -> list[str]:
        pending = [one for each in events for one in unfold(self._handler, record(each))]
        return list((await self._core.settle(pending)).said)

    async def codes(self) -> list[str]:
        return [
            row["code"]
            for row in await self.pool.fetch(
                "SELECT finding->>'code' AS code FROM worklist, "
                "jsonb_array_elements(findings) AS finding WHERE closed_at IS NULL"
            )
        ]


@pytest.fixture
async def pool(postgres: Any) -> AsyncIterator[Pool]:
    dsn, password = postgres.fresh_database(), new_password()
    await bootstrap(dsn, ["coding"], {"coding": password})
    made = await create_pool(service_dsn(dsn, "coding", password), "coding")
    definition = service(Settings())
    await migrate(made, definition.name, definition.schema_dir)
    yield made
    await made.close()


@pytest.fixture
def desk(pool: Pool) -> Desk:
    return Desk(pool)


@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_the_same_service_on_another_claim_is_held(is_one_batch: bool, desk: Desk) -> None:
    first, again = received(claim(1)), received(claim(2))
    if is_one_batch:
        assert await desk.take(first, again) == [CODED, HELD]
    else:
        assert await desk.take(first) == [CODED]
        assert await desk.take(again) == [HELD]
    assert await desk.codes() == ["service-billed-already"]


async def test_a_pair_is_found_across_claims(desk: Desk) -> None:
    """G0438 with G0439: NCCI practitioner set, third quarter 2024, indicator 0."""
    assert await desk.take(received(claim(1, "G0438"))) == [CODED]
    assert await desk.take(received(claim(2, "G0439"))) == [HELD]
    assert await desk.codes() == ["pair-never-together"]


async def test_another_patient_is_not_confused_with_this_one(desk: Desk) -> None:
    assert await desk.take(received(claim(1)), received(claim(2, member="W2"))) == [CODED, CODED]


async def test_a_claim_that_the_payer_refused_does_not_count(desk: Desk) -> None:
    await desk.take(received(claim(1)))
    await desk.take(refused(1))
    assert await desk.take(received(claim(2))) == [CODED]


async def test_a_claim_does_not_conflict_with_its_own_earlier_revision(desk: Desk) -> None:
    await desk.take(received(claim(1)))
    assert await desk.take(received(claim(1, revision=2))) == [CODED]


async def test_what_a_newer_revision_no_longer_has_does_not_count(desk: Desk) -> None:
    await desk.take(received(claim(1)))
    await desk.take(received(claim(1, "99214", revision=2)))
    assert await desk.take(received(claim(2))) == [CODED]


async def test_two_processes_at_once_do_not_both_let_it_through(pool: Pool) -> None:
    for number in range(10, 30, 2):
        member = f"W{number}"
        said = await asyncio.gather(
            Desk(pool).take(received(claim(number, member=member))),
            Desk(pool).take(received(claim(number + 1, member=member))),
        )
        assert sorted(said) == [[CODED], [HELD]]


async def test_the_days_of_a_patient_do_not_say_whose_they_are(desk: Desk) -> None:
    await desk.take(received(claim(1, member="MEMBER-77")))
    (row,) = await desk.pool.fetch("SELECT name, claims FROM patient_day")
    assert len(row["name"]) == 16
    assert not any(word in row["claims"] for word in ("MEMBER-77", "QUILLFEATHER", "PCN-1"))


async def test_the_editions_behind_a_ruleset_are_kept(desk: Desk) -> None:
    await desk.take(received(claim(1)))
    (row,) = await desk.pool.fetch("SELECT version, editions FROM ruleset")
    assert row["version"].startswith("checks-3/tables-")
    assert any(name.startswith("icd10cm@2025-10-01-") for name in row["editions"])

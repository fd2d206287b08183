"""The submission service on a real database and real folders, without the broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import pytest

from deploy.twins.payer import Outcome, expected_outcome
from deploy.twins.payer.watch import Mailroom
from services.submission.app import service
from services.submission.courier import Courier, courier_for
from services.submission.domain.profile import Profile
from services.submission.leases import Leases
from services.submission.transport import Transport
from services.submission.transport.folder import FolderTransport
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
from shared.contract.events import Adjudication, ClaimCoded, ClaimPaid, ClaimSecondaryDue
from shared.contract.model import Model, to_wire
from shared.database import Pool, bootstrap, create_pool, migrate, new_password, service_dsn
from shared.messaging.batch import Core
from shared.messaging.batch import Outcome as BatchOutcome
from shared.messaging.decoding import unfold
from shared.messaging.handler import Record
from shared.messaging.store import postgres_transactions
from shared.messaging.wire import unpack_headers
from shared.settings import Settings
from shared.x12.claims.reading import ReadClaim, read_claims
from tests.integration.contexts import context_of

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
SEED = 7
_HOME = Address(line1="1 MAIN ST", city="DAYTON", state="OH", postal_code="454020001")


def coded_claim(number: int, revision: int = 1, **fields: object) -> Claim:
    """A claim that coding let through, under a number of its own."""
    claim = Claim(
        id=UUID(int=number),
        revision=revision,
        kind="professional",
        source="test",
        patient_control_number=f"PCN{number:05d}",
        charge=10_000 + number,
        facility_code="11",
        provider_signature=True,
        accepts_assignment="A",
        benefits_assigned="Y",
        release_of_information="Y",
        billing_provider=Provider(
            name="TEST CLINIC", npi="1234567893", tax_id="361234567", address=_HOME
        ),
        subscriber=Insured(
            is_person=True,
            name="DOE",
            first_name="JANE",
            identifier_qualifier="MI",
            identifier=f"W{number}",
            address=_HOME,
            birth_date=date(1980, 1, 2),
            gender="F",
        ),
        payer=Payer(name="TEST PAYER", identifier_qualifier="PI", identifier="PAY01"),
        diagnoses=(Diagnosis(code="I10", role="principal"),),
        service_lines=(
            ServiceLine(
                number=1,
                procedure=Procedure(code="99213"),
                charge=10_000 + number,
                units=1,
                unit="UN",
                diagnosis_pointers=(1,),
                service_from=date(2025, 3, 3),
                line_control_number=f"L{number}",
            ),
        ),
    )
    return claim.model_copy(update=fields)


class Desk:
    """One process of the service: what it takes in, its courier's rounds, what it has said."""

    def __init__(
        self,
        pool: Pool,
        folder: Path,
        profile: Profile | None = None,
        transport: Transport | None = None,
        **settings: Any,
    ) -> None:
        self.pool = pool
        self.settings = Settings(
            transport_dir=folder / "transport",
            var_dir=folder / "var",
            interchange_window_s=0.001,
            mailbox_poll_s=0.001,
            watchdog_poll_s=0.001,
            **settings,
        )
        self.mailbox = self.settings.transport_dir / "clearinghouse"
        self.transport = FolderTransport(self.mailbox)
        self.now = NOW
        self.context = context_of("submission", pool, self.settings)
        self.handler = service(self.settings).handler
        self._core = Core(
            self.handler, postgres_transactions(pool), self.context.tracing, lambda: self.now
        )
        self.courier: Courier = courier_for(
            profile or Profile(),
            transport or self.transport,
            self.settings,
            asyncio.Semaphore(1),
            Leases(),
        )

    async def code(self, *claims: Claim) -> BatchOutcome:
        """Takes `claim.coded` of these claims in."""
        return await self.take(*(coded_record(claim, self.now) for claim in claims))

    async def secondary_due(self, claim: Claim) -> BatchOutcome:
        """Takes `claim.secondary-due` of this claim in."""
        data = ClaimSecondaryDue(claim=claim)
        return await self.take(coded_record(claim, self.now, data, "claims.remittance"))

    async def paid(self, claim: Claim, clp_status: str = "1") -> BatchOutcome:
        """Takes `claim.paid` in: the payer's 835 was posted."""
        adjudication = Adjudication(
            revision=claim.revision,
            remittance_id=UUID(int=835),
            payer_identifier=claim.payer.identifier or "",
            payer_claim_control_number=f"ICN{claim.id.int}",
            status=clp_status,
            charge=claim.charge,
            paid=claim.charge,
            contractual=0,
            patient=0,
            other=0,
            denied=0,
        )
        data = ClaimPaid(adjudication=adjudication, outcome="paid")
        return await self.take(coded_record(claim, self.now, data, "claims.remittance"))

    async def take(self, *records: Record) -> BatchOutcome:
        pending = [one for record in records for one in unfold(self.handler, record)]
        return await self._core.settle(pending)

    async def round(self, seconds: float = 1.0) -> None:
        """Some time passes, and the courier does what there is to do."""
        self.now += timedelta(seconds=seconds)
        await self.courier.round(self.context, self.now)

    async def take_answers(self) -> None:
        """Takes in what is on payers.inbound, again and again what was taken already."""
        for record in await self.said("payers.inbound"):
            await self.take(record)

    async def said(self, topic: str, event_type: str | None = None) -> list[Record]:
        """What the service has published on a topic, in order."""
        rows = await self.rows("SELECT topic, key, headers, value, type FROM event ORDER BY seq")
        return [
            Record(topic, 0, offset, key.encode(), value, unpack_headers(headers), 0)
            for offset, (of_topic, key, headers, value, of_type) in enumerate(rows)
            if of_topic == topic and event_type in (None, of_type)
        ]

    async def subjects(self, event_type: str) -> list[int]:
        """The numbers of the claims that an event was said of, one for each event."""
        records = await self.said("claims.submission", event_type)
        return sorted(UUID((record.key or b"").decode()).int for record in records)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.pool.fetch(query)]

    async def statuses(self) -> dict[int, str]:
        """The status of each claim's newest revision, by the claim's number."""
        rows = await self.rows("SELECT claim_id, status FROM claim ORDER BY claim_id, revision")
        return {claim_id.int: status for claim_id, status in rows}

    def sent_numbers(self) -> list[str]:
        """The patient control numbers in all files that became visible to the payer."""
        numbers = []
        for folder in ("to-payer", "processed"):
            for path in sorted((self.mailbox / folder).glob("*.837")):
                found = read_claims(BytesIO(path.read_bytes()), source="test")
                numbers += [
                    one.patient_control_number or "" for one in found if isinstance(one, ReadClaim)
                ]
        return sorted(numbers)


def coded_record(
    claim: Claim, at: datetime, said: Model | None = None, topic: str = "claims.coding"
) -> Record:
    """A record that says something of a claim; `claim.coded`, where nothing else is given."""
    data = said or ClaimCoded(claim=claim, ruleset="test")
    event = Event(
        id=business_id("test", type(data).__name__, claim.id, claim.revision, to_wire(data)),
        source="coding",
        subject=str(claim.id),
        time=at,
        data=data,
        sequence=claim.revision,
    )
    key = event.subject.encode()
    return Record(topic, 0, 0, key, to_wire(data), to_headers(event), 0)


class FreshDatabase(Protocol):
    dsn: str

    def fresh_database(self) -> str: ...


@pytest.fixture
async def pool(postgres: FreshDatabase) -> AsyncIterator[Pool]:
    """The service's own role on an empty, migrated schema."""
    admin = postgres.fresh_database()
    password = new_password()
    await bootstrap(admin, ["submission"], {"submission": password})
    made = await create_pool(service_dsn(admin, "submission", password), "submission")
    await migrate(made, "submission", service(Settings()).schema_dir)
    yield made
    await made.close()


@pytest.fixture
def desk(pool: Pool, tmp_path: Path) -> Desk:
    return Desk(pool, tmp_path)


@pytest.fixture
def payer(desk: Desk) -> Callable[[], None]:
    """The payer twin: answers everything, and pays at once."""
    mailroom = Mailroom(desk.settings.transport_dir, SEED, delay_s=0.0)

    def answer() -> None:
        import time

        while mailroom.round(time.time() + 1):
            pass

    return answer


@pytest.fixture
def claim() -> Callable[..., Claim]:
    return coded_claim


@pytest.fixture
def fated() -> Callable[[Outcome], int]:
    """The number of a claim that has this outcome at the twin."""

    def find(outcome: Outcome) -> int:
        numbers = range(1, 10_000)
        return next(n for n in numbers if expected_outcome(f"PCN{n:05d}", SEED) is outcome)

    return find

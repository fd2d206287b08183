"""The remittance service's handler on a real database, driven by the kernel's batch core."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette

from services.remittance.app import NAME, service
from services.remittance.statements.changes import Rules
from services.remittance.statements.office import StatementOffice
from shared import database
from shared.contract import topics
from shared.contract.claim import Claim, Insured, Payer, Procedure, Provider, ServiceLine
from shared.contract.envelope import Event, business_id, to_headers
from shared.contract.events import ClaimSubmitted, InterchangeReference
from shared.contract.model import to_wire
from shared.http import keys
from shared.messaging.batch import Core
from shared.messaging.decoding import unfold
from shared.messaging.handler import Record
from shared.messaging.store import postgres_transactions
from shared.settings import Settings
from shared.telemetry.tracing import Tracing
from tests.integration.contexts import app_of, context_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "of the tests"
BATCH = 500


@dataclass
class Desk:
    """The service on one database, fed records by hand."""

    admin_dsn: str
    pool: database.Pool
    core: Core
    parked: list[str] = field(default_factory=list)
    password: str = PASSWORD

    async def take(self, *records: Record, batch: int = BATCH) -> None:
        """Takes records in as the consumer would, so many units to a transaction."""
        pending = [one for record in records for one in unfold(self.core.handler, record)]
        for start in range(0, len(pending), batch):
            outcome = await self.core.settle(pending[start : start + batch])
            self.parked += outcome.parked

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.pool.acquire() as connection:
            return await connection.fetch(query, *arguments)

    async def value(self, query: str, *arguments: Any) -> Any:
        return (await self.fetch(query, *arguments))[0][0]

    async def migrate(self, schema_dir: Path | None = None) -> None:
        """Brings the database up to this release, or to what the folder holds of it."""
        await database.migrate(self.pool, NAME, schema_dir or service(Settings()).schema_dir)


@pytest.fixture
async def bare_desk(postgres: Any) -> AsyncIterator[Desk]:
    """One whose database has no tables yet."""
    dsn = postgres.fresh_database()
    made = service(Settings())
    await database.bootstrap(dsn, [made.name], {made.name: PASSWORD})
    pool = await database.create_pool(
        database.service_dsn(dsn, made.name, PASSWORD), made.name, max_size=3
    )
    core = Core(made.handler, postgres_transactions(pool), Tracing(made.name, 0.0), lambda: NOW)
    yield Desk(dsn, pool, core)
    await pool.close()


@pytest.fixture
async def desk(bare_desk: Desk) -> Desk:
    await bare_desk.migrate()
    return bare_desk


@pytest.fixture
def office(desk: Any) -> StatementOffice:
    return StatementOffice(desk.pool, Rules())


@pytest.fixture
async def app(desk: Any) -> Starlette:
    settings = Settings()
    return app_of(service(settings), context_of(NAME, desk.pool, settings, metrics="patients api"))


@pytest.fixture
async def key(desk: Any) -> str:
    made = keys.new_key()
    async with desk.pool.acquire() as connection:
        await keys.create(connection, made, name="t", source="ada", scopes=["*"])
    return made


@pytest.fixture
async def client(app: Starlette, key: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://remittance") as client:
        client.headers["X-API-Key"] = key
        yield client


class Paper:
    """Submitted claims and 835s as records."""

    @staticmethod
    def claim(number: str, *, charge: int = 30_000, revision: int = 1) -> Record:
        claim = Claim(
            id=business_id("claim", "hospital", number),
            revision=revision,
            kind="professional",
            source="hospital",
            patient_control_number=number,
            charge=charge,
            billing_provider=Provider(name="A CLINIC", npi="1234567893"),
            subscriber=Insured(is_person=True, name="DOE", identifier="W1"),
            payer=Payer(name="A PAYER", identifier="PAY01"),
            service_lines=tuple(
                ServiceLine(
                    number=place,
                    procedure=Procedure(code="99213"),
                    charge=charge // 3,
                    service_from=date(2026, 1, place),
                    line_control_number=f"{number}-{place}",
                )
                for place in (1, 2, 3)
            ),
        )
        reference = InterchangeReference(
            interchange_id=claim.id,
            payer="p",
            interchange_control_number="1",
            group_control_number="1",
            transaction_control_number="1",
        )
        data = ClaimSubmitted(claim=claim, interchange=reference, submitted_at=NOW)
        event = Event(
            business_id("submitted", claim.id, revision), "test", str(claim.id), NOW, data
        )
        return Record(
            topics.CLAIMS_SUBMISSION,
            0,
            0,
            str(claim.id).encode(),
            to_wire(data),
            to_headers(event),
            0,
        )

    @staticmethod
    def remittance(
        answers: Sequence[tuple[str, str, Sequence[str]]], *, trace: str = "T1", paid: str
    ) -> Record:
        """A record with one 835. An answer is the CLP's account number, the rest of the CLP after
        it, and the segments that follow."""
        segments = [
            "ST*835*0001",
            f"BPR*I*{paid}*C*ACH*CCP*01*1*DA*2*3**01*4*DA*5*20260227",
            f"TRN*1*{trace}*1999999999",
            "N1*PR*A PAYER*XV*PAY01",
            "N1*PE*A CLINIC*XX*1234567893",
            "LX*1",
        ]
        for number, rest, follow in answers:
            segments += [f"CLP*{number}*{rest}", *follow]
        segments.append(f"SE*{len(segments) + 1}*0001")
        head = (
            "ISA*00*          *00*          *ZZ*PAYER          *ZZ*PROVIDER       *260227*0830*^"
            "*00501*000000001*0*P*:~GS*HP*PAYER*PROVIDER*20260227*0830*1*X*005010X221A1~"
        )
        text = head + "~".join(segments) + "~GE*1*1~IEA*1*000000001~"
        headers = (("ce_id", str(uuid4()).encode()),)
        return Record(topics.PAYERS_INBOUND, 0, 0, b"p", text.encode(), headers, 0)


@pytest.fixture(scope="session")
def paper() -> Paper:
    return Paper()

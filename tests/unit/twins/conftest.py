"""A payer twin played through in memory: claims and a scenario in, every answer read back by our
own readers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from uuid import UUID

import pytest

from deploy.twins.payer.core import Payer
from deploy.twins.payer.outbox import AnswerFile
from deploy.twins.payer.scenario import Scenario
from deploy.twins.payer.scenario_file import load_scenario
from shared.contract.claim import (
    Address,
    Claim,
    Diagnosis,
    Insured,
    Party,
    Procedure,
    Provider,
    ServiceLine,
)
from shared.contract.claim import (
    Payer as ClaimPayer,
)
from shared.contract.events import AcknowledgementRead, ClaimAnswer
from shared.contract.remittance import (
    RemittanceClaim,
    RemittanceHeader,
    RemittanceTrailer,
)
from shared.x12.answers.acknowledgements import read_acknowledgements
from shared.x12.answers.meaning import answer_events
from shared.x12.answers.remittances import read_remittances
from shared.x12.claims.writing import InterchangeEnvelope, write_interchange

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
SERVED = date(2026, 11, 3)
HOME = Address(line1="1 MAIN ST", city="DAYTON", state="OH", postal_code="454020001")

Lines = Sequence[tuple[str, int]]


def claim_of(
    number: str, lines: Lines, *, payer: str = "PAY01", npi: str = "1234567893", **changes: object
) -> Claim:
    """A professional claim of lines `(procedure[:modifier], cents)`."""
    claim = Claim(
        id=UUID(int=1),
        kind="professional",
        source="test",
        patient_control_number=number,
        charge=sum(cents for _, cents in lines),
        facility_code="11",
        provider_signature=True,
        accepts_assignment="A",
        benefits_assigned="Y",
        release_of_information="Y",
        filing_indicator="MC",
        submitter=Party(name="US", identifier_qualifier="46", identifier="US"),
        receiver=Party(name="THEM", identifier_qualifier="46", identifier="THEM"),
        billing_provider=Provider(name="CLINIC", npi=npi, tax_id="361234567", address=HOME),
        subscriber=Insured(
            is_person=True,
            name="DOE",
            first_name="JANE",
            identifier_qualifier="MI",
            identifier="W1",
            address=HOME,
            birth_date=date(1980, 1, 2),
            gender="F",
        ),
        payer=ClaimPayer(name="PAYER", identifier_qualifier="PI", identifier=payer),
        diagnoses=(Diagnosis(code="I10", role="principal"),),
        service_lines=tuple(
            ServiceLine(
                number=at,
                procedure=Procedure(
                    code=code.partition(":")[0],
                    modifiers=tuple(filter(None, code.partition(":")[2].split(":"))),
                ),
                charge=cents,
                units=1,
                unit="UN",
                diagnosis_pointers=(1,),
                service_from=SERVED,
                line_control_number=f"{number}L{at}",
            )
            for at, (code, cents) in enumerate(lines, start=1)
        ),
    )
    return claim.model_copy(update=changes)


def interchange_of(*claims: Claim, number: int = 1, wants_ta1: bool = False) -> bytes:
    """The claims, all of one kind, as an 837."""
    out = BytesIO()
    envelope = InterchangeEnvelope(
        sender="US", receiver="THEM", control_number=number, created_at=START, wants_ta1=wants_ta1
    )
    write_interchange(claims, envelope, out)
    return out.getvalue()


@dataclass(frozen=True)
class Told:
    """One 835 of a file."""

    header: RemittanceHeader
    claims: list[RemittanceClaim]
    trailer: RemittanceTrailer
    file: AnswerFile

    @property
    def plb(self) -> list[tuple[str, int]]:
        return [(one.reason, one.amount) for one in self.trailer.provider_adjustments]

    @property
    def is_balanced(self) -> bool:
        balance = self.trailer.balance
        assert balance is not None
        failed = balance.claims.failed + balance.lines.failed
        return balance.transaction.balanced and not failed


def remittances_of(file: AnswerFile) -> list[Told]:
    found: list[Told] = []
    header: RemittanceHeader | None = None
    claims: list[RemittanceClaim] = []
    for part in read_remittances(BytesIO(file.content)):
        assert not part.findings
        if isinstance(part, RemittanceHeader):
            header, claims = part, []
        elif isinstance(part, RemittanceClaim):
            claims.append(part)
        else:
            assert header is not None
            assert isinstance(part, RemittanceTrailer)
            found.append(Told(header, claims, part, file))
    return found


@dataclass
class Play:
    """A payer and its time. `send` takes 837s or claims in, `wait` lets time pass."""

    payer: Payer
    now: datetime = START
    sent: int = 0
    files: list[AnswerFile] = field(default_factory=list)

    def send(self, *claims: Claim) -> list[AnswerFile]:
        self.sent += 1
        return self.send_file(interchange_of(*claims, number=self.sent), f"f{self.sent}.837")

    def send_file(self, content: bytes, name: str) -> list[AnswerFile]:
        self.payer.take(content, name, self.now)
        return self.wait(0)

    def wait(self, days: float) -> list[AnswerFile]:
        """What comes in that time."""
        self.now += timedelta(days=days)
        new = self.payer.advance(self.now)
        self.files += new
        return new

    def of(self, kind: str) -> list[AnswerFile]:
        return [file for file in self.files if file.kind == kind]

    @property
    def remittances(self) -> list[Told]:
        return [told for file in self.of("835") for told in remittances_of(file)]

    @property
    def claims(self) -> list[RemittanceClaim]:
        return [claim for told in self.remittances for claim in told.claims]

    def acknowledgements(self, kind: str) -> list[AcknowledgementRead]:
        read = [
            one
            for file in self.of(kind)
            for one in answer_events(read_acknowledgements(BytesIO(file.content)))
        ]
        assert all(isinstance(one, AcknowledgementRead) for one in read)
        return [one for one in read if isinstance(one, AcknowledgementRead)]

    def statuses(self, kind: str = "277ca") -> list[ClaimAnswer]:
        return [claim for read in self.acknowledgements(kind) for claim in read.claims]


@pytest.fixture
def play() -> Callable[..., Play]:
    """Opens a payer: a shipped scenario's name or a scenario, with changes."""

    def opened(scenario: str | Scenario = "paid", seed: int = 1, **changes: object) -> Play:
        loaded = load_scenario(scenario) if isinstance(scenario, str) else scenario
        return Play(Payer(replace(loaded, **changes), seed))  # type: ignore[arg-type]

    return opened


@pytest.fixture
def claim() -> Callable[..., Claim]:
    return claim_of


@pytest.fixture
def interchange() -> Callable[..., bytes]:
    return interchange_of

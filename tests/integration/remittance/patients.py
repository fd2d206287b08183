"""Claims of invented patients and their payers' answers, for the tests of bills."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from services.remittance.domain.accounts import BillingProvider, patient_account_id
from shared.contract import topics
from shared.contract.claim import (
    Address,
    Claim,
    Contact,
    ContactNumber,
    Insured,
    OtherCoverage,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
)
from shared.contract.envelope import Event, business_id, to_headers
from shared.contract.events import ClaimSubmitted, InterchangeReference
from shared.contract.model import to_wire
from shared.messaging.handler import Record

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Line = tuple[str, int]
"""A service's code and charge in cents."""

VISIT: Sequence[Line] = (("99214", 24_500), ("80053", 6_800), ("J1885", 4_800), ("36415", 1_800))
VISIT_ANSWER = (
    "1*379*169.2*63.8*12*2026031400178*11*1",
    (
        "SVC*HC:99214*245*120.4**1",
        "CAS*CO*45*73",
        "CAS*PR*3*30**2*21.6",
        "SVC*HC:80053*68*21.6**1",
        "CAS*CO*45*41",
        "CAS*PR*2*5.4",
        "SVC*HC:J1885*48*27.2**1",
        "CAS*CO*45*14",
        "CAS*PR*1*6.8",
        "SVC*HC:36415*18*0**1",
        "CAS*CO*45*18",
    ),
)
"""An insurer's answer: a copay, a coinsurance, a deductible, a test at no cost."""


NPI = "1234567893"


def account_of(number: str, npi: str = NPI) -> UUID:
    return UUID(patient_account_id(number, BillingProvider(npi=npi)))


def claim_id_of(number: str, claim: str = "", npi: str = NPI) -> UUID:
    told = () if npi == NPI else (npi,)
    return business_id("claim", "hospital", number, claim, *told)


def submitted(
    number: str,
    lines: Sequence[Line] = VISIT,
    *,
    claim: str = "",
    revision: int = 1,
    second_payer: bool = False,
    npi: str = NPI,
    tax_id: str | None = None,
    patient: tuple[str, str] = ("RIVERA", "JORDAN"),
    member: str = "W1",
) -> Record:
    """`claim.submitted.v1`. `claim` tells claims of one account apart, `npi` the clinics."""
    body = Claim(
        id=claim_id_of(number, claim, npi),
        revision=revision,
        kind="professional",
        source="hospital",
        patient_control_number=number,
        charge=sum(cents for _, cents in lines),
        billing_provider=Provider(
            name="LAKESIDE FAMILY CLINIC",
            npi=npi,
            tax_id=tax_id,
            address=Address(
                line1="1200 SHORE DRIVE", city="SPRINGFIELD", state="IL", postal_code="62703"
            ),
            contacts=(Contact(numbers=(ContactNumber(kind="TE", value="2175550142"),)),),
        ),
        subscriber=Insured(
            is_person=True,
            name=patient[0],
            first_name=patient[1],
            identifier=member,
            address=Address(
                line1="418 WILLOW STREET", city="SPRINGFIELD", state="IL", postal_code="62704"
            ),
        ),
        payer=Payer(name="MERIDIAN HEALTH PLAN", identifier="PAY01"),
        other_coverages=(
            (OtherCoverage(sequence="S", payer=Payer(name="SECOND PLAN", identifier="PAY02")),)
            if second_payer
            else ()
        ),
        service_lines=tuple(
            ServiceLine(
                number=place,
                procedure=Procedure(code=code),
                charge=cents,
                units=2 if code.startswith("J") else 1,
                service_from=date(2026, 1, 12),
                line_control_number=f"{number}{claim}-{place}",
            )
            for place, (code, cents) in enumerate(lines, start=1)
        ),
    )
    reference = InterchangeReference(
        interchange_id=body.id,
        payer="p",
        interchange_control_number="1",
        group_control_number="1",
        transaction_control_number="1",
    )
    data = ClaimSubmitted(claim=body, interchange=reference, submitted_at=NOW)
    identity = business_id("submitted", body.id, revision)
    event = Event(identity, "test", str(body.id), NOW, data)
    key = str(body.id).encode()
    return Record(topics.CLAIMS_SUBMISSION, 0, 0, key, to_wire(data), to_headers(event), 0)


def answered(
    answers: Sequence[tuple[str, str, Sequence[str]]],
    *,
    paid: str,
    trace: str = "T1",
    payer: str = "PAY01",
    payee: Sequence[str] = (f"N1*PE*LAKESIDE FAMILY CLINIC*XX*{NPI}",),
) -> Record:
    """An 835. An answer is the account number, the rest of its CLP, and the segments after it."""
    segments = [
        "ST*835*0001",
        f"BPR*I*{paid}*C*ACH*CCP*01*1*DA*2*3**01*4*DA*5*20260227",
        f"TRN*1*{trace}*1999999999",
        f"N1*PR*MERIDIAN HEALTH PLAN*XV*{payer}",
        *payee,
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

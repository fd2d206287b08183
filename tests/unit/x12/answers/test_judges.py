"""What we write and read, judged by programs that are not ours: pyx12 (maps of the standard) and
oxedi (835s)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path

import oxedi
import pytest
from pyx12.params import params
from pyx12.x12n_document import x12n_document

from shared.contract.acknowledgement import (
    ElementError,
    GroupAnswer,
    InterchangeAnswer,
    SegmentError,
    SetAnswer,
    Status,
    StatusAmount,
    StatusCode,
    StatusDate,
    StatusHeader,
    StatusLevel,
    StatusParty,
    StatusQuantity,
    StatusReference,
    StatusTrace,
)
from shared.contract.claim import Address, Contact, ContactNumber, Procedure
from shared.contract.remittance import (
    BankAccount,
    ProviderAdjustment,
    RemittanceAdjustment,
    RemittanceClaim,
    RemittanceGroup,
    RemittanceHeader,
    RemittanceLine,
    RemittanceOrganization,
    RemittanceParty,
    RemittanceReference,
    RemittanceTrailer,
)
from shared.x12.answers import (
    read_remittances,
    write_group_answers,
    write_interchange_answers,
    write_remittances,
    write_status_reports,
)
from shared.x12.interchange import InterchangeEnvelope

ENVELOPE = InterchangeEnvelope(
    sender="PAYER",
    receiver="CLINIC",
    control_number=7,
    created_at=datetime(2026, 6, 1, 12, 0, tzinfo=UTC),
    usage="P",
)
DAY = date(2026, 6, 1)
NPI = "1234567893"


def _is_valid_by_pyx12(data: bytes, folder: Path) -> bool:
    path = folder / "interchange.x12"
    path.write_bytes(data)
    return bool(
        x12n_document(
            param=params(), src_file=str(path), fd_997=StringIO(), fd_html=None, fd_xmldoc=None
        )
    )


def _remittance() -> bytes:
    address = Address(line1="1 MAIN ST", city="TOWN", state="OH", postal_code="441090000")
    help_desk = ContactNumber(kind="TE", value="8005551212")
    header = RemittanceHeader(
        amount=23_000,
        method="ACH",
        payment_format="CCP",
        sender_account=BankAccount("01", "021000021", "DA", "1234567"),
        originating_company="1512345678",
        receiver_account=BankAccount("01", "021000021", "DA", "7654321"),
        payment_date=DAY,
        trace_number="TRACE1",
        trace_payer="1512345678",
        receiver_identification="CLINIC",
        production_date=DAY,
        payer=RemittanceOrganization(
            "PLAN",
            address=address,
            contacts=(Contact(function="BL", name="HELP", numbers=(help_desk,)),),
        ),
        payee=RemittanceOrganization(
            "CLINIC", "XX", NPI, address, (RemittanceReference("TJ", "123456789"),)
        ),
    )
    line = RemittanceLine(
        procedure=Procedure(code="99213", modifiers=("25",)),
        charge=15_000,
        paid=12_000,
        units=Decimal(1),
        service_date=DAY,
        adjustments=(
            RemittanceAdjustment("CO", "45", 1_000),
            RemittanceAdjustment("PR", "1", 500),
            RemittanceAdjustment("PR", "2", 1_500),
        ),
        line_control_number="L1",
        allowed=14_000,
        remarks=("N130",),
    )
    claims = [
        RemittanceClaim(
            number,
            "1",
            15_000,
            12_000,
            2_000,
            "12",
            "ICN1",
            "11",
            "1",
            group=RemittanceGroup("1"),
            patient=RemittanceParty(True, "DOE", "JANE", None, None, "MI", "M1"),
            rendering_provider=RemittanceParty(True, "SMITH", "JO", None, None, "XX", NPI),
            received_on=DAY,
            lines=(line,),
        )
        for number in ("PCN1", "PCN2")
    ]
    recovery = ProviderAdjustment(NPI, date(2026, 12, 31), "WO", "ICN0", 1_000)
    out = BytesIO()
    write_remittances(out, ENVELOPE, [(header, claims, (recovery,))])
    return out.getvalue()


def test_pyx12_takes_our_835(tmp_path: Path) -> None:
    assert _is_valid_by_pyx12(_remittance(), tmp_path)


def test_oxedi_takes_our_835_and_counts_the_same() -> None:
    result = oxedi.parse(_remittance())
    assert result.diagnostics == []
    counts = {name: len(result.tables[name]) for name in ("claims", "services", "adjustments")}
    assert counts == {"claims": 2, "services": 2, "adjustments": 6}
    assert len(result.tables["provider_adjustments"]) == 1


def test_our_835_balances() -> None:
    trailer = list(read_remittances(BytesIO(_remittance())))[-1]
    assert isinstance(trailer, RemittanceTrailer)
    assert trailer.balance is not None
    assert trailer.balance.transaction.balanced
    assert (trailer.balance.claims.failed, trailer.balance.lines.failed) == (0, 0)


def test_oxedi_counts_what_we_count_in_every_sample(samples: Path) -> None:
    for path in sorted((samples / "835").iterdir()):
        data = path.read_bytes()
        if not data.startswith(b"ISA"):
            continue  # oxedi needs one
        claims = [p for p in read_remittances(BytesIO(data)) if isinstance(p, RemittanceClaim)]
        ours = (
            len(claims),
            sum(len(claim.lines) for claim in claims),
            sum(len(list(claim.all_adjustments())) for claim in claims),
        )
        tables = oxedi.parse(data).tables
        theirs = tuple(len(tables[name]) for name in ("claims", "services", "adjustments"))
        assert ours == theirs, path.name


def test_pyx12_takes_our_999(tmp_path: Path) -> None:
    element = ElementError(9, "7", reference="67", bad_value="X")
    error = SegmentError("NM1", 8, "2300", "8", elements=(element,))
    guide = "005010X222A1"
    answer = GroupAnswer(
        "HC",
        "7",
        "P",
        guide,
        (
            SetAnswer("837", "0001", "A", guide),
            SetAnswer("837", "0002", "R", guide, (error,), ("5",)),
        ),
        included=2,
        received=2,
        accepted=1,
    )
    out = BytesIO()
    write_group_answers(out, ENVELOPE, [answer])
    assert _is_valid_by_pyx12(out.getvalue(), tmp_path)


def test_pyx12_takes_our_277ca(tmp_path: Path) -> None:
    out = BytesIO()
    header = StatusHeader("277CA", "B1", "08", DAY, "120000", "TH")
    write_status_reports(out, ENVELOPE, [(header, _levels())])
    assert _is_valid_by_pyx12(out.getvalue(), tmp_path)


def _levels() -> list[StatusLevel]:
    batch = StatusTrace(
        "2",
        "BATCH1",
        (Status(StatusCode("A1", "19"), DAY, "WQ", 30_000),),
        quantities=(StatusQuantity("90", Decimal(1)), StatusQuantity("AA", Decimal(1))),
        amounts=(StatusAmount("YU", 15_000), StatusAmount("YY", 15_000)),
    )
    source = StatusTrace("1", "T1", dates=(StatusDate("050", DAY), StatusDate("009", DAY)))
    accepted = StatusTrace("1", "0", (Status(StatusCode("A1", "19"), None, "WQ", 30_000),))
    plan = StatusParty("PR", False, "PLAN", identifier_qualifier="PI", identifier="12345")
    receiver = StatusParty("41", False, "CLINIC", identifier_qualifier="46", identifier="S1")
    provider = StatusParty("85", False, "CLINIC", identifier_qualifier="XX", identifier=NPI)
    return [
        StatusLevel("1", None, "20", True, plan, traces=(source,)),
        StatusLevel("2", "1", "21", True, receiver, traces=(batch,)),
        StatusLevel("3", "2", "19", True, provider, traces=(accepted,)),
        _claim_level("4", Status(StatusCode("A2", "20"), DAY, "WQ", 15_000)),
        _claim_level("5", Status(StatusCode("A7", "562", "85"), DAY, "U", 15_000)),
    ]


def _claim_level(number: str, status: Status) -> StatusLevel:
    patient = StatusParty(
        "QC", True, "DOE", "JANE", identifier_qualifier="MI", identifier=f"M{number}"
    )
    trace = StatusTrace(
        "2",
        f"PCN{number}",
        (status,),
        (StatusReference("1K", f"ICN{number}"),),
        (StatusDate("472", DAY),),
    )
    return StatusLevel(number, "3", "PT", None, patient, traces=(trace,))


@pytest.mark.parametrize("wants_line_ends", [False, True])
def test_a_ta1_stands_between_isa_and_iea(wants_line_ends: bool) -> None:
    out = BytesIO()
    envelope = InterchangeEnvelope(
        sender="PAYER",
        receiver="CLINIC",
        control_number=7,
        created_at=datetime(2026, 6, 1, 12, 0, tzinfo=UTC),
        line_ends=wants_line_ends,
    )
    answer = InterchangeAnswer("000000019", "A", "000", "260531", "1159")
    write_interchange_answers(out, envelope, [answer])
    isa, ta1, iea, _ = out.getvalue().decode().replace("\n", "").split("~")
    assert len(isa) == 105
    assert ta1 == "TA1*000000019*260531*1159*A*000"
    assert iea == "IEA*0*000000007"

"""Records into units: an 835 claim by claim, with the verdict over the whole before the first."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest

from services.remittance import reading
from services.remittance.domain.accounts import number_key
from services.remittance.domain.incoming import (
    ClaimRead,
    Closing,
    Numbered,
    Opening,
    Registration,
    claim_from_json,
)
from services.remittance.reading import read_payer_message, read_submission, read_transactions
from shared.contract import topics
from shared.contract.claim import Claim, Insured, Payer, Procedure, Provider, ServiceLine
from shared.contract.envelope import Event, to_headers
from shared.contract.events import (
    AcknowledgementEvidence,
    ClaimAcknowledged,
    ClaimSubmitted,
    InterchangeReference,
)
from shared.contract.model import to_wire
from shared.contract.remittance import RemittanceProblem
from shared.messaging.handler import Bad, Record, Unit

CLAIM_ID = UUID(int=77)
_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def set_of(claims: int, *, trace: str = "T1", control: str = "0001", prefix: str = "A") -> str:
    body = [
        f"ST*835*{control}",
        f"BPR*I*{claims * 80}*C*ACH*CCP*01*1*DA*2*3**01*4*DA*5*20260227",
        f"TRN*1*{trace}*1999999999",
        "N1*PR*A PAYER*XV*PAY01",
        "N1*PE*A CLINIC*XX*1234567893",
        "LX*1",
    ]
    for number in range(claims):
        body += [f"CLP*{prefix}{number}*1*100*80**12*P{number}*11*1", "CAS*CO*45*20"]
    body.append(f"SE*{len(body) + 1}*{control}")
    return "~".join(body) + "~"


def file_of(sets: Sequence[str], *, control: str = "000000001", newline: str = "") -> bytes:
    head = (
        "ISA*00*          *00*          *ZZ*PAYER          *ZZ*PROVIDER       *260227*0830*^*00501*"
        f"{control}*0*P*:~GS*HP*PAYER*PROVIDER*20260227*0830*{int(control)}*X*005010X221A1~"
    )
    tail = f"GE*{len(sets)}*{int(control)}~IEA*1*{control}~"
    return (head + "".join(sets) + tail).replace("~", "~" + newline).encode()


def _record(value: bytes | None, **headers: str) -> Record:
    encoded = tuple((name, text.encode()) for name, text in headers.items())
    return Record(topics.PAYERS_INBOUND, 0, 0, b"key", value, encoded, 0)


def _read(content: bytes) -> list[Any]:
    return list(read_transactions(lambda: BytesIO(content)))


def test_a_set_is_opened_with_its_verdict_then_read_claim_by_claim_then_closed() -> None:
    opening, *claims, closing = _read(file_of([set_of(2)]))
    assert isinstance(opening, Opening)
    assert (opening.payer_identifier, opening.trace_number, opening.amount) == (
        "PAY01",
        "T1",
        16_000,
    )
    assert (opening.claims, opening.balance.transaction.balanced) == (2, True)
    assert [read.claim.position for read in claims] == [0, 1]
    assert all(read.opening is opening for read in claims)
    assert closing == Closing(opening)


def test_what_is_kept_of_a_claim_reads_back_as_the_claim() -> None:
    for body in _read(file_of([set_of(3)])):
        if isinstance(body, ClaimRead):
            assert claim_from_json(body.content) == body.claim


def test_large_sets_are_read_again_and_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    content = file_of([set_of(7), set_of(2, trace="T2"), set_of(9, trace="T3")])
    held = _read(content)
    monkeypatch.setattr(reading, "CLAIMS_HELD", 4)
    opened = 0

    def open_stream() -> BytesIO:
        nonlocal opened
        opened += 1
        return BytesIO(content)

    assert list(read_transactions(open_stream)) == held
    assert opened == 2


def test_the_same_set_in_another_envelope_is_the_same_remittance() -> None:
    first = _read(file_of([set_of(2)]))[0]
    again = _read(file_of([set_of(2, control="0009")], control="000000042", newline="\n"))[0]
    assert again.remittance_id == first.remittance_id


def test_another_content_under_the_same_trace_is_another_remittance() -> None:
    first = _read(file_of([set_of(2)]))[0]
    other = _read(file_of([set_of(2, prefix="B")]))[0]
    assert other.trace_number == first.trace_number
    assert other.remittance_id != first.remittance_id


def test_units_of_one_message_are_numbered_and_keyed_without_account_numbers() -> None:
    record = _record(file_of([set_of(2), set_of(1, trace="T2")]), ce_id=str(CLAIM_ID))
    units = [unit for unit in _units(record) if isinstance(unit, Unit)]
    assert [unit.part for unit in units] == list(range(7))
    keys = [unit.key for unit in units if isinstance(unit.body, ClaimRead)]
    assert keys == [number_key("A0"), number_key("A1"), number_key("A0")]
    assert all(UUID(unit.key) for unit in units)


def _units(record: Record) -> list[Any]:
    return list(read_payer_message(record))


def test_the_same_bytes_are_the_same_message_where_the_record_has_no_id() -> None:
    record = _record(file_of([set_of(1)]))
    assert {unit.event_id for unit in _units(record)} == {unit.event_id for unit in _units(record)}


@pytest.mark.parametrize(
    "value",
    [
        file_of(["ST*999*0001~AK1*HC*1~AK9*A*1*1*1~SE*4*0001~"]),
        b"no X12 at all",
        b"",
        None,
    ],
)
def test_a_message_without_an_835_is_none_of_ours(value: bytes | None) -> None:
    assert _units(_record(value)) == []


def test_a_header_that_says_what_is_inside_is_believed() -> None:
    content = file_of([set_of(1)])
    assert _units(_record(content, **{"x12-transactions": "999,TA1"})) == []
    assert len(_units(_record(content, **{"x12-transactions": "999,835"}))) == 3


def test_an_835_of_another_version_is_set_aside_with_its_reason() -> None:
    content = file_of([set_of(1)]).replace(b"005010X221A1", b"004010X091A1")
    (bad,) = _units(_record(content))
    assert isinstance(bad, Bad)
    assert (bad.error, bad.detail, bad.key) == ("remittance-unreadable", "version-not-read", None)


def test_a_file_that_breaks_off_is_read_as_far_as_it_goes_and_blocks() -> None:
    opening, *rest = _read(file_of([set_of(3)])[:-90])
    assert isinstance(opening, Opening)
    assert any(finding.severity == "block" for finding in opening.findings)
    assert isinstance(rest[-1], Closing | RemittanceProblem)


# claims.submission


def _submitted() -> Event:
    claim = Claim(
        id=CLAIM_ID,
        revision=2,
        kind="professional",
        source="hospital",
        patient_control_number="ACCT-1",
        charge=10_000,
        billing_provider=Provider(npi="1234567893"),
        subscriber=Insured(),
        payer=Payer(identifier="PAY01"),
        service_lines=(ServiceLine(number=1, procedure=Procedure(code="99213"), charge=10_000),),
    )
    reference = InterchangeReference(
        interchange_id=CLAIM_ID,
        payer="p",
        interchange_control_number="1",
        group_control_number="1",
        transaction_control_number="1",
    )
    data = ClaimSubmitted(claim=claim, interchange=reference, submitted_at=_NOW)
    return Event(CLAIM_ID, "test", str(CLAIM_ID), _NOW, data, traceparent="00-x")


def _event_record(event: Event, value: bytes | None = None) -> Record:
    body = to_wire(event.data) if value is None else value
    return Record(topics.CLAIMS_SUBMISSION, 0, 0, b"key", body, to_headers(event), 0)


def test_a_submitted_claim_is_registered_under_its_account() -> None:
    (unit,) = read_submission(_event_record(_submitted()))
    assert isinstance(unit, Unit)
    assert isinstance(unit.body, Registration)
    assert unit.key == str(CLAIM_ID)
    assert unit.body.number_key == number_key("ACCT-1")
    assert (unit.body.claim.revision, unit.body.claim.owed) == (2, 10_000)
    assert unit.body.traceparent == "00-x"


def test_the_number_a_payer_gave_is_kept() -> None:
    data = ClaimAcknowledged(
        revision=1,
        stage="payer",
        payer_claim_control_number="P1",
        evidence=AcknowledgementEvidence(transaction="277CA"),
    )
    (unit,) = read_submission(_event_record(Event(CLAIM_ID, "t", str(CLAIM_ID), _NOW, data)))
    assert isinstance(unit, Unit)
    assert unit.body == Numbered(CLAIM_ID, "P1", accepted_at=_NOW, evidence="277CA")


def test_data_that_does_not_fit_is_bad_and_says_no_value() -> None:
    (bad,) = read_submission(_event_record(_submitted(), b'{"claim":{"id":"SECRET"}}'))
    assert isinstance(bad, Bad)
    assert bad.error == "bad-data"
    assert "SECRET" not in bad.detail


def test_what_is_no_event_is_bad_and_other_events_are_none_of_ours() -> None:
    record = _event_record(_submitted())
    other = tuple(
        (name, b"claim.refused.v1" if name == "ce_type" else value)
        for name, value in record.headers
    )
    assert list(read_submission(Record(record.topic, 0, 0, b"k", b"{}", other, 0))) == []
    (bad,) = read_submission(Record(record.topic, 0, 0, b"\xff", b"{}", (), 0))
    assert isinstance(bad, Bad)
    (tombstone,) = read_submission(Record(record.topic, 0, 0, b"k", None, record.headers, 0))
    assert isinstance(tombstone, Bad)

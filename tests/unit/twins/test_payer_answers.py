"""The payer twin's files: read back by our own readers, balanced, and the same every time."""

import os
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.twins.payer.answer import Answers, answer
from deploy.twins.payer.reception import NotAnInterchangeError, receive
from deploy.twins.payer.scenario import Outcome, expected_outcome
from deploy.twins.payer.watch import Mailroom
from shared.contract.claim import (
    Address,
    Claim,
    Diagnosis,
    Insured,
    Party,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
)
from shared.contract.events import AcknowledgementRead
from shared.contract.remittance import RemittanceClaim, RemittanceHeader, RemittanceTrailer
from shared.x12.answers.acknowledgements import read_acknowledgements
from shared.x12.answers.meaning import answer_events
from shared.x12.answers.remittances import read_remittances
from shared.x12.claims.writing import InterchangeEnvelope, write_interchange
from tests.examples import examples

SEED = 7
NOW = datetime(2025, 3, 11, tzinfo=UTC).timestamp()
HOME = Address(line1="1 MAIN ST", city="DAYTON", state="OH", postal_code="454020001")


def _claim(number: int, charges: list[int], payer: str = "PAY01", npi: str = "1234567893") -> Claim:
    return Claim(
        id=UUID(int=number),
        kind="professional",
        source="test",
        patient_control_number=f"PCN{number:05d}",
        charge=sum(charges),
        facility_code="11",
        provider_signature=True,
        accepts_assignment="A",
        benefits_assigned="Y",
        release_of_information="Y",
        submitter=Party(name="US", identifier_qualifier="46", identifier="US"),
        receiver=Party(name="THEM", identifier_qualifier="46", identifier="THEM"),
        billing_provider=Provider(name="CLINIC", npi=npi, tax_id="361234567", address=HOME),
        subscriber=Insured(
            is_person=True,
            name="DOE",
            first_name="JANE",
            identifier_qualifier="MI",
            identifier=f"W{number}",
            address=HOME,
            birth_date=date(1980, 1, 2),
            gender="F",
        ),
        payer=Payer(name="PAYER", identifier_qualifier="PI", identifier=payer),
        diagnoses=(Diagnosis(code="I10", role="principal"),),
        service_lines=tuple(
            ServiceLine(
                number=line,
                procedure=Procedure(code="99213"),
                charge=charge,
                units=1,
                unit="UN",
                diagnosis_pointers=(1,),
                service_from=date(2025, 3, 3),
                line_control_number=f"L{number}X{line}",
            )
            for line, charge in enumerate(charges, start=1)
        ),
    )


def _interchange(*claims: Claim, wants_ta1: bool = False, claims_per_set: int = 100) -> bytes:
    out = BytesIO()
    envelope = InterchangeEnvelope(
        sender="US",
        receiver="THEM",
        control_number=12,
        created_at=datetime(2025, 3, 10, 12, tzinfo=UTC),
        wants_ta1=wants_ta1,
        claims_per_set=claims_per_set,
    )
    write_interchange(claims, envelope, out)
    return out.getvalue()


def _answers(content: bytes) -> Answers:
    return answer(receive(content), SEED)


def _read(content: bytes) -> list[AcknowledgementRead]:
    read = list(answer_events(read_acknowledgements(BytesIO(content))))
    assert all(isinstance(one, AcknowledgementRead) for one in read)
    return [one for one in read if isinstance(one, AcknowledgementRead)]


def test_the_999_accepts_each_set_by_its_number() -> None:
    content = _interchange(*(_claim(n, [10_000]) for n in range(1, 6)), claims_per_set=2)
    (read,) = _read(_answers(content).at_once["999"])
    assert (read.outcome, read.group_control_number) == ("accepted", "12")
    assert [(s.transaction_control_number, s.outcome) for s in read.transactions] == [
        ("0001", "accepted"),
        ("0002", "accepted"),
        ("0003", "accepted"),
    ]


def test_a_set_with_a_claim_that_cannot_be_read_is_rejected_alone() -> None:
    content = _interchange(*(_claim(n, [10_000]) for n in range(1, 5)), claims_per_set=2)
    broken = content.replace(b"CLM*PCN00001*100*", b"CLM*PCN00001*X*")
    assert broken != content
    answers = _answers(broken)
    (read,) = _read(answers.at_once["999"])
    assert read.outcome == "partially_accepted"
    assert [one.outcome for one in read.transactions] == ["rejected", "accepted"]
    assert answers.decisions == 2


def test_a_ta1_comes_only_when_it_is_asked_for() -> None:
    assert "ta1" not in _answers(_interchange(_claim(1, [100]))).at_once
    (read,) = _read(_answers(_interchange(_claim(1, [100]), wants_ta1=True)).at_once["ta1"])
    assert (read.interchange_control_number, read.outcome) == ("000000012", "accepted")


def test_the_277ca_says_what_was_foretold_of_each_claim() -> None:
    numbers = range(1, 101)
    content = _interchange(*(_claim(n, [10_000]) for n in numbers), claims_per_set=40)
    reads = _read(_answers(content).at_once["277ca"])
    said = {a.patient_control_number: a for read in reads for a in read.claims}
    for number in numbers:
        outcome = expected_outcome(f"PCN{number:05d}", SEED)
        answered = said.get(f"PCN{number:05d}")
        if outcome is Outcome.SILENT:
            assert answered is None
        elif outcome is Outcome.REFUSED:
            assert answered is not None
            assert answered.outcome == "refused"
        else:
            assert answered is not None
            assert (answered.outcome, answered.stage) == ("acknowledged", "payer")
    assert [read.batch_reference for read in reads] == [
        "0000000120001",
        "0000000120002",
        "0000000120003",
    ]


amounts = st.lists(
    st.lists(st.integers(1, 5_000_000), min_size=1, max_size=4), min_size=1, max_size=12
)


@examples(30)
@given(amounts, st.data())
def test_every_835_balances_at_all_three_levels(
    charges: list[list[int]], data: st.DataObject
) -> None:
    payers = data.draw(st.lists(st.sampled_from(["PAY01", "PAY02"]), min_size=len(charges)))
    claims = [_claim(n, c, payers[n - 1]) for n, c in enumerate(charges, start=1)]
    remittance = _answers(_interchange(*claims)).remittance
    for part in read_remittances(BytesIO(remittance or b"")) if remittance else ():
        if isinstance(part, RemittanceTrailer):
            assert part.balance is not None
            assert part.balance.transaction.balanced
            assert part.balance.claims.failed == part.balance.lines.failed == 0
        assert isinstance(part, RemittanceTrailer | RemittanceHeader | RemittanceClaim)
        assert not part.findings


def test_each_payer_and_payee_has_its_own_835() -> None:
    claims = [
        _claim(1, [100], "PAY01"),
        _claim(2, [100], "PAY02"),
        _claim(3, [100], "PAY01", npi="1999999984"),
    ]
    for number, claim in enumerate(claims):
        assert expected_outcome(claim.patient_control_number, SEED) not in (
            Outcome.REFUSED,
            Outcome.SILENT,
        ), number
    headers = [
        part
        for part in read_remittances(BytesIO(_answers(_interchange(*claims)).remittance or b""))
        if isinstance(part, RemittanceHeader)
    ]
    ends = [
        (header.payer_identifier, header.payee and header.payee.identifier) for header in headers
    ]
    assert ends == [("PAY01", "1234567893"), ("PAY02", "1234567893"), ("PAY01", "1999999984")]
    assert len({header.trace_number for header in headers}) == 3


def test_answering_again_gives_the_same_bytes() -> None:
    content = _interchange(*(_claim(n, [10_000, 50]) for n in range(1, 20)))
    assert _answers(content) == _answers(content)


@pytest.mark.parametrize("content", [b"", b"hello", b"ISA*00", b"ST*835*0001~SE*2*0001~"])
def test_what_is_no_interchange_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(NotAnInterchangeError):
        receive(content)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    folder = tmp_path / "clearinghouse"
    (folder / "to-payer").mkdir(parents=True)
    content = _interchange(*(_claim(n, [10_000]) for n in range(1, 10)))
    (folder / "to-payer" / "one.837").write_bytes(content)
    return folder


def test_the_835_comes_after_the_delay(mailbox: Path) -> None:
    mailroom = Mailroom(mailbox.parent, SEED, delay_s=60)
    assert mailroom.round(NOW) == 3, "one taken, two given"
    assert set(_files(mailbox)) == {
        "processed/one.837",
        "from-payer/one.999",
        "from-payer/one.277ca",
    }
    assert mailroom.round(NOW + 59) == 0
    assert mailroom.round(NOW + 60) == 1
    assert "from-payer/one.835" in _files(mailbox)
    assert mailroom.round(NOW + 61) == 0


def test_a_file_that_is_being_written_is_left_alone(mailbox: Path) -> None:
    path = mailbox / "to-payer" / "one.837"
    path.rename(path.with_name("one.837.tmp"))
    assert Mailroom(mailbox.parent, SEED).round(NOW) == 0


def test_a_file_that_is_no_837_is_put_away_unanswered(mailbox: Path) -> None:
    (mailbox / "to-payer" / "one.837").write_bytes(b"hello")
    Mailroom(mailbox.parent, SEED).round(NOW)
    assert set(_files(mailbox)) == {"processed/one.837"}


class Killed(BaseException):
    """The process is gone."""


def _three_rounds(root: Path) -> None:
    """Each by a process of its own, a minute apart."""
    for minute in range(3):
        Mailroom(root, SEED).round(NOW + 60 * minute)


@pytest.mark.parametrize("at", range(1, 5))
def test_killed_at_any_rename_it_ends_with_the_same_files(
    mailbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    whole = tmp_path / "whole"
    (whole / "clearinghouse" / "to-payer").mkdir(parents=True)
    os.link(mailbox / "to-payer" / "one.837", whole / "clearinghouse" / "to-payer" / "one.837")
    _three_rounds(whole)

    rename = Path.rename
    count = 0

    def mortal(path: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == at:
            raise Killed
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", mortal)
    with pytest.raises(Killed):
        _three_rounds(mailbox.parent)
    monkeypatch.undo()
    _three_rounds(mailbox.parent)
    assert _files(mailbox) == _files(whole / "clearinghouse")

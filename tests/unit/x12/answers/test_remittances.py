"""Reading 835s: what the sample files say, by eye, and what odd ones do not break."""

import tracemalloc
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest

from shared.contract.claim import Procedure
from shared.contract.remittance import (
    RemittanceAdjustment,
    RemittanceClaim,
    RemittanceHeader,
    RemittancePart,
    RemittanceProblem,
    RemittanceTrailer,
)
from shared.x12.answers import read_remittances

ISA = (
    "ISA*00*          *00*          *ZZ*PAYER          *ZZ*PROVIDER       "
    "*260620*0830*^*00501*000000003*0*P*:~"
)
HEAD = (
    "BPR*I*100*C*CHK************20260620~TRN*1*99*1512345678~"
    "N1*PR*PLAN~N1*PE*CLINIC*XX*1234567893~LX*1~"
)
CLAIM = "CLP*A*1*120*100*20*12*ICN*11*1~SVC*HC:99213*120*100**1~DTM*472*20260601~CAS*PR*1*20~"


def _set(body: str, *, number: str = "0001", head: str = HEAD) -> str:
    inner = head + body
    return f"ST*835*{number}~{inner}SE*{inner.count('~') + 2}*{number}~"


def _file(*sets: str, version: str = "005010X221A1") -> bytes:
    group = f"GS*HP*PAYER*PROVIDER*20260620*0830*3*X*{version}~{''.join(sets)}GE*{len(sets)}*3~"
    return f"{ISA}{group}IEA*1*000000003~".encode()


def _parts(data: bytes) -> list[RemittancePart]:
    return list(read_remittances(BytesIO(data)))


def _sample(samples: Path, name: str) -> list[RemittancePart]:
    with (samples / "835" / name).open("rb") as stream:
        return list(read_remittances(stream))


def _claims(parts: list[RemittancePart]) -> list[RemittanceClaim]:
    return [part for part in parts if isinstance(part, RemittanceClaim)]


def _codes(part: RemittancePart) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in part.findings]


def test_the_header_says_who_pays_whom_how_much(samples: Path) -> None:
    header = _sample(samples, "CHS-CDS-AIML_edi-835-parser__united_healthcare_legacy_sample.txt")[0]
    assert isinstance(header, RemittanceHeader)
    assert (header.handling, header.amount, header.method) == ("I", 34_999, "ACH")
    assert header.payment_date == date(2021, 2, 4)
    assert header.production_date == date(2021, 2, 1)
    assert (header.trace_number, header.trace_payer) == ("1234567890", "1234567890")
    assert header.receiver_identification == "B00099999800"
    assert header.payer_identifier == "87726"
    assert header.payer is not None
    assert header.payer.address is not None
    assert header.payer.address.city == "MINNETONKA"
    assert [contact.function for contact in header.payer.contacts] == ["CX", "BL"]
    assert header.payee is not None
    assert (header.payee.identifier, header.payee.reference("TJ")) == ("1922164458", "333333333")
    assert header.receiver_account is not None
    assert header.receiver_account.account == "218857199"


def test_a_claim_has_its_lines_adjustments_and_our_line_number(samples: Path) -> None:
    parts = _sample(samples, "CHS-CDS-AIML_edi-835-parser__united_healthcare_legacy_sample.txt")
    first, second = _claims(parts)
    assert (first.patient_control_number, first.status) == ("001-18573-358", "1")
    assert (first.charge, first.paid, first.patient_responsibility) == (34_128, 8_892, 10_526)
    assert first.payer_claim_control_number == "ATL2819897200"
    assert (first.facility_code, first.frequency) == ("12", "1")
    assert (first.statement_from, first.received_on) == (date(2020, 12, 21), date(2021, 1, 14))
    assert [(part.qualifier, part.amount) for part in first.amounts] == [("AU", 19_418)]
    line = second.lines[2]
    assert line.procedure == Procedure(qualifier="HC", code="B4154")
    assert line.units == Decimal(178)
    assert line.adjustments == (
        RemittanceAdjustment("PR", "2", 513),
        RemittanceAdjustment("PR", "1", 11_000),
        RemittanceAdjustment("CO", "45", 18_432),
    )
    assert line.line_control_number == "123456789014"
    assert line.allowed == 14_418


def test_a_changed_procedure_keeps_what_was_billed(samples: Path) -> None:
    parts = _sample(samples, "CHS-CDS-AIML_edi-835-parser__blue_cross_nc_sample.txt")
    line = _claims(parts)[0].lines[0]
    assert line.procedure == Procedure(code="59430")
    assert line.billed_procedure == Procedure(code="59410")


def test_remark_codes_come_from_lines_and_from_claims(samples: Path) -> None:
    mixed = _claims(_sample(samples, "cosyte_x12__remit__835-carc-rarc-mix.edi"))[0]
    assert mixed.lines[0].remarks == ("N4", "ZZZZ")
    outpatient = _claims(_sample(samples, "LinuxForHealth_x12__demo-file__demo.835"))[1]
    assert outpatient.remarks == ("MA02",)
    assert outpatient.outpatient is not None
    assert outpatient.outpatient.reimbursement_rate is None


def test_claims_know_the_group_they_stand_in(samples: Path) -> None:
    first, second = _claims(_sample(samples, "LinuxForHealth_x12__demo-file__demo.835"))
    assert first.group is not None
    assert second.group is not None
    assert (first.group.number, first.group.provider_identifier) == ("110212", "6543210903")
    assert first.group.inpatient_summary[:4] == (
        Decimal("2178.45"),
        Decimal("1919.71"),
        None,
        Decimal("56.82"),
    )
    assert (second.group.number, second.group.charge) == ("130212", 1_500_000)
    assert second.group.fiscal_period_end == date(1996, 12, 31)


def test_provider_adjustments_are_pairs_with_their_reference(samples: Path) -> None:
    parts = _sample(samples, "affect-therapeutics_edi-835-parser__nevada_medicaid.txt")
    trailer = [part for part in parts if isinstance(part, RemittanceTrailer)][-1]
    pairs = [(pair.reason, pair.reference, pair.amount) for pair in trailer.provider_adjustments]
    assert pairs == [
        ("CT", "888888888", -109_246),
        ("CT", "888888888", -71_981),
        ("CS", "8888888888887", -18_155),
        ("CS", "8888888888887", 18_155),
        ("CS", "8888888888888", -13_000),
        ("CS", "8888888888888", 13_000),
    ]
    assert trailer.provider_adjustments[0].fiscal_period_end == date(2018, 12, 31)


def test_everyone_a_claim_can_name_is_read(samples: Path) -> None:
    parts = _sample(samples, "affect-therapeutics_edi-835-parser__exhaustive_sample.txt")
    claim = _claims(parts)[0]
    assert claim.patient is not None
    assert claim.corrected_insured is not None
    assert claim.rendering_provider is not None
    assert claim.crossover_carrier is not None
    assert claim.corrected_payer is not None
    assert claim.other_insured is not None
    assert claim.insured is not None
    assert claim.lines[0].submitted_procedure == Procedure(
        code="XXXX", modifiers=("XX", "XX", "XX", "XX"), description="XXXXX"
    )
    assert not [code for code, severity in _codes(claim) if severity == "block"]


def test_a_component_separator_other_than_declared_is_understood(samples: Path) -> None:
    name = "LinuxForHealth_x12__835_005010X221A1__secondary-payment.835"
    line = _claims(_sample(samples, name))[1].lines[0]
    assert line.procedure == Procedure(code="12345", modifiers=("26",))


def test_every_sample_is_read_without_a_blocking_finding(samples: Path) -> None:
    for path in sorted((samples / "835").iterdir()):
        for part in _sample(samples, path.name):
            assert "block" not in [severity for _, severity in _codes(part)], path.name


def test_several_sets_come_one_after_the_other() -> None:
    parts = _parts(_file(_set(CLAIM), _set(CLAIM + CLAIM, number="0002")))
    kinds = [type(part).__name__ for part in parts]
    one = ["RemittanceHeader", "RemittanceClaim", "RemittanceTrailer"]
    assert kinds == [*one, one[0], one[1], one[1], one[2]]
    headers = [part for part in parts if isinstance(part, RemittanceHeader)]
    assert [header.position for header in headers] == [0, 1]
    assert [claim.position for claim in _claims(parts)] == [0, 0, 1]


def test_other_transaction_sets_are_passed_over() -> None:
    other = "ST*999*0001~AK1*HC*1~AK9*A*1*1*1~SE*4*0001~"
    data = _file(other, _set(CLAIM, number="0002"), other)
    assert [type(part).__name__ for part in _parts(data)] == [
        "RemittanceHeader",
        "RemittanceClaim",
        "RemittanceTrailer",
    ]


def test_a_file_that_begins_at_st_is_read() -> None:
    parts = _parts(_set(CLAIM).encode())
    header = parts[0]
    assert isinstance(header, RemittanceHeader)
    assert (header.version, header.interchange_control_number) == (None, None)
    assert len(_claims(parts)) == 1


def test_another_version_is_refused_with_its_reason() -> None:
    parts = _parts(_file(_set(CLAIM), version="004010X091A1"))
    assert len(parts) == 1
    refusal = parts[0]
    assert isinstance(refusal, RemittanceProblem)
    assert refusal.is_blocking
    assert _codes(refusal) == [("version-not-read", "block")]
    assert refusal.transaction_control_number == "0001"


@pytest.mark.parametrize("data", [b"", b"hello", b'{"resourceType": "Claim"}', b"ISA*00*short~"])
def test_what_is_no_x12_gives_a_blocking_problem(data: bytes) -> None:
    parts = _parts(data)
    assert len(parts) == 1
    assert isinstance(parts[0], RemittanceProblem)
    assert parts[0].is_blocking


def test_one_bad_claim_blocks_itself_and_no_other() -> None:
    bad = CLAIM.replace("*120*100*20*", "*12O*100*20*")
    first, second, third = _claims(_parts(_file(_set(CLAIM + bad + CLAIM))))
    assert _codes(first) == _codes(third) == []
    assert ("invalid-amount", "block") in _codes(second)
    assert second.findings[0].path == "2100/CLP03"
    assert second.patient_control_number == "A"


def test_a_line_amount_that_cannot_be_read_blocks_its_claim() -> None:
    bad = CLAIM.replace("SVC*HC:99213*120*100", "SVC*HC:99213*120*1OO")
    (claim,) = _claims(_parts(_file(_set(bad))))
    assert ("invalid-amount", "block") in _codes(claim)
    assert claim.findings[0].path == "2110[1]/SVC03"


def test_a_bad_date_is_only_a_warning() -> None:
    bad = CLAIM.replace("20260601", "20261341")
    (claim,) = _claims(_parts(_file(_set(bad))))
    assert _codes(claim) == [("invalid-date", "warn")]
    assert claim.lines[0].service_date is None


def test_an_unknown_segment_is_passed_over_with_a_warning() -> None:
    (claim,) = _claims(_parts(_file(_set(CLAIM + "ZZZ*1~CAS*CO*45*0~"))))
    assert _codes(claim) == [("segment-not-expected", "warn")]
    assert len(claim.lines[0].adjustments) == 2


def test_an_unknown_adjustment_group_blocks_and_is_kept() -> None:
    (claim,) = _claims(_parts(_file(_set(CLAIM.replace("CAS*PR", "CAS*XX")))))
    assert _codes(claim) == [("adjustment-group-unknown", "block")]
    assert claim.lines[0].adjustments == (RemittanceAdjustment("XX", "1", 2_000),)


def test_a_claim_without_its_amounts_is_blocked() -> None:
    (claim,) = _claims(_parts(_file(_set("CLP*A*1~"))))
    assert _codes(claim) == [("element-missing", "block"), ("element-missing", "block")]
    assert [finding.path for finding in claim.findings] == ["2100/CLP03", "2100/CLP04"]


def test_a_payment_without_amount_is_found_in_the_header() -> None:
    header = _parts(_file(_set(CLAIM, head=HEAD.replace("BPR*I*100", "BPR*I*1OO"))))[0]
    assert ("invalid-amount", "block") in _codes(header)


def test_a_file_that_breaks_off_blocks_its_last_claim_and_says_so() -> None:
    whole = _file(_set(CLAIM + CLAIM))
    parts = _parts(whole[: whole.rindex(b"CAS")])
    first, second = _claims(parts)
    assert _codes(first) == []
    assert ("claim-truncated", "block") in _codes(second)
    trailer = next(part for part in parts if isinstance(part, RemittanceTrailer))
    assert ("set-truncated", "block") in _codes(trailer)


def test_six_triplets_of_one_cas_are_six_adjustments() -> None:
    triplets = "*".join(f"{reason}*1*{reason}" for reason in range(1, 7))
    claim = f"CLP*A*1*6*0**12*ICN~CAS*CO*{triplets}~"
    (read,) = _claims(_parts(_file(_set(claim))))
    assert read.adjustments == tuple(
        RemittanceAdjustment("CO", str(reason), 100, Decimal(reason)) for reason in range(1, 7)
    )


def test_values_that_name_a_patient_do_not_print() -> None:
    body = CLAIM + "NM1*QC*1*CANARY*TWEETY****MI*M123~REF*EA*MRN77~"
    claim = _claims(_parts(_file(_set(body))))[0]
    assert claim.patient is not None
    printed = f"{claim!r} {claim.patient!r} {claim.references!r} {claim}"
    assert not [word for word in ("CANARY", "TWEETY", "M123", "MRN77") if word in printed]


class _Endless:
    """A stream of one transaction set with very many claims, made while it is read."""

    def __init__(self, claims: int) -> None:
        self._pieces = self._make(claims)
        self._held = b""

    @staticmethod
    def _make(claims: int) -> Iterator[bytes]:
        yield f"{ISA}GS*HP*P*P*20260620*0830*3*X*005010X221A1~ST*835*0001~{HEAD}".encode()
        for _ in range(claims):
            yield CLAIM.encode()
        yield f"SE*{claims * 4 + 7}*0001~GE*1*3~IEA*1*000000003~".encode()

    def read(self, size: int = -1) -> bytes:
        while len(self._held) < size and (piece := next(self._pieces, b"")):
            self._held += piece
        taken, self._held = self._held[:size], self._held[size:]
        return taken


def test_a_long_file_is_never_held_whole() -> None:
    tracemalloc.start()
    count = 0
    for part in read_remittances(_Endless(20_000)):  # type: ignore[arg-type]
        count += isinstance(part, RemittanceClaim)
        assert not part.findings
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 4_000_000  # the file has 1.7 MB; what is held does not grow with it

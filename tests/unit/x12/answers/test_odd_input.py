"""Nothing that a payer can send raises: broken files give findings, and the rest is read."""

from io import BytesIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from shared.contract.acknowledgement import AnswerProblem
from shared.contract.events import AcknowledgementRead
from shared.contract.model import to_wire
from shared.contract.remittance import RemittanceClaim, RemittanceHeader, RemittanceTrailer
from shared.x12.answers import (
    answer_events,
    read_acknowledgements,
    read_remittances,
    transactions_of,
)
from shared.x12.answers.balance import claim_difference, line_difference
from tests.examples import examples

_ISA = (
    "ISA*00*          *00*          *ZZ*PAYER          *ZZ*US             "
    "*260620*0830*^*00501*000000003*0*P*:~"
)
_SEGMENTS = (
    "GS*HP*P*U*20260620*0830*3*X*005010X221A1|ST*835*0001|BPR*I*100*C*CHK************20260620|"
    "TRN*1*99*1512345678|N1*PR*PLAN|N3*A|N4*B*OH*44109|PER*CX*X*TE*1|N1*PE*CLINIC*XX*1|LX*1|"
    "TS3*1*11*20261231*1*100|CLP*A*1*120*100*20*12*ICN*11*1|CAS*CO*45*1*1*97*2|NM1*QC*1*DOE|"
    "MIA*0***1|MOA***N1|REF*EA*1|DTM*232*20260601|AMT*AU*1|QTY*CA*1|SVC*HC:99213*120*100**1|"
    "DTM*472*20260601|LQ*HE*N1|PLB*1*20261231*WO:1*1|SE*24*0001|GE*1*3|IEA*1*000000003|"
    "GS*FA*P*U*20260620*0830*4*X*005010X231A1|ST*999*0001|AK1*HC*7|AK2*837*0001|IK3*NM1*8*2010*8|"
    "CTX*CLM01:1|IK4*1:2*66*7*X|IK5*R*5|AK9*P*1*1*0|GS*HN*P*U*20260620*0830*5*X*005010X214|"
    "ST*277*0001*005010X214|BHT*0085*08*1*20260601*1200*TH|HL*1**20*1|NM1*PR*2*PLAN|TRN*1*1|"
    "STC*A7:562:85*20260601*U*5******A1:19|HL*2*1*PT|DMG*D8*20260101*F|DTP*472*RD8*20260101-20260102|"
    "TA1*000000019*250101*1200*A*000|" + _ISA[:-1] + "|ST*837*0001|ZZZ|*|ISA|STC|CLP|SVC|CAS|HL|PLB"
).split("|")

segments = st.sampled_from(_SEGMENTS) | st.builds(
    lambda name, rest: f"{name}*{'*'.join(rest)}",
    st.sampled_from(["CLP", "SVC", "CAS", "STC", "HL", "NM1", "IK4", "AK9", "TRN", "BPR", "TS2"]),
    st.lists(
        st.sampled_from(["", "1", "-1.5", "1e9", "A:B:C", "QC", "20260601", "é", "^"]), max_size=22
    ),
)
files = st.lists(segments, max_size=25).map(lambda lines: (_ISA + "~".join(lines)).encode())
cut_files = st.builds(lambda data, at: data[: len(data) * at // 100], files, st.integers(0, 100))


def _read_all(data: bytes) -> None:
    transactions_of(data)
    header: RemittanceHeader | None = None
    for part in read_remittances(BytesIO(data)):
        if isinstance(part, RemittanceHeader):
            assert header is None
            header = part
        elif isinstance(part, RemittanceClaim):
            assert header is not None
            assert claim_difference(part) == part.charge - part.paid - sum(
                adjustment.amount for adjustment in part.all_adjustments()
            )
            assert all(isinstance(line_difference(line), int) for line in part.lines)
        elif isinstance(part, RemittanceTrailer):
            assert header is not None
            assert part.balance is not None
            header = None
    assert header is None
    for event in answer_events(read_acknowledgements(BytesIO(data))):
        assert isinstance(event, AcknowledgementRead | AnswerProblem)
        if isinstance(event, AcknowledgementRead):
            assert AcknowledgementRead.model_validate_json(to_wire(event)) == event


@given(cut_files | st.binary(max_size=300))
def test_segments_in_any_order_never_raise(data: bytes) -> None:
    _read_all(data)


@examples(150)
@given(st.data())
def test_samples_with_a_piece_changed_never_raise(samples: Path, data: st.DataObject) -> None:
    folder = samples / data.draw(st.sampled_from(["835", "999", "277", "277CA", "TA1"]))
    whole = data.draw(st.sampled_from(sorted(folder.iterdir()))).read_bytes()
    at = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(at, min(at + 40, len(whole))))
    piece = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"~", b"*", b"CLP*", b"\n", b"ISA*"])
    )
    _read_all(whole[:at] + piece + whole[end:])

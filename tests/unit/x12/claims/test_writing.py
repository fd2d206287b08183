"""Writing claims: the HL tree, counts, control numbers, and what a claim may not hold."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from shared.contract.claim import (
    Claim,
    ContactNumber,
    Note,
    OccurrenceCode,
    Party,
    Patient,
    Reference,
)
from shared.x12.claims.writing import InterchangeEnvelope, check_writable, write_interchange
from shared.x12.errors import X12Error
from shared.x12.tokenizer import Separators
from tests.strategies import ClaimMaker
from tests.unit.x12.claims.sample_file import claim as segments_of
from tests.unit.x12.claims.sample_file import file, read, transaction

ENVELOPE = InterchangeEnvelope(
    sender="SENDER",
    receiver="RECEIVER",
    control_number=41,
    created_at=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
)


def simple(number: str = "A") -> Claim:
    (found,), _ = read(file(transaction(segments_of(number))))
    assert found.claim is not None
    return found.claim


def rows(claims: Sequence[Claim], envelope: InterchangeEnvelope = ENVELOPE) -> list[str]:
    out = io.BytesIO()
    write_interchange(claims, envelope, out)
    return out.getvalue().decode("ascii").split("~")[:-1]


def changed(claim: Claim, **fields: object) -> Claim:
    return claim.model_copy(update=fields)


def test_writes_what_was_read_segment_by_segment() -> None:
    written = rows([simple()])
    assert written[0] == (
        "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       "
        "*240102*0304*^*00501*000000041*0*T*:"
    )
    assert len(written[0]) == 105
    assert written[1] == "GS*HC*SENDER*RECEIVER*20240102*0304*41*X*005010X222A1"
    assert written[2] == "ST*837*0001*005010X222A1"
    assert written[3] == "BHT*0019*00*0000000410001*20240102*030405*CH"
    assert written[4:-3] == transaction(segments_of("A"))[2:-1]
    assert written[-3:] == ["SE*20*0001", "GE*1*41", "IEA*1*000000041"]


def test_claims_share_levels_only_where_they_are_equal() -> None:
    first = simple("A")
    child = Patient(is_person=True, name="DOE", first_name="JIM", birth_date=date(2020, 1, 1))
    other = first.billing_provider.model_copy(update={"name": "OTHER CLINIC"})
    written = rows(
        [
            first,
            changed(first, patient_control_number="B"),
            changed(first, patient=child, patient_relationship="19"),
            changed(first, patient=child, patient_relationship="19", patient_control_number="C"),
            changed(first, billing_provider=other),
        ]
    )
    assert [row for row in written if row.startswith("HL*")] == [
        "HL*1**20*1",
        "HL*2*1*22*0",
        "HL*3*1*22*1",
        "HL*4*3*23*0",
        "HL*5**20*1",
        "HL*6*5*22*0",
    ]
    assert [row for row in written if row.startswith("SBR")] == [
        "SBR*P*18*******CI",
        "SBR*P********CI",
        "SBR*P*18*******CI",
    ]
    assert "PAT*19" in written


def test_sets_are_cut_at_the_limit_and_where_submitters_change_and_placements_say_where() -> None:
    first = simple("A")
    other = changed(first, submitter=Party(name="OTHER", identifier_qualifier="46", identifier="X"))
    envelope = InterchangeEnvelope(
        sender="SENDER",
        receiver="RECEIVER",
        control_number=41,
        created_at=ENVELOPE.created_at,
        claims_per_set=2,
    )
    out = io.BytesIO()
    written = write_interchange([first, first, first, other], envelope, out)
    assert (written.groups, written.sets, written.claims) == (1, 3, 4)
    assert [place.transaction_control_number for place in written.placements] == [
        "0001",
        "0001",
        "0002",
        "0003",
    ]
    assert {place.group_control_number for place in written.placements} == {"41"}
    text = out.getvalue().decode()
    assert written.segments == text.count("~")
    assert text.endswith("GE*3*41~IEA*1*000000041~")


def test_each_kind_has_a_group_of_its_own() -> None:
    claims = [
        ClaimMaker(1, 0.2).claim(kind) for kind in ("professional", "institutional", "dental")
    ]
    written = rows(claims)
    assert [row.split("*")[6::2] for row in written if row.startswith("GS*")] == [
        ["41", "005010X222A1"],
        ["42", "005010X223A2"],
        ["43", "005010X224A2"],
    ]
    assert written[-1] == "IEA*3*000000041"


def test_the_envelopes_parties_stand_for_the_claims_own() -> None:
    clearing = Party(name="CLEARING", identifier_qualifier="46", identifier="C9")
    envelope = InterchangeEnvelope(
        sender="SENDER",
        receiver="RECEIVER",
        control_number=1,
        created_at=ENVELOPE.created_at,
        submitter=clearing,
        receiver_party=clearing,
    )
    written = rows([simple("A"), changed(simple("B"), submitter=None)], envelope)
    assert "NM1*41*2*CLEARING*****46*C9" in written
    assert "NM1*40*2*CLEARING*****46*C9" in written
    assert len([row for row in written if row.startswith("ST*")]) == 1


def test_no_claims_write_nothing() -> None:
    out = io.BytesIO()
    assert write_interchange([], ENVELOPE, out).claims == 0
    assert out.getvalue() == b""


def test_separators_and_foreign_characters_in_text_become_harmless() -> None:
    claim = changed(simple(), notes=(Note(text="AT 10:30~CAFÉ*^ 李 "),))
    written = rows([claim])
    assert "NTE*ADD*AT 10 30 CAFE" in written
    assert len(written) == len(rows([simple()])) + 1


def test_other_separators_leave_the_standard_ones_alone() -> None:
    envelope = InterchangeEnvelope(
        sender="SENDER",
        receiver="RECEIVER",
        control_number=1,
        created_at=ENVELOPE.created_at,
        separators=Separators("|", ">", "!", "{"),
    )
    out = io.BytesIO()
    write_interchange([changed(simple(), notes=(Note(text="10:30*^~"),))], envelope, out)
    assert "!NTE|ADD|10:30*^~!" in out.getvalue().decode()
    (found,), problems = read(out.getvalue())
    assert problems == []
    assert found.claim is not None
    assert found.claim.notes[0].text == "10:30*^~"


@pytest.mark.parametrize(
    ("fields", "code", "path", "severity"),
    [
        ({"patient_control_number": "X" * 39}, "too-long", "2300/CLM01", "block"),
        ({"facility_code": "111"}, "too-long", "2300/CLM05-1", "block"),
        ({"prior_authorization": "A*B"}, "character-not-allowed", "2300/REF02", "block"),
        ({"notes": (Note(text="A*B"),)}, "character-not-allowed", "2300/NTE02", "warn"),
        ({"prior_authorization": "É1"}, "character-not-allowed", "2300/REF02", "block"),
        ({"prior_authorization": "  "}, "blank-value", "2300/REF02", "block"),
        ({"occurrences": (OccurrenceCode(code="11"),)}, "field-not-placed", "occurrences", "warn"),
        (
            {"references": (Reference(qualifier="TOOLONG", value="1"),)},
            "too-long",
            "2300/REF01",
            "block",
        ),
    ],
)
def test_check_writable_says_what_an_837_cannot_hold(
    fields: dict[str, object], code: str, path: str, severity: str
) -> None:
    findings = check_writable(changed(simple(), **fields))
    assert [(f.code, f.path, f.severity) for f in findings] == [(code, path, severity)]


@pytest.mark.parametrize("mark", ["\x1d", "\x1e", "\x1f"])
def test_data_cannot_forge_segments_elements_or_components(mark: str) -> None:
    forged = f"A{mark}CLM{mark}B"
    claim = simple()
    line, procedure = claim.service_lines[0], claim.service_lines[0].procedure
    assert procedure is not None
    forging = changed(
        claim,
        patient_control_number=forged,
        payer=claim.payer.model_copy(update={"name": forged, "identifier": forged}),
        notes=(Note(kind=forged, text=forged),),
        conditions=(forged,),
        service_lines=(
            line.model_copy(
                update={"procedure": procedure.model_copy(update={"modifiers": (forged,)})}
            ),
        ),
    )
    written = rows([forging])
    assert "CLM*A CLM B*100***11:B:1*Y*A*Y*Y" in written
    assert "NM1*PR*2*A CLM B*****PI*A CLM B" in written
    assert "NTE*A CLM B*A CLM B" in written
    assert "HI*BG:A CLM B" in written
    assert "SV1*HC:99213:A CLM B*100*UN*1***1" in written
    assert len(written) == len(rows([claim])) + 2
    for field in ("patient_control_number", "conditions"):
        only = changed(claim, **{field: getattr(forging, field)})
        assert [f.severity for f in check_writable(only)] == ["block"]


def test_a_good_claim_has_nothing_to_check() -> None:
    assert check_writable(simple()) == []


def test_more_lines_diagnoses_or_modifiers_than_the_standard_holds_are_found_not_cut() -> None:
    claim = simple()
    line = claim.service_lines[0]
    many = changed(claim, service_lines=(line,) * 51, diagnoses=claim.diagnoses * 13)
    assert [(f.code, f.path) for f in check_writable(many)] == [
        ("too-many", "2300/HI"),
        ("too-many", "2400"),
    ]
    assert len([row for row in rows([many]) if row.startswith("SV1")]) == 51
    assert line.procedure is not None
    procedure = line.procedure.model_copy(update={"modifiers": ("A", "B", "C", "D", "E")})
    broken = changed(claim, service_lines=(line.model_copy(update={"procedure": procedure}),))
    assert [(f.code, f.path) for f in check_writable(broken)] == [("too-many", "2400[1]/SV1")]
    with pytest.raises(X12Error) as caught:
        rows([broken])
    assert caught.value.code == "too-many"


def test_findings_never_hold_a_value() -> None:
    claim = changed(simple(), patient_control_number="SECRET" * 8, notes=(Note(text="SECRET~"),))
    findings = check_writable(claim)
    assert len(findings) == 2
    assert "SECRET" not in "".join(finding.model_dump_json() for finding in findings)


@pytest.mark.parametrize(
    "fields",
    [
        {"sender": ""},
        {"sender": "SIXTEEN CHARACTERS"},
        {"receiver_qualifier": "ZZZ"},
        {"control_number": 0},
        {"control_number": 10**9},
        {"separators": Separators("*", "*", "~", "^")},
        {"separators": Separators("A", ":", "~", "^")},
    ],
)
def test_an_envelope_that_cannot_be_written_is_refused(fields: dict[str, object]) -> None:
    values = {
        "sender": "SENDER",
        "receiver": "RECEIVER",
        "control_number": 1,
        "created_at": ENVELOPE.created_at,
        **fields,
    }
    with pytest.raises(X12Error) as caught:
        rows([simple()], InterchangeEnvelope(**values))  # type: ignore[arg-type]
    assert caught.value.code == "envelope-invalid"


def test_contacts_are_written_in_pairs() -> None:
    claim = simple()
    assert claim.submitter is not None
    contact = claim.submitter.contacts[0].model_copy(
        update={
            "numbers": (
                ContactNumber(kind="TE", value="5551112222"),
                ContactNumber(kind="EX", value="12"),
            )
        }
    )
    submitter = claim.submitter.model_copy(update={"contacts": (contact,)})
    assert "PER*IC*FRONT DESK*TE*5551112222*EX*12" in rows([changed(claim, submitter=submitter)])

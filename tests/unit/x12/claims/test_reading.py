"""Reading claims: one thing wrong at a time, and what becomes of the rest."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.envelope import business_id
from shared.x12.claims.reading import ReadClaim, read_claims
from shared.x12.errors import X12Problem
from tests.examples import examples
from tests.unit.x12.claims.sample_file import HEADER, claim, codes, file, read, transaction


def test_a_claim_has_its_id_from_source_and_control_number_and_its_envelope() -> None:
    claims, problems = read(file(transaction(claim("A"), claim("B"))))
    assert problems == []
    assert [found.claim.id for found in claims if found.claim] == [
        business_id("claim", "hospital", "A"),
        business_id("claim", "hospital", "B"),
    ]
    first = claims[0]
    assert first.kind == "professional"
    assert first.position == 15
    assert first.envelope.control.interchange == "000000001"
    assert first.envelope.control.transaction == "0001"
    assert first.envelope.version == "005010X222A1"
    assert first.envelope.interchange is not None
    assert first.envelope.interchange.sender == "HOSPITAL"
    assert first.envelope.interchange.usage == "T"


def test_claims_come_while_the_file_is_still_being_read() -> None:
    many = [claim(f"N{number}") for number in range(5000)]
    content = file(transaction(*many))
    stream = io.BytesIO(content)
    first = next(iter(read_claims(stream, source="hospital")))
    assert isinstance(first, ReadClaim)
    assert stream.tell() < len(content) / 2


@pytest.mark.parametrize(
    ("old", "new", "code", "path"),
    [
        ("CLM*B*100*", "CLM*B*1O0*", "invalid-amount", "2300/CLM02"),
        ("CLM*B*100*", "CLM*B*100.005*", "invalid-amount", "2300/CLM02"),
        ("CLM*B*100*", "CLM*B**", "required-missing", "2300/CLM02"),
        ("SV1*HC:99213*100*UN*1***1", "SV1*HC:99213*x*UN*1***1", "invalid-amount", "2400[1]/SV102"),
        (
            "SV1*HC:99213*100*UN*1***1",
            "SV1*HC:99213*100*UN*many***1",
            "invalid-quantity",
            "2400[1]/SV104",
        ),
        (
            "SV1*HC:99213*100*UN*1***1",
            "SV1*HC:99213*100*UN*1***a",
            "invalid-value",
            "2400[1]/SV107",
        ),
        ("DTP*472*D8*20240101", "DTP*472*D8*20240230", "invalid-date", "2400[1]/DTP02"),
        ("DTP*472*D8*20240101", "DTP*472*D8*", "invalid-date", "2400[1]/DTP02"),
        ("HI*ABK:J209", "HI*ABK", "invalid-code", "2300/HI01"),
        ("LX*1", "LX*one", "invalid-number", "2400[1]/LX01"),
        ("*Y*A*Y*Y", "*Q*A*Y*Y", "invalid-indicator", "2300/CLM06"),
    ],
)
def test_a_bad_value_blocks_its_claim_only(old: str, new: str, code: str, path: str) -> None:
    broken = [row.replace(old, new) for row in claim("B")]
    claims, problems = read(file(transaction(claim("A"), broken, claim("C"))))
    assert problems == []
    assert [found.patient_control_number for found in claims] == ["A", "B", "C"]
    assert [bool(found.findings) for found in claims] == [False, True, False]
    assert claims[0].claim is not None
    assert claims[2].claim is not None
    blocking = {(f.code, f.path) for f in claims[1].findings if f.severity == "block"}
    assert (code, path) in blocking


def test_all_that_is_wrong_with_a_claim_is_said_at_once() -> None:
    broken = [
        "CLM*B*abc***11:B:1*Y*A*Y*Y",
        "DTP*431*D8*19991399",
        "LX*1",
        "SV1*HC:99213*10.0.0*UN*1***1",
    ]
    (found,), _ = read(file(transaction(broken)))
    assert found.claim is None
    assert {finding.path for finding in found.findings} == {
        "2300/CLM02",
        "2300/DTP02",
        "2300/HI",
        "2400[1]/SV102",
        "2400[1]/DTP02",
    }


def test_findings_name_the_segment_by_its_position_in_the_set() -> None:
    rows = transaction(claim("A"))
    rows[rows.index("HI*ABK:J209")] = "HI*ABK"
    (found,), _ = read(file(rows))
    assert [f.position for f in found.findings if f.code == "invalid-code"] == [
        rows.index("HI*ABK") + 1
    ]


def test_findings_never_hold_a_value() -> None:
    rows = [
        row.replace("100", "SECRET").replace("20240101", "SECRET").replace("99213", "S" * 90)
        for row in [*claim("A"), "NM1*82*9*SECRET", "ZZZ*SECRET", "REF*G1*A*B*C*SECRET"]
    ]
    (found,), problems = read(file(transaction(rows)))
    assert found.findings
    text = "".join(f.model_dump_json() for f in found.findings) + repr(problems)
    assert "SECRET" not in text
    assert "SSSS" not in text


def test_an_unknown_segment_is_left_out_with_a_warning() -> None:
    (found,), _ = read(file(transaction([*claim("A"), "ZZZ*1", "QTY*PT*2"])))
    assert found.claim is not None
    assert [(f.code, f.severity, f.path) for f in found.findings] == [
        ("segment-not-expected", "warn", "2400[1]/ZZZ")
    ]
    assert found.claim.service_lines[0].quantities[0].qualifier == "PT"


def test_what_is_wrong_above_claims_is_said_of_each_of_them() -> None:
    rows = [row for row in transaction(claim("A"), claim("B")) if not row.startswith("NM1*PR")]
    claims, _ = read(file(rows))
    assert [[f.path for f in found.findings if f.severity == "block"] for found in claims] == [
        ["2000B/2010BB"],
        ["2000B/2010BB"],
    ]


def test_a_patient_level_makes_the_patient_someone_else() -> None:
    rows = transaction(claim("A"))
    at = rows.index("CLM*A*100***11:B:1*Y*A*Y*Y")
    rows[at:at] = ["HL*3*2*23*0", "PAT*19******01*12.5", "NM1*QC*1*DOE*JIM", "DMG*D8*20200101*M"]
    (found,), _ = read(file(rows))
    assert found.claim is not None
    assert found.claim.patient is not None
    assert found.claim.patient_relationship == "19"
    assert found.claim.patient.weight_pounds is not None
    assert found.claim.subscriber.first_name == "JANE"


def test_the_second_of_a_named_reference_is_kept_in_the_list() -> None:
    (found,), _ = read(
        file(transaction([*claim("A")[:2], "REF*G1*ONE", "REF*G1*TWO", *claim("A")[2:]]))
    )
    assert found.findings == ()
    assert found.claim is not None
    assert found.claim.prior_authorization == "ONE"
    assert [(r.qualifier, r.value) for r in found.claim.references] == [("G1", "TWO")]


def test_a_segment_or_loop_that_may_stand_once_is_not_overwritten() -> None:
    rows = [
        *claim("A")[:2],
        "HCP*03*90",
        "HCP*03*80",
        "NM1*82*1*ONE",
        "NM1*82*1*TWO",
        *claim("A")[2:],
    ]
    (found,), _ = read(file(transaction(rows)))
    assert {(f.code, f.path) for f in found.findings} == {
        ("segment-repeated", "2300/HCP"),
        ("loop-repeated", "2310B"),
    }
    assert found.claim is not None
    assert found.claim.repricing is not None
    assert found.claim.repricing.allowed == 9000
    assert found.claim.rendering_provider is not None
    assert found.claim.rendering_provider.name == "ONE"


def test_a_file_that_breaks_off_blocks_the_claim_it_breaks_off_in() -> None:
    content = file(transaction(claim("A"), claim("B")))
    cut = content[: content.rindex(b"DTP*472")]
    claims, problems = read(cut)
    assert [[f.code for f in found.findings] for found in claims] == [
        [],
        ["required-missing", "set-truncated"],
    ]
    assert codes(problems) == ["set-truncated", "iea-missing"]


def test_a_set_without_its_trailer_does_not_take_the_next_along() -> None:
    rows = transaction(claim("A"))[:-1] + transaction(claim("B"))
    content = file(rows).replace(b"GE*1*1", b"GE*2*1")
    claims, problems = read(content)
    assert [[f.code for f in found.findings] for found in claims] == [["set-truncated"], []]
    assert codes(problems) == ["set-truncated"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("SE*20*0001", "SE*21*0001", "se-count"),
        ("SE*20*0001", "SE*20*0002", "se-control-number"),
        ("GE*1*1", "GE*2*1", "ge-count"),
        ("GE*1*1", "GE*1*9", "ge-control-number"),
        ("IEA*1*000000001", "IEA*3*000000001", "iea-count"),
        ("IEA*1*000000001", "IEA*1*000000009", "iea-control-number"),
        ("GE*1*1~", "", "ge-missing"),
    ],
)
def test_wrong_trailers_are_warnings_beside_claims_that_stand(
    old: str, new: str, code: str
) -> None:
    content = file(transaction(claim("A"))).decode()
    assert old in content
    (found,), problems = read(content.replace(old, new).encode())
    assert found.claim is not None
    assert found.findings == ()
    assert codes(problems) == [code]
    assert all(f.severity == "warn" for problem in problems for f in problem.findings)


@pytest.mark.parametrize("version", ["004010X098A1", "005010X999", ""])
def test_other_versions_are_refused_with_what_to_send(version: str) -> None:
    content = file(transaction(claim("A"))).decode().replace("005010X222A1", version).encode()
    claims, problems = read(content)
    assert claims == []
    assert "version-not-supported" in codes(problems)
    assert problems[0].findings[0].hint is not None
    assert problems[0].control.transaction == "0001"


def test_a_4010_file_is_told_that_its_version_is_over_and_where_it_says_it() -> None:
    """4010 has no ST03: the version is the group's (45 CFR 162.1102: 5010 since 1 January 2012)."""
    content = file(transaction(claim("A"))).decode()
    old = content.replace("ST*837*0001*005010X222A1", "ST*837*0001")
    old = old.replace("005010X222A1", "004010X098A1")
    assert "004010X098A1" in old
    claims, problems = read(old.encode())
    assert claims == []
    (finding,) = problems[0].findings
    assert (finding.code, finding.path) == ("version-not-supported", "GS08")
    assert "before 5010" in finding.message


def test_another_transaction_set_is_no_claim_file() -> None:
    claims, problems = read(file(["ST*835*0001", "BPR*I*0", "SE*3*0001"]))
    assert claims == []
    assert codes(problems) == ["not-a-claim-set"]


def test_the_component_separator_in_use_is_found() -> None:
    content = file(transaction(claim("A"))).decode()
    body = content.replace(":", ">").replace("*T*>~", "*T*:~")
    (found,), problems = read(body.encode())
    assert codes(problems) == ["component-separator"]
    assert found.claim is not None
    assert found.claim.facility_code == "11"
    assert found.claim.service_lines[0].procedure is not None
    assert found.claim.service_lines[0].procedure.code == "99213"


def test_several_sets_groups_and_interchanges_are_all_read() -> None:
    one = file(transaction(claim("A")) + transaction(claim("B"))).replace(b"GE*1*1", b"GE*2*1")
    claims, problems = read(one + b"\n" + one)
    assert [found.patient_control_number for found in claims] == ["A", "B", "A", "B"]
    assert problems == []


def test_a_file_without_interchange_is_read() -> None:
    claims, problems = read(("~".join(transaction(claim("A"))) + "~").encode())
    assert [found.findings for found in claims] == [()]
    assert problems == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"hello",
        b"\xff\xfe\x00",
        "~".join(HEADER).encode(),
        HEADER[0].encode() + b"~SE*1*2~",
    ],
)
def test_what_holds_no_claims_is_a_problem_and_never_an_exception(content: bytes) -> None:
    claims, problems = read(content)
    assert claims == []
    assert problems


def test_more_lines_than_a_claim_can_hold_block_it() -> None:
    lines = [f"LX*{n}~SV1*HC:99213*1*UN*1***1~DTP*472*D8*20240101" for n in range(1, 1002)]
    (found,), _ = read(file(transaction([*claim("A")[:2], *lines])))
    assert found.claim is None
    assert [f.path for f in found.findings if f.severity == "block"] == ["2300/2400"]


def test_every_cut_of_a_file_gives_claims_and_problems_without_exception() -> None:
    content = file(transaction(claim("A"), claim("B")))
    for end in range(0, len(content), 7):
        for part in read_claims(io.BytesIO(content[:end]), source="hospital"):
            assert isinstance(part, ReadClaim | X12Problem)


@pytest.mark.parametrize("more", [b"*", b"**", b"*" * 40])
def test_separators_at_the_end_of_any_segment_mean_nothing(more: bytes) -> None:
    content = file(transaction(claim("A"), [*claim("B"), "SBR*S*18", "CAS*CO*45*1", "SVD*P*1"]))
    without = list(read_claims(io.BytesIO(content), source="hospital"))
    segments = content.split(b"~")
    assert len(segments) > 30
    for place, segment in enumerate(segments[:-1]):
        if segment.strip().startswith(b"ISA"):
            continue  # of fixed width
        longer = b"~".join([*segments[:place], segment + more, *segments[place + 1 :]])
        assert list(read_claims(io.BytesIO(longer), source="hospital")) == without, segment


@examples(300)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10_000), st.integers(0, 12), st.binary(max_size=12) | st.just(b"~*:")
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_damaged_file_gives_claims_and_problems_without_exception(
    damage: list[tuple[int, int, bytes]],
) -> None:
    content = file(transaction(claim("A"), [*claim("B"), "SBR*S*18", "CAS*CO*45*1", "SVD*P*1"]))
    for at, length, replacement in damage:
        place = at % len(content)
        content = content[:place] + replacement + content[place + length :]
    for part in read_claims(io.BytesIO(content), source="hospital"):
        assert isinstance(part, ReadClaim | X12Problem)

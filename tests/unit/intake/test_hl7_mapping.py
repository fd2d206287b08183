"""What a message says, by its source's table; all that is wrong with it at once, and where."""

from decimal import Decimal
from io import BytesIO

import pytest

from services.intake.domain.arrival import ClaimRefusal, Unreadable
from services.intake.domain.encounter import EncounterNews
from services.intake.domain.hl7.reading import read_hl7
from services.intake.domain.profile import SourceProfile
from shared.contract.claim import Drug
from tests.hl7_messages import (
    IN1,
    SOURCE,
    charges,
    ft1,
    message,
    pid,
    profiles,
    pv1,
    registration,
    segment,
)


def news(raw: bytes, profile: SourceProfile | None = None) -> EncounterNews:
    (found,) = read_hl7(BytesIO(raw), profile or profiles().of(SOURCE))
    assert isinstance(found, EncounterNews), found
    return found


def refusals(raw: bytes) -> list[tuple[str, str | None]]:
    (found,) = read_hl7(BytesIO(raw), profiles().of(SOURCE))
    assert isinstance(found, ClaimRefusal | Unreadable), found
    assert all(finding.path and finding.message for finding in found.findings)
    return [(finding.code, finding.path) for finding in found.findings]


def test_everything_that_is_wrong_is_said_at_once_in_the_senders_terms() -> None:
    bad = segment("FT1", {1: "1", 4: "20260231", 6: "CG", 10: "two", 11: "12.345", 25: "99213"})
    none = segment("FT1", {1: "2", 6: "XX"})
    empty = segment("FT1", {1: "3", 6: "CG"})
    raw = message("DFT^P03", pid(account=""), bad, none, empty)
    assert refusals(raw) == [
        ("encounter-missing", "PID-18.1"),
        ("quantity-format", "FT1[1]-10.1"),
        ("date-invalid", "FT1[1]-4.1"),
        ("charge-kind", "FT1[2]-6"),
        ("amount-missing", "FT1[3]-11.1.1"),
        ("date-missing", "FT1[3]-4.1"),
        ("procedure-missing", "FT1[3]-25.1"),
    ]


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({11: "12.345"}, "amount-format", "FT1-11.1.1"),
        ({11: "12,50"}, "amount-format", "FT1-11.1.1"),
        ({11: "50&EUR"}, "currency-not-taken", "FT1-11.1.2"),
        ({10: "1.2.3"}, "quantity-format", "FT1-10.1"),
        ({4: "2026"}, "date-invalid", "FT1-4.1"),
        ({2: "x" * 81}, "too-long", "FT1-2.1"),
        ({2: "a\x07b"}, "control-character", "FT1-2.1"),
    ],
)
def test_a_fault_is_at_its_field(fields: dict[int, str], code: str, path: str) -> None:
    good = {1: "1", 2: "T1", 4: "20260301", 6: "CG", 10: "1", 11: "10.00", 25: "99213"}
    assert refusals(charges(segment("FT1", good | fields))) == [(code, path)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (message("DFT^P03"), ("charge-missing", "FT1")),
        (message("ADT^A40", "MRG|"), ("merge-incomplete", "MRG-1.1")),
        (message("ADT^A60"), ("hl7-event-not-taken", "MSH-9")),
        (message("ADT^A04", version="2.2"), ("hl7-version-not-taken", "MSH-12")),
        (message("ADT^A04", control=""), ("hl7-control-id-missing", "MSH-10")),
        (message("ADT^A04", pid().replace("19700102", "19701301")), ("date-invalid", "PID-7.1")),
        (message("ADT^A04", pid("x" * 39)), ("too-long", "PID-18.1")),
    ],
)
def test_what_a_message_lacks_is_said(raw: bytes, expected: tuple[str, str]) -> None:
    assert expected in refusals(raw)


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7.1", "2.8"])
def test_versions_2_3_to_2_8_are_taken(version: str) -> None:
    assert news(message("ADT^A04", IN1, version=version)).account == "A1"


def test_the_charge_is_the_extended_amount_else_the_price_times_the_units() -> None:
    (extended,) = news(charges(ft1(amount="100&USD", units="2"))).charges
    assert (extended.line.charge, extended.line.units) == (10_000, Decimal(2))
    priced = segment("FT1", {4: "20260301", 6: "CG", 10: "1.5", 12: "20.00&USD", 25: "J1885"})
    (by_price,) = news(charges(priced)).charges
    assert by_price.line.charge == 3_000


def test_a_negative_charge_is_a_credit() -> None:
    (credit,) = news(charges(ft1(amount="-100.00"))).charges
    assert credit.is_credit
    assert credit.line.charge == 10_000


@pytest.mark.parametrize(
    ("measure", "quantity", "unit"),
    [("2.5^ML", Decimal("2.5"), "ML"), ("10^mg", Decimal(10), "ME"), ("1^box", Decimal(1), None)],
)
def test_a_drug_comes_with_its_quantity_and_a_unit_that_claims_know(
    measure: str, quantity: Decimal, unit: str | None
) -> None:
    """FT1-29 and FT1-43 (HL7 2.7); units of 837 CTP05-1."""
    row = {4: "20260301", 6: "CG", 11: "20.00", 25: "J1885", 29: "00409-3795-01", 43: measure}
    (charge,) = news(charges(segment("FT1", row))).charges
    assert charge.line.drug == Drug(ndc="00409379501", quantity=quantity, unit=unit)


def test_payments_and_adjustments_are_passed_over_and_said() -> None:
    said = news(charges(ft1("T1"), ft1("T2", kind="PY"), ft1("T3", kind="AJ")))
    assert [one.key for one in said.charges] == ["T1"]
    assert [note.code for note in said.notes] == ["transaction-not-claimed"] * 2


def test_modifiers_come_as_repetitions_or_as_components() -> None:
    row = ft1() + "|25~59"
    assert _modifiers(row) == ("25", "59")
    assert _modifiers(ft1() + "|25^59^^59") == ("25", "59")


def _modifiers(row: str) -> tuple[str, ...]:
    (charge,) = news(charges(row)).charges
    assert charge.line.procedure is not None
    return charge.line.procedure.modifiers


def test_the_charge_code_is_the_procedure_only_where_its_coding_system_says_so() -> None:
    coded = segment("FT1", {4: "20260301", 6: "CG", 7: "99213^X^C4", 11: "10"})
    (charge,) = news(charges(coded)).charges
    assert charge.line.procedure is not None
    assert charge.line.procedure.code == "99213"
    local = segment("FT1", {4: "20260301", 6: "CG", 7: "99213^X^L", 11: "10"})
    assert refusals(charges(local)) == [("procedure-missing", "FT1-25.1")]


def test_a_revenue_code_comes_from_its_coding_system_or_the_sources_table() -> None:
    coded = segment("FT1", {4: "20260301", 6: "CG", 7: "300^LAB^NUBC", 11: "10"})
    assert news(charges(coded)).charges[0].line.revenue_code == "0300"
    by_department = profiles(revenue_codes={"RAD": "0320"}).of(SOURCE)
    row = segment("FT1", {4: "20260301", 6: "CG", 7: "C1^X^L", 11: "10", 13: "RAD"})
    assert news(charges(row), by_department).charges[0].line.revenue_code == "0320"


def test_a_new_hospital_is_a_table_and_no_code() -> None:
    profile = profiles(
        fields={
            "account": ["PV1-19.1"],
            "charge.procedure": ["ZFT-3.2"],
            "charge.revenue_code": ["ZFT-4"],
            "coverage.member_id": ["IN1-49[4=ACME].1"],
        },
        completing_events=[],
    ).of(SOURCE)
    row = segment("FT1", {2: "T1", 4: "20260301", 6: "CG", 11: "10"})
    raw = message("DFT^P03", pv1(f19="V7"), row, "ZFT|||LOCAL^99213|0450", IN1)
    said = news(raw, profile)
    assert said.account == "V7"
    assert said.charges[0].line.revenue_code == "0450"
    assert said.charges[0].line.procedure is not None
    assert said.charges[0].line.procedure.code == "99213"
    coverage = IN1 + "|" * 13 + "X9^^^OTHER~W7^^^ACME"
    (covered,) = news(message("ADT^A04", pv1(f19="V7"), coverage), profile).coverages
    assert covered.insured.identifier == "W7"


def test_a_provider_is_the_repetition_with_an_npi() -> None:
    local = "DR7^SEEN^IDA"
    by_kind = "1234567893^SEEN^IDA^^^^^^^^^^NPI"
    by_authority = "1234567893^SEEN^IDA^^^^^^&2.16.840.1.113883.4.6&ISO"
    for field, expected in (
        (f"{local}~{by_kind}", "1234567893"),
        (f"{local}~{by_authority}", "1234567893"),
        ("1234567893^SEEN^IDA", "1234567893"),
        ("1234567890^SEEN^IDA", None),
        (local, None),
    ):
        visit = news(message("ADT^A04", pv1(f7=field), IN1)).visit
        assert visit is not None
        found = visit.attending_provider.npi if visit.attending_provider else None
        assert found == expected, field


def test_coverages_are_billed_in_their_order_of_priority() -> None:
    second = IN1.replace("|1|PLAN1", "|2|PLAN2", 1).replace("|||1|||", "|||2|||")
    said = news(message("ADT^A04", pv1(), second, IN1))
    assert [one.priority for one in said.coverages] == [2, 1]


def test_uniform_billing_codes_of_ub2() -> None:
    ub2 = segment(
        "UB2", {1: "1", 3: "09~10", 6: "A1^12.50~80^3", 7: "11^20260228", 8: "74^20260201^20260203"}
    )
    visit = news(message("BAR^P01", pv1("I"), IN1, ub2)).visit
    assert visit is not None
    assert visit.conditions == ("09", "10")
    assert [(one.code, one.amount) for one in visit.values] == [("A1", 1_250), ("80", 300)]
    assert [one.code for one in visit.occurrences] == ["11"]
    assert visit.occurrence_spans[0].through is not None


def test_diagnoses_are_ranked_and_those_no_claim_can_carry_are_said() -> None:
    rows = [
        segment("DG1", {1: "1", 3: "I10^^I10C", 6: "F", 15: "2"}),
        segment("DG1", {1: "2", 3: "E11.9^^I10C", 6: "F", 15: "1", 26: "Y"}),
        segment("DG1", {1: "3", 3: "R07.9^^I10C", 6: "A"}),
        segment("DG1", {1: "4", 3: "38341003^^SCT", 6: "F"}),
        segment("DG1", {1: "5", 3: "Z99.9^^I10C", 6: "F", 21: "D"}),
    ]
    said = news(message("BAR^P12", *rows))
    assert [(one.code, one.role) for one in said.diagnoses] == [
        ("E119", "principal"),
        ("I10", "other"),
        ("R079", "admitting"),
    ]
    assert said.diagnoses[0].present_on_admission == "Y"
    assert [(note.code, note.path) for note in said.notes] == [("diagnosis-not-icd", "DG1[4]-3.3")]


def test_events_of_no_interest_can_be_ignored_by_the_profile() -> None:
    profile = profiles(events={"ADT^A60": "ignore"}).of(SOURCE)
    assert news(message("ADT^A60", pid("x" * 99)), profile).meaning == "ignore"


def test_the_event_may_stand_in_evn_alone() -> None:
    raw = message("ADT^A04", IN1).replace(b"ADT^A04|", b"ADT|")
    assert news(raw).trigger == "ADT^A04"


def test_registrations_carry_the_patient() -> None:
    said = news(registration())
    assert said.patient is not None
    assert (said.patient.name, said.patient.first_name, said.patient.middle_name) == (
        "DOE",
        "JANE",
        "Q",
    )
    assert said.patient.address is not None
    assert said.patient.address.postal_code == "45402"
    assert said.medical_record_number == "4711"

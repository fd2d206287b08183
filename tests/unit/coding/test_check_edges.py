"""The edges of checks over tables: windows, indicators, ages, who and when counts together."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from services.coding.domain import checks
from services.coding.domain.filing_limits import last_day
from services.coding.domain.history import EarlierLine, History
from services.coding.domain.reference import (
    BEGINNING,
    END,
    AddOn,
    Article,
    PairEdit,
    PayerLimit,
    ProcedureCode,
    Ranges,
    Reference,
    UnitLimit,
)
from services.coding.domain.rule import Case
from services.coding.reference import kinds
from services.coding.reference.library import Library
from services.coding.reference.table import Row
from shared.contract.claim import Claim, Provider, ServiceLine
from shared.contract.model import Finding
from tests.unit.coding.claims import (
    NPI,
    OTHER_NPI,
    SERVED,
    TODAY,
    diagnoses,
    inpatient,
    insured,
    line,
    outpatient,
    professional,
)
from tests.unit.coding.tables import editions, table

PACKED = Library().current()
DAY = SERVED.toordinal()
MEDICARE = {"filing_indicator": "MB"}


def found(
    claim: Claim, reference: Reference, history: History = (), today: date = TODAY
) -> tuple[Finding, ...]:
    return checks.check(Case(claim, today, reference, history))


def codes(
    claim: Claim, reference: Reference, history: History = (), today: date = TODAY
) -> list[tuple[str, str | None]]:
    return [(each.code, each.path) for each in found(claim, reference, history, today)]


def earlier(code: str, *modifiers: str) -> EarlierLine:
    return EarlierLine(
        UUID(int=8), "professional", SERVED, NPI, code, modifiers, Decimal(1), 12_345
    )


# Pairs: NCCI Policy Manual, chapter I


def pairs(indicator: str = "1", first: int = BEGINNING, last: int = END) -> Reference:
    edit = PairEdit("11042", "97597", indicator, first, last, "test")
    return Reference(
        "test", pairs={"practitioner": editions(table("ncci-ptp", [kinds.pair_row(edit)]))}
    )


PAIR = professional(line("97597"), line("11042"))
NEVER, UNMODIFIED = "pair-never-together", "pair-needs-modifier"


@pytest.mark.parametrize(("indicator", "rule"), [("0", NEVER), ("1", UNMODIFIED)])
def test_the_service_in_column_two_is_the_one_denied(indicator: str, rule: str) -> None:
    assert codes(PAIR, pairs(indicator)) == [(rule, "service_lines[0].procedure")]


def test_indicator_9_is_no_edit() -> None:
    assert codes(PAIR, pairs("9")) == []


@pytest.mark.parametrize(
    ("first", "last", "is_in_effect"),
    [
        (DAY, END, True),
        (DAY + 1, END, False),
        (BEGINNING, DAY, True),
        (BEGINNING, DAY - 1, False),
        (DAY, DAY, False),
    ],
    ids=["first day", "before", "last day", "after", "deleted as of its first day"],
)
def test_a_pair_holds_from_its_first_to_its_last_day(
    first: int, last: int, is_in_effect: bool
) -> None:
    assert bool(codes(PAIR, pairs("0", first, last))) is is_in_effect


def test_of_several_windows_of_a_pair_the_day_chooses() -> None:
    """The same pair may come back with another indicator (NCCI quarterly files)."""
    rows = [
        kinds.pair_row(PairEdit("11042", "97597", "0", BEGINNING, DAY - 1, "")),
        kinds.pair_row(PairEdit("11042", "97597", "1", DAY, END, "")),
    ]
    reference = Reference("test", pairs={"practitioner": editions(table("ncci-ptp", rows))})
    assert [code for code, _ in codes(PAIR, reference)] == [UNMODIFIED]


@pytest.mark.parametrize("modifier", ["59", "XE", "XS", "XP", "XU", "58", "78", "79", "LT", "F5"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_modifier_that_ncci_accepts_lets_a_pair_pass_on_either_line(
    modifier: str, at: int
) -> None:
    """CMS change request 11168: 59 and X modifiers on column one or two since July 2019."""
    modifiers = ((), ())[:at] + ((modifier,),) + ((),) * (1 - at)
    claim = professional(line("97597", *modifiers[0]), line("11042", *modifiers[1]))
    assert codes(claim, pairs("1")) == []
    assert [code for code, _ in codes(claim, pairs("0"))] == [NEVER]


@pytest.mark.parametrize("modifier", ["76", "51", "22", "GP", "26", "50"])
def test_any_other_modifier_does_not(modifier: str) -> None:
    claim = professional(line("97597", modifier), line("11042"))
    assert UNMODIFIED in [code for code, _ in codes(claim, pairs("1"))]


def test_the_same_place_on_both_lines_says_that_it_was_one_place() -> None:
    claim = professional(line("97597", "LT"), line("11042", "LT"))
    assert [code for code, _ in codes(claim, pairs("1"))] == [UNMODIFIED]
    other = professional(line("97597", "LT"), line("11042", "RT"))
    assert codes(other, pairs("1")) == []


def test_the_hint_names_modifiers_that_fit_the_services() -> None:
    (finding,) = found(PAIR, pairs("1"))
    assert "XS" in (finding.hint or "")
    assert "25 on the visit" not in (finding.hint or "")
    assert finding.codes == ("11042", "97597")
    assert finding.edition == "ncci-ptp 2020-01-01"


@pytest.mark.parametrize(
    "change",
    [
        {"service_from": SERVED + timedelta(days=1)},
        {"rendering_provider": Provider(name="ROE", npi=OTHER_NPI)},
    ],
    ids=["another day", "another clinician"],
)
def test_a_pair_is_of_one_day_and_one_provider(change: dict[str, object]) -> None:
    claim = professional(line("97597"), line("11042").model_copy(update=change))
    assert codes(claim, pairs("0")) == []


def test_a_line_of_an_earlier_claim_counts() -> None:
    claim = professional(line("97597"))
    assert codes(claim, pairs("0"), (earlier("11042"),)) == [(NEVER, "service_lines[0].procedure")]
    assert codes(claim, pairs("1"), (earlier("11042", "59"),)) == []


def test_our_column_one_is_told_where_the_column_two_service_went_out_before() -> None:
    claim = professional(line("11042"))
    assert codes(claim, pairs("0"), (earlier("97597"),)) == [(NEVER, "service_lines[0].procedure")]


def test_earlier_claims_alone_find_nothing_and_a_replacement_does_not_look_at_them() -> None:
    history = (earlier("11042"), earlier("97597"))
    assert codes(professional(line("93000")), pairs("0"), history) == []
    replacement = professional(line("97597"), frequency="7", payer_claim_control_number="PAYER-1")
    assert codes(replacement, pairs("0"), (earlier("11042"),)) == []


def test_the_outpatient_set_judges_hospital_bills_and_not_stays() -> None:
    edit = PairEdit("11042", "97597", "0", BEGINNING, END, "")
    reference = Reference(
        "test", pairs={"outpatient": editions(table("ncci-ptp", [kinds.pair_row(edit)]))}
    )
    lines = (line("97597", revenue_code="0510"), line("11042", revenue_code="0510"))
    assert codes(outpatient(*lines), reference) == [(NEVER, "service_lines[0].procedure")]
    stay = inpatient(line(None, revenue_code="0120", service_from=None), *lines)
    assert NEVER not in [code for code, _ in codes(stay, reference)]
    assert codes(professional(line("97597"), line("11042")), reference) == []


def test_medicare_edits_only_warn_medicaid() -> None:
    """Medicaid has NCCI editions of its own (42 USC 1396b(r)(1)(B)(iv))."""
    claim = PAIR.model_copy(update={"filing_indicator": "MC"})
    assert [each.severity for each in found(claim, pairs("0"))] == ["warn"]


# Unit limits: NCCI Policy Manual, chapter I, section V


def limits(value: int, indicator: int) -> Reference:
    row = kinds.limit_row("97110", BEGINNING, END, UnitLimit(value, indicator))
    return Reference("test", limits={"practitioner": editions(table("ncci-mue", [row]))})


def units(*each: str, **fields: object) -> Claim:
    lines = [line("97110", "76" if at else "GP", units=count) for at, count in enumerate(each)]
    return professional(*lines, **{**MEDICARE, **fields})


RULE = {
    1: "units-over-line-limit",
    2: "units-over-day-limit",
    3: "units-over-clinical-limit",
}


@pytest.mark.parametrize("indicator", [1, 2, 3])
def test_the_limit_itself_passes_and_one_more_does_not(indicator: int) -> None:
    assert codes(units("4"), limits(4, indicator)) == []
    assert codes(units("5"), limits(4, indicator)) == [(RULE[indicator], "service_lines[0].units")]


@pytest.mark.parametrize(("indicator", "is_over"), [(1, False), (2, True), (3, True)])
def test_lines_add_up_where_the_limit_is_the_days(indicator: int, is_over: bool) -> None:
    findings = codes(units("3", "2"), limits(4, indicator))
    expected = [(RULE[indicator], f"service_lines[{at}].units") for at in (0, 1)]
    assert findings == (expected if is_over else [])


@pytest.mark.parametrize(("indicator", "is_over"), [(1, False), (2, True), (3, True)])
def test_earlier_claims_add_up_where_the_limit_is_the_days(indicator: int, is_over: bool) -> None:
    history = (replace(earlier("97110", "GN"), units=Decimal(1)),)
    assert bool(codes(units("4"), limits(4, indicator), history)) is is_over


def test_units_of_a_span_are_spread_over_its_days() -> None:
    through = SERVED + timedelta(days=2)
    spanning = line("97110", "GP", units="12", service_through=through)
    assert codes(professional(spanning, **MEDICARE), limits(4, 2)) == []
    more = line("97110", "GP", units="14", service_through=through)
    assert codes(professional(more, **MEDICARE), limits(4, 2)) != []


def test_a_limit_of_zero_is_medicares_alone() -> None:
    assert [each.severity for each in found(units("1"), limits(0, 2))] == ["block"]
    assert found(units("1", filing_indicator="CI"), limits(0, 2)) == ()


def test_other_payers_are_warned_of_a_limit() -> None:
    assert [each.severity for each in found(units("5", filing_indicator="CI"), limits(4, 2))] == [
        "warn"
    ]


def test_the_limit_of_the_days_quarter_is_taken() -> None:
    quarters = editions(
        table(
            "ncci-mue",
            [kinds.limit_row("97110", BEGINNING, END, UnitLimit(4, 2))],
            date(2026, 1, 1),
        ),
        table(
            "ncci-mue",
            [kinds.limit_row("97110", BEGINNING, END, UnitLimit(6, 2))],
            date(2026, 4, 1),
        ),
    )
    reference = Reference("test", limits={"practitioner": quarters})

    def on(day: date) -> list[tuple[str, str | None]]:
        given = line("97110", "GP", units="5", service_from=day)
        return codes(professional(given, **MEDICARE), reference, today=date(2026, 6, 1))

    assert on(date(2026, 3, 31)) == [("units-over-day-limit", "service_lines[0].units")]
    assert on(date(2026, 4, 1)) == []
    assert on(date(2025, 12, 31)) == []


def test_suppliers_of_equipment_have_limits_of_their_own() -> None:
    row = kinds.limit_row("E0607", BEGINNING, END, UnitLimit(1, 2))
    reference = Reference("test", limits={"dme": editions(table("ncci-mue", [row]))})
    claim = professional(line("E0607", units="2"), facility_code="12", **MEDICARE)
    assert codes(claim, reference) == []
    supplier = claim.billing_provider.model_copy(update={"taxonomy": "332B00000X"})
    claim = claim.model_copy(update={"billing_provider": supplier})
    assert codes(claim, reference) == [("units-over-day-limit", "service_lines[0].units")]


# Add-on codes


def test_an_add_on_counts_all_its_rows_primaries_of_the_day() -> None:
    """The file has a row for each primary, with days of its own (CMS add-on code edits)."""
    rows = [
        kinds.add_on_row("99417", AddOn(1, frozenset({"99205"}), BEGINNING, END)),
        kinds.add_on_row("99417", AddOn(1, frozenset({"99215"}), BEGINNING, DAY - 1)),
        kinds.add_on_row("99417", AddOn(1, frozenset({"99345"}), DAY, END)),
    ]
    reference = Reference("test", add_ons=editions(table("add-on", rows)))
    for primary, is_lone in (("99205", False), ("99215", True), ("99345", False)):
        claim = professional(line(primary), line("99417"))
        assert bool(codes(claim, reference)) is is_lone
    assert codes(professional(line("99417")), reference, (earlier("99345"),)) == []


# Codes by date


@pytest.mark.parametrize(
    ("day", "is_active"),
    [
        (date(2025, 12, 31), False),
        (date(2026, 1, 1), True),
        (date(2026, 3, 31), True),
        (date(2026, 4, 1), False),
    ],
)
def test_a_procedure_code_is_active_from_its_first_to_its_last_day(
    day: date, is_active: bool
) -> None:
    window = ProcedureCode(date(2026, 1, 1).toordinal(), date(2026, 3, 31).toordinal())
    rows = [kinds.procedure_row("G9999", window)]
    reference = Reference("test", hcpcs=editions(table("hcpcs", rows, date(2026, 1, 1))))
    claim = professional(line("G9999", service_from=day))
    today = date(2026, 4, 20)
    assert (codes(claim, reference, today=today) == []) is is_active


def test_an_unknown_code_warns_where_the_table_is_older_than_the_day() -> None:
    reference = Reference("test", hcpcs=editions(table("hcpcs", [], date(2026, 1, 1))))
    findings = {
        day: [
            each.severity
            for each in found(professional(line("G9999", service_from=day)), reference, today=day)
        ]
        for day in (date(2026, 3, 9), date(2026, 5, 1))
    }
    assert findings[date(2026, 3, 9)] == ["block"]
    assert findings[date(2026, 5, 1)] == ["warn"]


def test_cpt_is_checked_by_table_only_where_one_is_loaded() -> None:
    claim = professional(line("99213"), line("99999"))
    assert codes(claim, PACKED) == []
    rows = [kinds.procedure_row("99213", ProcedureCode(BEGINNING, END))]
    loaded = Reference("test", cpt=editions(table("cpt", rows, date(2026, 1, 1))))
    assert codes(claim, loaded) == [("procedure-unknown", "service_lines[1].procedure.code")]


def test_a_diagnosis_is_not_judged_where_no_edition_covers_the_day() -> None:
    claim = professional(line("99213", service_from=date(2024, 9, 30)), diagnoses=diagnoses("E117"))
    assert codes(claim, PACKED) == []


def test_the_end_of_a_stay_chooses_the_edition_of_its_diagnoses() -> None:
    """E11.A is new with FY2026 (2025-10-01); inpatient claims are coded by discharge date."""
    claim = inpatient(
        statement_from=date(2025, 9, 28),
        admitted_on=date(2025, 9, 28),
        statement_through=date(2025, 10, 1),
        diagnoses=diagnoses("E11A"),
    )
    assert codes(claim, PACKED) == []
    before = claim.model_copy(update={"statement_through": date(2025, 9, 30)})
    assert [code for code, _ in codes(before, PACKED)] == ["diagnosis-not-valid-on-date"]


def test_a_heading_names_the_billable_codes_below_it() -> None:
    (finding,) = found(professional(diagnoses=diagnoses("M545")), PACKED)
    assert finding.hint == "Choose a code below it: M5450, M5451, M5459."
    assert finding.codes == ("M545",)
    assert finding.edition == "icd10cm 2025-10-01"
    assert finding.rule_version == "1"


# Ages: Medicare Code Editor


@pytest.mark.parametrize(
    ("code", "years", "is_refused"),
    [
        ("Z3800", 0, False),
        ("Z3800", 1, True),
        ("Z00129", 17, False),
        ("Z00129", 18, True),
        ("O80", 8, True),
        ("O80", 9, False),
        ("O80", 64, False),
        ("O80", 65, True),
        ("Z0000", 14, True),
        ("Z0000", 15, False),
        ("Z0000", 110, False),
    ],
)
def test_ages_are_completed_years_on_the_day(code: str, years: int, is_refused: bool) -> None:
    birthday = date(SERVED.year - years, SERVED.month, SERVED.day)
    patient = insured(birth_date=birthday, gender="F")
    claim = professional(diagnoses=diagnoses(code), subscriber=patient)
    assert any(each.startswith("age-") for each, _ in codes(claim, PACKED)) is is_refused
    if years:
        younger = insured(birth_date=birthday + timedelta(days=1), gender="F")
        claim = professional(diagnoses=diagnoses(code), subscriber=younger)
        expected = {("O80", 9): True, ("O80", 65): False, ("Z3800", 1): False}
        expected |= {("Z00129", 18): False, ("Z0000", 15): True}
        is_now_refused = any(each.startswith("age-") for each, _ in codes(claim, PACKED))
        assert is_now_refused is expected.get((code, years), is_refused)


# Coverage


def test_an_article_holds_for_its_payer_and_its_days() -> None:
    article = Article("A1", Ranges([("I10", "I10")]), DAY, DAY + 10, "PAY01")
    reference = Reference(
        "test", coverage=editions(table("coverage", [kinds.article_row("93000", article)]))
    )
    claim = professional(line("93000"), diagnoses=diagnoses("E119"))
    (finding,) = found(claim, reference)
    assert (finding.code, finding.edition) == (
        "not-medically-necessary",
        "coverage 2020-01-01, article A1",
    )
    other = claim.payer.model_copy(update={"identifier": "PAY02"})
    assert found(claim.model_copy(update={"payer": other}), reference) == ()
    before = professional(
        line("93000", service_from=SERVED - timedelta(days=1)), diagnoses=diagnoses("E119")
    )
    assert found(before, reference) == ()
    waived = professional(line("93000", "GA"), diagnoses=diagnoses("E119"))
    assert found(waived, reference) == ()


# Filing limits: 42 CFR 424.44


@pytest.mark.parametrize(
    ("served", "last"),
    [(date(2025, 3, 3), date(2026, 3, 3)), (date(2024, 2, 29), date(2025, 2, 28))],
)
def test_medicare_takes_a_claim_for_one_calendar_year(served: date, last: date) -> None:
    claim = professional(line("99213", service_from=served), **MEDICARE)
    assert last_day(Case(claim, TODAY, Reference("test"))) == (last, None)


def test_a_loaded_limit_of_the_payer_comes_first() -> None:
    rows = [Row("PAY01", BEGINNING, END, 90)]
    reference = Reference("test", filing_limits=editions(table("filing-limit", rows)))
    case = Case(professional(**MEDICARE), TODAY, reference)
    assert last_day(case) == (SERVED + timedelta(days=90), "filing-limit 2020-01-01")
    assert PayerLimit(90) == reference.filing_limits[0].find("PAY01")[0]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (31, []),
        (30, ["filing-limit-soon"]),
        (0, ["filing-limit-soon"]),
        (-1, ["filing-limit-passed"]),
    ],
)
def test_the_countdown_begins_thirty_days_before_the_end(left: int, expected: list[str]) -> None:
    today = date(2027, 3, 3) - timedelta(days=left)
    claim = professional(**MEDICARE)
    assert [code for code, _ in codes(claim, Reference("test"), today=today)] == expected


def test_a_delay_reason_or_a_replacement_is_let_through() -> None:
    today = date(2027, 6, 1)
    late = professional(**MEDICARE)
    reasoned = late.model_copy(update={"delay_reason": "7"})
    replaced = late.model_copy(update={"frequency": "7", "payer_claim_control_number": "P1"})
    for claim in (reasoned, replaced):
        assert codes(claim, Reference("test"), today=today) == []


# Lines


def test_a_line_that_differs_in_anything_a_payer_sees_is_no_repetition() -> None:
    first = line("93000")
    others: list[ServiceLine] = [
        line("93000", "76"),
        line("93000", units="2"),
        line("93000", service_from=SERVED + timedelta(days=1)),
        line("93000", charge=20_000),
        line("93000", rendering_provider=Provider(name="ROE", npi=OTHER_NPI)),
    ]
    for other in others:
        found_codes = [code for code, _ in codes(professional(first, other), Reference("test"))]
        assert "line-repeated" not in found_codes


def test_modifiers_may_be_checked_against_a_loaded_hcpcs_file() -> None:
    window = ProcedureCode(BEGINNING, END)
    rows = [kinds.procedure_row(code, window) for code in ("LT", "RT")]
    reference = Reference("test", hcpcs=editions(table("hcpcs", rows, date(2026, 1, 1))))
    assert codes(professional(line("20610", "LT")), reference) == []
    assert codes(professional(line("20610", "QZ")), reference) == [
        ("modifier-unknown", "service_lines[0].procedure.modifiers[0]")
    ]

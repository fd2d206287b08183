"""Real tables: every row of the public files is in what is packed, and does what it says."""

import csv
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from services.coding.domain import pairs, unit_limits
from services.coding.domain.rule import Case
from services.coding.reference.library import Library
from shared.contract.claim import Claim, ServiceLine
from tests.unit.coding.claims import TODAY, line, outpatient, professional

PACKED = Library().current()
FOLDER = Path(__file__).parents[4] / "shared" / "reference"
DAY = date(2024, 8, 1)
"""In the quarter of the files."""

needs_files = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs ../shared/reference")


def rows(name: str) -> Iterator[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def claim(name: str, *lines: ServiceLine) -> Claim:
    if name == "outpatient":
        days = {"statement_from": DAY, "statement_through": DAY}
        return outpatient(*lines, filing_indicator="MA", **days)
    return professional(*lines, filing_indicator="MB")


@needs_files
@pytest.mark.parametrize("name", ["practitioner", "outpatient"])
def test_each_pair_triggers_exactly_when_it_should(name: str) -> None:
    """Active on the day: 0 always, 1 unless a modifier bypasses, 9 never (CMS NCCI PTP layout)."""
    by_pair: dict[frozenset[str], list[dict[str, str]]] = {}
    for row in rows(f"ncci_ptp_{name}_level2.csv"):
        by_pair.setdefault(frozenset((row["column_1"], row["column_2"])), []).append(row)
    checked = 0
    for codes, of_pair in by_pair.items():
        active = [
            row
            for row in of_pair
            if date.fromisoformat(row["deleted"]) >= DAY and row["modifier_indicator"] != "9"
        ]
        one, two = sorted(codes)
        plain = claim(name, line(one, service_from=DAY), line(two, service_from=DAY))
        modified = claim(name, line(one, "59", service_from=DAY), line(two, service_from=DAY))
        assert found(plain) == {
            (
                "pair-never-together"
                if row["modifier_indicator"] == "0"
                else "pair-needs-modifier",
                (row["column_1"], row["column_2"]),
            )
            for row in active
        }
        assert found(modified) == {
            ("pair-never-together", (row["column_1"], row["column_2"]))
            for row in active
            if row["modifier_indicator"] == "0"
        }
        checked += len(active)
    assert checked > 800


def found(given: Claim) -> set[tuple[str, tuple[str, ...]]]:
    case = Case(given, TODAY, PACKED)
    return {
        (finding.code, finding.codes)
        for rule in pairs.RULES
        for finding in map(rule.finding, rule.check(case))
    }


@needs_files
@pytest.mark.parametrize("name", ["practitioner", "outpatient", "dme"])
def test_each_limit_passes_at_its_value_and_not_at_one_more(name: str) -> None:
    checked = 0
    rule_by_mai = {
        "1": "units-over-line-limit",
        "2": "units-over-day-limit",
        "3": "units-over-clinical-limit",
    }
    for row in rows(f"ncci_mue_{name}_level2.csv"):
        value = int(row["mue_value"])
        expected = [rule_by_mai[row["mai"]]]
        assert over(name, row["code"], value + 1) == expected, row["code"]
        if value:
            assert over(name, row["code"], value) == [], row["code"]
        checked += 1
    assert checked > 2_900


def over(name: str, code: str, units: int) -> list[str]:
    given = claim(name, line(code, units=str(units), service_from=DAY))
    if name == "dme":
        supplier = given.billing_provider.model_copy(update={"taxonomy": "332B00000X"})
        given = given.model_copy(update={"billing_provider": supplier})
    assert given.service_lines[0].units == Decimal(units)
    case = Case(given, TODAY, PACKED)
    return [rule.code for rule in unit_limits.RULES for _ in rule.check(case)]


@needs_files
def test_each_hcpcs_code_is_known_with_its_days() -> None:
    table = PACKED.hcpcs.newest
    assert table is not None
    count = 0
    for count, row in enumerate(rows("hcpcs_level2.csv"), start=1):  # noqa: B007
        (entry,) = table.find(row["code"])
        assert date.fromordinal(entry.added) == date.fromisoformat(row["added"])
        ended = date.max if not row["terminated"] else date.fromisoformat(row["terminated"])
        assert date.fromordinal(entry.ended) == ended
        assert entry.description == row["short_description"].strip()
    assert count == 8_033


@needs_files
def test_each_place_of_service_is_known_and_the_unassigned_are_not() -> None:
    table = PACKED.places.newest
    assert table is not None
    for row in rows("place_of_service.csv"):
        assert bool(table.find(row["code"])) is (row["name"] != "Unassigned")


def test_the_packed_tabular_list_agrees_with_the_package_it_was_made_from() -> None:
    """simple-icd-10-cm reads the same XML with code of its own."""
    icd = pytest.importorskip("simple_icd_10_cm")
    table = PACKED.icd10cm[-1]
    codes = [
        each for each in icd.get_all_codes(with_dots=False) if len(each) <= 7 and "-" not in each
    ]
    codes = [each for each in codes if each[1:2].isdigit() and len(each) >= 3]
    assert len(codes) > 98_000
    for code in codes:
        (entry,) = table.find(code)
        assert entry.is_billable is icd.is_leaf(code), code

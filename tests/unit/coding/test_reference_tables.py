"""The table format and the library: what is written is found; new editions need no restart."""

import mmap
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.coding.domain.reference import BEGINNING, END, UnitLimit
from services.coding.reference import kinds
from services.coding.reference.library import Library, UnknownEditionError
from services.coding.reference.loading import Order, load
from services.coding.reference.table import Row, TableFile, build, open_file, save

HEADER = {"table": "test", "effective": "2026-01-01", "source": "test"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
_KEYS = st.text(alphabet="ABC019", min_size=1, max_size=5)
_ROWS = st.lists(
    st.builds(
        Row,
        _KEYS,
        st.integers(0, 9),
        st.integers(0, END),
        st.integers(0, 2**32 - 1),
        st.sampled_from(("", '"x"', '["a",1]')),
    ),
    max_size=60,
)


def _entry(key: str, first: int, last: int, value: int, text: object) -> tuple[object, ...]:
    return key, first, last, value, text


@given(rows=_ROWS, absent=_KEYS)
def test_every_row_is_found_by_its_key_in_order_and_no_other_is(
    rows: list[Row], absent: str
) -> None:
    texts = {"": None, '"x"': "x", '["a",1]': ["a", 1]}
    table = TableFile(build(5, rows, HEADER), _entry)
    for key in {*(row.key for row in rows), absent}:
        expected = tuple((*row[:4], texts[row.text]) for row in rows if row.key == key)
        assert table.find(key) == expected


@given(rows=_ROWS)
def test_the_same_rows_give_the_same_file(rows: list[Row]) -> None:
    assert build(5, rows, HEADER) == build(5, rows, HEADER)


@pytest.mark.parametrize("key", ["", "é", "TOO-LONG-FOR-ALL-KEYS", "\x00"])
def test_a_key_that_no_table_can_have_is_not_found(key: str) -> None:
    table = TableFile(build(5, [Row("A", 0, 1)], HEADER), _entry)
    assert table.find(key) == ()


def test_a_file_that_is_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no reference table"):
        TableFile(b"something else", _entry)


def test_a_loaded_file_is_mapped_and_not_read(tmp_path: Path) -> None:
    save(tmp_path / "one.cwref", build(5, [Row("A", 0, 1)], HEADER))
    buffer = open_file(tmp_path / "one.cwref")
    assert isinstance(buffer, mmap.mmap)
    assert len(TableFile(buffer, _entry).find("A")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["one.cwref"]


def mue(folder: Path, value: int, effective: date, at: datetime = NOW) -> str:
    path = folder.parent / "mue.csv"
    path.write_text(f"code,mue value,mai\n97110,{value},2\n")
    report = load(Order("ncci-mue", path, "practitioner", effective), folder, at)
    return report.edition


def limit(library: Library, day: date = date(2026, 2, 1)) -> tuple[UnitLimit, ...]:
    table = library.current().limits["practitioner"].on(day)
    assert table is not None
    return table.find("97110")


def test_a_new_edition_takes_effect_without_a_restart_and_changes_the_version(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "reference"
    library = Library(folder)
    before = library.current()
    assert limit(library) == ()
    mue(folder, 4, date(2026, 1, 1))
    assert limit(library) == (UnitLimit(4, 2),)
    assert library.current().version != before.version
    assert before.limits["practitioner"].on(date(2026, 2, 1)) is not None


def test_editions_stand_side_by_side_and_the_day_chooses(tmp_path: Path) -> None:
    folder = tmp_path / "reference"
    mue(folder, 4, date(2026, 1, 1))
    mue(folder, 6, date(2026, 4, 1))
    library = Library(folder)
    assert limit(library, date(2026, 3, 31)) == (UnitLimit(4, 2),)
    assert limit(library, date(2026, 4, 1)) == (UnitLimit(6, 2),)


def test_of_two_files_for_one_day_the_later_loaded_wins(tmp_path: Path) -> None:
    folder = tmp_path / "reference"
    mue(folder, 9, date(2026, 1, 1))
    mue(folder, 4, date(2026, 1, 1), NOW + timedelta(days=1))
    assert limit(Library(folder)) == (UnitLimit(4, 2),)


def test_a_past_set_of_editions_can_be_had_again(tmp_path: Path) -> None:
    folder = tmp_path / "reference"
    library = Library(folder)
    past = library.current()
    newer = mue(folder, 4, date(2026, 1, 1))
    assert newer in library.current().editions
    again = library.of(past.editions)
    assert again.version == past.version
    assert again.limits["practitioner"].on(date(2026, 2, 1)) is not None
    with pytest.raises(UnknownEditionError, match="load its file again"):
        library.of(("ncci-mue-practitioner@2020-01-01-000000000000",))


def test_what_is_no_edition_in_the_folder_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "other@2026-01-01-000000000000.cwref").write_bytes(b"")
    assert Library(tmp_path).current().version == Library().current().version


def test_the_packed_tables_name_their_source_and_are_small() -> None:
    folder = Path(kinds.__file__).parent / "packed"
    assert all(path.stat().st_size < 3_000_000 for path in folder.iterdir())
    editions = Library().editions()
    assert {edition.table_name for edition in editions} == {
        "hcpcs", "icd10cm", "pos", "ncci-ptp-practitioner", "ncci-ptp-outpatient",
        "ncci-mue-practitioner", "ncci-mue-outpatient", "ncci-mue-dme",
    }  # fmt: skip
    assert all(edition.table.header["source"] for edition in editions)


def test_both_fiscal_years_of_icd10cm_are_packed() -> None:
    effective = [table.effective for table in Library().current().icd10cm]
    assert effective == [date(2024, 10, 1), date(2025, 10, 1)]
    assert BEGINNING == 0

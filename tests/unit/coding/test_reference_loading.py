"""Loaders of official files: the layouts as published, and a report of what is refused.

The layouts are CMS's and NCHS's; the few rows are written here, in their form.
"""

import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.coding.domain.reference import (
    BEGINNING,
    AddOn,
    Article,
    PairEdit,
    ProcedureCode,
    Ranges,
    UnitLimit,
)
from services.coding.reference.kinds import KINDS
from services.coding.reference.loading import Order, Report, load
from services.coding.reference.sources import SourceError, effective_in
from services.coding.reference.table import TableFile, open_file

NOW = datetime(2026, 1, 5, tzinfo=UTC)
END = date.max.toordinal()


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "reference"


def write(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode("latin-1"))
    return path


def loaded(report: Report, kind: str) -> TableFile[object]:
    assert report.path is not None, report
    return TableFile(open_file(report.path), KINDS[kind].decode)


# As published: a tab-separated file of six lines of preamble, a header over several columns.
PTP = (
    "Column1/Column2 Edits\t\t\t\t\t\t\r\n"
    "CPT only copyright ® 2025\t\t\t\t\t\t\r\n"
    "\r\n"
    "Column 1\tColumn 2\t*=in existence prior to 1996\tEffective Date\tDeletion Date *=no data\t"
    "Modifier 0=not allowed 1=allowed 9=not applicable\tPTP Edit Rationale\r\n"
    "0001U\t0002M\t\t20200101\t*\t1\tMisuse of Column Two code with Column One code\r\n"
    "11042\t97597\t*\t19960101\t20251231\t0\tMore extensive procedure\r\n"
)


def test_ncci_pairs_load_as_published(tmp_path: Path, folder: Path) -> None:
    path = write(tmp_path, "ccipra-v320r0-f1.TXT", PTP)
    table = loaded(load(Order("ncci-ptp", path), folder, NOW), "ncci-ptp")
    assert table.edition == "ncci-ptp-practitioner 2026-01-01"
    assert table.find("0001U0002M") == (
        PairEdit(
            "0001U",
            "0002M",
            "1",
            day("2020-01-01"),
            END,
            "Misuse of Column Two code with Column One code",
        ),
    )
    (edit,) = table.find("1104297597")
    assert edit == PairEdit(
        "11042", "97597", "0", day("1996-01-01"), day("2025-12-31"), "More extensive procedure"
    )


@pytest.mark.parametrize("inside", ["ccipra-v320r0-f1.TXT", "folder/ccipra-v320r0-f1.txt"])
def test_a_zip_file_is_read_as_it_is(tmp_path: Path, folder: Path, inside: str) -> None:
    path = tmp_path / "medicare-ncci-2026q1-practitioner-ptp-edits.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inside, PTP)
        archive.writestr("readme.pdf", b"%PDF")
    assert load(Order("ncci-ptp", path), folder, NOW).rows == 2


def test_a_zip_of_several_files_asks_which(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.txt", PTP)
        archive.writestr("two.txt", PTP)
    with pytest.raises(SourceError, match=r"one\.txt, two\.txt"):
        load(Order("ncci-ptp", path, "practitioner", date(2026, 1, 1)), folder, NOW)


def test_the_four_parts_of_a_set_make_one_edition(tmp_path: Path, folder: Path) -> None:
    """CMS publishes each set of pairs as files f1 to f4, each with its preamble."""
    first = write(tmp_path, "ccipra-v320r0-f1.TXT", PTP)
    second = write(tmp_path, "ccipra-v320r0-f2.TXT", PTP.replace("11042\t97597", "99213\t99214"))
    report = load(Order("ncci-ptp", first, more=(second,)), folder, NOW)
    table = loaded(report, "ncci-ptp")
    assert report.rows == 4
    assert len(table.find("1104297597")) == len(table.find("9921399214")) == 1
    assert table.header["source"] == "ccipra-v320r0-f1.TXT, ccipra-v320r0-f2.TXT"
    other = write(tmp_path, "ccipra-v321r0-f2.TXT", PTP)
    with pytest.raises(SourceError, match="another set or day"):
        load(Order("ncci-ptp", first, more=(other,)), folder, NOW)


def test_a_header_over_several_lines_is_no_refused_line(tmp_path: Path, folder: Path) -> None:
    """The pair files' header goes on below its first line, under empty first columns."""
    text = (
        "\t\t*=in existence\t\t\tModifier\t\r\n"
        "Column 1\tColumn 2\t*=in existence\tEffective\tDeletion\tModifier\tPTP Edit Rationale\r\n"
        "\t\tprior to 1996\tDate\tDate\t0=not allowed\t\r\n"
        "\t\t\t\t*=no data\t1=allowed\t\r\n"
        "\t\t\t\t\t9=not applicable\t\r\n"
        "0001U\t0002M\t\t20200101\t*\t1\tx\r\n"
        "\t0002M\t\t20200101\t*\t1\tx\r\n"
    )
    path = write(tmp_path, "ccihop-v320r0-f1.TXT", text)
    report = load(Order("ncci-ptp", path, skip_refused=True), folder, NOW)
    assert (report.edition[:27], report.rows) == ("ncci-ptp-outpatient@2026-01", 1)
    assert report.examples == [(7, "this is no procedure code")]


def test_ncci_unit_limits_load_as_published(tmp_path: Path, folder: Path) -> None:
    text = (
        '"CPT codes copyright. All rights reserved.\nMore of the preamble",,,\r\n'
        '"HCPCS/\nCPT Code","Practitioner Services MUE Values","MUE Adjudication Indicator",'
        '"MUE Rationale"\r\n'
        '0001A,1,"2 Date of Service Edit: Policy","Code Descriptor / CPT Instruction"\r\n'
        "A0425,250,1 Line Edit,Clinical: Data\r\n"
    )
    path = write(tmp_path, "MCR_MUE_PractitionerServices_Eff_01-01-2026.csv", text)
    table = loaded(load(Order("ncci-mue", path), folder, NOW), "ncci-mue")
    assert table.edition == "ncci-mue-practitioner 2026-01-01"
    assert table.find("0001A") == (UnitLimit(1, 2, "Code Descriptor / CPT Instruction"),)
    assert table.find("A0425") == (UnitLimit(250, 1, "Clinical: Data"),)


def test_add_on_codes_load(tmp_path: Path, folder: Path) -> None:
    """As published: a row for each primary, CCCCC where the payer decides, days of the year."""
    text = (
        "Add_On_Code\tAOC_Del_Dt_Julian\tPrimary_Code\tPrimary_Code_Del_Dt_Julian\t"
        "AOC_Edit_Eff_Dt_Julian\tAOC_Edit_Del_Dt_Julian\tAOC_Edit_Type\t"
        "Special_Instruction_Notes\r\n"
        "99417\t\t99205\t\t2021001\t\t1\t\r\n"
        "99417\t\t99215\t2025365\t2021001\t\t1\t\r\n"
        "0054T\t2021365\tCCCCC\t\t2020001\t\t2\tContractor defined\r\n"
    )
    path = write(tmp_path, "AOC_2026Q1.txt", text)
    table = loaded(load(Order("add-on", path), folder, NOW), "add-on")
    assert table.find("99417") == (
        AddOn(1, frozenset({"99205"}), day("2021-01-01"), END),
        AddOn(1, frozenset({"99215"}), day("2021-01-01"), day("2025-12-31")),
    )
    assert table.find("0054T") == (AddOn(2, frozenset(), day("2020-01-01"), day("2021-12-31")),)


def test_hcpcs_loads_with_its_modifiers(tmp_path: Path, folder: Path) -> None:
    text = (
        "HCPC,SEQNUM,LONG DESCRIPTION,SHORT DESCRIPTION,COV,ADD DT,ACT EFF DT,TERM DT\r\n"
        "A1,00100,Dressing for one wound,Dressing for one wound,,19950101,20000101,\r\n"
        'G0439,00100,"Annual wellness, later",Ppps subseq visit,C,20110101,20110101,\r\n'
    )
    path = write(tmp_path, "HCPC2026_JAN_ANWEB.csv", text)
    order = Order("hcpcs", path, effective=date(2026, 1, 1))
    table = loaded(load(order, folder, NOW), "hcpcs")
    assert table.find("G0439") == (ProcedureCode(day("2011-01-01"), END, "C", "Ppps subseq visit"),)
    assert len(table.find("A1")) == 1


def test_icd10cm_loads_from_the_order_file(tmp_path: Path, folder: Path) -> None:
    text = (
        "00001 A00     0 Cholera                            Cholera\r\n"
        "00002 A000    1 Cholera due to Vibrio cholerae 01  Cholera due to Vibrio cholerae 01\r\n"
        "00003 A001    1 Cholera due to eltor               Cholera due to eltor\r\n"
    )
    path = write(tmp_path, "icd10cm_order_2026.txt", text)
    order = Order("icd10cm", path, effective=date(2025, 10, 1))
    table = loaded(load(order, folder, NOW), "icd10cm")
    ((heading,), (code,)) = table.find("A00"), table.find("A000")
    assert (heading.is_billable, heading.children) == (False, ("A000", "A001"))  # type: ignore[attr-defined]
    assert code.is_billable  # type: ignore[attr-defined]


def test_icd10pcs_loads_from_the_order_file(tmp_path: Path, folder: Path) -> None:
    text = (
        "00001 001     0 Central nervous system, bypass\r\n"
        "00002 0016070 1 Bypass Cerebral Ventricle to Nasopharynx\r\n"
    )
    path = write(tmp_path, "icd10pcs_order_2026.txt", text)
    order = Order("icd10pcs", path, effective=date(2025, 10, 1))
    table = loaded(load(order, folder, NOW), "icd10pcs")
    assert table.find("0016070")[0].is_billable  # type: ignore[attr-defined]
    assert not table.find("001")[0].is_billable  # type: ignore[attr-defined]


def test_the_tabular_list_says_its_year_and_is_read_with_its_notes(
    tmp_path: Path, folder: Path
) -> None:
    text = """<?xml version="1.0" encoding="utf-8"?><ICD10CM.tabular><version>2027</version>
<chapter><section id="S70-S79"><diag><name>S72</name><desc>Fracture of femur</desc>
<sevenChrDef><extension char="A">first</extension><extension char="D">later</extension>
</sevenChrDef>
<excludes1><note>traumatic amputation of hip and thigh (S78.-)</note></excludes1>
<codeFirst><note>disease (A00-B99), such as: (C50.1-)</note>
<note>poisoning (T36-T50 with fifth or sixth character 1-4)</note></codeFirst>
<diag><name>S72.00</name><desc>Fracture of right neck</desc></diag></diag></section></chapter>
</ICD10CM.tabular>"""
    path = write(tmp_path, "icd10cm_tabular.xml", text)
    table = loaded(load(Order("icd10cm", path), folder, NOW), "icd10cm")
    assert table.edition == "icd10cm 2026-10-01"
    (code,) = table.find("S7200XA")
    assert code.excludes == Ranges([("S78", "S78")])  # type: ignore[attr-defined]
    assert code.code_first == Ranges([("A00", "B99"), ("C501", "C501")])  # type: ignore[attr-defined]
    assert code.side == "R"  # type: ignore[attr-defined]
    assert not table.find("S7200")[0].is_billable  # type: ignore[attr-defined]
    assert table.find("S7200")[0].seventh == "AD"  # type: ignore[attr-defined]


def test_articles_of_coverage_load_with_ranges(tmp_path: Path, folder: Path) -> None:
    text = (
        "article,procedure,diagnoses,effective,ended,payer\n"
        'A57326,93000 93005,"I10-I16; R07.9",2026-01-01,,FMED1\n'
    )
    path = write(tmp_path, "coverage-2026-01-01.csv", text)
    table = loaded(load(Order("coverage", path), folder, NOW), "coverage")
    expected = Article(
        "A57326", Ranges([("I10", "I16"), ("R079", "R079")]), day("2026-01-01"), END, "FMED1"
    )
    assert table.find("93000") == table.find("93005") == (expected,)


def test_the_export_of_the_medicare_coverage_database_loads(tmp_path: Path, folder: Path) -> None:
    """As CMS's download has it: a zip file inside a zip file, a CSV file for each table."""
    inner = tmp_path / "current_article_csv.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(
            "article_x_hcpc_code.csv",
            '"article_id","article_version","hcpc_code_id","hcpc_code_group"\n'
            '"57326","12","93000","1"\n"57326","12","XX000","2"\n"1","1","93005","1"\n',
        )
        archive.writestr(
            "article_x_icd10_covered.csv",
            '"article_id","article_version","icd10_code_id","icd10_covered_group"\n'
            '"57326","12","I10","1"\n"57326","12","R07.9","2"\n"57326","12","XX000","3"\n',
        )
    path = tmp_path / "current_article.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, inner.name)
    report = load(Order("coverage", path), folder, NOW)
    table = loaded(report, "coverage")
    assert report.rows == 1
    expected = Ranges([("I10", "I10"), ("R079", "R079")])
    assert table.find("93000") == (Article("A57326", expected, BEGINNING, END),)


@pytest.mark.parametrize(
    ("kind", "text", "number", "reason"),
    [
        ("ncci-mue", "code,mue value,mai\n97110,many,2\n", 2, "no whole number"),
        ("ncci-mue", "code,mue value,mai\n97110,1,4\n", 2, "not 1, 2 or 3"),
        ("ncci-mue", "code,mue value,mai\n9711,1,2\n", 2, "no procedure code"),
        ("ncci-mue", "code,mue value,mai\n97110\n", 2, "too few columns"),
        ("ncci-ptp", "column 1,column 2,deletion,modifier\n11042,97597,soon,1\n", 2, "no date"),
        ("ncci-ptp", "column 1,column 2,deletion,modifier\n11042,97597,*,5\n", 2, "not 0, 1 or 9"),
        ("coverage", "article,procedure,diagnoses\nA1,93000,heart\n", 2, "no ICD-10-CM code"),
        ("filing-limit", "payer,days\nPAY01,soon\n", 2, "no number of days"),
        ("dispute-limit", "payer,days\nPAY01,0\n", 2, "no number of days"),
    ],
)
def test_a_refused_line_is_named_with_its_reason_and_nothing_is_loaded(
    kind: str, text: str, number: int, reason: str, tmp_path: Path, folder: Path
) -> None:
    good = {
        "ncci-mue": "97112,1,2\n",
        "ncci-ptp": "11043,97598,*,1\n",
        "coverage": "A1,93005,I10\n",
        "filing-limit": "PAY02,90\n",
        "dispute-limit": "*,90\n",
    }[kind]
    path = write(tmp_path, "file.csv", text + good)
    table_set = "practitioner" if kind.startswith("ncci") else None
    order = Order(kind, path, table_set, date(2026, 1, 1))
    report = load(order, folder, NOW)
    assert (report.path, report.refused) == (None, 1)
    ((at, why),) = report.examples
    assert at == number
    assert reason in why
    assert not folder.exists()
    rest = load(Order(kind, path, table_set, date(2026, 1, 1), skip_refused=True), folder, NOW)
    assert (rest.rows, rest.refused) == (1, 1)
    assert rest.path is not None


def test_the_report_of_many_refused_lines_stays_short(tmp_path: Path, folder: Path) -> None:
    path = write(tmp_path, "f.csv", "code,mue value,mai\n97110,1,2\n" + "x,y,z\n" * 500)
    report = load(Order("ncci-mue", path, "dme", date(2026, 1, 1)), folder, NOW)
    assert report.refused == 500
    assert len(report.examples) == 20


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("ncci-ptp", "hello\nworld\n", "no header line"),
        ("icd10cm", "<html></html>", "no ICD-10-CM tabular list"),
        ("icd10cm", "<ICD10CM.tabular><chapter>", "no XML"),
        ("ncci-mue", "code,mue value,mai\n", "no row"),
        ("nothing", "", "is no table"),
    ],
)
def test_a_file_that_is_something_else_is_refused_in_words(
    kind: str, text: str, reason: str, tmp_path: Path, folder: Path
) -> None:
    path = write(tmp_path, "file.txt", text)
    with pytest.raises(SourceError, match=reason):
        load(Order(kind, path, "practitioner", date(2026, 1, 1)), folder, NOW)


def test_what_a_name_does_not_say_is_asked_for(tmp_path: Path, folder: Path) -> None:
    path = write(tmp_path, "file.txt", PTP)
    with pytest.raises(SourceError, match="--set practitioner or outpatient"):
        load(Order("ncci-ptp", path), folder, NOW)
    with pytest.raises(SourceError, match="--effective"):
        load(Order("ncci-ptp", path, "outpatient"), folder, NOW)


def test_a_damaged_zip_is_told(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "file.zip"
    path.write_bytes(b"PK\x03\x04" + b"x" * 100)
    with pytest.raises(SourceError, match="damaged"):
        load(Order("ncci-ptp", path, "outpatient", date(2026, 1, 1)), folder, NOW)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MCR_MUE_PractitionerServices_Eff_01-01-2026.csv", date(2026, 1, 1)),
        ("ccipra-v302r0-f1.txt", date(2024, 7, 1)),
        ("ccihop-v311r0-f2.txt", date(2025, 4, 1)),
        ("medicare-ncci-2026q3-ptp.zip", date(2026, 7, 1)),
        ("2025-10-01.csv", date(2025, 10, 1)),
        ("file.csv", None),
        ("99-99-2026.csv", None),
    ],
)
def test_the_effective_day_is_read_from_the_name(name: str, expected: date | None) -> None:
    """NCCI's version 30.2 was the third quarter of 2024 (CMS NCCI quarterly updates)."""
    assert effective_in(name) == expected


def test_progress_is_told(tmp_path: Path, folder: Path) -> None:
    rows = "".join(f"{number:05d}\t97597\t\t20200101\t*\t1\tx\r\n" for number in range(60_000))
    path = write(tmp_path, "ccipra-v320r0-f1.TXT", PTP + rows)
    told: list[tuple[int, int]] = []
    load(Order("ncci-ptp", path), folder, NOW, lambda read, size: told.append((read, size)))
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    assert len(told) > 1

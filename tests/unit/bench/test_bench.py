"""The benchmark's arithmetic and tables, and that our codecs see each claim they are timed with."""

import json
from pathlib import Path

import pytest

from tests.bench.codec import OPERATIONS, Rate, measured
from tests.bench.inputs import codec_files
from tests.bench.report import Section, as_markdown, as_text, ratio, write

SECTION = Section("line", "a title", ("what", "claims/s"), (("one", 1234.5), ("none", None)))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_our_codec_sees_every_claim_it_is_timed_with(tmp_path: Path, operation: str) -> None:
    files = codec_files(tmp_path, 10)
    rate = measured("claimwire", operation, files, files)
    assert rate.note == ""
    assert rate.per_second is not None
    assert rate.per_second > 0


def test_a_tool_that_cannot_do_it_says_so_and_has_no_rate(tmp_path: Path) -> None:
    files = codec_files(tmp_path, 10)
    rate = measured("oxedi", "837P read", files, files)
    assert rate.per_second is None
    assert rate.note == "reads 835 only"


def test_a_ratio_is_of_the_first_to_the_second_and_missing_where_one_is() -> None:
    assert ratio(30.0, 20.0) == "1.50 x"
    assert ratio(3000.0, 20.0) == "150 x"
    assert ratio(None, 20.0) is None
    assert ratio(20.0, Rate("pyx12", "837P read").per_second) is None


def test_tables_are_printed_and_written_as_json_and_markdown(tmp_path: Path) -> None:
    assert "one      1,234\n  none         -" in as_text(SECTION)
    assert "| one | 1,234 |" in as_markdown(SECTION)
    path = write(tmp_path / "bench", [SECTION], {"cores": 2})
    assert "- cores: 2" in path.read_text()
    written = json.loads(path.with_suffix(".json").read_text())
    assert written["sections"][0]["rows"][0] == ["one", 1234.5]

"""`claimwire reference`: files in, editions listed, refusals told by line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.commands.failures import CommandError

RUN = CliRunner()
GOOD = "code,mue value,mai\n97110,4,2\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLAIMWIRE_REFERENCE_DIR", str(tmp_path / "reference"))
    return tmp_path / "reference"


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "MCR_MUE_PractitionerServices_Eff_01-01-2026.csv"
    path.write_text(text)
    return str(path)


def test_a_loaded_file_is_listed_beside_what_is_packed_in(tmp_path: Path, folder: Path) -> None:
    before = json.loads(RUN.invoke(app, ["reference", "list", "--json"]).stdout)
    loaded = RUN.invoke(app, ["reference", "load", "ncci-mue", write(tmp_path, GOOD)])
    assert loaded.exit_code == 0
    assert loaded.stdout.startswith("ncci-mue-practitioner@2026-01-01-")
    assert loaded.stdout.endswith(": 1 rows\n")
    after = json.loads(RUN.invoke(app, ["reference", "list", "--json"]).stdout)
    assert after["version"] != before["version"]
    (new,) = [each for each in after["editions"] if not each["packed"]]
    assert (new["table"], new["effective"], new["rows"]) == (
        "ncci-mue-practitioner",
        "2026-01-01",
        1,
    )
    assert "loaded" in RUN.invoke(app, ["reference", "list"]).stdout


def test_refused_lines_are_told_and_nothing_is_loaded(tmp_path: Path, folder: Path) -> None:
    path = write(tmp_path, GOOD + "97112,many,2\n")
    run = RUN.invoke(app, ["reference", "load", "ncci-mue", path])
    assert run.exit_code == 1
    assert "line 3: the value is no whole number" in run.stderr
    assert "nothing loaded" in run.stderr
    assert not folder.exists()
    rest = RUN.invoke(app, ["reference", "load", "ncci-mue", path, "--skip-refused", "--json"])
    document = json.loads(rest.stdout)
    assert (document["rows"], document["refused"]) == (1, 1)


def test_a_file_that_is_something_else_is_told_in_words(tmp_path: Path, folder: Path) -> None:
    path = write(tmp_path, "hello\n")
    run = RUN.invoke(app, ["reference", "load", "ncci-mue", path])
    assert isinstance(run.exception, CommandError)
    assert "no header line" in str(run.exception)

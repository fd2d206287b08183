"""The twins and the demo's folder, as the command line handles them."""

import json
from pathlib import Path

import pytest

from deploy.twins.hospital import day
from services.commands import twins
from services.commands.demo import clear


def test_the_hospital_writes_its_day_as_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert twins.hospital(tmp_path / "a day", 30, 7, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    files = {path.name: path for path in (tmp_path / "a day").iterdir()}
    assert files.keys() == {row["file"] for row in told}
    messages = [message.message_id for message in day(7, 30, today=twins.today())]
    assert [row["file"].rpartition(".")[0] for row in told] == messages


def test_with_hl7_the_profiles_that_it_needs_are_beside_it(tmp_path: Path) -> None:
    assert twins.hospital(tmp_path, 30, 7, as_json=False, with_hl7=True) == 0
    assert json.loads((tmp_path / "sources.json").read_text())["sources"]
    assert list(tmp_path.glob("*.hl7"))


def test_the_payer_takes_its_own_options(tmp_path: Path) -> None:
    assert twins.payer(["--root", str(tmp_path), "--once"]) == 0
    assert twins.payer(["--nonsense"]) == 2


def test_the_demo_deletes_what_it_made_and_nothing_else(tmp_path: Path) -> None:
    mine = tmp_path / "thesis.txt"
    mine.touch()
    for made in ("stack/log", "transport/payer", "blobs/ab"):
        (tmp_path / made).mkdir(parents=True)
    (tmp_path / "report.json").touch()
    clear(tmp_path)
    assert list(tmp_path.iterdir()) == [mine]

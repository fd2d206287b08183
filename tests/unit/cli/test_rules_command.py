"""`claimwire rules check` and the worklist commands, as far as they need no line."""

from pathlib import Path

import pytest

from services.commands import rules
from services.commands.failures import CommandError
from services.commands.worklist import Api, api_of
from tests.unit.coding.payer_rules.authors import document, rule


def test_check_says_what_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "payer.yaml"
    path.write_text(document())
    assert rules.check([path]) == 0
    assert capsys.readouterr().out.startswith("payer.yaml: test-payer-1-")


def test_check_says_path_and_reason_of_what_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(document())
    bad.write_bytes(document(rule(when="claim.nothing == 1")).encode() + b"\xff")
    assert rules.check([bad, good]) == 1
    captured = capsys.readouterr()
    assert "bad.yaml: " in captured.err
    assert captured.out.startswith("good.yaml: ")


def test_a_bad_pack_is_not_published(tmp_path: Path) -> None:
    path = tmp_path / "payer.yaml"
    path.write_text("pack: Not A Name")
    assert rules.publish(tmp_path / "nowhere", [path], "ada") == 1


def test_the_api_is_the_named_one_or_the_stacks(tmp_path: Path) -> None:
    assert api_of(tmp_path, "http://coding", "key") == Api("http://coding", "key")
    with pytest.raises(CommandError, match="claimwire up"):
        api_of(tmp_path, None, None)

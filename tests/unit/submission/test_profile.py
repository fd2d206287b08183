"""Payer profiles as data: read, checked, and chosen by payer."""

import json
from pathlib import Path

import pytest

from services.submission.domain.profile import ProfileError, load_profiles, read_profiles

STATE = {
    "name": "state-medicaid",
    "payer_identifiers": ["SMCD1"],
    "receiver": {"identifier": "STATEMCD", "name": "STATE MEDICAID"},
}


def test_without_a_file_one_profile_takes_every_payer() -> None:
    profiles = load_profiles(None)
    assert profiles.all() == (profiles.default,)
    assert profiles.serving("ANYONE") is profiles.serving(None) is profiles.default


def test_a_named_payer_has_its_own_profile_and_others_the_default() -> None:
    profiles = read_profiles({"payers": [STATE]})
    assert profiles.serving("SMCD1").name == "state-medicaid"
    assert profiles.serving("OTHER").name == "clearinghouse"


def test_a_payer_takes_from_the_default_what_it_does_not_say() -> None:
    profiles = read_profiles({"default": {"usage": "T"}, "payers": [STATE]})
    assert profiles.serving("SMCD1").usage == "T"
    assert profiles.serving("SMCD1").receiver.identifier == "STATEMCD"


@pytest.mark.parametrize("suffix", ["json", "toml"])
def test_a_file_may_be_json_or_toml(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"profiles.{suffix}"
    toml = '[default]\nusage = "T"\n'
    path.write_text(json.dumps({"default": {"usage": "T"}}) if suffix == "json" else toml)
    assert load_profiles(path).default.usage == "T"


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"default": {"usage": "X"}}, "default.usage"),
        ({"payers": [STATE | {"name": "Not A Folder"}]}, "payers[0].name"),
        ({"payers": [STATE | {"separators": {"element": "A"}}]}, "payers[0].separators.element"),
        ({"payers": "all"}, "payers"),
        ({"payers": [STATE, STATE]}, "state-medicaid"),
        ({"payers": [STATE, STATE | {"name": "other"}]}, "SMCD1"),
    ],
)
def test_a_fault_is_named_by_its_place(document: dict[str, object], place: str) -> None:
    with pytest.raises(ProfileError, match=place.replace("[", r"\[").replace(".", r"\.")):
        read_profiles(document)


def test_a_file_that_is_not_there_is_a_profile_error(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        load_profiles(tmp_path / "profiles.json")

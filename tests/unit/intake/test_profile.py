"""Source profiles are data: laid over the built-in tables, and checked before they are used."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from services.intake.domain.profile import (
    BUILT_IN,
    SourceProfileError,
    load_profiles,
    read_profiles,
)


def test_without_a_file_every_source_has_the_built_in_tables() -> None:
    assert load_profiles(None) is BUILT_IN
    assert BUILT_IN.of("anyone").fields["charge.procedure"] == ("FT1-25.1",)
    assert BUILT_IN.of("anyone").hold_days == 0


def test_a_source_says_only_where_it_differs() -> None:
    document = {
        "default": {"hold_days": 2, "fields": {"charge.units": ["ZFT-2"]}},
        "sources": {
            "north": {"fields": {"charge.id": ["FT1-3.1"]}, "events": {"ADT^A31": "update"}}
        },
    }
    north = read_profiles(document).of("north")
    assert north.hold_days == 2
    assert north.fields["charge.units"] == ("ZFT-2",)
    assert north.fields["charge.id"] == ("FT1-3.1",)
    assert north.fields["charge.amount"] == ("FT1-11.1.1",)
    assert north.events["ADT^A31"] == "update"
    assert north.events["DFT^P03"] == "charge"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "an object with `default` and `sources`"),
        ({"source": {}}, "an object with `default` and `sources`"),
        ({"sources": []}, "sources: an object"),
        ({"sources": {"a": 1}}, "each profile is an object"),
        ({"sources": {"a": {"hold_days": -1}}}, "sources.a.hold_days: "),
        ({"sources": {"a": {"hold": 1}}}, "sources.a.hold: "),
        ({"sources": {"a": {"fields": {"charge.id": ["FT1.2"]}}}}, "sources.a.fields: charge.id"),
        (
            {"sources": {"a": {"fields": {"charge.x": []}}}},
            "sources.a.fields: charge.x is no value",
        ),
        ({"default": {"fields": {"account": []}}}, "fields.account says which encounter"),
        ({"default": {"charset": "KLINGON"}}, "default.charset: charset is a value"),
        ({"default": {"events": {"ADT^A01": "dance"}}}, "default.events.ADT^A01: "),
    ],
)
def test_a_profile_that_cannot_be_used_says_where_and_why(document: Any, said: str) -> None:
    with pytest.raises(SourceProfileError, match=re.escape(said)):
        read_profiles(document)


def test_all_faults_are_said_at_once() -> None:
    with pytest.raises(SourceProfileError) as caught:
        read_profiles({"default": {"hold_days": -1}, "sources": {"a": {"overdue_days": "x"}}})
    assert len(str(caught.value).splitlines()) == 3, "a source has the default's fault too"


def test_files_are_json_or_toml(tmp_path: Path) -> None:
    as_json = tmp_path / "sources.json"
    as_json.write_text(json.dumps({"sources": {"north": {"hold_days": 5}}}))
    as_toml = tmp_path / "sources.toml"
    as_toml.write_text("[sources.north]\nhold_days = 5\n")
    for path in (as_json, as_toml):
        assert load_profiles(path).of("north").hold_days == 5
    as_json.write_text("{")
    with pytest.raises(SourceProfileError, match=r"sources\.json cannot be read"):
        load_profiles(as_json)


def test_a_payer_is_known_by_its_company_or_plan_code_or_routed_to_the_default() -> None:
    document = {
        "default": {
            "payers": {"BC": {"identifier": "00123", "filing_indicator": "BL"}},
            "default_payer": {"identifier": "CLEAR"},
        }
    }
    profile = read_profiles(document).of("any")
    for company, plan, identifier, filing in (
        ("BC", "", "00123", "BL"),
        ("", "BC", "00123", "BL"),
        ("X", "Y", "CLEAR", None),
    ):
        payer, indicator = profile.payer_of(company, plan, "A NAME")
        assert (payer.identifier, payer.name, indicator) == (identifier, "A NAME", filing)
    payer, _ = BUILT_IN.default.payer_of("X", "Y", "")
    assert payer.identifier == "X"

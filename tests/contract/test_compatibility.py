"""The gate: what we publish keeps the promise of the last release."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy import compatibility, generate
from deploy.schemas import JsonSchema, latest_release, schemas
from shared.contract.events import EVENT_TYPES
from shared.contract.topics import PAYMENTS_POSTED

ROOT = Path(__file__).parents[2]

RELEASED: JsonSchema = {
    "type": "object",
    "required": ["id", "amount"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "amount": {"type": "string", "pattern": r"^\d+$"},
        "note": {"type": "string", "maxLength": 80},
        "revision": {"type": "integer", "default": 1},
        "kind": {"enum": ["a", "b"], "type": "string"},
        "stage": {"const": "payer", "type": "string"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
    },
    "$defs": {
        "Line": {
            "type": "object",
            "required": ["number"],
            "properties": {
                "number": {"type": "integer"},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            },
        }
    },
}


def changed(change: Callable[[JsonSchema], Any], name: str = "claim.coded.v1") -> list[str]:
    """The broken promises of a change, as text."""
    today = copy.deepcopy(RELEASED)
    change(today)
    return list(map(str, compatibility.breaks({name: RELEASED}, {name: today})))


def properties(schema: JsonSchema) -> Any:
    return schema["properties"]


ALLOWED: dict[str, Callable[[JsonSchema], Any]] = {
    "nothing": lambda s: s.update({}),
    "an optional property": lambda s: properties(s).update(more={"type": "string"}),
    "an optional property of a line": lambda s: s["$defs"]["Line"]["properties"].update(more={}),
    "a description": lambda s: properties(s)["id"].update(description="which"),
    "a wider limit": lambda s: properties(s)["note"].update(maxLength=100),
    "no limit any more": lambda s: properties(s)["note"].pop("maxLength"),
    "one more value": lambda s: properties(s)["kind"].update(enum=["b", "c", "a"]),
    "a list for a constant": lambda s: properties(s).update(
        stage={"enum": ["payer", "clearinghouse"], "type": "string"}
    ),
    "a definition's name": lambda s: (
        s["$defs"].update(Row=s["$defs"].pop("Line")),
        properties(s)["lines"]["items"].update({"$ref": "#/$defs/Row"}),
        s["$defs"]["Row"]["properties"]["parts"]["items"].update({"$ref": "#/$defs/Row"}),
    ),
}

FORBIDDEN: dict[str, tuple[Callable[[JsonSchema], Any], str]] = {
    "a property gone": (lambda s: properties(s).pop("note"), ".note: was removed"),
    "a line's property gone": (
        lambda s: s["$defs"]["Line"]["properties"].pop("number"),
        ".lines[].number: was removed",
    ),
    "another type": (
        lambda s: properties(s)["revision"].update(type="string"),
        ".revision: type changed",
    ),
    "another format": (lambda s: properties(s)["id"].pop("format"), ".id: format changed"),
    "another pattern": (
        lambda s: properties(s)["amount"].update(pattern=r"^\d+\.\d\d$"),
        ".amount: pattern changed",
    ),
    "a new requirement": (lambda s: s["required"].append("note"), ".note: is newly required"),
    "a requirement gone": (
        lambda s: s["required"].remove("amount"),
        ".amount: is no longer required",
    ),
    "another default": (
        lambda s: properties(s)["revision"].update(default=0),
        ".revision: default changed",
    ),
    "a value gone": (
        lambda s: properties(s)["kind"].update(enum=["a"]),
        ".kind: values were removed",
    ),
    "a list of values where any was allowed": (
        lambda s: properties(s)["note"].update(enum=["x"]),
        ".note: a list of values came or went",
    ),
    "a narrower limit": (
        lambda s: properties(s)["note"].update(maxLength=40),
        ".note: maxLength was narrowed",
    ),
    "a new limit": (
        lambda s: properties(s)["lines"].update(maxItems=9),
        ".lines: maxItems was narrowed",
    ),
    "null as well": (
        lambda s: properties(s).update(note={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ".note: anyOf changed",
    ),
    "a closed object": (
        lambda s: s.update(additionalProperties=False),
        ": additionalProperties changed",
    ),
    "a keyword without a rule": (
        lambda s: properties(s)["note"].update(contentEncoding="base64"),
        ".note: contentEncoding changed",
    ),
}


@pytest.mark.parametrize("change", ALLOWED)
def test_an_optional_addition_keeps_the_promise(change: str) -> None:
    assert changed(ALLOWED[change]) == []


@pytest.mark.parametrize("change", FORBIDDEN)
def test_anything_else_breaks_it(change: str) -> None:
    mutation, reason = FORBIDDEN[change]
    (found,) = [text for text in changed(mutation) if f"claim.coded.v1{reason}" in text]
    assert found


def test_an_event_type_may_come_and_may_not_go() -> None:
    assert compatibility.breaks({}, {"new.v1": RELEASED}) == []
    assert list(map(str, compatibility.breaks({"old.v1": RELEASED}, {}))) == ["old.v1: was removed"]


@pytest.mark.parametrize("change", ["one more value", "a wider limit"])
def test_the_public_contract_may_not_even_widen(change: str) -> None:
    assert len(changed(ALLOWED[change], "payment.posted.v1")) == 1


def test_there_is_a_release_to_hold_against() -> None:
    assert latest_release(ROOT) is not None


def test_todays_contract_keeps_the_promise_of_the_last_release() -> None:
    assert list(map(str, generate.broken_promises(ROOT))) == []


PUBLIC = [row.name for row in EVENT_TYPES if row.topic == PAYMENTS_POSTED]
PATIENT_FIELDS = {
    *("patient", "subscriber", "name", "member_id", "birth_date", "claim"),
    *("patient_control_number", "diagnoses", "procedure", "lines", "service_lines"),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_public_contract_names_nothing_that_identifies_a_patient(name: str) -> None:
    schema = schemas()[name]
    for model in (schema, *schema.get("$defs", {}).values()):
        assert not set(model.get("properties", ())) & PATIENT_FIELDS

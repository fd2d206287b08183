"""The golden corpus: every event ever published must parse with today's models.

Each file is one event's data, written by hand, its patients invented. Files are added with each new
field and never changed: they stand for what is in the topics.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from pydantic import BaseModel

from deploy.schemas import FOLDER, latest_release, read_folder
from shared.contract.events import EVENT_TYPES, TYPE_BY_NAME
from shared.contract.model import to_wire

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.rglob("*.json"))
FIELDS = "__annotations__"


def label(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", FILES, ids=label)
def test_an_old_event_parses_and_loses_nothing(path: Path) -> None:
    event = TYPE_BY_NAME[path.parent.name].model.model_validate_json(path.read_bytes())
    assert json.loads(to_wire(event)) == json.loads(path.read_bytes())


@pytest.mark.parametrize("path", FILES, ids=label)
def test_an_old_event_fits_the_committed_schema(path: Path) -> None:
    schema = json.loads((ROOT / FOLDER / f"{path.parent.name}.json").read_bytes())
    jsonschema.validate(
        json.loads(path.read_bytes()),
        schema,
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def test_every_event_type_has_golden_events() -> None:
    assert {path.parent.name for path in FILES} == {row.name for row in EVENT_TYPES}


def test_the_last_release_is_of_the_same_event_types_or_fewer() -> None:
    folder = latest_release(ROOT)
    assert folder is not None
    assert set(read_folder(folder)) <= {"claim", *TYPE_BY_NAME}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def declared(model: type[BaseModel], name: str) -> str:
    """A field under the name of the class that declares it: a party's name is one field."""
    owner = next(base for base in reversed(model.__mro__) if name in base.__dict__.get(FIELDS, ()))
    return f"{owner.__name__}.{name}"


def note(model: type[BaseModel], document: dict[str, Any], seen: set[str]) -> None:
    """Adds each field that the document gives a value."""
    for name, value in document.items():
        seen.add(declared(model, name))
        for inner in models_in(model.model_fields[name].annotation):
            for one in value if isinstance(value, list) else [value]:
                note(inner, one, seen)


def all_fields(model: type[BaseModel], found: set[str], visited: set[type[BaseModel]]) -> None:
    """Adds each field that can be reached."""
    if model in visited:
        return
    visited.add(model)
    for name, field in model.model_fields.items():
        found.add(declared(model, name))
        for inner in models_in(field.annotation):
            all_fields(inner, found, visited)


def test_every_field_of_the_contract_is_in_some_golden_event() -> None:
    seen: set[str] = set()
    possible: set[str] = set()
    visited: set[type[BaseModel]] = set()
    for path in FILES:
        note(TYPE_BY_NAME[path.parent.name].model, json.loads(path.read_bytes()), seen)
    for row in EVENT_TYPES:
        all_fields(row.model, possible, visited)
    assert sorted(possible - seen) == [], (
        "add a golden event that has them (see tests/contract/golden)"
    )
